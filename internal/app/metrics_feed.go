package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/store"
)

// changeKinds are the kinds of changes that the feed brings.
var changeKinds = []store.ChangeKind{store.TenantChanged, store.AppChanged, store.SecretChanged, store.LegacyHostChanged, store.TicketChanged, store.APIKeyChanged}

// feedMetrics tells how current the node is.
func feedMetrics(r rooms) (list []prometheus.Collector) {
	for _, kind := range changeKinds {
		list = append(list, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "signet", Name: "changes_applied_total", Help: "Changes that the change feed has brought into force on this node, by kind.",
			ConstLabels: prometheus.Labels{"kind": string(kind)},
		}, func() float64 { return float64(r.signer.Applied(kind)) }))
	}
	return list
}

package app

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/signing"
	"signet/internal/store"
)

// changeKinds are the kinds of changes that the feed brings.
var changeKinds = []store.ChangeKind{store.TenantChanged, store.AppChanged, store.SecretChanged, store.LegacyHostChanged, store.TicketChanged}

// feedAge tells for how long the change feed was not read.
type feedAge struct{ read atomic.Pointer[time.Time] }

func (a *feedAge) note(now time.Time) { a.read.Store(&now) }

func (a *feedAge) seconds(now time.Time) float64 {
	read := a.read.Load()
	if read == nil {
		return 0
	}
	return max(now.Sub(*read).Seconds(), 0)
}

// feedMetrics tells how current the node is.
func feedMetrics(signer *signing.Signer, age *feedAge) (list []prometheus.Collector) {
	list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "signet", Name: "change_feed_behind_seconds", Help: "For how long the change feed was not read.",
	}, func() float64 { return age.seconds(time.Now()) }))
	for _, kind := range changeKinds {
		list = append(list, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "signet", Name: "changes_applied_total", Help: "Changes that the change feed has brought into force on this node, by kind.",
			ConstLabels: prometheus.Labels{"kind": string(kind)},
		}, func() float64 { return float64(signer.Applied(kind)) }))
	}
	return list
}

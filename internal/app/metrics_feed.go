package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/store"
)

// feedMetrics counts what the change feed brings.
type feedMetrics struct{ applied *prometheus.CounterVec }

// changeKinds are the kinds of changes.
var changeKinds = []store.ChangeKind{store.TenantChanged, store.AppChanged, store.SecretChanged, store.LegacyHostChanged, store.TicketChanged}

func newFeedMetrics() *feedMetrics {
	m := &feedMetrics{applied: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "signet", Name: "changes_applied_total", Help: "Changes that the change feed brought and that are in force on this node, by kind.",
	}, []string{"kind"})}
	for _, kind := range changeKinds {
		m.applied.WithLabelValues(string(kind))
	}
	return m
}

// count makes apply count what it has applied.
func (m *feedMetrics) count(apply func(context.Context, []store.Change) error) func(context.Context, []store.Change) error {
	return func(ctx context.Context, changes []store.Change) error {
		err := apply(ctx, changes)
		if err == nil {
			for _, c := range changes {
				m.applied.WithLabelValues(string(c.Kind)).Inc()
			}
		}
		return err
	}
}

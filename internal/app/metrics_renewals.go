package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/signing"
)

// renewalMetrics tells how tickets are renewed ahead of need.
func renewalMetrics(signer *signing.Signer) []prometheus.Collector {
	counts, _ := signer.Renewals()
	counter := func(outcome string, count *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "signet", Name: "renewals_total", Help: "Apps whose tickets were renewed ahead of need, by what came of it.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(count.Load()) })
	}
	return []prometheus.Collector{
		counter("done", &counts.Done), counter("failed", &counts.Failed),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "signet", Name: "renewals_queued", Help: "Apps whose renewal waits or runs.",
		}, func() float64 {
			_, queued := signer.Renewals()
			return float64(queued)
		}),
	}
}

package app

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// watchLog tells how many lines of the log were lost, where the log can lose
// any. It is the one thing that the log cannot tell while it happens.
func (m *metrics) watchLog(log *slog.Logger) {
	losing, ok := log.Handler().(interface{ Dropped() uint64 })
	if !ok {
		return
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "signet", Name: "log_lines_lost_total", Help: "Lines of the log that what takes them did not take.",
	}, func() float64 { return float64(losing.Dropped()) }))
}

package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// alerts are the names that stand in the log under "alert". Each has a counter
// from the start on, since a counter that appears with its first alert shows no
// rise. A test holds the list against the source and against
// docs/deploy/prometheus/alerts.yml.
var alerts = []string{
	"chore_failed", "clock_wrong", "feed_stopped", "ip_refused",
	"seal_refused", "secret_fell_back", "secret_not_activated", "secret_put_back", "secret_rejected",
}

// logCounts counts what the log says, and what it could not say.
type logCounts struct {
	alerts       *prometheus.CounterVec
	traceTrouble prometheus.Counter
	failed       atomic.Uint64                 // lines that could not be written
	dropping     interface{ Dropped() uint64 } // counts those that were lost behind the handler; nil: nobody does
}

func newLogCounts() *logCounts {
	c := &logCounts{
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "signet", Name: "alerts_total", Help: "Lines of the log that somebody should look at, by the name under \"alert\".",
		}, []string{"alert"}),
		traceTrouble: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "signet", Name: "trace_troubles_total", Help: "How often spans could not be kept or sent.",
		}),
	}
	for _, name := range alerts {
		c.alerts.WithLabelValues(name)
	}
	return c
}

func (c *logCounts) alert(name string) { c.alerts.WithLabelValues(name).Inc() }

func (c *logCounts) collectors() []prometheus.Collector {
	return []prometheus.Collector{c.alerts, c.traceTrouble, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "signet", Name: "log_lines_dropped_total", Help: "Lines of the log that could not be written.",
	}, c.dropped)}
}

func (c *logCounts) dropped() float64 {
	lost := c.failed.Load()
	if c.dropping != nil {
		lost += c.dropping.Dropped()
	}
	return float64(lost)
}

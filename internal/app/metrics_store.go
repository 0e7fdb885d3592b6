package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/store"
)

// poolMetrics reads the pools of connections whenever somebody asks.
type poolMetrics struct {
	pools func() []sidePool

	inUse, idle, most, waits, waitTime, gaveUp, made *prometheus.Desc
}

// sidePool is a pool with the side of the node that it serves.
type sidePool struct {
	side string
	store.PoolUse
}

var _ prometheus.Collector = (*poolMetrics)(nil)

func newPoolMetrics(pools func() []sidePool) *poolMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("signet_postgres_"+name, help, []string{"side", "role"}, nil)
	}
	return &poolMetrics{
		pools:    pools,
		inUse:    desc("connections_in_use", "Connections to Postgres that somebody holds."),
		idle:     desc("connections_idle", "Connections to Postgres that nobody holds."),
		most:     desc("connections_most", "How many connections to Postgres there may be."),
		waits:    desc("connection_waits_total", "How often somebody had to wait for a connection to Postgres."),
		waitTime: desc("connection_wait_seconds_total", "How long in all somebody waited for a connection to Postgres."),
		gaveUp:   desc("connection_waits_in_vain_total", "How often somebody waited for a connection to Postgres and got none."),
		made:     desc("connections_made_total", "Connections to Postgres that were made."),
	}
}

// Describe implements prometheus.Collector.
func (m *poolMetrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements prometheus.Collector.
func (m *poolMetrics) Collect(to chan<- prometheus.Metric) {
	for _, p := range m.pools() {
		gauge := func(desc *prometheus.Desc, value int) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), p.side, p.Role)
		}
		counter := func(desc *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, p.side, p.Role)
		}
		gauge(m.inUse, p.InUse)
		gauge(m.idle, p.Idle)
		gauge(m.most, p.Most)
		counter(m.waits, float64(p.Waits))
		counter(m.waitTime, p.WaitTime.Seconds())
		counter(m.gaveUp, float64(p.GaveUp))
		counter(m.made, float64(p.Made))
	}
}

// pools lists the pools of the node.
func (r rooms) pools() (pools []sidePool) {
	for _, use := range r.store.Pools() {
		pools = append(pools, sidePool{"public", use})
	}
	for _, use := range r.console.Pools() {
		pools = append(pools, sidePool{"console", use})
	}
	return pools
}

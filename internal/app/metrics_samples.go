package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/upstream"
)

// What is not at hand when somebody asks is read every so often: no scrape waits
// for Postgres or for a look at everything in memory.
const (
	sampleEvery    = 15 * time.Second
	samplePatience = 3 * time.Second
)

// samples are the figures that are read so.
type samples struct {
	refused prometheus.Gauge
	stops   *prometheus.GaugeVec
	held    *prometheus.GaugeVec
}

func newSamples() *samples {
	m := &samples{
		refused: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "signet", Name: "refused_calls_last_hour", Help: "Calls that WeCom has refused in the last hour, of the whole platform, as last read from Postgres.",
		}),
		stops: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "signet", Name: "refused_calls_stop", Help: "At how many refused calls in an hour something stops: trials of secrets, calls with secrets that were never accepted, or, at WeCom, everything.",
		}, []string{"stop"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "signet", Name: "tickets_held", Help: "Tokens and tickets in memory, by kind.",
		}, []string{"kind"}),
	}
	for _, stop := range upstream.Stops() {
		m.stops.WithLabelValues(stop.Name).Set(float64(stop.Calls))
	}
	for _, kind := range ticketKinds {
		m.held.WithLabelValues(string(kind))
	}
	return m
}

func (m *samples) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.refused, m.stops, m.held}
}

// run reads them until ctx ends.
func (m *samples) run(ctx context.Context, r rooms) {
	every := time.NewTicker(sampleEvery)
	defer every.Stop()
	for {
		m.read(ctx, r)
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *samples) read(ctx context.Context, r rooms) {
	ctx, cancel := context.WithTimeout(ctx, samplePatience)
	defer cancel()
	held := r.tickets.Holdings()
	for _, kind := range ticketKinds {
		m.held.WithLabelValues(string(kind)).Set(float64(held[kind]))
	}
	if refused, err := r.gate.RefusedCalls(ctx); err == nil { // the feed says whether Postgres answers
		m.refused.Set(float64(refused))
	}
}

package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/core"
	"signet/internal/ticket"
)

// ticketMetrics counts what the cache of tickets does.
type ticketMetrics struct {
	loads *prometheus.CounterVec
	turns *prometheus.CounterVec
}

var _ ticket.Observer = (*ticketMetrics)(nil)

// ticketKinds are the values that a cache holds.
var ticketKinds = []core.TicketKind{core.AccessToken, core.CorpTicket, core.AgentTicket}

func newTicketMetrics() *ticketMetrics {
	m := &ticketMetrics{
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "signet", Name: "ticket_loads_total", Help: "Tokens and tickets that were loaded because memory had none to use, by where they came from; none: the load failed.",
		}, []string{"kind", "source"}),
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "signet", Name: "ticket_turns_total", Help: "Turns to fetch a value in the cluster: taken, waited for, or thrown away because they were over.",
		}, []string{"event"}),
	}
	for _, kind := range ticketKinds {
		for _, source := range ticket.Sources() {
			m.loads.WithLabelValues(string(kind), string(source))
		}
	}
	for _, event := range ticket.TurnEvents() {
		m.turns.WithLabelValues(string(event))
	}
	return m
}

func (m *ticketMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.loads, m.turns}
}

// Loaded implements ticket.Observer.
func (m *ticketMetrics) Loaded(kind core.TicketKind, from ticket.Source) {
	m.loads.WithLabelValues(string(kind), string(from)).Inc()
}

// Turned implements ticket.Observer.
func (m *ticketMetrics) Turned(event ticket.TurnEvent) {
	m.turns.WithLabelValues(string(event)).Inc()
}

package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/httpapi"
)

// metrics is what a node tells of itself. No label names a tenant: there may be
// a hundred thousand.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	answers  *xsync.Map[kindOfAnswer, answerMetrics]
	log      *logCounts
	weCom    *weComMetrics
	tickets  *ticketMetrics
	samples  *samples
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		answers:  xsync.NewMap[kindOfAnswer, answerMetrics](),
		log:      newLogCounts(),
		weCom:    newWeComMetrics(),
		tickets:  newTicketMetrics(),
		samples:  newSamples(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "signet", Name: "requests_total", Help: "Requests answered, by listener, operation, status and code of the refusal.",
		}, []string{"listener", "operation", "status", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "signet", Name: "request_seconds", Help: "Time from the first byte read to the answer, in seconds.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"listener", "operation"}),
	}
	version := Version()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "signet", Name: "build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version.Version, "commit": version.Commit, "go": version.Go},
	})
	info.Set(1)
	for _, own := range [][]prometheus.Collector{m.log.collectors(), m.weCom.collectors(), m.tickets.collectors(), m.samples.collectors()} {
		m.registry.MustRegister(own...)
	}
	m.registry.MustRegister(m.requests, m.duration, newSignatureMetrics(m.requests), info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds what is read from the rooms whenever somebody asks.
func (m *metrics) watch(r rooms) {
	m.registry.MustRegister(feedMetrics(r)...)
	m.registry.MustRegister(renewalMetrics(r.signer)...)
	m.registry.MustRegister(pauseMetrics(r.gate)...)
	m.registry.MustRegister(newPoolMetrics(r.pools),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "signet", Name: "apps", Help: "Apps held in memory.",
		}, func() float64 { return float64(r.directory.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "signet", Name: "change_feed_up", Help: "1 if the last reading of the change feed went well.",
		}, func() float64 { return map[bool]float64{true: 1}[r.directory.IsCurrent()] }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "signet", Name: "change_feed_behind_seconds", Help: "Seconds since the change feed was read last; above 3600 strict apps are refused.",
		}, func() float64 { return r.signer.Behind().Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "signet", Name: "statements_total", Help: "Statements sent to Postgres.",
		}, func() float64 { return float64(r.store.Statements() + r.console.Statements()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "signet", Name: "passwords_hashed_total", Help: "Passwords hashed with argon2id, to store them or to compare them, right ones and wrong ones. A try that a brake holds hashes none.",
		}, func() float64 { return float64(r.identity.PasswordsHashed()) }),
	)
}

// watchReady adds whether the node may be sent requests.
func (m *metrics) watchReady(ready func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "signet", Name: "ready", Help: "1 if /readyz says that the node may be sent requests, 0 while it starts or drains.",
	}, func() float64 { return map[bool]float64{true: 1}[ready()] }))
}

// watchClock adds how wrong the node's own clock is.
func (m *metrics) watchClock(ahead func() time.Duration) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "signet", Name: "clock_ahead_seconds", Help: "By how much the node's own clock is ahead of Postgres's; less than 0: behind. Tickets and signatures go by Postgres's.",
	}, func() float64 { return ahead().Seconds() }))
}

// observe counts a request. Resolving labels costs more than counting, so what
// was resolved once is kept; there are some hundred kinds of answers at most.
func (m *metrics) observe(o httpapi.Observation) {
	of := kindOfAnswer{o.Listener, o.Operation, o.Status, o.Code}
	kept, found := m.answers.Load(of)
	if !found {
		kept, _ = m.answers.LoadOrStore(of, answerMetrics{
			m.requests.WithLabelValues(o.Listener, o.Operation, strconv.Itoa(o.Status), o.Code),
			m.duration.WithLabelValues(o.Listener, o.Operation),
		})
	}
	kept.requests.Inc()
	kept.duration.Observe(o.Duration.Seconds())
}

// kindOfAnswer is what the labels of a request's metrics say.
type kindOfAnswer struct {
	listener, operation string
	status              int
	code                string
}

type answerMetrics struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

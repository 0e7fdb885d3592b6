package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/fault"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// weComMetrics counts the calls to WeCom.
type weComMetrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// counted are told from the start on, as 0: a counter that appears with the first
// event shows a rule no rise.
var counted = []struct {
	outcome upstream.Outcome
	code    fault.Code
}{
	{upstream.Answered, ""},
	{upstream.OverQuota, fault.WeComQuota},
	{upstream.Unanswered, fault.WeComUnavailable},
	{upstream.Refused, fault.WeComUnavailable},
	{upstream.Refused, fault.SecretRejected},
	{upstream.Refused, fault.IPRefused},
}

func newWeComMetrics() *weComMetrics {
	m := &weComMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "signet", Name: "wecom_calls_total", Help: "Calls to WeCom that were wanted, by API, what came of them and code of the refusal.",
		}, []string{"api", "outcome", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "signet", Name: "wecom_call_seconds", Help: "Time that a call to WeCom took, its tries and pauses included, in seconds.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 3, 5},
		}, []string{"api"}),
	}
	for _, api := range wecom.APIs() {
		for _, what := range counted {
			m.calls.WithLabelValues(string(api), string(what.outcome), string(what.code))
		}
		m.seconds.WithLabelValues(string(api))
	}
	return m
}

func (m *weComMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.seconds}
}

func (m *weComMetrics) observe(o upstream.Observation) {
	m.calls.WithLabelValues(string(o.API), string(o.Outcome), string(o.Code)).Inc()
	if o.Outcome != upstream.HeldBack {
		m.seconds.WithLabelValues(string(o.API)).Observe(o.Duration.Seconds())
	}
}

// pauseMetrics tells what holds calls to WeCom back on this node.
func pauseMetrics(gate *upstream.Gate) (list []prometheus.Collector) {
	for _, kind := range upstream.PauseKinds() {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "signet", Name: "wecom_pauses", Help: "Pauses before calls to WeCom that this node knows of and that hold, by kind.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(gate.Pauses()[kind]) }))
	}
	return append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "signet", Name: "wecom_lanes_shut", Help: "Tenants for whom this node makes no call for seconds, because WeCom did not answer the last ones.",
	}, func() float64 { return float64(gate.ShutLanes()) }))
}

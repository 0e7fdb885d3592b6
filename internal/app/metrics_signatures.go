package app

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"signet/internal/fault"
)

// signatureMetrics tells whether pages are signed. It sums up what was counted
// of the requests, so that a signature pays for no counter of its own.
type signatureMetrics struct {
	requests prometheus.Collector // signet_requests_total
	total    *prometheus.Desc
}

// What a page that asks for a signature may get.
const (
	signed        = "signed"
	signRefused   = "refused"      // the caller's matter: an address that is not trusted, an app that is not known
	signRateLimit = "rate_limited" // the caller asks too often
	signUnready   = "unready"      // the tenant's matter: its secret or the list of IPs of its app
	signFailed    = "failed"       // ours, Postgres' or WeCom's
)

var signOutcomes = []string{signed, signRefused, signRateLimit, signUnready, signFailed}

// unready are the codes that only the tenant's people can mend.
var unready = []string{string(fault.AppNotReady), string(fault.SecretRejected), string(fault.IPRefused)}

var _ prometheus.Collector = (*signatureMetrics)(nil)

func newSignatureMetrics(requests prometheus.Collector) *signatureMetrics {
	return &signatureMetrics{requests, prometheus.NewDesc("signet_signatures_total",
		"Requests for signatures, by what came of them.", []string{"outcome"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *signatureMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.total }

// Collect implements prometheus.Collector.
func (m *signatureMetrics) Collect(to chan<- prometheus.Metric) {
	counted := make(chan prometheus.Metric)
	go func() {
		defer close(counted)
		m.requests.Collect(counted)
	}()
	sums := map[string]float64{}
	for metric := range counted {
		var one dto.Metric
		if metric.Write(&one) != nil {
			continue
		}
		if outcome, asked := signOutcome(one.GetLabel()); asked {
			sums[outcome] += one.GetCounter().GetValue()
		}
	}
	for _, outcome := range signOutcomes {
		to <- prometheus.MustNewConstMetric(m.total, prometheus.CounterValue, sums[outcome], outcome)
	}
}

// signOutcome tells what came of the requests that the labels name; asked is
// false where they did not ask for a signature.
func signOutcome(labels []*dto.LabelPair) (outcome string, asked bool) {
	value := func(name string) string {
		i := slices.IndexFunc(labels, func(l *dto.LabelPair) bool { return l.GetName() == name })
		if i < 0 {
			return ""
		}
		return labels[i].GetValue()
	}
	operation, status := value("operation"), value("status")
	switch {
	case value("listener") != "public" || !strings.HasPrefix(operation, "signatures.") && !strings.HasPrefix(operation, "legacy."):
		return "", false
	case status < "400":
		return signed, true
	case status == "429":
		return signRateLimit, true
	case status < "500":
		return signRefused, true
	case slices.Contains(unready, value("code")):
		return signUnready, true
	}
	return signFailed, true
}

package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// family is a metric as the documents or a node tell of it.
type family struct {
	kind   string              // counter, gauge, histogram
	labels map[string][]string // by name, the values; nil where they are many
}

// scrapeFamilies gives every metric of the node by its name.
func (n *node) scrapeFamilies(t *testing.T) map[string]family {
	t.Helper()
	a := do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+"/metrics", nil)
	require.Equal(t, http.StatusOK, a.status)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(string(a.body)))
	require.NoError(t, err)
	families := map[string]family{}
	for name, f := range parsed {
		families[name] = family{strings.ToLower(f.GetType().String()), labelsOf(f.GetMetric())}
	}
	return families
}

func labelsOf(metrics []*dto.Metric) map[string][]string {
	labels := map[string][]string{}
	for _, m := range metrics {
		for _, l := range m.GetLabel() {
			if !slices.Contains(labels[l.GetName()], l.GetValue()) {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
	}
	return labels
}

var (
	metricRow = regexp.MustCompile("(?m)^\\| `(signet_[a-z_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\| ([^|]+) \\|$")
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// documentedMetrics gives every metric of docs/observability.md by its name.
func documentedMetrics(t *testing.T) map[string]family {
	t.Helper()
	families := map[string]family{}
	for _, row := range metricRow.FindAllStringSubmatch(readDoc(t, "observability.md"), -1) {
		labels := map[string][]string{}
		for part := range strings.SplitSeq(row[3], ";") {
			names, values, listed := strings.Cut(part, ":")
			for _, name := range quoted.FindAllStringSubmatch(names, -1) {
				labels[name[1]] = nil
				for _, value := range quoted.FindAllStringSubmatch(values, -1) {
					labels[name[1]] = append(labels[name[1]], value[1])
				}
				require.Equal(t, listed, labels[name[1]] != nil, row[0])
			}
		}
		require.NotContains(t, families, row[1], "twice")
		families[row[1]] = family{row[2], labels}
	}
	return families
}

// readDoc reads a file below docs.
func readDoc(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "docs"}, path...)...))
	require.NoError(t, err)
	return string(text)
}

// labelNames are the labels that a metric may have. Each is a small fixed set.
var labelNames = []string{
	"alert", "api", "code", "commit", "event", "go", "kind", "listener", "operation", "outcome", "role", "side", "source", "status", "stop", "version",
}

// usedNode is a node on which every metric has shown itself.
func usedNode(t *testing.T) *node {
	t.Helper()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.Equal(t, http.StatusForbidden, n.sign(t, m.key, "https://evil.example.net/").status)
	n.await(t, func() bool {
		return n.scrape(t)[`signet_requests_total{code="url.untrusted",listener="public",operation="signatures.post",status="403"}`] != ""
	})
	return n
}

func TestTheMetricsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	want, got := documentedMetrics(t), usedNode(t).scrapeFamilies(t)
	maps.DeleteFunc(got, func(name string, _ family) bool { return !strings.HasPrefix(name, "signet_") })
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "docs/observability.md and a running node")
	for name, f := range got {
		require.Equal(t, want[name].kind, f.kind, name)
		require.ElementsMatch(t, slices.Collect(maps.Keys(want[name].labels)), slices.Collect(maps.Keys(f.labels)), name)
		for label, values := range f.labels {
			require.Contains(t, labelNames, label, "%s: a label more is a decision (ADR 26)", name)
			if listed := want[name].labels[label]; listed != nil {
				require.Subset(t, listed, values, "%s of %s", label, name)
			}
		}
	}
}

// A node that serves many tenants tells no more than one that serves one.
func TestTheNumberOfSeriesDoesNotGrowWithTheTenants(t *testing.T) {
	t.Parallel()
	n := usedNode(t)
	before := n.scrape(t)
	for i := range 12 {
		corp, host := fmt.Sprintf("ww%016d", i), fmt.Sprintf("tenant%d.example.com", i)
		m := n.makeApp(t, fmt.Sprint("tenant ", i), corp, "1000002", host)
		require.Equal(t, http.StatusOK, n.sign(t, m.key, "https://"+host+"/").status)
		require.Equal(t, http.StatusForbidden, n.sign(t, m.key, fmt.Sprintf("https://evil%d.example.net/", i)).status)
	}
	after := n.scrape(t)
	for _, series := range []map[string]string{before, after} {
		maps.DeleteFunc(series, func(name, _ string) bool {
			// The answers while a test waits for the change feed come as they like.
			return strings.HasPrefix(name, "go_") || strings.Contains(name, `operation="signatures.post"`)
		})
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	require.Less(t, len(after), 400, "series of a node that has done little")
}

package app_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// alertRule is one of docs/deploy/prometheus/alerts.yml.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string      `yaml:"name"`
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(readDoc(t, "deploy", "prometheus", "alerts.yml")))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	for _, group := range file.Groups {
		require.NotEmpty(t, group.Name)
		rules = append(rules, group.Rules...)
	}
	return rules
}

// panel is one of docs/deploy/grafana/signet.json, a row included.
type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ H, W, X, Y int }
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func dashboard(t *testing.T) (panels []panel) {
	t.Helper()
	var file struct {
		UID    string  `json:"uid"`
		Panels []panel `json:"panels"`
	}
	require.NoError(t, json.Unmarshal([]byte(readDoc(t, "deploy", "grafana", "signet.json")), &file))
	require.NotEmpty(t, file.UID)
	return file.Panels
}

// grafanaInterval stands where Grafana puts a time of its own.
var grafanaInterval = strings.NewReplacer("$__rate_interval", "5m", "$job", "signet", "$instance", ".*")

// fromOutside are labels and metrics that Prometheus adds.
var fromOutside = []string{"job", "instance"}

// selected lists what an expression selects.
func selected(t *testing.T, where, expr string) (found []*parser.VectorSelector) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(grafanaInterval.Replace(expr))
	require.NoError(t, err, where)
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			found = append(found, s)
		}
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				require.True(t, label == "le" || slices.Contains(fromOutside, label) || slices.Contains(labelNames, label), "%s groups by %s", where, label)
			}
		}
		return nil
	})
	require.NotEmpty(t, found, where)
	return found
}

// familyOf gives the name of the metric to which a series belongs.
func familyOf(t *testing.T, known map[string]family, series string) string {
	t.Helper()
	for _, end := range []string{"_bucket", "_count", "_sum"} {
		if name, ok := strings.CutSuffix(series, end); ok && known[name].kind == "histogram" {
			return name
		}
	}
	return series
}

// checkSelector holds what is selected against what a node tells. Values of
// labels that stand in the documents must be some that stand there.
func checkSelector(t *testing.T, where string, known map[string]family, s *parser.VectorSelector) (name string) {
	t.Helper()
	if s.Name == "up" {
		return s.Name
	}
	name = familyOf(t, known, s.Name)
	require.Contains(t, known, name, "%s names a metric that no node tells", where)
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel || m.Name == "le" || slices.Contains(fromOutside, m.Name) {
			continue
		}
		values, has := known[name].labels[m.Name]
		require.True(t, has, "%s: %s has no label %s", where, name, m.Name)
		if values == nil {
			continue // too many to be listed
		}
		for value := range strings.SplitSeq(m.Value, "|") {
			require.Contains(t, values, value, "%s: %s of %s", where, m.Name, name)
		}
	}
	return name
}

// watchable is everything that a rule or a panel may name: the documents, which
// another test holds against a node, and what a node tells of Go and its process.
func watchable(t *testing.T) map[string]family {
	t.Helper()
	known := documentedMetrics(t)
	for name, f := range usedNode(t).scrapeFamilies(t) {
		if _, ours := known[name]; !ours {
			known[name] = f
		}
	}
	return known
}

// unwatched are metrics that stand in no panel and no rule, with the reason.
var unwatched = map[string]string{}

func TestRulesAndPanelsNameWhatANodeTells(t *testing.T) {
	t.Parallel()
	known, watched := watchable(t), map[string]bool{}
	for _, rule := range alertRules(t) {
		for _, s := range selected(t, rule.Alert, rule.Expr) {
			watched[checkSelector(t, rule.Alert, known, s)] = true
		}
	}
	for _, p := range dashboard(t) {
		for _, target := range p.Targets {
			for _, s := range selected(t, p.Title, target.Expr) {
				watched[checkSelector(t, p.Title, known, s)] = true
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "signet_") && !watched[name] {
			require.Contains(t, unwatched, name, "it is told, and nobody looks at it")
		}
	}
	for name := range unwatched {
		require.Contains(t, known, name)
		require.False(t, watched[name], "%s is looked at after all", name)
	}
}

// A counter that appears with the first event shows Prometheus no rise: what a rule
// counts is told from the start on, as 0.
func TestWhatARuleCountsIsToldFromTheStart(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	n.start(t)
	told := n.scrapeFamilies(t)
	for _, rule := range alertRules(t) {
		for _, s := range selected(t, rule.Alert, rule.Expr) {
			if told[s.Name].kind != "counter" {
				continue
			}
			for _, m := range s.LabelMatchers {
				if m.Name == model.MetricNameLabel || slices.Contains(fromOutside, m.Name) {
					continue
				}
				for value := range strings.SplitSeq(m.Value, "|") {
					require.Contains(t, told[s.Name].labels[m.Name], value, "%s counts %s of %s", rule.Alert, m.Name, s.Name)
				}
			}
		}
	}
	series := n.scrape(t)
	for _, api := range wecom.APIs() {
		require.Equal(t, "0", series[calls(string(api), "wecom.quota", "quota")], api)
		require.Equal(t, "0", series[calls(string(api), "wecom.unavailable", "unanswered")], api)
	}
}

var (
	ruleName = regexp.MustCompile(`^Signet[A-Z][A-Za-z]+$`)
	chinese  = regexp.MustCompile(`\p{Han}`)
	halfWide = regexp.MustCompile(`\p{Han}[,;:?!()]|[,;:?!]\p{Han}`)
)

func TestEveryAlertRuleSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rule := range alertRules(t) {
		require.Regexp(t, ruleName, rule.Alert)
		require.False(t, seen[rule.Alert], "%s stands twice", rule.Alert)
		seen[rule.Alert] = true
		if rule.For != "" {
			_, err := model.ParseDuration(rule.For)
			require.NoError(t, err, rule.Alert)
		}
		require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
		require.ElementsMatch(t, []string{"summary", "summary_zh", "action", "action_zh"}, slices.Collect(maps.Keys(rule.Annotations)), rule.Alert)
		for name, text := range rule.Annotations {
			require.NotEmpty(t, text, rule.Alert)
			if strings.HasSuffix(name, "_zh") {
				require.Regexp(t, chinese, text, rule.Alert)
				require.NotRegexp(t, halfWide, text, "%s: Chinese punctuation is full width", rule.Alert)
			}
		}
	}
}

func TestThePanelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range dashboard(t) {
		require.NotEmpty(t, p.Title)
		require.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		require.Equal(t, p.Type == "row", len(p.Targets) == 0, p.Title)
	}
}

var alertInSource = regexp.MustCompile(`"alert",\s*"([^"]*)"`)

// TestEveryAlertOfTheLogHasACounterARuleAndAWord looks for the alerts in the
// source, so that a new one is not forgotten.
func TestEveryAlertOfTheLogHasACounterARuleAndAWord(t *testing.T) {
	t.Parallel()
	inSource := map[string]bool{}
	for _, top := range []string{"internal", "cmd"} {
		root := filepath.Join("..", "..", top)
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range alertInSource.FindAllStringSubmatch(string(text), -1) {
				inSource[found[1]] = true
			}
			return err
		}))
	}
	require.Contains(t, inSource, "seal_refused", "the search itself can find")
	names := slices.Sorted(maps.Keys(inSource))

	counted := usedNode(t).scrapeFamilies(t)["signet_alerts_total"].labels["alert"]
	require.ElementsMatch(t, names, counted, "metrics_log.go and the source")
	require.ElementsMatch(t, names, documentedMetrics(t)["signet_alerts_total"].labels["alert"], "docs/observability.md and the source")
	var ruled []string
	for _, rule := range alertRules(t) {
		for _, s := range selected(t, rule.Alert, rule.Expr) {
			for _, m := range s.LabelMatchers {
				if m.Name == "alert" {
					ruled = append(ruled, m.Value)
				}
			}
		}
	}
	require.Subset(t, ruled, names, "docs/deploy/prometheus/alerts.yml")
	for _, name := range names {
		require.Contains(t, readDoc(t, "observability.md"), "| `"+name+"` | ", "the list of alerts")
	}
}

package papers_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const top = "../.."

// sections are those of OWASP ASVS 5.0.0, each with the level of every requirement in it:
// 345 in all, 70 of level 1, 183 of level 2 and 92 of level 3.
const sections = `
1.1 22 1.2 1111122223 1.3 112222222223 1.4 222 1.5 123 2.1 122 2.2 112 2.3 12223 2.4 23
3.1 3 3.2 113 3.3 12223 3.4 11222233 3.5 11122333 3.6 3 3.7 22333 4.1 12233 4.2 23333 4.3 22 4.4 1222
5.1 2 5.2 112333 5.3 113 5.4 222
6.1 122 6.2 111111112222 6.3 11223333 6.4 112233 6.5 22222333 6.6 2223 6.7 33 6.8 2222
7.1 222 7.2 1111 7.3 22 7.4 11222 7.5 223 7.6 22 8.1 1233 8.2 1123 8.3 133 8.4 23 9.1 111 9.2 1222
10.1 22 10.2 223 10.3 22223 10.4 1111122222233333 10.5 22222 10.6 22 10.7 222
11.1 2233 11.2 22233 11.3 11233 11.4 1222 11.5 23 11.6 23 11.7 33 12.1 12233 12.2 11 12.3 22223
13.1 2333 13.2 222223 13.3 2233 13.4 1222233 14.1 22 14.2 12223333 14.3 122
15.1 12233 15.2 12233 15.3 1222222 15.4 3333 16.1 2 16.2 22222 16.3 2222 16.4 222 16.5 2223 17.1 23 17.2 22223333 17.3 22`

// levels gives the level of each requirement, as v5.0.0-1.2.3.
func levels(t *testing.T) map[string]string {
	t.Helper()
	all, words := map[string]string{}, strings.Fields(sections)
	for i := 0; i < len(words); i += 2 {
		for n, level := range strings.Split(words[i+1], "") {
			all[fmt.Sprintf("v5.0.0-%s.%d", words[i], n+1)] = level
		}
	}
	counts := map[string]int{}
	for _, level := range all {
		counts[level]++
	}
	require.Equal(t, map[string]int{"1": 70, "2": 183, "3": 92}, counts)
	return all
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "docs", name))
	require.NoError(t, err)
	return string(text)
}

// table gives the rows under a heading, without its head: each cell trimmed.
func table(t *testing.T, page, heading string) (rows [][]string) {
	t.Helper()
	_, text, found := strings.Cut(page, "\n## "+heading+"\n")
	require.True(t, found, heading)
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			require.NotEmpty(t, cells[i], "an empty cell in %s", line)
		}
		rows = append(rows, cells)
	}
	require.Greater(t, len(rows), 2, "%s has no table", heading)
	return rows[2:]
}

// Everything between backticks in a cell of tests must be one of these.
var (
	ofGo      = regexp.MustCompile(`^([a-z-]+(?:/[a-z]+)*)\.((?:Test|Fuzz|Example)\w+)(?:/(.+))?$`)
	ofConsole = regexp.MustCompile(`^(web-admin/\S+\.test\.tsx?): (.+)$`)
	ofMake    = regexp.MustCompile(`^make ([a-z-]+)$`)
	named     = regexp.MustCompile("`([^`]+)`")
)

// requireNamed holds what a cell names to the source, and gives how many there are.
func requireNamed(t *testing.T, cell, where string) int {
	t.Helper()
	names := named.FindAllStringSubmatch(cell, -1)
	for _, match := range names {
		name := match[1]
		switch {
		case ofGo.MatchString(name):
			m := ofGo.FindStringSubmatch(name)
			requireGoTest(t, m[1], m[2], m[3], where)
		case ofConsole.MatchString(name):
			m := ofConsole.FindStringSubmatch(name)
			text, err := os.ReadFile(filepath.Join(top, m[1]))
			require.NoError(t, err, where)
			require.True(t, strings.Contains(string(text), "'"+m[2]+"'"), "%s: %s has no test %q", where, m[1], m[2])
		case ofMake.MatchString(name):
			text, err := os.ReadFile(filepath.Join(top, "Makefile"))
			require.NoError(t, err)
			require.Contains(t, string(text), "\n"+ofMake.FindStringSubmatch(name)[1]+":", where)
		default:
			require.Fail(t, "this names no test", "%s: %s", where, name)
		}
	}
	return len(names)
}

// requireGoTest looks for a function of a room's tests, and for its part in the same file
// or, for the laws, in its table.
func requireGoTest(t *testing.T, room, function, part, where string) {
	t.Helper()
	folder := filepath.Join(top, room)
	if _, err := os.Stat(folder); err != nil {
		folder = filepath.Join(top, "internal", room)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^func ` + function + `\((?:t \*testing\.T|f \*testing\.F|)\)`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if declared.Match(text) {
			require.True(t, part == "" || strings.Contains(string(text), strconv.Quote(part)), "%s: %s of %s has no part %q", where, function, room, part)
			return
		}
	}
	require.Fail(t, "no such test", "%s: %s.%s", where, room, function)
}

// A row of a page may also send its reader to other pages.
var link = regexp.MustCompile(`\]\(([^)#]+)`)

func requireLinks(t *testing.T, text string) {
	t.Helper()
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(match[1], "https://") {
			_, err := os.Stat(filepath.Join(top, "docs", match[1]))
			require.NoError(t, err)
		}
	}
}

// TestTheSecurityPageNamesItsTests holds docs/security.md to the source: every promise
// and every one of the 48 threats has a test that exists, or says what is later.
func TestTheSecurityPageNamesItsTests(t *testing.T) {
	t.Parallel()
	text := page(t, "security.md")
	requireLinks(t, text)
	for _, row := range table(t, text, "Promises") {
		require.Len(t, row, 2, "%s", row)
		require.Positive(t, requireNamed(t, row[1], row[0]), "%s", row)
	}
	threats := table(t, text, "Threats")
	require.Len(t, threats, 48)
	for n, row := range threats {
		require.Len(t, row, 4, "%s", row)
		require.Equal(t, strconv.Itoa(n+1), row[0])
		_, later, isLater := strings.Cut(row[3], "later: ")
		tests := requireNamed(t, row[3], row[1])
		require.True(t, tests > 0 || isLater && len(later) > 5, "%s names no test and nothing that is later", row)
	}
}

var chapters = regexp.MustCompile(`(?m)^## (\d+\. .+)$`)

// TestEachLineOfTheStandardStandsOnce holds docs/security-asvs.md to the standard and to
// the source: each requirement stands in one row, with its level; what is held names its
// tests; and the numbers at the top are those of the rows.
func TestEachLineOfTheStandardStandsOnce(t *testing.T) {
	t.Parallel()
	text := page(t, "security-asvs.md")
	requireLinks(t, text)
	all, seen := levels(t), map[string]int{}
	counts := map[string]int{}
	count := func(row []string, kind string) {
		id := row[0]
		if prefix, isGroup := strings.CutSuffix(id, "*"); isGroup {
			require.Equal(t, "Without meaning here", kind, "%s stands for several", id)
			before := len(seen)
			for one := range all {
				if strings.HasPrefix(one, prefix) {
					seen[one]++
					counts[kind]++
				}
			}
			require.Greater(t, len(seen), before, "%s stands for nothing", id)
			return
		}
		require.Contains(t, all, id, "%s is none of the standard", id)
		require.Equal(t, all[id], row[1], "the level of %s", id)
		seen[id]++
		counts[kind]++
	}
	for _, match := range chapters.FindAllStringSubmatch(text, -1) {
		heading := match[1]
		number, _, _ := strings.Cut(heading, ".")
		for _, row := range table(t, text, heading) {
			require.Len(t, row, 5, "%s", row)
			require.True(t, strings.HasPrefix(row[0], "v5.0.0-"+number+"."), "%s stands under %s", row[0], heading)
			require.Positive(t, requireNamed(t, row[4], row[0]), "%s names no test", row)
			count(row, "Held")
			counts["level "+row[1]]++
		}
	}
	for _, kind := range []string{"Open", "Later", "Not Signet's", "Without meaning here"} {
		for _, row := range table(t, text, kind) {
			count(row, kind)
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(seen)), "requirements that stand nowhere")
	for id, times := range seen {
		require.Equal(t, 1, times, "%s", id)
	}
	require.GreaterOrEqual(t, counts["level 3"], 25)
	require.Contains(t, text, fmt.Sprintf("Held: %d, of level 1 %d, of level 2 %d, of level 3 %d. Open: %d. Later: %d. Not Signet's: %d. Without meaning here: %d.",
		counts["Held"], counts["level 1"], counts["level 2"], counts["level 3"], counts["Open"], counts["Later"], counts["Not Signet's"], counts["Without meaning here"]))
}

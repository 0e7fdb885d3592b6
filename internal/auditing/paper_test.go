package auditing_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/auditing"
	"signet/internal/fault"
)

const paper = "../../docs/operations/audit.md"

var actionName = regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)

// notActions are texts of the same form in rooms that write audit rows.
var notActions = regexp.MustCompile(`^(signet|signet_keys)\.|\.txt$|^com\.cn$`)

// The document lists every action there is: the texts of that form in the rooms that
// write audit rows, but for the codes of failures.
func TestThePaperListsWhatIsAudited(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, files := range packages(t) {
		writes, names := false, map[string]bool{}
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					writes = writes || n.Sel.Name == "AuditEntry"
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && actionName.MatchString(text) &&
						!notActions.MatchString(text) && !slices.Contains(fault.Codes(), fault.Code(text)) {
						names[text] = true
					}
				}
				return true
			})
		}
		if writes {
			maps.Copy(found, names)
		}
	}
	require.Greater(t, len(found), 30)
	listed := map[string]bool{}
	_, table, _ := strings.Cut(read(t), "\n## What is audited\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			require.False(t, listed[name[1]], "%s stands twice", name[1])
			listed[name[1]] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(listed)))
}

func packages(t *testing.T) map[string][]*ast.File {
	t.Helper()
	all := map[string][]*ast.File{}
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		all[filepath.Dir(path)] = append(all[filepath.Dir(path)], file)
		return err
	}))
	return all
}

func read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(paper)
	require.NoError(t, err)
	return string(text)
}

func TestThePaperSaysWhatToDoAboutEachBadRow(t *testing.T) {
	t.Parallel()
	for _, wrong := range auditing.Wrongs() {
		require.Contains(t, read(t), "\n| `"+string(wrong)+"` |")
	}
}

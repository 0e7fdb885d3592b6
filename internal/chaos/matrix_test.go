package chaos_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page that says which test stands for each cell of the failure matrix.
const matrixPage = "../../docs/failure-matrix.md"

var (
	testName = regexp.MustCompile("`([a-z/]+)\\.(Test[A-Za-z0-9_]+)(?:/([^`]+))?`")
	declared = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t \*testing\.T\)`)
)

// TestTheMatrixNamesItsTests holds docs/failure-matrix.md to the source: no cell
// is empty, every test that it names is there, with its part, and every test of
// this room has the line whose breaking it has caught.
func TestTheMatrixNamesItsTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(matrixPage)
	require.NoError(t, err)
	cells := rowsUnder(t, string(page), "## The matrix")
	require.Len(t, cells, 23, "the rows of the matrix")
	for _, row := range cells {
		require.Len(t, row, 5, "%s", row)
		for i, cell := range row {
			require.NotEmpty(t, cell, "an empty cell in the row %q", row[0])
			named := testName.MatchString(cell)
			require.True(t, i == 0 || named || cell == "–" || strings.HasPrefix(cell, "void: ") || strings.HasPrefix(cell, "open: "), "the cell %q of %q names no test", cell, row[0])
		}
	}
	var broken []string
	for _, row := range rowsUnder(t, string(page), "## Seen red") {
		require.Len(t, row, 3, "%s", row)
		require.NotContains(t, row, "", "an empty cell")
		for _, match := range testName.FindAllStringSubmatch(row[0], -1) {
			broken = append(broken, match[2])
		}
	}
	for _, match := range testName.FindAllStringSubmatch(string(page), -1) {
		requireTest(t, match[1], match[2], match[3])
	}
	for _, name := range testsOf(t, ".") {
		require.Contains(t, broken, name, "no line is named whose breaking it has caught")
	}
}

// rowsUnder gives the cells of the table under a heading, without its head.
func rowsUnder(t *testing.T, page, heading string) (rows [][]string) {
	t.Helper()
	_, text, found := strings.Cut(page, heading+"\n")
	require.True(t, found, heading)
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	require.Greater(t, len(rows), 2, "%s has no table", heading)
	return rows[2:]
}

// requireTest looks for a test in a room, and for the name of its part.
func requireTest(t *testing.T, room, name, part string) {
	t.Helper()
	folder := filepath.Join("..", room)
	require.True(t, slices.Contains(testsOf(t, folder), name), "there is no test %s in %s", name, room)
	if part == "" {
		return
	}
	require.True(t, slices.ContainsFunc(testFiles(t, folder), func(text []byte) bool {
		return bytes.Contains(text, []byte(`"`+part+`"`))
	}), "the test %s of %s has no part %q", name, room, part)
}

func testsOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	for _, text := range testFiles(t, folder) {
		for _, match := range declared.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}

func testFiles(t *testing.T, folder string) (texts [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		texts = append(texts, text)
	}
	return texts
}

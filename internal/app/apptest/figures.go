package apptest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Figure is one row of docs/benchmarks.md: what was measured, mostly as a multiple
// of what it must be compared with, both in one run.
type Figure struct {
	Name, Against string
	Value, Bound  float64
	Unit          string
	Limit         Limit
}

// Limit says on which side of its bound a figure must lie.
type Limit string

// The limits.
const (
	AtMost  Limit = ""
	AtLeast Limit = "at least "
	Exactly Limit = "exactly "
)

// IsMissed tells whether a figure is not within its bound.
func (f Figure) IsMissed() bool {
	switch f.Limit {
	case AtLeast:
		return f.Value < f.Bound
	case Exactly:
		return f.Value != f.Bound
	default:
		return f.Value > f.Bound
	}
}

// FigureTable gives a table of figures as it stands in the document.
func FigureTable(table []Figure) string {
	var b strings.Builder
	b.WriteString("| what | measured | bound |\n|---|---:|---:|\n")
	for _, f := range table {
		name, missed := f.Name, ""
		if f.Against != "" {
			name += ", against " + f.Against
		}
		if f.IsMissed() {
			missed = " **missed**"
		}
		fmt.Fprintf(&b, "| %s | %.2f%s%s | %s%g%s |\n", name, f.Value, f.Unit, missed, f.Limit, f.Bound, f.Unit)
	}
	return b.String()
}

// Machine says where figures were measured.
func Machine() string {
	return fmt.Sprintf("Machine: %d cores, %s, %s/%s; Postgres and the load are on the same cores.\n\n", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// sectionMark begins a section of the document, with its title behind it.
const sectionMark = "\n## "

// WriteSection writes one section of a document and keeps the others. Where there
// is none with that title it becomes the last. The title "" stands for what comes
// before the first one.
func WriteSection(t testing.TB, path, title, text string) {
	t.Helper()
	path = filepath.Clean(path)
	was, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	sections := strings.Split(string(was), sectionMark)
	if title == "" {
		sections[0] = text
	} else {
		sections = putSection(sections, title, title+"\n\n"+text)
	}
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(sections, sectionMark)), 0o644))
}

func putSection(sections []string, title, whole string) []string {
	for i, s := range sections[1:] {
		if strings.HasPrefix(s, title+"\n") {
			sections[i+1] = whole
			return sections
		}
	}
	return append(sections, whole)
}

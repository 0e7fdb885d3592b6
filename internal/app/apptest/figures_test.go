package apptest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
)

// Each run of figures writes its own section, whichever comes first.
func TestASectionIsWrittenAndTheOthersAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "benchmarks.md")
	for _, step := range []struct{ title, text, want string }{
		{"Second one", "two\n", "\n## Second one\n\ntwo\n"},
		{"", "# All\n\nzero\n", "# All\n\nzero\n\n## Second one\n\ntwo\n"},
		{"Second", "three\n", "# All\n\nzero\n\n## Second one\n\ntwo\n\n## Second\n\nthree\n"},
		{"Second one", "2\n", "# All\n\nzero\n\n## Second one\n\n2\n\n## Second\n\nthree\n"},
		{"", "# Anew\n", "# Anew\n\n## Second one\n\n2\n\n## Second\n\nthree\n"},
	} {
		apptest.WriteSection(t, path, step.title, step.text)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, step.want, string(text))
	}
}

func TestAFigureOutOfItsBoundIsMarked(t *testing.T) {
	t.Parallel()
	got := apptest.FigureTable([]apptest.Figure{
		{Name: "a", Value: 2, Bound: 2, Unit: "×"}, {Name: "b", Against: "c", Value: 2.5, Bound: 2, Unit: "×"},
		{Name: "d", Value: 3, Bound: 3, Limit: apptest.Exactly}, {Name: "e", Value: 2, Bound: 3, Limit: apptest.Exactly},
		{Name: "f", Value: 0.7, Bound: 0.7, Limit: apptest.AtLeast}, {Name: "g", Value: 0.6, Bound: 0.7, Limit: apptest.AtLeast},
	})
	require.Equal(t, `| what | measured | bound |
|---|---:|---:|
| a | 2.00× | 2× |
| b, against c | 2.50× **missed** | 2× |
| d | 3.00 | exactly 3 |
| e | 2.00 **missed** | exactly 3 |
| f | 0.70 | at least 0.7 |
| g | 0.60 **missed** | at least 0.7 |
`, got)
}

package papers_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/papers"
)

// skipped tells whether reading skips the test that asks.
func skipped(t *testing.T, name string) (skipped bool) {
	t.Helper()
	t.Run("reader", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		papers.Read(t, name)
	})
	return skipped
}

func TestReadFindsTheFolderAboveOrWhereTheEnvironmentSays(t *testing.T) {
	top := t.TempDir()
	below := filepath.Join(top, "main", "internal", "x")
	require.NoError(t, os.MkdirAll(below, 0o700))
	t.Setenv("PAPERS", "")
	t.Chdir(below)
	require.True(t, skipped(t, "testdata/a.json"))

	require.NoError(t, os.MkdirAll(filepath.Join(top, "shared", "testdata"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(top, "shared", "testdata", "a.json"), []byte("above"), 0o600))
	require.Equal(t, "above", string(papers.Read(t, "testdata/a.json")))
	require.True(t, skipped(t, "testdata/b.json"))

	elsewhere := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "b.json"), []byte("elsewhere"), 0o600))
	t.Setenv("PAPERS", elsewhere)
	require.Equal(t, "elsewhere", string(papers.Read(t, "b.json")))
	require.True(t, skipped(t, "testdata/a.json"))
}

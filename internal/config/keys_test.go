package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
)

// Whoever exports a key of this project must be able to run signet, which
// refuses the keys that it does not know.
func TestNothingInTheProjectReadsAKeyThatSignetRefuses(t *testing.T) {
	t.Parallel()
	notOurs := []string{".git", "bin", "node_modules", "dist", "screenshots", ".signet"}
	written := regexp.MustCompile(`\bSIGNET_[A-Z0-9_]+`)
	found := 0
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notOurs, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go"): // tests mistype keys on purpose
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, key := range written.FindAllString(string(text), -1) {
			found++
			if !slices.Contains(config.Names(), key) && !slices.Contains(config.Names(), strings.TrimSuffix(key, "_FILE")) {
				t.Errorf("%s names %s, which signet refuses: a key of tests goes without the prefix", path, key)
			}
		}
		return nil
	}))
	require.Greater(t, found, 50, "the search has seen the project")
}

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	for _, name := range config.Names() {
		require.Contains(t, string(text), "`"+name+"`")
	}
}

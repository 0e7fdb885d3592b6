package console_test

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/web-admin/console"
)

func TestFilesStandAtTheRoot(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(console.Files(), "index.html")
	require.NoError(t, err)
	require.Contains(t, string(page), "<title>印信 Signet</title>")
	if !console.Built {
		require.Contains(t, string(page), "make build", "the page without the console says how to get it")
	}
}

// A strict content security policy (default-src 'self') blocks each of these.
func TestNoPageNeedsAnExceptionInTheContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	inline := map[string]*regexp.Regexp{
		"an inline script":     regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]`),
		"an inline style":      regexp.MustCompile(`(?i)<style|\sstyle=`),
		"an event handler":     regexp.MustCompile(`(?i)<[^>]+\son[a-z]+=`),
		"a data: address":      regexp.MustCompile(`(?i)(?:src|href)="data:`),
		"something from afar":  regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//`),
		"a javascript address": regexp.MustCompile(`(?i)javascript:`),
	}
	err := fs.WalkDir(console.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() || !regexp.MustCompile(`\.html$`).MatchString(name) {
			return nil
		}
		page, err := fs.ReadFile(console.Files(), name)
		require.NoError(t, err)
		for what, pattern := range inline {
			require.NotRegexp(t, pattern, string(page), "%s holds %s", name, what)
		}
		return nil
	})
	require.NoError(t, err)
}

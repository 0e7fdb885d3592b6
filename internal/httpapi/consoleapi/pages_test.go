package consoleapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheConsolesFilesAreServedWithTheirHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, row := range []struct{ path, file, kind, caching string }{
		{"/", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/tenants/7/apps", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/sign-in?next=/x.js", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/apiary", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/intake", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/assets", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/assets/", "index.html", "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", "favicon.svg", "image/svg+xml", "no-cache"},
		{"/assets/index-Ab12.js", "assets/index-Ab12.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/assets/odd.bin", "assets/odd.bin", "application/octet-stream", "public, max-age=31536000, immutable"},
	} {
		content, err := fs.ReadFile(consoleFiles(), row.file)
		require.NoError(t, err)
		a := b.ask(t, "GET", row.path, "")
		require.Equal(t, 200, a.StatusCode, row.path)
		require.Equal(t, string(content), string(a.Text))
		require.Equal(t, row.kind, a.Header.Get("Content-Type"))
		require.Equal(t, row.caching, a.Header.Get("Cache-Control"))
		require.Equal(t, pagePolicy, a.Header.Get("Content-Security-Policy"))
		require.NotContains(t, a.Header.Get("Content-Security-Policy"), "unsafe")
		require.Empty(t, a.Header.Get("Content-Encoding"))
		require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"))

		again := b.ask(t, "GET", row.path, "", "If-None-Match", `"x", W/`+a.Header.Get("ETag"))
		require.Equal(t, 304, again.StatusCode)
		require.Empty(t, again.Text)
		head := b.ask(t, "HEAD", row.path, "")
		require.Equal(t, 200, head.StatusCode)
		require.Empty(t, head.Text)
	}
}

func TestBigTextIsCompressedForWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.ask(t, "GET", "/assets/index-Ab12.js", "", "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", a.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", a.Header.Get("Vary"))
	r, err := gzip.NewReader(bytes.NewReader(a.Text))
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(content), "export const a = 1;"))
	require.Empty(t, b.ask(t, "GET", "/favicon.svg", "", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"))
}

func TestWhatIsNotThereIsAProblemAndNoPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{"/assets/index-Old9.js", "/nothing.html", "/.env", "/.git/config.txt", "/api/v1/session/x.css", "/api/v1/tenants.js", "/assets/../../etc/passwd.txt", "/%2e%2e/x.txt", "/api/v1/nothing"} {
		a := b.ask(t, "GET", path, "")
		a.requireProblem(t, 404, "route.unknown")
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	}
	b.ask(t, "POST", "/tenants", "{}").requireProblem(t, 404, "route.unknown")
}

func TestOnlyASecureConsoleInsistsOnHTTPS(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	require.Equal(t, "max-age=31536000; includeSubDomains", b.ask(t, "GET", "/", "").Header.Get("Strict-Transport-Security"))
	local := setup(t, func(c *Config) { c.ConsoleURL = "http://localhost:8881"; c.Files = nil })
	a := local.ask(t, "GET", "/", "")
	require.Equal(t, 200, a.StatusCode)
	require.Contains(t, string(a.Text), "<title>", "the files in the binary")
	require.Empty(t, a.Header.Get("Strict-Transport-Security"))
	require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"))
	require.Equal(t, "same-origin", a.Header.Get("Cross-Origin-Opener-Policy"))
}

package httpapi

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
	"signet/internal/httpapi/httpapitest"
)

// A route that the edge finds by itself is, from outside, a route like others.
func TestARouteOfTheEdgeIsARouteLikeOthers(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, func(c *Config) {
		c.Routes = []Route{
			{Method: "GET", Path: "/quick", Answer: func(fctx *fasthttp.RequestCtx, event *Event) error {
				event.Operation = "quick"
				fctx.SetBodyString("quick " + string(fctx.URI().QueryString()))
				return nil
			}},
			{Method: "GET", Path: "/refused", Answer: func(*fasthttp.RequestCtx, *Event) error { return fault.New(fault.URLMissing, nil) }},
			{Method: "GET", Path: "/broken", Answer: func(*fasthttp.RequestCtx, *Event) error { return errors.New("disk on fire") }},
			{Method: "GET", Path: "/panics", Answer: func(*fasthttp.RequestCtx, *Event) error { panic("of a route") }},
		}
	})
	address := httpapitest.Serve(t, app)
	for _, row := range []struct {
		method, target string
		status         int
		code, allow    string
	}{
		{"GET", "/quick?a=%31", 200, "", ""},
		{"POST", "/quick", 405, "method.refused", "GET"},
		{"HEAD", "/quick", 405, "", "GET"},
		{"TRACE", "/quick", 405, "method.refused", "GET"},
		{"PROPFIND", "/quick", 405, "method.refused", "GET"},
		{"GET", "/quick/", 404, "route.unknown", ""},
		{"GET", "/Quick", 404, "route.unknown", ""},
		{"GET", "/%71uick", 404, "route.unknown", ""},
		{"GET", "/refused", 400, "url.missing", ""},
		{"GET", "/broken", 500, "internal", ""},
		{"GET", "/panics", 500, "internal", ""},
	} {
		request, err := http.NewRequest(row.method, "http://"+address, nil)
		require.NoError(t, err)
		request.URL.Opaque = row.target
		r, err := httpapitest.Client(t).Do(request)
		require.NoError(t, err)
		require.Equal(t, row.allow, r.Header.Get("Allow"), "%s %s", row.method, row.target)
		require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
		require.NotEmpty(t, r.Header.Get("X-Request-Id"))
		switch {
		case row.code != "":
			requireProblem(t, r, row.status, row.code)
		default:
			require.Equal(t, row.status, r.StatusCode, "%s %s", row.method, row.target)
			text, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			if row.status == 200 {
				require.Equal(t, "quick a=%31", string(text))
			}
		}
	}
	lines := book.Lines(t, 11)
	require.Equal(t, "quick", lines[0]["operation"])
	require.Equal(t, "a string", lines[10]["panic"])
}

package consoleapi

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
	"signet/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m, httpapitest.Leftovers()...) }

// bundle is one listener with what stands behind it.
type bundle struct {
	identity *people
	admin    *actions
	app      *fiber.App
	address  string
	log      *httpapitest.LogBook
}

const consoleURL = "https://console.example.com"

func consoleFiles() fs.FS {
	return fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html><title>console</title>" + strings.Repeat("<p>", 1000))},
		"favicon.svg":          {Data: []byte("<svg/>")},
		"assets/index-Ab12.js": {Data: []byte("export const a = 1;" + strings.Repeat(" ", 2000))},
		"assets/odd.bin":       {Data: []byte{0, 1, 2}},
	}
}

func setup(t testing.TB, change func(*Config)) bundle {
	t.Helper()
	b := bundle{identity: &people{}, admin: newActions(), log: &httpapitest.LogBook{}}
	cfg := Config{
		Identity: b.identity, Admin: b.admin, Answers: newCalls(), ConsoleURL: consoleURL, Files: consoleFiles(),
		Log: b.log.Logger(),
		Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&cfg)
	}
	b.app = New(cfg)
	b.address = httpapitest.Serve(t, b.app)
	return b
}

// answer is an answer that was read whole.
type answer struct{ httpapitest.Answer }

// ask sends a request as it is; headers are name and value by turns.
func (b bundle) ask(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	a := answer{httpapitest.Ask(t, b.address, method, target, body, headers...)}
	require.NotEmpty(t, a.Header.Get("Content-Security-Policy"))
	return a
}

// act asks the API as the member who is signed in.
func (b bundle) act(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	headers = append(headers, "Authorization", "Bearer "+goodToken)
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	a := b.ask(t, method, apiPath+path, body, headers...)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	return a
}

type problemBody struct {
	Code   string `json:"code"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
	} `json:"errors"`
}

func (a answer) requireProblem(t testing.TB, status int, code string) problemBody {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.Text)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p problemBody
	require.NoError(t, json.Unmarshal(a.Text, &p), "%s", a.Text)
	require.Equal(t, code, p.Code, "%s", a.Text)
	requireSchema(t, "Problem", a.Text)
	return p
}

func (a answer) requirePlace(t testing.TB, pointer, reason string) {
	t.Helper()
	p := a.requireProblem(t, 400, "request.invalid")
	require.Len(t, p.Errors, 1, "%s", a.Text)
	require.Equal(t, pointer, p.Errors[0].Pointer)
	require.Equal(t, reason, p.Errors[0].Code)
}

package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// record keeps what was asked of a node, what came back, and what the commands about
// its keys have printed. Not safe for concurrent use; a nil one keeps nothing.
type record struct {
	done  []operationDone
	ran   map[string]bool   // commands, by the function that does them
	said  []saying          // in order
	given map[string]string // secrets that came in answers in which they belong
	keys  []string          // API keys that were given out, whole
}

// operationDone is what was asked and answered with success.
type operationDone struct {
	method   string
	segments []string // of the path
}

// saying is a text that somebody was given.
type saying struct {
	by   string
	text []byte
	own  []string // the kinds of secrets that belong in it
}

func newRecord() *record { return &record{ran: map[string]bool{}, given: map[string]string{}} }

// note keeps an answer. Query and body of the request are not kept.
func (r *record) note(method, path string, a answer) {
	if r == nil {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	s := saying{by: fmt.Sprintf("the answer %d to %s %s, number %d", a.status, method, path, len(r.said)), text: fmt.Append(slices.Clone(a.body), a.header)}
	if a.status < 400 {
		r.done = append(r.done, operationDone{method, strings.Split(path, "/")})
		s.own = r.noteGiven(method, path, a)
	}
	r.said = append(r.said, s)
}

// The kinds of secrets that are given out, each by who makes it and at no other place.
const (
	givenAccess  = "access token of the console"
	givenRefresh = "refresh token"
	givenIntake  = "token of an intake link"
	givenInvite  = "token of an invitation"
	givenReset   = "token of a reset"
	givenDevice  = "token of a known browser"
	givenLeaving = "token of a browser that has left for the provider"
	givenRound   = "token of a browser on its way to WeCom"
	givenStep    = "token of a step on the way in"
	givenSeed    = "seed of an authenticator"
	givenCode    = "recovery code"
	givenAPIKey  = "secret part of an API key" // what stands before it is its id and the tenant's
)

// noteGiven keeps the secrets of an answer in which secrets belong, and names their
// kinds.
func (r *record) noteGiven(method, path string, a answer) (kinds []string) {
	give := func(kind, value string) {
		r.given[fmt.Sprint(kind, " ", len(r.given))] = value
		kinds = append(kinds, kind)
	}
	var body struct {
		AccessToken, Address, Token, Seed, Key string
		RecoveryCodes                          []string
	}
	_ = json.Unmarshal(a.body, &body) // what is no JSON has none
	for _, line := range a.header.Values("Set-Cookie") {
		name, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, ";")
		if kind := map[string]string{"__Host-signet_refresh": givenRefresh, "__Host-signet_device": givenDevice, "__Host-signet_oidc": givenLeaving, "__Host-signet_wecom": givenRound}[name]; kind != "" && value != "" {
			give(kind, value)
		}
	}
	for kind, value := range map[string]string{givenAccess: body.AccessToken, givenSeed: body.Seed} {
		if value != "" {
			give(kind, value)
		}
	}
	for _, code := range body.RecoveryCodes {
		give(givenCode, code)
	}
	switch {
	case method == "POST" && body.Token != "":
		give(givenStep, body.Token)
	case method == "POST" && strings.HasPrefix(body.Key, "signet_") && (strings.HasSuffix(path, "/api-keys") || strings.HasSuffix(path, "/rotations")):
		r.keys = append(r.keys, body.Key)
		give(givenAPIKey, body.Key[len("signet_")+52:])
	}
	for end, kind := range map[string]string{"/intake-links": givenIntake, "/invitations": givenInvite, "/reset": givenReset} {
		if method != "POST" || !strings.HasSuffix(path, end) {
			continue
		}
		_, text, _ := strings.Cut(body.Address, "#")
		give(kind, text)
		if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil && len(raw) == 64 {
			r.given[fmt.Sprint("the random part of ", kind, " ", len(r.given))] = string(raw[32:])
		}
	}
	return kinds
}

// lastGiven gives the secret of a kind that was given out last.
func (r *record) lastGiven(t *testing.T, kind string) (value string) {
	t.Helper()
	for i := range len(r.given) {
		if given := r.given[fmt.Sprint(kind, " ", i)]; given != "" {
			value = given
		}
	}
	require.NotEmpty(t, value, kind)
	return value
}

// command runs a command about keys and keeps what it prints and how it fails.
func (r *record) command(does string, run func(out io.Writer) error) (said string, err error) {
	var out bytes.Buffer
	err = run(&out)
	r.ran[does] = true
	r.said = append(r.said, saying{by: fmt.Sprintf("what the command of %s prints, number %d", does, len(r.said)), text: fmt.Append(out.Bytes(), err)})
	return out.String(), err
}

// search names every canary that is in a text in which it does not belong.
func (r *record) search(canaries map[string]string) (hits []string) {
	for _, s := range r.said {
		foreign := map[string]string{}
		for name, value := range canaries {
			if !slices.ContainsFunc(s.own, func(kind string) bool { return strings.HasPrefix(name, kind) }) {
				foreign[name] = value
			}
		}
		hits = append(hits, search(s.by, s.text, foreign)...)
	}
	return hits
}

// notHere are the operations that no node of these tests can answer with success.
var notHere = map[string]string{"POST /session/forgotten": "it has no mail"}

// requireAll fails where an operation of the documents was never answered with
// success, or a command about keys never run: whoever adds one finds a place for it in
// liveThroughEverything.
func (r *record) requireAll(t *testing.T, documents ...[]byte) {
	t.Helper()
	var missing []string
	for _, document := range documents {
		var described struct {
			Paths map[string]map[string]json.RawMessage `json:"paths"`
		}
		require.NoError(t, json.Unmarshal(document, &described))
		require.NotEmpty(t, described.Paths)
		for path, item := range described.Paths {
			for method := range item {
				if method = strings.ToUpper(method); method != "PARAMETERS" && !r.hasDone(method, path) && notHere[method+" "+path] == "" {
					missing = append(missing, method+" "+path)
				}
			}
		}
	}
	for _, does := range keyCommands(t) {
		if !r.ran[does] {
			missing = append(missing, "the command of "+does)
		}
	}
	require.Empty(t, missing, "liveThroughEverything goes through everything")
}

func (r *record) hasDone(method, path string) bool {
	described := strings.Split(path, "/")
	return slices.ContainsFunc(r.done, func(o operationDone) bool {
		return o.method == method && slices.EqualFunc(described, o.segments, func(part, asked string) bool {
			return part == asked || strings.HasPrefix(part, "{")
		})
	})
}

// keyCommands lists the functions that do the commands about keys: those that print
// something.
func keyCommands(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range []string{"keys.go", "keyproofs.go", "deletions.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || !function.Name.IsExported() || function.Recv != nil {
				continue
			}
			if slices.ContainsFunc(function.Type.Params.List, func(p *ast.Field) bool {
				of, ok := p.Type.(*ast.SelectorExpr)
				return ok && of.Sel.Name == "Writer"
			}) {
				names = append(names, function.Name.Name)
			}
		}
	}
	require.Contains(t, names, "KeyStatus")
	require.Contains(t, names, "KeyForget")
	return names
}

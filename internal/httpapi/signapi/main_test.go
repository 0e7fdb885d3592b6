package signapi

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/fault"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/signing"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, httpapitest.Leftovers()...)
}

const (
	knownKey   = "app_examplekeyexamplekeyexampa"
	page       = "https://crm.example.com/sidebar?x=1"
	pageOrigin = "https://crm.example.com"
	legacyHost = "crm.example.com"
	nonceText  = "Wm3WZYTPz0wzccnW"
	configHex  = "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
	agentHex   = "f4d90daf4b3bca3078ab155816175ba34c443a7b"
)

// signer behaves as the Signer does for one app that trusts one host, in the
// contract's order, and remembers what it was asked.
type signer struct {
	mu    sync.Mutex // guards asked
	asked []signing.Request
	fail  error // instead of the tickets
}

func (s *signer) Sign(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.Config[:], configHex)
	copy(a.AgentConfig[:], agentHex)
	return a, err
}

func (s *signer) SignConfig(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.Config[:], configHex)
	return a, err
}

func (s *signer) SignAgentConfig(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.AgentConfig[:], agentHex)
	return a, err
}

func (s *signer) admit(r signing.Request) (a signing.Answer, err error) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	cut, _, _ := strings.Cut(r.Page, "#")
	isPage := strings.HasPrefix(cut, "https://") && !strings.ContainsAny(cut, " \x00\x7f") && len(cut) <= 2048
	for i := range len(cut) {
		isPage = isPage && cut[i] > ' ' && cut[i] < 0x7f
	}
	isTrusted := strings.HasPrefix(cut, pageOrigin+"/")
	switch {
	case r.Page == "":
		return a, fault.New(fault.URLMissing, nil)
	case r.AppKey == "" && !isTrusted:
		return a, fault.New(fault.AppMissing, nil)
	case r.AppKey != "" && r.AppKey != knownKey:
		return a, fault.New(fault.AppUnknown, nil)
	case !isPage:
		return a, fault.New(fault.URLInvalid, nil).WithReason(fault.ReasonURLScheme)
	case !isTrusted:
		return a, fault.New(fault.URLUntrusted, fault.Args{"host": hostOf(cut)})
	case r.HasOrigin && r.Origin != pageOrigin:
		return a, fault.New(fault.OriginUntrusted, nil)
	case s.fail != nil:
		return a, s.fail
	}
	a = signing.Answer{CorpID: "wwexamplecorp00001", AgentID: "1000247", URL: cut, Timestamp: 1763787600}
	copy(a.Nonce[:], nonceText)
	return a, nil
}

// last gives what the Signer was asked last.
func (s *signer) last(t *testing.T) signing.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.asked, "the Signer was not asked")
	return s.asked[len(s.asked)-1]
}

func (s *signer) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// bundle is one listener with its Signer and its log.
type bundle struct {
	signer  *signer
	address string
	log     *httpapitest.LogBook
}

func setup(t testing.TB, change func(*Config)) bundle {
	t.Helper()
	b := bundle{signer: &signer{}, log: &httpapitest.LogBook{}}
	cfg := Config{Signer: b.signer, Log: b.log.Logger()}
	if change != nil {
		change(&cfg)
	}
	b.address = httpapitest.Serve(t, New(cfg))
	return b
}

// answer is an answer that was read whole.
type answer struct{ httpapitest.Answer }

// ask sends a request; headers are name and value by turns.
func (b bundle) ask(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	a := answer{httpapitest.Ask(t, b.address, method, target, body, headers...)}
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	return a
}

func (b bundle) post(t testing.TB, body string, headers ...string) answer {
	t.Helper()
	return b.ask(t, "POST", signaturesPath, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

func (a answer) requireProblem(t testing.TB, status int, code string) map[string]any {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.Text)
	var p map[string]any
	require.NoError(t, json.Unmarshal(a.Text, &p), "%s", a.Text)
	require.Equal(t, code, p["code"], "%s", a.Text)
	require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, exposedHeaders, a.Header.Get("Access-Control-Expose-Headers"))
	require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
	return p
}

package identitytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// What Signet is to a Provider.
const (
	ClientID     = "signet"
	ClientSecret = "CANARY-secret-of-the-oidc-client"
	AccessToken  = "CANARY-access-token-of-the-provider" // that nobody needs
)

// Provider is an OpenID provider on a port of its own, with one person at its browser.
// It is as strict about its clients as the standard wants, and as wrong towards them as
// a test makes it. Safe for concurrent use.
type Provider struct {
	URL string

	mu     sync.Mutex // guards what follows
	now    func() time.Time
	keyID  string
	key    *ecdsa.PrivateKey
	claims map[string]any
	sign   func(claims jwt.MapClaims) string // nil: properly
	wrong  map[string]http.HandlerFunc       // by path: what is answered instead
	codes  map[string]url.Values             // not redeemed yet, with what was asked for
	asked  map[string]int                    // by path
}

// NewProvider starts a provider whose person is claims, besides what every token has.
func NewProvider(t testing.TB, now func() time.Time, claims map[string]any) *Provider {
	t.Helper()
	p := &Provider{now: now, claims: claims, wrong: map[string]http.HandlerFunc{}, codes: map[string]url.Values{}, asked: map[string]int{}}
	p.TurnKey()
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// TurnKey makes another key to sign with.
func (p *Provider) TurnKey() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
	p.keyID = rand.Text()
}

// SignIn puts another person at the browser.
func (p *Provider) SignIn(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// SignWith has tokens made by sign. Nil makes them properly again.
func (p *Provider) SignWith(sign func(claims jwt.MapClaims) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign = sign
}

// Answer has a path answered otherwise: nil as it should be. The paths are
// "/.well-known/openid-configuration", "/keys" and "/token".
func (p *Provider) Answer(path string, instead http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong[path] = instead
}

// Asked tells how often a path was asked for.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// Visit is what the person does at the address that Signet sends the browser to: they
// agree. It gives what the browser brings back.
func (p *Provider) Visit(t testing.TB, address string) (state, code string, asked url.Values) {
	t.Helper()
	at, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, p.URL+"/authorize", at.Scheme+"://"+at.Host+at.Path)
	asked = at.Query()
	for name, want := range map[string]string{"client_id": ClientID, "response_type": "code", "code_challenge_method": "S256", "scope": "openid email"} {
		require.Equal(t, want, asked.Get(name), name)
	}
	for _, name := range []string{"state", "nonce", "code_challenge", "redirect_uri"} {
		require.NotEmpty(t, asked.Get(name), name)
	}
	code = rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = asked
	return asked.Get("state"), code, asked
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	instead := p.wrong[r.URL.Path]
	p.mu.Unlock()
	switch {
	case instead != nil:
		instead(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		send(w, http.StatusOK, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		})
	case r.URL.Path == "/keys":
		p.sendKeys(w)
	case r.URL.Path == "/token":
		p.redeem(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) sendKeys(w http.ResponseWriter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	send(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": p.keyID, "x": encode(point[1:33]), "y": encode(point[33:]),
	}}})
}

// redeem gives a token for a code: once, to its client, and to who has left with it.
func (p *Provider) redeem(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, secret, ok := r.BasicAuth(); !ok || id != ClientID || secret != url.QueryEscape(ClientSecret) {
		send(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") ||
		r.PostFormValue("grant_type") != "authorization_code" {
		send(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "the code " + r.PostFormValue("code")})
		return
	}
	now := p.now()
	claims := jwt.MapClaims{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": asked.Get("nonce"), "auth_time": now.Unix()}
	for name, value := range p.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	sign := p.sign
	if sign == nil {
		sign = p.Signed
	}
	send(w, http.StatusOK, map[string]any{"access_token": AccessToken, "token_type": "Bearer", "expires_in": 60, "id_token": sign(claims)})
}

// Signed signs as the provider does. It is for SignWith, within which alone it may be
// called.
func (p *Provider) Signed(claims jwt.MapClaims) string {
	return signed(jwt.SigningMethodES256, p.key, p.keyID, claims)
}

// SignedByNobody claims to be the provider, with a key of somebody else.
func (p *Provider) SignedByNobody(claims jwt.MapClaims) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return signed(jwt.SigningMethodES256, key, p.keyID, claims)
}

// SignedWithSecret signs with something that both sides know.
func (p *Provider) SignedWithSecret(secret string) func(jwt.MapClaims) string {
	return func(claims jwt.MapClaims) string {
		return signed(jwt.SigningMethodHS256, []byte(secret), p.keyID, claims)
	}
}

// Unsigned signs with the algorithm none.
func Unsigned(claims jwt.MapClaims) string {
	return signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", claims)
}

func signed(method jwt.SigningMethod, key crypto.PrivateKey, id string, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		panic(fmt.Sprintf("sign as a provider: %v", err))
	}
	return text
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who does not listen to the end has gone
}

// Huge answers without an end.
func Huge(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
			return
		}
	}
}

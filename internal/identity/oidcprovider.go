package identity

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"signet/internal/core"
	"signet/internal/fault"
)

// OIDC is the sign-in provider of the platform's own people. All must be set.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret core.Secret
	Name         string       // for people to know it by
	TrustMFA     bool         // a second factor that it tells of counts here
	Client       *http.Client // bounded in time and length, following no redirect
	ReturnTo     string       // the page of the console that the browser comes back to
}

// How long what a provider says of itself is believed, and how long one that does not
// answer is left alone. Its keys are asked for whenever it signs with one that is not
// known.
const (
	discoveryLife  = time.Hour
	discoveryPause = 5 * time.Second
)

// signedWith lists the algorithms that a provider may sign with, whatever it says of
// itself: none with a shared secret, nor without any.
var signedWith = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.ES256, oidc.ES384, oidc.EdDSA}

// provider is the sign-in provider, found when it is first needed. It is safe for
// concurrent use; one caller at a time asks, and the others wait as long as they like.
type provider struct {
	cfg   OIDC
	clock func() time.Time

	turn  chan struct{} // holds one; guards what follows
	found *discovered
	at    time.Time // of found, or of the failure
	err   error
}

// discovered is what a provider says of itself.
type discovered struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProvider(cfg OIDC, clock func() time.Time) *provider {
	return &provider{cfg: cfg, clock: clock, turn: make(chan struct{}, 1)}
}

// discover gives what the provider says of itself. What was believed for an hour is
// asked for anew, and believed on where the provider is away. It fails with
// fault.OIDCUnavailable.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	age := p.clock().Sub(p.at)
	switch {
	case p.found != nil && age >= 0 && age < discoveryLife:
		return p.found, nil
	case p.err != nil && age >= 0 && age < discoveryPause:
		return p.found, orNothing(p.found, p.err)
	}
	found, err := p.ask(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, unavailable(err) // whoever asked has gone; that says nothing of the provider
	}
	p.err, p.at = err, p.clock()
	if err == nil {
		p.found = found
	} else if p.found != nil {
		p.at = p.clock().Add(discoveryPause - discoveryLife) // asked again in a moment
	}
	return p.found, orNothing(p.found, err)
}

// orNothing is an error only where there is nothing to go on with.
func orNothing(found *discovered, err error) error {
	if found != nil {
		return nil
	}
	return err
}

func (p *provider) ask(ctx context.Context) (*discovered, error) {
	ctx = oidc.ClientContext(ctx, p.cfg.Client)
	of, err := oidc.NewProvider(ctx, p.cfg.Issuer)
	if err != nil {
		return nil, unavailable(err)
	}
	var says struct {
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := of.Claims(&says); err != nil {
		return nil, unavailable(err)
	}
	end := of.Endpoint()
	for _, address := range []string{end.AuthURL, end.TokenURL, says.Keys} {
		if !isSafeEnd(address, p.cfg.Issuer) {
			return nil, unavailable(errors.New("an endpoint that it names is not https"))
		}
	}
	// Named, since the library would try one after the other, with a code that is good
	// for one try.
	end.AuthStyle = oauth2.AuthStyleInHeader
	if len(says.Methods) > 0 && !slices.Contains(says.Methods, "client_secret_basic") {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovered{
		oauth: oauth2.Config{
			ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret.Expose(), Endpoint: end,
			RedirectURL: p.cfg.ReturnTo, Scopes: []string{oidc.ScopeOpenID, "email"},
		},
		verifier: of.VerifierContext(ctx, &oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: signedWith, Now: p.clock}),
	}, nil
}

// isSafeEnd wants https of what a provider names, but for one on this machine.
func isSafeEnd(address, issuer string) bool {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.User != nil {
		return false
	}
	from, err := url.Parse(issuer)
	return at.Scheme == "https" || err == nil && at.Scheme == "http" && from.Scheme == "http" && from.Hostname() == at.Hostname()
}

// unavailable says that the provider does not do its part. What it has answered is
// kept from the log: nobody knows what it repeats.
func unavailable(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	} else if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("its answer is not what it should be")
	}
	return fault.Wrap(err, fault.OIDCUnavailable, nil).WithRetryAfter(discoveryPause)
}

// attested is what a provider says of who has signed in there.
type attested struct {
	Issuer        string      `json:"-"`
	Subject       string      `json:"-"`
	Party         string      `json:"azp"`
	Email         string      `json:"email"`
	EmailVerified claimedTrue `json:"email_verified"`
	Methods       claimedList `json:"amr"`
	Level         string      `json:"acr"`
	AuthTime      int64       `json:"auth_time"`
}

// claimedTrue is true where a claim is the word true, and false for all else: a text
// that reads "true" is somebody's mistake that is not ours to guess at.
type claimedTrue bool

// UnmarshalJSON implements json.Unmarshaler.
func (c *claimedTrue) UnmarshalJSON(text []byte) error { *c = string(text) == "true"; return nil }

// claimedList is a list of texts, or nothing where a claim is something else.
type claimedList []string

// UnmarshalJSON implements json.Unmarshaler.
func (c *claimedList) UnmarshalJSON(text []byte) error {
	var list []string
	if json.Unmarshal(text, &list) != nil {
		list = nil
	}
	*c = list
	return nil
}

// Ways of proving oneself (RFC 8176) and levels (OpenID EAP ACR 1.0, PAPE 1.0) that
// take more than a password.
var (
	strongMethods = []string{"mfa", "otp", "hwk", "swk", "sc"}
	strongLevels  = []string{"phr", "phrh", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}
)

// strong tells whether the provider has seen a second factor.
func (c attested) strong() bool {
	return slices.Contains(strongLevels, c.Level) ||
		slices.ContainsFunc(c.Methods, func(m string) bool { return slices.Contains(strongMethods, m) })
}

// redeem gives a code to the provider and reads what it says. It fails with
// fault.OIDCUnavailable, and with a notAccepted.
func (p *provider) redeem(ctx context.Context, code core.Secret, s oidcSecrets) (attested, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return attested{}, err
	}
	ctx = oidc.ClientContext(ctx, p.cfg.Client)
	token, err := found.oauth.Exchange(ctx, code.Expose(), oauth2.VerifierOption(s.verifier))
	if err != nil {
		return attested{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return attested{}, notAccepted("no_id_token")
	}
	read, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return attested{}, verifyError(err)
	}
	if subtle.ConstantTimeCompare([]byte(read.Nonce), []byte(s.nonce)) != 1 {
		return attested{}, notAccepted("nonce")
	}
	c := attested{Issuer: p.cfg.Issuer, Subject: read.Subject}
	if err := read.Claims(&c); err != nil {
		return attested{}, notAccepted("id_token")
	}
	// OpenID Connect Core 3.1.3.7, 4 and 5; the library looks at neither.
	if c.Party != "" && c.Party != p.cfg.ClientID || len(read.Audience) > 1 && c.Party == "" {
		return attested{}, notAccepted("authorized_party")
	}
	if c.Subject == "" || len(c.Subject) > maxSubject {
		return attested{}, notAccepted("subject")
	}
	return c, nil
}

const maxSubject = 255 // OpenID Connect Core, 2

// exchangeError tells a code that the provider does not take from a provider that does
// not answer.
func exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return unavailable(err)
	}
	if status := refused.Response.StatusCode; status == http.StatusBadRequest && refused.ErrorCode == "invalid_grant" {
		return notAccepted("code")
	}
	return unavailable(err)
}

// verifyError tells a token that is wrong from keys that could not be fetched.
func verifyError(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return unavailable(err)
	}
	return notAccepted("id_token")
}

// notAccepted is why somebody does not come in from the provider, in a word for the
// audit.
type notAccepted string

// Error implements error.
func (n notAccepted) Error() string { return "not accepted: " + string(n) }

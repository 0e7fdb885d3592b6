package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"signet/internal/core"
)

const (
	accessLife = 10 * time.Minute

	// clockLeeway is how far the clocks of two nodes may be apart.
	clockLeeway = 30 * time.Second

	// Whoever reads a token of ours for something else, or hands us one made
	// for something else by the same key, is refused by these.
	tokenType     = "signet-session+jwt"
	tokenAudience = "signet-console"

	maxTokenLength = 4 << 10
)

// tokens makes and reads access tokens. It does not change once it was made.
type tokens struct {
	issuer string
	clock  func() time.Time
	keyID  string
	key    ed25519.PrivateKey           // signs
	trust  map[string]ed25519.PublicKey // verifies, by key id
	parser *jwt.Parser
}

func newTokens(issuer string, clock func() time.Time, keys sessionKeys) *tokens {
	return &tokens{
		issuer: issuer, clock: clock, keyID: keys.current, key: keys.private, trust: keys.public,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithStrictDecoding(),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(tokenAudience),
			jwt.WithLeeway(clockLeeway),
			jwt.WithTimeFunc(clock),
		),
	}
}

// mint makes the access token of a session. It lives for ten minutes, or until
// the session ends if that is sooner.
func (t *tokens) mint(member core.MemberID, session core.SessionID, sessionEnds time.Time) (core.Secret, time.Duration, error) {
	now := t.clock().Truncate(time.Second)
	life := min(accessLife, sessionEnds.Sub(now)).Truncate(time.Second)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &claims{
		Issuer: t.issuer, Audience: tokenAudience, Member: member, Session: session,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), ExpiresAt: now.Add(life).Unix(),
	})
	token.Header["typ"], token.Header["kid"] = tokenType, t.keyID
	text, err := token.SignedString(t.key)
	if err != nil {
		return core.Secret{}, 0, fmt.Errorf("sign access token: %w", err)
	}
	return core.NewSecret(text), life, nil
}

var (
	errToken      = errors.New("not an access token of ours")
	errKeyUnknown = errors.New("an access token of a key that is not known")
)

// read gives the claims of a token that this cluster has signed for the console
// and that has not run out. The error is for nobody's eyes but a test's: it
// never holds the token, but may quote what stood in it.
func (t *tokens) read(text string) (*claims, error) {
	if len(text) > maxTokenLength || !inTokenAlphabet(text) {
		return nil, errToken
	}
	var c claims
	if _, err := t.parser.ParseWithClaims(text, &c, t.findKey); err != nil {
		return nil, err
	}
	if c.ExpiresAt-c.IssuedAt > int64(accessLife/time.Second) {
		return nil, errToken
	}
	return &c, nil
}

const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// inTokenAlphabet tells whether text has the bytes of a token alone. base64 of
// the standard library skips line ends even when it is strict, and one token
// would have many spellings.
func inTokenAlphabet(text string) bool {
	for i := range len(text) {
		if strings.IndexByte(tokenAlphabet, text[i]) < 0 {
			return false
		}
	}
	return true
}

// findKey gives the key that a header names. Our headers have three members and
// no others: one that says more (crit, jku, jwk, b64 …) asks for something that
// we do not do.
func (t *tokens) findKey(token *jwt.Token) (any, error) {
	keyID, _ := token.Header["kid"].(string)
	key, known := t.trust[keyID]
	switch {
	case len(token.Header) != 3, token.Header["typ"] != tokenType:
		return nil, errToken
	case !known:
		return nil, errKeyUnknown
	}
	return key, nil
}

// claims is what an access token says. A new member is taken by one release
// before the next release writes it, or nodes refuse each other's tokens while
// they are being replaced.
type claims struct {
	Issuer    string         `json:"iss"`
	Audience  string         `json:"aud"`
	Member    core.MemberID  `json:"sub"`
	Session   core.SessionID `json:"sid"`
	IssuedAt  int64          `json:"iat"`
	NotBefore int64          `json:"nbf"`
	ExpiresAt int64          `json:"exp"`
}

// UnmarshalJSON takes the one spelling in which claims are written and nothing
// else: no member twice or in another case, none unknown or missing, no time as
// text or with a fraction. The library would take all of these.
func (c *claims) UnmarshalJSON(text []byte) error {
	type plain claims // without this method
	if err := json.Unmarshal(text, (*plain)(c)); err != nil {
		return err
	}
	again, err := json.Marshal((*plain)(c))
	if err != nil || !bytes.Equal(again, text) {
		return errToken
	}
	return nil
}

// GetExpirationTime implements jwt.Claims.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return numericDate(c.ExpiresAt), nil }

// GetIssuedAt implements jwt.Claims.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return numericDate(c.IssuedAt), nil }

// GetNotBefore implements jwt.Claims.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return numericDate(c.NotBefore), nil }

// GetIssuer implements jwt.Claims.
func (c *claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c *claims) GetSubject() (string, error) { return c.Member.String(), nil }

// GetAudience implements jwt.Claims.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{c.Audience}, nil }

// numericDate gives nil for a time that is not said.
func numericDate(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}

var _ jwt.Claims = (*claims)(nil)

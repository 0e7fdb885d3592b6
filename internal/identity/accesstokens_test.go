package identity

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

const issuer = "https://console.signet.example"

// bench is tokens with a clock and keys of the test's own.
type bench struct {
	now     time.Time
	tokens  *tokens
	private ed25519.PrivateKey
	member  core.MemberID
	session core.SessionID
}

func setup(t testing.TB) *bench {
	t.Helper()
	b := &bench{now: noon, private: newKey(t), member: core.NewMemberID(), session: core.NewSessionID()}
	b.tokens = newTokens(issuer, func() time.Time { return b.now }, sessionKeys{
		current: "current", private: b.private,
		public: map[string]ed25519.PublicKey{"current": b.private.Public().(ed25519.PublicKey)},
	})
	return b
}

// keyring has read its keys just now.
func (b *bench) keyring() *keyring {
	k := &keyring{cfg: Config{Clock: b.tokens.clock}}
	k.tokens.Store(b.tokens)
	k.read.Store(b.now.UnixNano())
	return k
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return private
}

func (b *bench) mint(t testing.TB) string {
	t.Helper()
	token, _, err := b.tokens.mint(b.member, b.session, b.now.Add(sessionLife))
	require.NoError(t, err)
	return token.Expose()
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()

	t.Run("name the member and the session they were made for", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		c, err := b.tokens.read(b.mint(t))
		require.NoError(t, err)
		require.Equal(t, b.member, c.Member)
		require.Equal(t, b.session, c.Session)
	})

	t.Run("say nothing of a member but the ids", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(b.mint(t), ".")[1])
		require.NoError(t, err)
		require.JSONEq(t, `{"iss":"`+issuer+`","aud":"signet-console","sub":"`+b.member.String()+`","sid":"`+b.session.String()+`",
			"iat":1795348800,"nbf":1795348800,"exp":1795349400}`, string(payload))
	})

	t.Run("live for ten minutes and the leeway", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token, life, err := b.tokens.mint(b.member, b.session, b.now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, 10*time.Minute, life)

		b.now = noon.Add(accessLife + clockLeeway - time.Second)
		_, err = b.tokens.read(token.Expose())
		require.NoError(t, err)
		b.now = noon.Add(accessLife + clockLeeway)
		_, err = b.tokens.read(token.Expose())
		require.Error(t, err)
	})

	t.Run("do not outlive their session", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token, life, err := b.tokens.mint(b.member, b.session, b.now.Add(90*time.Second))
		require.NoError(t, err)
		require.Equal(t, 90*time.Second, life)
		b.now = noon.Add(90*time.Second + clockLeeway)
		_, err = b.tokens.read(token.Expose())
		require.Error(t, err)
	})

	t.Run("of a node whose clock is a little ahead are read", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token := b.mint(t)
		b.now = noon.Add(-clockLeeway)
		_, err := b.tokens.read(token)
		require.NoError(t, err)
		b.now = noon.Add(-clockLeeway - time.Second)
		_, err = b.tokens.read(token)
		require.Error(t, err)
	})

	t.Run("of an older key are read while it is kept, and not after", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		old := b.mint(t)
		next := newKey(t)
		keys := sessionKeys{current: "next", private: next, public: map[string]ed25519.PublicKey{
			"current": b.private.Public().(ed25519.PublicKey), "next": next.Public().(ed25519.PublicKey),
		}}
		b.tokens = newTokens(issuer, b.tokens.clock, keys)
		_, err := b.tokens.read(old)
		require.NoError(t, err)
		_, err = b.tokens.read(b.mint(t))
		require.NoError(t, err)

		delete(keys.public, "current")
		_, err = b.tokens.read(old)
		require.Error(t, err)
	})

	t.Run("are refused with any one character changed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token := b.mint(t)
		for at := range len(token) {
			for _, c := range []byte("Aa_.") {
				if token[at] == c {
					continue
				}
				_, err := b.tokens.read(token[:at] + string(c) + token[at+1:])
				require.Error(t, err, "byte %d as %q", at, c)
			}
		}
	})

	t.Run("are refused with anything put in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token := b.mint(t)
		for at := range len(token) + 1 {
			for _, more := range []string{"\n", "\r", " ", "=", "A", ".", "\x00", "é"} {
				_, err := b.tokens.read(token[:at] + more + token[at:])
				require.Error(t, err, "%q at byte %d", more, at)
			}
		}
	})

	t.Run("are refused before parsing when they are too long", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.tokens.read(strings.Repeat("A", maxTokenLength+1))
		require.ErrorIs(t, err, errToken)
	})
}

// FuzzReadToken: nobody without the key makes a token that is read.
func FuzzReadToken(f *testing.F) {
	b := setup(f)
	minted := b.mint(f)
	f.Add(minted)
	f.Add(minted + "\n")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := b.tokens.read(text); err == nil {
			require.Equal(t, minted, text)
		}
	})
}

func TestAuthenticateAsksTheStoreOnlyForTokensOfOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := &Identity{keyring: b.keyring()} // without a store: reaching for it would panic
	for _, bearer := range []string{"", ".", "..", "Bearer " + b.mint(t), b.mint(t) + "A", strings.Repeat(".", 10_000)} {
		_, err := i.Authenticate(t.Context(), bearer, "")
		require.True(t, fault.Has(err, fault.SessionRequired), "%v", err)
		require.Equal(t, string(fault.SessionRequired), err.Error(), "the answer does not say what was wrong")
	}
}

func TestNoAlgorithmButOursIsTaken(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	secret := []byte("secret")
	giveIn := func(token *jwt.Token) (any, error) { // a key function that gives each what it wants
		switch token.Method.Alg() {
		case "none":
			return jwt.UnsafeAllowNoneSignatureType, nil
		case "HS256":
			return secret, nil
		}
		return f.tokens.findKey(token)
	}
	_, err := f.tokens.parser.ParseWithClaims(f.mint(t), &claims{}, giveIn)
	require.NoError(t, err)
	for _, token := range []string{
		encode(f.json(f.header(object{"alg": "none"}))) + "." + encode(f.json(f.claims(nil))) + ".",
		f.hmac("HS256", crypto.SHA256, secret, nil),
	} {
		_, err := f.tokens.parser.ParseWithClaims(token, &claims{}, giveIn)
		require.ErrorContains(t, err, "signing method")
	}
}

func BenchmarkReadToken(b *testing.B) {
	x := setup(b)
	token := x.mint(b)
	for b.Loop() {
		if _, err := x.tokens.read(token); err != nil {
			b.Fatal(err)
		}
	}
}

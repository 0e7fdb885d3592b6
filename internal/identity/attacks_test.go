package identity

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/papers"
)

func at(offset time.Duration) int64 { return noon.Add(offset).Unix() }

var attacks = map[string]func(*forger) []string{
	"alg-none": func(f *forger) []string {
		return []string{
			encode(f.json(f.header(object{"alg": "none"}))) + "." + encode(f.json(f.claims(nil))) + ".",
			f.sign(f.header(object{"alg": "none"}), f.json(f.claims(nil))),
		}
	},
	"alg-NONE": func(f *forger) []string {
		return []string{
			encode(f.json(f.header(object{"alg": "NONE"}))) + "." + encode(f.json(f.claims(nil))) + ".",
			encode(f.json(f.header(object{"alg": "nOnE"}))) + "." + encode(f.json(f.claims(nil))) + ".",
		}
	},
	"alg-missing": headers(object{"alg": nil}),
	"alg-empty":   headers(object{"alg": ""}),
	"alg-array":   headers(object{"alg": []string{"HS256"}}, object{"alg": []string{"EdDSA"}}),
	"alg-HS512-K": func(f *forger) []string {
		return []string{f.hmac("HS512", crypto.SHA512, f.private, nil), f.hmac("HS512", crypto.SHA512, f.private.Seed(), nil)}
	},
	"alg-HS256-pub": func(f *forger) []string {
		public := f.private.Public().(ed25519.PublicKey)
		der, err := x509.MarshalPKIXPublicKey(public)
		require.NoError(f.t, err)
		return []string{
			f.hmac("HS256", crypto.SHA256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil),
			f.hmac("HS256", crypto.SHA256, der, nil),
			f.hmac("HS256", crypto.SHA256, public, nil),
		}
	},
	"alg-HS256-empty": func(f *forger) []string { return []string{f.hmac("HS256", crypto.SHA256, nil, nil)} },
	"alg-HS256-weak": func(f *forger) (list []string) {
		for _, key := range []string{"secret", "password", "changeme", "123456", "jwt", "your-256-bit-secret"} {
			list = append(list, f.hmac("HS256", crypto.SHA256, []byte(key), nil))
		}
		return list
	},
	"kid-unknown": headers(object{"kid": "nope"}, object{"kid": ""}, object{"kid": nil}),
	"kid-path": func(f *forger) []string {
		change := object{"kid": "../../../../dev/null"}
		return append(headers(change)(f), f.hmac("HS256", crypto.SHA256, nil, change))
	},
	"kid-sql": func(f *forger) []string {
		change := object{"kid": "' UNION SELECT 'x'--"}
		return append(headers(change)(f), f.hmac("HS256", crypto.SHA256, []byte("x"), change))
	},
	"kid-url":    headers(object{"kid": "http://127.0.0.1:1/k"}),
	"kid-nul":    headers(object{"kid": "current\x00x"}, object{"kid": "current\x00"}),
	"kid-long":   headers(object{"kid": strings.Repeat("k", 64<<10)}, object{"kid": strings.Repeat("k", 2<<10)}),
	"kid-object": headers(object{"kid": object{}}, object{"kid": []string{"current"}}),
	"jku": func(f *forger) []string {
		return f.under(object{"jku": "http://" + f.home.Addr().String() + "/keys"})
	},
	"x5u": func(f *forger) []string {
		return f.under(object{"x5u": "http://" + f.home.Addr().String() + "/certificate"})
	},
	"jwk": func(f *forger) []string {
		public := f.other.Public().(ed25519.PublicKey)
		return f.under(object{"jwk": object{"kty": "OKP", "crv": "Ed25519", "kid": "current", "x": encode(public)}})
	},
	"x5c": func(f *forger) []string {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: noon.Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, f.other.Public(), f.other)
		require.NoError(f.t, err)
		return f.under(object{"x5c": []string{base64.StdEncoding.EncodeToString(der)}})
	},
	"crit":      headers(object{"crit": []string{"exp"}}, object{"crit": []string{}}),
	"b64-false": headers(object{"b64": false}, object{"b64": false, "crit": []string{"b64"}}),
	"typ-other": func(f *forger) []string {
		refresh, _ := newRefreshToken()
		return append(headers(object{"typ": "at+jwt"}, object{"typ": "JWT"}, object{"typ": nil}, object{"typ": "SIGNET-SESSION+JWT"})(f),
			refresh.Expose())
	},
	"cty-jwt": func(f *forger) []string {
		inner := f.mint(f.t)
		return []string{
			f.sign(f.header(object{"cty": "JWT"}), []byte(inner)),
			f.sign(f.header(nil), []byte(inner)),
			f.sign(f.header(object{"cty": "JWT"}), f.json(f.claims(nil))),
		}
	},
	"zip-def": func(f *forger) []string {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		require.NoError(f.t, err)
		_, err = w.Write(f.json(f.claims(nil)))
		require.NoError(f.t, err)
		require.NoError(f.t, w.Close())
		jwe := f.json(object{"alg": "dir", "enc": "A256GCM", "zip": "DEF"})
		return []string{
			f.sign(f.header(object{"zip": "DEF"}), packed.Bytes()),
			f.sign(f.header(object{"zip": "DEF"}), f.json(f.claims(nil))),
			encode(jwe) + ".." + encode([]byte("iv")) + "." + encode([]byte("text")) + "." + encode([]byte("tag")),
		}
	},
	"exp-missing":  claimsOf(object{"exp": nil}),
	"exp-string":   claimsOf(object{"exp": "9999999999"}, object{"exp": fmt.Sprint(at(accessLife))}),
	"exp-negative": claimsOf(object{"exp": -1}, object{"exp": 0}, object{"exp": -9e18}),
	"exp-array":    claimsOf(object{"exp": []int64{9999999999}}, object{"exp": []int64{at(accessLife)}}),
	"exp-too-far":  claimsOf(object{"exp": at(10 * 365 * 24 * time.Hour)}, object{"exp": at(accessLife + time.Second)}),
	"nbf-future":   claimsOf(object{"nbf": at(time.Minute)}, object{"nbf": nil}, object{"nbf": 0}),
	"iat-future":   claimsOf(object{"iat": at(time.Hour), "exp": at(time.Hour + accessLife)}, object{"iat": nil}, object{"iat": 0}),
	"iss-missing":  claimsOf(object{"iss": nil}, object{"iss": ""}),
	"iss-other":    claimsOf(object{"iss": "evil"}, object{"iss": issuer + "/"}),
	"aud-other":    claimsOf(object{"aud": "public-sign"}, object{"aud": ""}, object{"aud": nil}),
	"aud-list":     claimsOf(object{"aud": []string{"x", "y"}}, object{"aud": []string{tokenAudience, "y"}}),
	"sub-other-user": func(f *forger) []string {
		return f.underOldSignature(object{"sub": core.NewMemberID().String()})
	},
	"tenant-swap": func(f *forger) []string {
		change := object{"tenant": core.NewMemberID().String()}
		return append(claimsOf(change)(f), f.underOldSignature(change)...)
	},
	"sig-truncated": func(f *forger) []string {
		token := f.mint(f.t)
		head, signature := token[:strings.LastIndex(token, ".")+1], token[strings.LastIndex(token, ".")+1:]
		raw, err := base64.RawURLEncoding.DecodeString(signature)
		require.NoError(f.t, err)
		return []string{head + encode(raw[:len(raw)-1]), token[:len(token)-1], head}
	},
	"sig-malleable-b64": func(f *forger) (list []string) {
		token := f.mint(f.t)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, token[len(token)-1])
		for bits := 1; bits < 16; bits++ { // 86 characters carry 4 bits more than 64 bytes
			list = append(list, token[:len(token)-1]+string(alphabet[last+bits]))
		}
		return append(list, token+"\n", token+"=", token+"==")
	},
	"b64-std": func(f *forger) []string {
		for {
			f.session = core.NewSessionID()
			token := f.mint(f.t)
			if standard := strings.NewReplacer("-", "+", "_", "/").Replace(token); standard != token {
				return []string{standard}
			}
		}
	},
	"parts-2": func(f *forger) []string {
		token := f.mint(f.t)
		return []string{token[:strings.LastIndex(token, ".")], token[strings.Index(token, ".")+1:]}
	},
	"parts-4":   func(f *forger) []string { return []string{f.mint(f.t) + ".", "." + f.mint(f.t), f.mint(f.t) + ".AAAA"} },
	"parts-10k": func(f *forger) []string { return []string{strings.Repeat(".", 10_000), strings.Repeat(".", 4_000)} },
	"utf8-bad": func(f *forger) []string {
		payload := f.json(f.claims(nil))
		return []string{
			f.sign(f.header(nil), bytes.Replace(payload, []byte("https:"), []byte("\xff\xfe"), 1)),
			f.sign(f.header(nil), bytes.Replace(payload, []byte("{"), []byte("{\"\xff\":1,"), 1)),
		}
	},
	"json-trailing": func(f *forger) []string {
		payload := f.json(f.claims(nil))
		return []string{
			f.sign(f.header(nil), append(bytes.Clone(payload), payload...)),
			f.sign(f.header(nil), append(bytes.Clone(payload), "x"...)),
		}
	},
	"json-deep": func(f *forger) (list []string) {
		for _, depth := range []int{10_000, 1_000, 10} {
			nested := strings.Repeat("[", depth) + strings.Repeat("]", depth)
			list = append(list,
				f.sign(f.header(nil), []byte(nested)),
				f.sign(f.header(nil), f.json(f.claims(object{"deep": json.RawMessage(nested)}))))
		}
		return list
	},
	"bearer-case": func(f *forger) []string {
		return []string{"bEARER  " + f.mint(f.t), " " + f.mint(f.t), "Bearer " + f.mint(f.t)}
	},
}

// Attacks that need Postgres; sessions_test.go has them.
var attacksOnSessions = map[string]string{
	"replay-logout":        "TestSession/is_over_at_once_after_signing_out",
	"replay-role":          "TestSession/has_the_roles_that_the_member_has_now",
	"replay-disabled":      "TestSession/is_over_when_the_member_is_gone",
	"refresh-reuse":        "TestRefresh/of_a_used_token_ends_the_session",
	"refresh-other-device": "TestSession/of_one_device_is_not_that_of_another",
}

// Attacks for a later issue, with the reason.
var attacksForLater = map[string]string{
	"bearer-twice":      "two headers are for the console's HTTP listener to refuse; what it hands down is one string",
	"bearer-and-cookie": "which of the two counts is a rule of the console's HTTP listener; Authenticate knows no cookie",
}

// More of our own.
var moreAttacks = map[string]func(*forger) []string{
	"another key under our key id": func(f *forger) []string {
		return []string{f.sign(f.header(nil), f.json(f.claims(nil)), f.other)}
	},
	"claims twice": func(f *forger) []string {
		payload := f.json(f.claims(nil))
		return []string{
			f.sign(f.header(nil), bytes.Replace(payload, []byte("{"), []byte(`{"sub":"`+core.NewMemberID().String()+`",`), 1)),
			f.sign(f.header(nil), bytes.Replace(payload, []byte("}"), []byte(`,"exp":9999999999}`), 1)),
			f.sign(f.header(nil), bytes.Replace(payload, []byte("}"), []byte(`,"EXP":9999999999}`), 1)),
		}
	},
	"claims in another case": func(f *forger) []string {
		return []string{f.sign(f.header(nil), bytes.Replace(f.json(f.claims(nil)), []byte(`"sub"`), []byte(`"SUB"`), 1))}
	},
	"ids in another spelling": func(f *forger) []string {
		id := f.member.String()
		return claimsOf(object{"sub": strings.ToUpper("ab" + id[2:])}, object{"sub": "{" + id + "}"}, object{"sub": "urn:uuid:" + id},
			object{"sub": strings.ReplaceAll(id, "-", "")}, object{"sid": ""}, object{"sid": nil})(f)
	},
	"times with a fraction": claimsOf(object{"exp": json.RawMessage(fmt.Sprint(at(time.Minute), ".5"))}, object{"exp": json.RawMessage("1.7953494e9")}),
	"an audience in a list": claimsOf(object{"aud": []string{tokenAudience}}),
	"a claim more":          claimsOf(object{"role": "platform_owner"}),
	"blanks between": func(f *forger) []string {
		return []string{f.sign(f.header(nil), bytes.Replace(f.json(f.claims(nil)), []byte(","), []byte(", "), 1))}
	},
	"no object":                func(f *forger) []string { return f.payloads("null", "[]", `""`, "0", "", "true", "{}") },
	"a header that is none":    func(f *forger) []string { return f.rawHeaders("null", "[]", `""`, "", "{}", "{") },
	"only dots":                func(*forger) []string { return []string{"", ".", "..", "..."} },
	"expired":                  claimsOf(object{"iat": at(-time.Hour), "nbf": at(-time.Hour), "exp": at(-time.Hour + accessLife)}),
	"life longer than we give": claimsOf(object{"iat": at(-5 * time.Minute), "nbf": at(-5 * time.Minute), "exp": at(6 * time.Minute)}),
}

func TestNoForgedTokenIsTaken(t *testing.T) {
	t.Parallel()
	f := newForger(t)

	// The forger's own way of writing is ours, or every row below would pass
	// for nothing.
	genuine := f.sign(f.header(nil), f.json(f.claims(nil)))
	require.Equal(t, f.mint(t), genuine)
	_, err := f.tokens.read(genuine)
	require.NoError(t, err)

	for _, table := range []map[string]func(*forger) []string{attacks, moreAttacks} {
		for name, forge := range table {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newForger(t)
				i := &Identity{keyring: f.keyring()} // without a store: a forged token never gets so far
				for n, token := range forge(f) {
					_, err := i.Authenticate(t.Context(), token, "")
					require.True(t, fault.Has(err, fault.SessionRequired), "token %d: %v", n, err)
					require.Equal(t, string(fault.SessionRequired), err.Error(), "token %d: the answer says what was wrong", n)
				}
				f.requireNoVisitor()
			})
		}
	}
}

func TestEveryRowOfTheAttackTableIsAccountedFor(t *testing.T) {
	t.Parallel()
	var file struct{ Rows [][]any }
	require.NoError(t, json.Unmarshal(papers.Read(t, "testdata/jwt-attacks.json"), &file))
	require.NotEmpty(t, file.Rows)
	named := map[string]bool{}
	for _, row := range file.Rows {
		name := row[0].(string)
		named[name] = true
		_, tried := attacks[name]
		_, tried2 := attacksOnSessions[name]
		_, later := attacksForLater[name]
		require.True(t, tried || tried2 || later, "%s: %v is not tried", name, row[1])
	}
	for name := range attacks {
		require.True(t, named[name], "%s is no row of the table", name)
	}
}

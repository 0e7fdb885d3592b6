package identity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
)

// cheapCost keeps tests quick; the form and the paths are the same.
var cheapCost = cost{memory: 64, passes: 1, threads: 1}

func TestPasswords(t *testing.T) {
	t.Parallel()
	right := core.NewSecret("correct horse battery")

	t.Run("verify the password that was hashed and no other", func(t *testing.T) {
		t.Parallel()
		p := newPasswords(cheapCost)
		hash, err := p.hash(t.Context(), office, right)
		require.NoError(t, err)

		ok, outdated, err := p.verify(t.Context(), office, right, hash)
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, outdated)
		for _, wrong := range []string{"", "correct horse batter", "correct horse battery ", "Correct horse battery", "correct horse battery\x00"} {
			ok, _, err := p.verify(t.Context(), office, core.NewSecret(wrong), hash)
			require.NoError(t, err)
			require.False(t, ok, "%q", wrong)
		}
	})

	t.Run("have a salt of their own each", func(t *testing.T) {
		t.Parallel()
		require.NotEqual(t, cheapCost.hash("same").Expose(), cheapCost.hash("same").Expose())
	})

	t.Run("hashed at another cost still verify, and are outdated if it was less", func(t *testing.T) {
		t.Parallel()
		p := newPasswords(cost{memory: 128, passes: 2, threads: 1})
		for other, wanted := range map[cost]bool{
			{64, 2, 1}: true, {128, 1, 1}: true, {64, 3, 1}: true, {128, 2, 2}: false, {256, 2, 1}: false, {128, 3, 1}: false,
		} {
			ok, outdated, err := p.verify(t.Context(), office, right, other.hash(right.Expose()))
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, wanted, outdated, "%+v", other)
		}
	})

	t.Run("agree with the reference program of argon2", func(t *testing.T) {
		t.Parallel()
		// From the test vectors of the reference implementation (P-H-C/phc-winner-argon2,
		// src/test.c, version 0x13): argon2id, password "password", salt "somesalt".
		for _, vector := range []string{
			"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
			"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		} {
			stored, err := parseHash(vector)
			require.NoError(t, err, vector)
			require.True(t, stored.matches("password"), vector)
			require.False(t, stored.matches("differentpassword"), vector)
		}
	})

	t.Run("nobody's hash costs what everybody's does", func(t *testing.T) {
		t.Parallel()
		p := newPasswords(cheapCost)
		dummy, err := parseHash(p.dummy.Expose())
		require.NoError(t, err)
		made, err := parseHash(cheapCost.hash("x").Expose())
		require.NoError(t, err)
		require.Equal(t, made.cost, dummy.cost)
		require.Len(t, dummy.salt, len(made.salt))
		require.Len(t, dummy.tag, len(made.tag))
	})
}

func TestParseHash(t *testing.T) {
	t.Parallel()
	good := cheapCost.hash("x").Expose()
	_, err := parseHash(good)
	require.NoError(t, err)
	tail := good[strings.LastIndex(good[:strings.LastIndex(good, "$")], "$"):]

	t.Run("refuses what is not ours or asks for too much", func(t *testing.T) {
		t.Parallel()
		for name, text := range map[string]string{
			"nothing":            "",
			"no hash":            "correct horse battery",
			"bcrypt":             "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
			"argon2i":            strings.Replace(good, "argon2id", "argon2i", 1),
			"older version":      strings.Replace(good, "v=19", "v=16", 1),
			"4 GiB":              phcPrefix + "m=4194304,t=3,p=4" + tail,
			"over the bound":     phcPrefix + "m=131073,t=3,p=4" + tail,
			"memory overflows":   phcPrefix + "m=4294967360,t=1,p=1" + tail,
			"negative":           phcPrefix + "m=-64,t=1,p=1" + tail,
			"too little memory":  phcPrefix + "m=7,t=1,p=1" + tail,
			"no passes":          phcPrefix + "m=64,t=0,p=1" + tail,
			"many passes":        phcPrefix + "m=64,t=1000000,p=1" + tail,
			"no threads":         phcPrefix + "m=64,t=1,p=0" + tail,
			"many threads":       phcPrefix + "m=131072,t=1,p=255" + tail,
			"threads overflow":   phcPrefix + "m=64,t=1,p=257" + tail,
			"leading zero":       phcPrefix + "m=064,t=1,p=1" + tail,
			"plus sign":          phcPrefix + "m=+64,t=1,p=1" + tail,
			"other order":        phcPrefix + "t=1,m=64,p=1" + tail,
			"key id":             phcPrefix + "m=64,t=1,p=1,keyid=AA" + tail,
			"trailing blank":     good + " ",
			"line end":           good + "\n",
			"one part more":      good + "$AAAA",
			"no tag":             good[:strings.LastIndex(good, "$")],
			"empty tag":          good[:strings.LastIndex(good, "$")+1],
			"short tag":          good[:strings.LastIndex(good, "$")+1] + "AAAA",
			"long tag":           good + strings.Repeat("AAAA", 20),
			"empty salt":         phcPrefix + "m=64,t=1,p=1$$" + strings.Repeat("AAAA", 8),
			"a megabyte of salt": phcPrefix + "m=64,t=1,p=1$" + strings.Repeat("AAAA", 1<<18) + "$" + strings.Repeat("AAAA", 8),
			"padded":             good + "=",
			"spare bits":         good[:len(good)-1] + "/",
		} {
			_, err := parseHash(text)
			require.ErrorIs(t, err, errHash, name)
		}
	})

	t.Run("reads what is written", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			threads := uint8(rapid.IntRange(1, 4).Draw(t, "threads"))
			c := cost{
				threads: threads, passes: uint32(rapid.IntRange(1, 2).Draw(t, "passes")),
				memory: uint32(rapid.IntRange(8*int(threads), 128).Draw(t, "memory")),
			}
			password := rapid.String().Draw(t, "password")
			stored, err := parseHash(c.hash(password).Expose())
			if err != nil || stored.cost != c || !stored.matches(password) || stored.matches(password+"x") {
				t.Fatalf("%+v: %v", c, err)
			}
		})
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(cheapCost.hash("x").Expose())
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseHash(text)
		if err != nil {
			return
		}
		require.Equal(t, text, s.text(), "a hash has one spelling")
		require.LessOrEqual(t, s.cost.memory, uint32(maxMemory))
		require.LessOrEqual(t, s.cost.passes, uint32(maxPasses))
		require.LessOrEqual(t, s.cost.threads, uint8(maxThreads))
	})
}

func BenchmarkHash(b *testing.B) {
	for b.Loop() {
		_ = defaultCost.hash("correct horse battery")
	}
}

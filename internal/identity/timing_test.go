package identity

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// TestSignInTakesAsLongForNobody compares medians of interleaved samples inside
// one run, so that a busy machine makes both slow alike. It does not run beside
// other tests, and a round that was disturbed may be repeated.
func TestSignInTakesAsLongForNobody(t *testing.T) {
	h := newHouse(t)
	h.passwords = newPasswords(cost{memory: 8 * 1024, passes: 2, threads: 1})
	hash, err := h.passwords.hash(t.Context(), office, ownerPassword)
	require.NoError(t, err)
	h.damage(t, `UPDATE signet.members SET password_hash = '`+hash.Expose()+`'`)

	refused := func(email string) time.Duration {
		h.forward(time.Minute) // so that no brake is felt, and each leaves its row
		h.rest(t, time.Minute)
		began := time.Now()
		_, err := h.SignIn(t.Context(), office, email, core.NewSecret("wrong horse battery"), "")
		took := time.Since(began)
		require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		return took
	}
	const rounds, samples = 3, 40
	var ratio float64
	for range rounds {
		var known, unknown []time.Duration
		for n := range samples {
			if n%2 == 0 {
				known, unknown = append(known, refused(ownerEmail)), append(unknown, refused("nobody@example.com"))
			} else {
				unknown, known = append(unknown, refused("nobody@example.com")), append(known, refused(ownerEmail))
			}
		}
		ratio = float64(median(known)) / float64(median(unknown))
		t.Logf("median: known member %v, unknown %v, ratio %.3f", median(known), median(unknown), ratio)
		if ratio > 0.8 && ratio < 1.25 {
			return
		}
	}
	t.Fatalf("the time of a refusal tells whether there is such a member: ratio %.3f in the last of %d rounds", ratio, rounds)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestCreateOwner(t *testing.T) {
	t.Parallel()

	t.Run("makes an owner of the platform and says so in the audit", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		m, err := h.CreateOwner(t.Context(), " Second@Example.COM ", core.NewSecret("another long password"))
		require.NoError(t, err)
		require.Equal(t, core.Member{ID: m.ID, Email: "second@example.com", Platform: core.PlatformOwner}, m)
		rows := h.audit(t)
		require.Empty(t, cmp.Diff(auditRow{
			Action: "member.create", SubjectKind: "member", Subject: m.ID.String(),
			ActorKind: core.ActorSystem, ActorName: "identity",
			Detail: map[string]string{"email": "second@example.com", "role": "platform_owner"},
		}, rows[len(rows)-1]))

		s, err := h.SignIn(t.Context(), office, "second@example.com", core.NewSecret("another long password"), "")
		require.NoError(t, err)
		require.Equal(t, m, s.Member)
	})

	t.Run("stores a hash of the cost that was chosen", func(t *testing.T) {
		t.Parallel()
		h := emptyHouse(t)
		_, err := CreateOwner(t.Context(), h.cfg.Store, nil, ownerEmail, ownerPassword)
		require.NoError(t, err)
		hashes := h.texts(t, `SELECT password_hash FROM signet.members`)
		require.Len(t, hashes, 1)
		require.True(t, strings.HasPrefix(hashes[0], "$argon2id$v=19$m=65536,t=3,p=4$"), "its cost is another")
	})

	t.Run("refuses an address that somebody has", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.CreateOwner(t.Context(), "OWNER@example.com", ownerPassword)
		require.True(t, fault.Has(err, fault.MemberExists), "%v", err)
		require.Len(t, h.audit(t), 1, "what did not happen is not in the audit")
	})

	t.Run("refuses what is no address and no password, and names the member of the body", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for pointer, wrong := range map[string][2]string{
			"/email":    {"not an address", "correct horse battery"},
			"/password": {"second@example.com", "too short"},
		} {
			_, err := h.CreateOwner(t.Context(), wrong[0], core.NewSecret(wrong[1]))
			require.True(t, fault.Has(err, fault.RequestInvalid), "%v", err)
			require.Equal(t, pointer, fault.Find(err).Fields[0].Pointer)
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()

	t.Run("begins a session of the member", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		before := h.clock()
		s, err := h.SignIn(t.Context(), office, " Owner@Example.com", ownerPassword, "req-1")
		require.NoError(t, err)
		require.Equal(t, h.owner, s.Member)
		require.Equal(t, core.PlatformOwner, s.Grants.Platform)
		require.Equal(t, 10*time.Minute, s.ExpiresIn)
		require.WithinDuration(t, before.Add(24*time.Hour), s.RefreshUntil, time.Minute)
		require.Equal(t, 43, s.Refresh.Len())

		actor, err := h.Authenticate(t.Context(), s.AccessToken.Expose(), "req-2")
		require.NoError(t, err)
		require.Equal(t, core.ActorMember, actor.Kind)
		require.Equal(t, h.owner.ID, actor.MemberID)
		require.Equal(t, ownerEmail, actor.Name)
		require.Equal(t, "req-2", actor.RequestID)
		require.Equal(t, core.PlatformOwner, actor.Grants.Platform)

		rows := h.audit(t)
		last := rows[len(rows)-1]
		require.Empty(t, cmp.Diff(auditRow{
			Action: "session.create", SubjectKind: "session", Subject: last.Subject,
			ActorKind: core.ActorMember, ActorName: ownerEmail, RequestID: "req-1", Detail: map[string]string{"with": "password", "client": office.String()},
		}, last))
	})

	t.Run("refuses everything that is wrong in the same words", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		var refusals []string
		for _, wrong := range [][2]string{
			{ownerEmail, "wrong horse battery"},
			{ownerEmail, ""},
			{ownerEmail, strings.Repeat("long", 100_000)},
			{"nobody@example.com", ownerPassword.Expose()},
			{"", ""},
			{"not an address", ownerPassword.Expose()},
			{"' OR 1=1 --", ownerPassword.Expose()},
			{"nul\x00@example.com", ownerPassword.Expose()},
			{"\xff@example.com", ownerPassword.Expose()},
		} {
			s, err := h.SignIn(t.Context(), office, wrong[0], core.NewSecret(wrong[1]), "")
			require.True(t, fault.Has(err, fault.SessionRefused), "%q: %v", wrong[0], err)
			require.True(t, s.AccessToken.IsZero() && s.Refresh.IsZero())
			refusals = append(refusals, fmt.Sprintf("%#v", fault.Find(err)))
		}
		require.Len(t, slices.Compact(refusals), 1)
	})

	t.Run("writes every refusal into the audit, without the password", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for _, email := range []string{ownerEmail, "nobody@example.com", "a password typed into the wrong field"} {
			_, err := h.SignIn(t.Context(), office, email, core.NewSecret("wrong horse battery"), "req-9")
			require.Error(t, err)
		}
		refused := func(subject, email string) auditRow {
			return auditRow{
				Action: "session.refuse", SubjectKind: "member", Subject: subject, ActorKind: core.ActorSystem,
				ActorName: "identity", RequestID: "req-9", Detail: map[string]string{"email": email},
			}
		}
		require.Empty(t, cmp.Diff([]auditRow{
			refused(h.owner.ID.String(), ownerEmail), refused("", "nobody@example.com"), refused("", ""),
		}, h.audit(t)[1:]))
	})

	t.Run("does not let a stranger fill the audit", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		const tries = 100
		for n := range tries {
			_, err := h.SignIn(t.Context(), network(n), fmt.Sprintf("nobody%d@example.com", n), core.NewSecret("x"), "")
			require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		}
		require.Len(t, h.audit(t), 1+refusalRows.burst)
		h.forward(refusalRows.interval)
		_, err := h.SignIn(t.Context(), office, ownerEmail, core.NewSecret("x"), "")
		require.Error(t, err)
		rows := h.audit(t)
		require.Equal(t, fmt.Sprint(tries-refusalRows.burst), rows[len(rows)-1].Detail["unrecorded"])
	})

	t.Run("is braked after ten wrong tries of a client at one address, known or not", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for _, email := range []string{ownerEmail, "nobody@example.com", "not an address"} {
			for range triesPerPair.Burst {
				_, err := h.SignIn(t.Context(), office, email, core.NewSecret("wrong horse battery"), "")
				require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
			}
			_, err := h.SignIn(t.Context(), office, email, ownerPassword, "")
			require.True(t, fault.Has(err, fault.RateLimitedCode), "%v", err)
			wait := fault.Find(err).RetryAfter
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, triesPerPair.Interval)
		}
		h.rest(t, triesPerPair.Interval)
		h.signIn(t)
	})

	t.Run("counts wrong tries however the address is typed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for n := range triesPerPair.Burst {
			email := strings.Repeat(" ", n) + strings.ToUpper(ownerEmail[:n]) + ownerEmail[n:]
			_, err := h.SignIn(t.Context(), office, email, core.NewSecret("wrong horse battery"), "")
			require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		}
		_, err := h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
		require.True(t, fault.Has(err, fault.RateLimitedCode), "%v", err)
	})

	t.Run("verifies no more guesses than the brake allows when they come at once", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		var all sync.WaitGroup
		codes := make(chan fault.Code, 25)
		machine := netip.MustParsePrefix("127.0.0.1/32") // from elsewhere some would find no place to hash in
		for range cap(codes) {
			all.Go(func() {
				_, err := h.SignIn(t.Context(), machine, ownerEmail, core.NewSecret("wrong horse battery"), "")
				codes <- fault.Find(err).Code
			})
		}
		all.Wait()
		close(codes)
		count := map[fault.Code]int{}
		for code := range codes {
			count[code]++
		}
		require.Equal(t, map[fault.Code]int{
			fault.SessionRefused: triesPerPair.Burst, fault.RateLimitedCode: cap(codes) - triesPerPair.Burst,
		}, count)
	})

	t.Run("does not count what was right", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for range 3 * triesPerPair.Burst {
			h.signIn(t)
		}
	})

	t.Run("does not count what Postgres could not answer", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		away, cancel := context.WithCancel(t.Context())
		cancel()
		for range 3 * triesPerPair.Burst {
			_, err := h.SignIn(away, office, ownerEmail, ownerPassword, "")
			require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
		}
		h.signIn(t)
	})

	t.Run("hashes anew what was hashed more cheaply, and only then", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		stored := func() string { return h.texts(t, `SELECT password_hash FROM signet.members`)[0] }
		before := stored()
		h.signIn(t)
		require.Equal(t, before, stored())

		dearer := cost{memory: 2 * cheapCost.memory, passes: 2, threads: 1}
		h.passwords = newPasswords(dearer)
		_, err := h.SignIn(t.Context(), office, ownerEmail, core.NewSecret("wrong horse battery"), "")
		require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		require.Equal(t, before, stored(), "a wrong password changes nothing")

		h.signIn(t)
		after, err := parseHash(stored())
		require.NoError(t, err)
		require.Equal(t, dearer, after.cost)
		require.True(t, after.matches(ownerPassword.Expose()))

		h.passwords = newPasswords(cheapCost)
		h.signIn(t)
		kept, err := parseHash(stored())
		require.NoError(t, err)
		require.Equal(t, dearer, kept.cost, "an older release beside a newer one does not take it back")
	})

	t.Run("fails, and is not refused, where the stored hash is not ours", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.damage(t, `UPDATE signet.members SET password_hash = '$argon2id$v=19$m=4194304,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'`)
		_, err := h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
		require.ErrorIs(t, err, errHash)
		require.Equal(t, fault.InternalError, fault.Find(err).Code)
	})
}

func TestNothingThatIsKeptOrPrintedHoldsASecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signIn(t)
	_, wrong := h.SignIn(t.Context(), office, ownerEmail, core.NewSecret("canary-in-a-wrong-password"), "")
	next, err := h.Refresh(t.Context(), s.Refresh, "")
	require.NoError(t, err)
	h.longAgo(t)
	_, reused := h.Refresh(t.Context(), s.Refresh, "")

	kept := h.texts(t, `
SELECT m::text FROM signet.members m
UNION ALL SELECT s::text FROM signet.sessions s
UNION ALL SELECT r::text FROM signet.refresh_tokens r
UNION ALL SELECT a::text FROM signet.platform_audit a`)
	require.Greater(t, len(kept), 5)
	printed := fmt.Sprintf("%v %+v %#v %v %+v", s, s, s, wrong, errors.Join(wrong, reused))
	for _, text := range append(kept, printed) {
		for _, secret := range []core.Secret{ownerPassword, s.AccessToken, s.Refresh, next.Refresh, core.NewSecret("canary-in-a-wrong-password")} {
			require.False(t, strings.Contains(text, secret.Expose()), "a secret was kept or printed")
		}
	}
}

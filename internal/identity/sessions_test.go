package identity

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

func (h *house) requireLive(t *testing.T, s Session) core.Actor {
	t.Helper()
	actor, err := h.Authenticate(t.Context(), s.AccessToken.Expose(), "")
	require.NoError(t, err)
	return actor
}

func (h *house) requireOver(t *testing.T, s Session) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), s.AccessToken.Expose(), "")
	require.True(t, fault.Has(err, fault.SessionRequired), "%v", err)
	require.Equal(t, string(fault.SessionRequired), err.Error())
}

func (h *house) requireNoRefresh(t *testing.T, refresh core.Secret) {
	t.Helper()
	s, err := h.Refresh(t.Context(), refresh, "")
	require.True(t, fault.Has(err, fault.SessionRequired), "%v", err)
	require.True(t, s.AccessToken.IsZero() && s.Refresh.IsZero())
}

// longAgo ends the grace of every used refresh token.
func (h *house) longAgo(t *testing.T) {
	t.Helper()
	h.damage(t, `UPDATE signet.refresh_tokens SET used_at = used_at - interval '10 seconds' WHERE used_at IS NOT NULL`)
}

func TestSession(t *testing.T) {
	t.Parallel()

	t.Run("is over at once after signing out", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s, other := h.signIn(t), h.signIn(t)
		h.requireLive(t, s)
		require.NoError(t, h.SignOut(t.Context(), s.Refresh, "req-out"))
		h.requireOver(t, s)
		h.requireNoRefresh(t, s.Refresh)
		h.requireLive(t, other)

		rows := h.audit(t)
		last := rows[len(rows)-1]
		require.Empty(t, cmp.Diff(auditRow{
			Action: "session.end", SubjectKind: "session", Subject: last.Subject, ActorKind: core.ActorMember,
			ActorName: ownerEmail, RequestID: "req-out", Detail: map[string]string{"reason": "sign_out"},
		}, last))

		require.NoError(t, h.SignOut(t.Context(), s.Refresh, ""), "signing out twice is no error")
		require.Len(t, h.audit(t), len(rows), "and leaves no second row")
	})

	t.Run("is over on another node too", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		elsewhere := h.open(t)
		s := h.signIn(t)
		_, err := elsewhere.Authenticate(t.Context(), s.AccessToken.Expose(), "")
		require.NoError(t, err)
		require.NoError(t, h.SignOut(t.Context(), s.Refresh, ""))
		_, err = elsewhere.Authenticate(t.Context(), s.AccessToken.Expose(), "")
		require.True(t, fault.Has(err, fault.SessionRequired), "%v", err)
	})

	t.Run("is not ended by a token that is none", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		stranger, _ := newRefreshToken()
		for _, token := range []core.Secret{{}, stranger, core.NewSecret("x"), s.AccessToken} {
			require.NoError(t, h.SignOut(t.Context(), token, ""))
		}
		h.requireLive(t, s)
	})

	t.Run("has the roles that the member has now", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		require.NoError(t, h.requireLive(t, s).May(core.TenantsCreate))

		tenant := core.NewTenantID()
		require.NoError(t, h.store.Tenant(t.Context(), core.System("test"), tenant, func(tx *store.TenantTx) error {
			if err := tx.CreateTenant(t.Context(), "Example"); err != nil {
				return err
			}
			return tx.CreateMembership(t.Context(), h.owner.ID, core.TenantViewer)
		}))
		h.damage(t, `UPDATE signet.members SET platform_role = NULL`)

		actor := h.requireLive(t, s)
		require.Equal(t, core.Grants{Tenants: map[core.TenantID]core.Role{tenant: core.TenantViewer}}, actor.Grants)
		require.True(t, fault.Has(actor.May(core.TenantsCreate), fault.PermissionDenied))
		require.NoError(t, actor.MayIn(tenant, core.TenantRead))
		require.True(t, fault.Has(actor.MayIn(tenant, core.SecretsWrite), fault.PermissionDenied))
		require.True(t, fault.Has(actor.MayIn(core.NewTenantID(), core.TenantRead), fault.TenantUnknown))

		again, err := h.Refresh(t.Context(), s.Refresh, "")
		require.NoError(t, err)
		require.Equal(t, actor.Grants, again.Grants)
		require.Empty(t, again.Member.Platform)

		h.damage(t, `DELETE FROM signet.memberships`)
		require.True(t, fault.Has(h.requireLive(t, s).MayIn(tenant, core.TenantRead), fault.TenantUnknown))
	})

	t.Run("is over when the member is gone", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		h.damage(t, `DELETE FROM signet.members`)
		h.requireOver(t, s)
		h.requireNoRefresh(t, s.Refresh)
	})

	t.Run("of one device is not that of another", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
		require.NoError(t, err)
		mine := h.signIn(t)
		theirs, err := h.SignIn(t.Context(), office, "second@example.com", ownerPassword, "")
		require.NoError(t, err)

		// A token that we have signed ourselves, for my name on their session.
		c, err := h.keyring.now().read(theirs.AccessToken.Expose())
		require.NoError(t, err)
		mixed, _, err := h.keyring.now().mint(h.owner.ID, c.Session, h.clock().Add(time.Hour))
		require.NoError(t, err)
		h.requireOver(t, Session{AccessToken: mixed})

		// A refresh stays in its session.
		before, err := h.keyring.now().read(mine.AccessToken.Expose())
		require.NoError(t, err)
		next, err := h.Refresh(t.Context(), mine.Refresh, "")
		require.NoError(t, err)
		after, err := h.keyring.now().read(next.AccessToken.Expose())
		require.NoError(t, err)
		require.Equal(t, before.Session, after.Session)
		require.Equal(t, h.owner, next.Member)
		h.requireLive(t, theirs)
	})

	t.Run("ends after a week, however often it was refreshed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		h.forward(sessionLife - 3*time.Minute)
		s, err := h.Refresh(t.Context(), s.Refresh, "")
		require.NoError(t, err)
		require.WithinDuration(t, h.clock().Add(3*time.Minute), s.RefreshUntil, time.Minute)
		require.LessOrEqual(t, s.ExpiresIn, 3*time.Minute)

		h.forward(3*time.Minute - sessionLife)
		live := h.signIn(t)
		h.requireLive(t, live)
		h.damage(t, `UPDATE signet.sessions SET expires_at = now()`)
		h.requireOver(t, live)
		h.requireNoRefresh(t, live.Refresh)
	})

	t.Run("ends after a day without a refresh", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		h.damage(t, `UPDATE signet.refresh_tokens SET expires_at = now()`)
		h.requireNoRefresh(t, s.Refresh)
	})

	t.Run("is neither there nor over while Postgres is away", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		away, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Authenticate(away, s.AccessToken.Expose(), "")
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
		_, err = h.Refresh(away, s.Refresh, "")
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
		err = h.SignOut(away, s.Refresh, "")
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
		h.requireLive(t, s)
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()

	t.Run("gives new tokens again and again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		seen := map[string]bool{s.Refresh.Expose(): true}
		for range 5 {
			var err error
			s, err = h.Refresh(t.Context(), s.Refresh, "")
			require.NoError(t, err)
			require.False(t, seen[s.Refresh.Expose()])
			seen[s.Refresh.Expose()] = true
			require.Equal(t, h.owner, s.Member)
			require.Equal(t, core.PlatformOwner, s.Grants.Platform)
			h.requireLive(t, s)
		}
	})

	t.Run("of a used token ends the session", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		first, other := h.signIn(t), h.signIn(t)
		second, err := h.Refresh(t.Context(), first.Refresh, "")
		require.NoError(t, err)
		third, err := h.Refresh(t.Context(), second.Refresh, "")
		require.NoError(t, err)
		h.requireLive(t, third)
		before := len(h.audit(t))
		h.longAgo(t)

		_, err = h.Refresh(t.Context(), first.Refresh, "req-thief")
		require.True(t, fault.Has(err, fault.SessionRequired), "%v", err)
		for _, s := range []Session{first, second, third} {
			h.requireOver(t, s)
			h.requireNoRefresh(t, s.Refresh)
		}
		h.requireLive(t, other)

		rows := h.audit(t)
		require.Len(t, rows, before+1, "one row, however often it is tried again")
		last := rows[before]
		require.Empty(t, cmp.Diff(auditRow{
			Action: "session.end", SubjectKind: "session", Subject: last.Subject, ActorKind: core.ActorSystem,
			ActorName: "identity", RequestID: "req-thief",
			Detail: map[string]string{"reason": "refresh_reused", "email": ownerEmail},
		}, last))
	})

	t.Run("of a used token ends the session also when the token itself has run out", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		first := h.signIn(t)
		second, err := h.Refresh(t.Context(), first.Refresh, "")
		require.NoError(t, err)
		h.longAgo(t)
		h.damage(t, `UPDATE signet.refresh_tokens SET expires_at = now() WHERE used_at IS NOT NULL`)
		h.requireNoRefresh(t, first.Refresh)
		h.requireOver(t, second)
	})

	t.Run("by eight tabs at once is given to one and ends nothing", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		elsewhere := h.open(t)
		s := h.signIn(t)
		var tabs sync.WaitGroup
		results := make(chan Session, 8)
		for n := range cap(results) {
			node := []*Identity{h.Identity, elsewhere}[n%2]
			tabs.Go(func() {
				next, err := node.Refresh(t.Context(), Visit{Client: office}, s.Refresh)
				if err != nil && !fault.Has(err, fault.SessionRequired) {
					t.Errorf("%v", err)
				}
				results <- next
			})
		}
		tabs.Wait()
		close(results)
		var given []Session
		for next := range results {
			if !next.Refresh.IsZero() {
				given = append(given, next)
			}
		}
		require.Len(t, given, 1)
		h.requireLive(t, given[0])
		_, err := h.Refresh(t.Context(), given[0].Refresh, "")
		require.NoError(t, err)
	})

	t.Run("is refused for what is no refresh token of ours", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		stranger, _ := newRefreshToken()
		token := s.Refresh.Expose()
		raw, err := base64.RawURLEncoding.DecodeString(token)
		require.NoError(t, err)
		last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", token[42])
		for _, wrong := range []string{
			"", "x", stranger.Expose(), s.AccessToken.Expose(), token + "=", token + "\n", token[:42], token + "A",
			" " + token, base64.StdEncoding.EncodeToString(raw),
			token[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last|1]),
			strings.Repeat("A", 1<<20),
		} {
			h.requireNoRefresh(t, core.NewSecret(wrong))
		}
		_, err = h.Refresh(t.Context(), s.Refresh, "")
		require.NoError(t, err, "nothing of it used the token or ended the session")
	})

	t.Run("that fails half way leaves the token as it was", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		h.rule(t, `REVOKE SELECT ON signet.memberships FROM signet_system`)
		h.rule(t, `REVOKE SELECT (tenant_id, member_id, role) ON signet.memberships FROM signet_system`)
		_, err := h.Refresh(t.Context(), s.Refresh, "")
		require.Error(t, err)
		require.False(t, fault.Has(err, fault.SessionRequired), "%v", err)
		h.rule(t, `GRANT SELECT (tenant_id, member_id, role) ON signet.memberships TO signet_system`)
		_, err = h.Refresh(t.Context(), s.Refresh, "")
		require.NoError(t, err)
	})
}

func TestWhatCannotBeAuditedDoesNotHappen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signIn(t)
	used := h.signIn(t)
	_, err := h.Refresh(t.Context(), used.Refresh, "")
	require.NoError(t, err)
	h.longAgo(t)
	sessions := len(h.texts(t, `SELECT session_id::text FROM signet.sessions`))
	h.rule(t, `REVOKE INSERT ON signet.platform_audit FROM signet_app`)

	_, err = h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
	require.Error(t, err)
	_, err = h.SignIn(t.Context(), office, ownerEmail, core.NewSecret("wrong horse battery"), "")
	require.Error(t, err)
	require.False(t, fault.Has(err, fault.SessionRefused), "%v", err)
	_, err = h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
	require.Error(t, err)
	require.Error(t, h.SignOut(t.Context(), s.Refresh, ""))
	h.requireLive(t, s)

	require.Len(t, h.texts(t, `SELECT session_id::text FROM signet.sessions`), sessions)
	require.Equal(t, []string{ownerEmail}, h.texts(t, `SELECT email FROM signet.members`))
}

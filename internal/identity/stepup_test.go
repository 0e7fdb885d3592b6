package identity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// grownStale lets every session's proof be too old.
func (h *house) grownStale(t testing.TB) {
	t.Helper()
	h.damage(t, `UPDATE signet.sessions SET proved_at = now() - interval '15 minutes 1 second'`)
}

func TestAProofGrowsOldAndIsGivenAgain(t *testing.T) {
	t.Parallel()

	t.Run("with the password by who has no second factor", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		require.NoError(t, h.actor(t, s).May(core.OperatorsWrite))
		h.grownStale(t)
		actor := h.actor(t, s)
		requireCode(t, actor.May(core.OperatorsWrite), fault.StepUpRequired)
		require.NoError(t, actor.May(core.TenantsList), "what asks for none goes on")

		w, withPassword, err := h.BeginStepUp(t.Context(), actor)
		require.NoError(t, err)
		require.True(t, withPassword)
		_, err = h.StepUp(t.Context(), actor, atOffice, w.Token, core.NewSecret("wrong horse battery"), Answer{})
		requireCode(t, err, fault.SessionRefused)
		until, err := h.StepUp(t.Context(), actor, atOffice, w.Token, ownerPassword, Answer{})
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(core.ProofLife), until, time.Minute)
		require.NoError(t, h.actor(t, s).May(core.OperatorsWrite))
		_, err = h.StepUp(t.Context(), actor, atOffice, w.Token, ownerPassword, Answer{})
		requireCode(t, err, fault.CeremonyOver)
		rows := h.audit(t)
		require.Equal(t, "session.step_up", rows[len(rows)-1].Action)
	})

	t.Run("with the second factor by who has one, and not with the password", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.withPhone(t)
		s, err := h.finish(t, h.waits(t), Answer{Code: p.code(t, h.clock())})
		require.NoError(t, err)
		h.grownStale(t)
		actor := h.actor(t, s)
		w, withPassword, err := h.BeginStepUp(t.Context(), actor)
		require.NoError(t, err)
		require.False(t, withPassword)
		_, err = h.StepUp(t.Context(), actor, atOffice, w.Token, ownerPassword, Answer{})
		requireCode(t, err, fault.SecondFactorRefused)
		requireCode(t, h.actor(t, s).May(core.OperatorsWrite), fault.StepUpRequired)
		_, err = h.StepUp(t.Context(), actor, atOffice, w.Token, core.Secret{}, Answer{Code: p.code(t, h.clock().Add(totpStep))})
		require.NoError(t, err)
		require.NoError(t, h.actor(t, s).May(core.OperatorsWrite))
	})

	t.Run("with a passkey", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		w := h.waits(t)
		s, err := h.finish(t, w, Answer{Passkey: device.Get(t, w.Passkey)})
		require.NoError(t, err)
		h.grownStale(t)
		actor := h.actor(t, s)
		asked, _, err := h.BeginStepUp(t.Context(), actor)
		require.NoError(t, err)
		_, err = h.StepUp(t.Context(), actor, atOffice, asked.Token, core.Secret{}, Answer{Passkey: device.Get(t, asked.Passkey)})
		require.NoError(t, err)
		require.NoError(t, h.actor(t, s).May(core.OperatorsWrite))
	})

	t.Run("for the session that asked, and for no other", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		one, other := h.signIn(t), h.signIn(t)
		h.grownStale(t)
		w, _, err := h.BeginStepUp(t.Context(), h.actor(t, one))
		require.NoError(t, err)
		_, err = h.StepUp(t.Context(), h.actor(t, other), atOffice, w.Token, ownerPassword, Answer{})
		requireCode(t, err, fault.CeremonyOver)
		_, err = h.StepUp(t.Context(), h.actor(t, one), atOffice, w.Token, ownerPassword, Answer{})
		require.NoError(t, err)
		requireCode(t, h.actor(t, other).May(core.OperatorsWrite), fault.StepUpRequired)
	})

	t.Run("and a refresh is none", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		h.grownStale(t)
		s, err := h.Refresh(t.Context(), s.Refresh, "")
		require.NoError(t, err)
		requireCode(t, h.actor(t, s).May(core.OperatorsWrite), fault.StepUpRequired)
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
	require.NoError(t, err)
	theirs, err := h.SignIn(t.Context(), office, "second@example.com", ownerPassword, "")
	require.NoError(t, err)
	visit := Visit{Client: office, Agent: "A Browser\n\x1b[31m/1.0"}
	entry, err := h.Identity.SignIn(t.Context(), visit, ownerEmail, ownerPassword)
	require.NoError(t, err)
	mine, others := entry.Session, []Session{h.signIn(t), h.signIn(t)}
	actor := h.actor(t, mine)
	list, err := h.ListSessions(t.Context(), actor)
	require.NoError(t, err)
	require.Len(t, list, 3)
	agents := map[string]int{}
	for _, s := range list {
		require.Equal(t, office.String(), s.Client)
		agents[s.Agent]++
	}
	require.Equal(t, map[string]int{"": 2, "A Browser[31m/1.0": 1}, agents)

	requireCode(t, h.EndOwnSession(t.Context(), actor, h.actor(t, theirs).SessionID), fault.SessionUnknown)
	h.requireLive(t, theirs)
	other := h.open(t) // another node
	require.NoError(t, h.EndOwnSession(t.Context(), actor, h.actor(t, others[0]).SessionID))
	_, err = other.Authenticate(t.Context(), others[0].AccessToken.Expose(), "")
	requireCode(t, err, fault.SessionRequired)

	ended, err := h.EndOtherSessions(t.Context(), actor)
	require.NoError(t, err)
	require.EqualValues(t, 1, ended)
	_, err = other.Authenticate(t.Context(), others[1].AccessToken.Expose(), "")
	requireCode(t, err, fault.SessionRequired)
	h.requireLive(t, mine)
	h.requireLive(t, theirs)

	ended, err = h.EndSessionsOf(t.Context(), actor, h.actor(t, theirs).MemberID)
	require.NoError(t, err)
	require.EqualValues(t, 1, ended)
	_, err = other.Authenticate(t.Context(), theirs.AccessToken.Expose(), "")
	requireCode(t, err, fault.SessionRequired)
	_, err = h.EndSessionsOf(t.Context(), actor, core.NewMemberID())
	requireCode(t, err, fault.MemberUnknown)
}

func TestAChangedPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, other := h.signIn(t), h.signIn(t)
	actor, next := h.actor(t, mine), core.NewSecret("another horse for the battery")
	requireCode(t, h.ChangePassword(t.Context(), actor, atOffice, core.NewSecret("wrong horse battery"), next), fault.SessionRefused)
	requireCode(t, h.ChangePassword(t.Context(), actor, atOffice, ownerPassword, core.NewSecret("password1234")), fault.RequestInvalid)
	h.requireLive(t, other)
	require.NoError(t, h.ChangePassword(t.Context(), actor, atOffice, ownerPassword, next))
	_, err := h.Authenticate(t.Context(), other.AccessToken.Expose(), "")
	requireCode(t, err, fault.SessionRequired)
	h.requireLive(t, mine)
	_, err = h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
	requireCode(t, err, fault.SessionRefused)
	_, err = h.SignIn(t.Context(), office, ownerEmail, next, "")
	require.NoError(t, err)
}

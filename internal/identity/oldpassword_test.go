package identity

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// Who has begun to sign in with a password that is changed meanwhile gives the new one:
// a reset is to lock out who has the old one, and not to leave them five minutes.
func TestAPasswordThatIsChangedMeanwhileLetsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.withPhone(t)
	waiting := h.waits(t)
	require.NoError(t, h.use(t, h.reset(t, h.owner.ID, core.TenantID{}), chosen))
	for _, a := range []Answer{{Code: p.code(t, h.clock())}, {RecoveryCode: p.codes[0]}} {
		_, err := h.finish(t, waiting, a)
		requireFault(t, fault.CeremonyOver, err)
	}
	require.Empty(t, h.texts(t, `SELECT session_id::text FROM signet.sessions WHERE ended_at IS NULL`))

	entry, err := h.Identity.SignIn(t.Context(), atOffice, ownerEmail, chosen)
	require.NoError(t, err)
	_, err = h.finish(t, entry.Waiting, Answer{Code: p.code(t, h.clock())})
	require.NoError(t, err, "what was refused used no code up")
}

// A sign-in that was let in by the old password while the reset was on its way ends
// with the others, or never begins.
func TestASignInBesideAResetLeavesNoSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m, found, err := h.findMember(t.Context(), ownerEmail, "")
	require.NoError(t, err)
	require.True(t, found)
	// The password was right, and the session is about to begin.
	p := proof{member: m, right: true}
	require.NoError(t, h.use(t, h.reset(t, h.owner.ID, core.TenantID{}), chosen))
	_, err = h.passed(t.Context(), atOffice, p)
	requireFault(t, fault.SessionRefused, err)
	require.Empty(t, h.texts(t, `SELECT session_id::text FROM signet.sessions WHERE ended_at IS NULL`))

	// Both at once, whichever comes first.
	for range 5 {
		m, _, err := h.findMember(t.Context(), ownerEmail, "")
		require.NoError(t, err)
		link := h.reset(t, h.owner.ID, core.TenantID{})
		var both sync.WaitGroup
		both.Go(func() { _, _ = h.passed(context.WithoutCancel(t.Context()), atOffice, proof{member: m, right: true}) })
		both.Go(func() { _ = h.UseReset(context.WithoutCancel(t.Context()), office, link.Text().Expose(), chosen, "") })
		both.Wait()
		require.Empty(t, h.texts(t, `SELECT session_id::text FROM signet.sessions WHERE ended_at IS NULL`))
	}
}

package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// A reset leaves second factors as they are, unless an owner of the platform has said
// otherwise when making it.
func TestAResetTakesSecondFactorsAwayOnlyWhereItSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.BeginTOTP(t.Context(), h.as(t, ownerEmail, ownerPassword), "phone")
	require.NoError(t, err)
	h.damage(t, `UPDATE signet.factors SET confirmed_at = now() WHERE factor_id = '`+made.Factor.ID.String()+`'`)
	left := func() []string {
		return h.texts(t, `SELECT factor_id::text FROM signet.factors WHERE removed_at IS NULL`)
	}
	require.NoError(t, h.use(t, h.reset(t, h.owner.ID, core.TenantID{}), chosen))
	require.Len(t, left(), 1)

	token := core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID())
	require.NoError(t, h.store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		_, err := tx.CreateReset(t.Context(), core.Reset{ID: token.Link, Member: h.owner.ID, Factors: true}, token.Hash(), core.ResetLife)
		return err
	}))
	require.NoError(t, h.use(t, token, ownerPassword))
	require.Empty(t, left())
	h.as(t, ownerEmail, ownerPassword)
}

// A session that holds in one tenant alone accepts nothing elsewhere.
func TestASessionOfOneTenantAcceptsNoInvitation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.tenant(t, "一"), h.tenant(t, "二")
	require.NoError(t, h.accept(t, h.invite(t, one, "bob@example.com", core.TenantViewer), chosen, core.Actor{}))
	session, err := h.SignIn(t.Context(), office, "bob@example.com", chosen, "")
	require.NoError(t, err)
	token := h.invite(t, two, "bob@example.com", core.TenantOwner)
	h.damage(t, `UPDATE signet.sessions SET only_tenant = '`+one.String()+`' WHERE session_id = '`+h.actor(t, session).SessionID.String()+`'`)
	bob := h.actor(t, session)
	require.Equal(t, one, bob.OnlyTenant)
	requireFault(t, fault.InvitationMemberExists, h.accept(t, token, core.Secret{}, bob))
	require.NoError(t, h.accept(t, token, core.Secret{}, h.as(t, "bob@example.com", chosen)))
}

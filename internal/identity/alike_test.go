package identity

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// T-TIM-1, without a clock: of each pair of requests that are answered alike, one for
// what is there and one for what is not, both send as many statements to Postgres and
// hash as many passwords. How long they take `make chaos` measures.
func TestWhatIsNotThereIsAsMuchWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Mailer = &letterbox{}
	h.Identity = h.open(t)
	for _, member := range []string{"without@example.com", "phone@example.com"} {
		_, err := h.CreateOwner(t.Context(), member, ownerPassword)
		require.NoError(t, err)
	}
	h.withPhone(t)
	h.damage(t, `UPDATE signet.members SET email = 'x' || email WHERE email = 'phone@example.com'`)
	h.damage(t, `UPDATE signet.members SET email = 'phone@example.com' WHERE email = '`+ownerEmail+`'`) // who has a second factor
	h.damage(t, `UPDATE signet.members SET email = '`+ownerEmail+`' WHERE email = 'xphone@example.com'`)
	h.damage(t, `UPDATE signet.members SET password_hash = NULL WHERE email = 'without@example.com'`)
	tenant, key := h.makeKey(t)
	invitation := h.invite(t, tenant, "eve@example.com", core.TenantAdmin)
	toPlatform := h.invite(t, core.TenantID{}, "eve@example.com", core.PlatformAuditor)
	reset := h.reset(t, h.owner.ID, core.TenantID{})

	from, who := 0, 0 // each comes from elsewhere, so that no brake holds
	signIn := func(email string) error {
		from++
		_, err := h.SignIn(t.Context(), network(from), email, core.NewSecret("a wrong password"), "")
		return err
	}
	forget := func(email string) error { from++; return h.Forget(t.Context(), network(from), email, "") }
	readInvitation := func(tenant core.TenantID, id core.LinkID) error {
		_, err := h.ReadInvitation(t.Context(), core.NewLinkToken(core.InvitationPurpose, tenant, id).Text().Expose(), "")
		return err
	}
	accept := func(tenant core.TenantID, id core.LinkID) error {
		return h.accept(t, core.NewLinkToken(core.InvitationPurpose, tenant, id), chosen, core.Actor{})
	}
	newReset := func(id core.LinkID) core.LinkToken {
		return core.NewLinkToken(core.ResetPurpose, core.TenantID{}, id)
	}
	readReset := func(id core.LinkID) error {
		_, err := h.ReadReset(t.Context(), newReset(id).Text().Expose(), "")
		return err
	}
	byKey := func(token core.APIKeyToken) error {
		_, err := h.AuthenticateAPIKey(t.Context(), office, token, "")
		return err
	}
	nobody := func() string { who++; return fmt.Sprintf("nobody%d@example.com", who) }
	for _, pair := range []struct {
		name           string
		code           fault.Code
		hashes         int64
		known, unknown func() error
	}{
		{"a wrong password", fault.SessionRefused, 1, func() error { return signIn(ownerEmail) }, func() error { return signIn(nobody()) }},
		{"a wrong password of who has a second factor", fault.SessionRefused, 1, func() error { return signIn("phone@example.com") }, func() error { return signIn(nobody()) }},
		{"a password of who has none", fault.SessionRefused, 1, func() error { return signIn("without@example.com") }, func() error { return signIn(nobody()) }},
		{"an address that is none", fault.SessionRefused, 1, func() error { return signIn(ownerEmail) }, func() error { return signIn("no address") }},
		{"a forgotten password", "", 0, func() error { return forget(ownerEmail) }, func() error { return forget(nobody()) }},
		{"a forgotten password of who has none", "", 0, func() error { return forget("without@example.com") }, func() error { return forget(nobody()) }},
		{"an invitation into a tenant", fault.InvitationUnknown, 0, func() error { return readInvitation(tenant, invitation.Link) }, func() error { return readInvitation(core.NewTenantID(), core.NewLinkID()) }},
		{"an invitation to the platform", fault.InvitationUnknown, 0, func() error { return readInvitation(core.TenantID{}, toPlatform.Link) }, func() error { return readInvitation(core.TenantID{}, core.NewLinkID()) }},
		{"an invitation that is accepted", fault.InvitationUnknown, 0, func() error { return accept(tenant, invitation.Link) }, func() error { return accept(core.NewTenantID(), core.NewLinkID()) }},
		{"a reset", fault.ResetUnknown, 0, func() error { return readReset(reset.Link) }, func() error { return readReset(core.NewLinkID()) }},
		{"a reset that is used", fault.ResetUnknown, 0, func() error { return h.use(t, newReset(reset.Link), chosen) }, func() error { return h.use(t, newReset(core.NewLinkID()), chosen) }},
		{"an API key", fault.SessionRequired, 0, func() error { return byKey(core.NewAPIKeyToken(tenant, key.Key)) }, func() error { return byKey(core.NewAPIKeyToken(core.NewTenantID(), core.NewAPIKeyID())) }},
	} {
		t.Run(pair.name, func(t *testing.T) {
			for range 3 { // a plan is made, a row is there: it stays the same
				known, unknown := h.work(t, pair.code, pair.known), h.work(t, pair.code, pair.unknown)
				require.Equal(t, known, unknown)
				require.Positive(t, known.statements)
				require.Equal(t, pair.hashes, known.hashes)
			}
		})
	}
}

// worked is what a request has cost.
type worked struct{ statements, hashes int64 }

// work has a request made that is answered with a code, "" for none, and counts what
// was done for it.
func (h *house) work(t *testing.T, code fault.Code, ask func() error) worked {
	t.Helper()
	statements, hashes := h.store.Statements(), h.PasswordsHashed()
	err := ask()
	if code == "" {
		require.NoError(t, err)
	} else {
		requireFault(t, code, err)
	}
	return worked{h.store.Statements() - statements, h.PasswordsHashed() - hashes}
}

// What is asked of Postgres is alike in number and not in time: a row that names a
// member is checked against the members. The answer does not tell.
func TestAForgottenPasswordIsAnsweredInSteps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Mailer = &letterbox{}
	h.Identity = h.open(t)
	for n, email := range []string{ownerEmail, "nobody@example.com"} {
		for range asksPerEmail.burst + 1 { // the last is braked, and says nothing of it
			begun := time.Now()
			require.NoError(t, h.Forget(t.Context(), network(n), email, ""))
			require.GreaterOrEqual(t, time.Since(begun), forgetStep)
		}
	}
}

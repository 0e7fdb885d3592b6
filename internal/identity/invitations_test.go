package identity

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

var chosen = core.NewSecret("a password of their own")

// tenant makes a tenant.
func (h *house) tenant(t testing.TB, name string) core.TenantID {
	t.Helper()
	id := core.NewTenantID()
	require.NoError(t, h.store.Tenant(t.Context(), core.System("test"), id, func(tx *store.TenantTx) error { return tx.CreateTenant(t.Context(), name) }))
	return id
}

// invite makes an invitation; the zero tenant is the platform.
func (h *house) invite(t testing.TB, tenant core.TenantID, email string, role core.Role) core.LinkToken {
	t.Helper()
	return h.inviteBy(t, core.System("test"), tenant, email, role)
}

// inviteBy is invite by somebody.
func (h *house) inviteBy(t testing.TB, maker core.Actor, tenant core.TenantID, email string, role core.Role) core.LinkToken {
	t.Helper()
	token := core.NewLinkToken(core.InvitationPurpose, tenant, core.NewLinkID())
	create := func(tx *store.InvitationTx) error {
		_, err := tx.Create(t.Context(), token.Link, email, role, token.Hash(), core.InvitationLife)
		return err
	}
	if tenant.IsZero() {
		require.NoError(t, h.store.Platform(t.Context(), maker, func(tx *store.PlatformTx) error { return create(tx.Invitations()) }))
	} else {
		require.NoError(t, h.store.Tenant(t.Context(), maker, tenant, func(tx *store.TenantTx) error { return create(tx.Invitations()) }))
	}
	return token
}

func (h *house) accept(t testing.TB, token core.LinkToken, password core.Secret, actor core.Actor) error {
	t.Helper()
	_, err := h.AcceptInvitation(t.Context(), office, token.Text().Expose(), password, actor, "req-accept")
	return err
}

// as signs a member in and tells who they are.
func (h *house) as(t *testing.T, email string, password core.Secret) core.Actor {
	t.Helper()
	s, err := h.SignIn(t.Context(), office, email, password, "")
	require.NoError(t, err)
	return h.requireLive(t, s)
}

func requireFault(t testing.TB, code fault.Code, err error) {
	t.Helper()
	require.True(t, fault.Has(err, code), "want %s, got %v", code, err)
}

func TestSomebodyNewAcceptsAnInvitation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant := h.tenant(t, "蓝湖科技")
	token := h.invite(t, tenant, "bob@example.com", core.TenantAdmin)
	shown, err := h.ReadInvitation(t.Context(), token.Text().Expose(), "")
	require.NoError(t, err)
	require.Equal(t, "蓝湖科技", shown.TenantName)
	require.Equal(t, "bob@example.com", shown.Email)
	require.Equal(t, core.TenantAdmin, shown.Role)
	require.False(t, shown.MemberExists)

	requireFault(t, fault.RequestInvalid, h.accept(t, token, core.NewSecret("short"), core.Actor{}))
	require.NoError(t, h.accept(t, token, chosen, core.Actor{}))
	require.Equal(t, map[core.TenantID]core.Role{tenant: core.TenantAdmin}, h.as(t, "bob@example.com", chosen).Grants.Tenants)
	requireFault(t, fault.InvitationUsed, h.accept(t, token, chosen, core.Actor{}))
	_, err = h.ReadInvitation(t.Context(), token.Text().Expose(), "")
	requireFault(t, fault.InvitationUsed, err)
	require.Equal(t, []string{"invitation.accept bob@example.com bob@example.com tenant_admin"},
		h.db.List(t, `SELECT action || ' ' || actor_name || ' ' || (detail->>'email') || ' ' || (detail->>'role') FROM signet.audit`))
	require.Equal(t, []string{"member.create bob@example.com"}, h.db.List(t, `SELECT action || ' ' || actor_name FROM signet.platform_audit WHERE actor_name = 'bob@example.com' AND action <> 'session.create'`))
}

// Never does an invitation change the password of somebody who exists.
func TestSomebodyWhoExistsAcceptsSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant, other := h.tenant(t, "一"), h.tenant(t, "二")
	require.NoError(t, h.accept(t, h.invite(t, other, "bob@example.com", core.TenantViewer), chosen, core.Actor{}))
	bob, alien := h.as(t, "bob@example.com", chosen), h.as(t, ownerEmail, ownerPassword)
	token := h.invite(t, tenant, "bob@example.com", core.TenantOwner)
	shown, err := h.ReadInvitation(t.Context(), token.Text().Expose(), "")
	require.NoError(t, err)
	require.True(t, shown.MemberExists)

	another := core.NewSecret("another password of hers")
	requireFault(t, fault.InvitationMemberExists, h.accept(t, token, another, core.Actor{}))
	requireFault(t, fault.InvitationOtherMember, h.accept(t, token, another, alien))
	requireFault(t, fault.InvitationOtherMember, h.accept(t, h.invite(t, tenant, "new@example.com", core.TenantViewer), another, alien))
	require.NoError(t, h.accept(t, token, another, bob))
	require.Equal(t, map[core.TenantID]core.Role{tenant: core.TenantOwner, other: core.TenantViewer}, h.as(t, "bob@example.com", chosen).Grants.Tenants)
	_, err = h.SignIn(t.Context(), office, "bob@example.com", another, "")
	requireFault(t, fault.SessionRefused, err)

	again := h.invite(t, tenant, "bob@example.com", core.TenantViewer)
	requireFault(t, fault.MemberExists, h.accept(t, again, core.Secret{}, bob))
	require.Equal(t, core.TenantOwner, h.as(t, "bob@example.com", chosen).Grants.Tenants[tenant], "the role stays")
}

func TestOneOfThePlatformsPeopleIsInvited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	platform := core.TenantID{}
	token := h.invite(t, platform, "op@example.com", core.PlatformOperator)
	require.NoError(t, h.accept(t, token, chosen, core.Actor{}))
	require.Equal(t, core.PlatformOperator, h.as(t, "op@example.com", chosen).Grants.Platform)
	requireFault(t, fault.InvitationUsed, h.accept(t, token, chosen, core.Actor{}))

	require.NoError(t, h.accept(t, h.invite(t, h.tenant(t, "一"), "bob@example.com", core.TenantViewer), chosen, core.Actor{}))
	require.NoError(t, h.accept(t, h.invite(t, platform, "bob@example.com", core.PlatformAuditor), core.Secret{}, h.as(t, "bob@example.com", chosen)))
	require.Equal(t, core.PlatformAuditor, h.as(t, "bob@example.com", chosen).Grants.Platform)

	// An old invitation makes no owner less.
	requireFault(t, fault.MemberExists, h.accept(t, h.invite(t, platform, ownerEmail, core.PlatformAuditor), core.Secret{}, h.as(t, ownerEmail, ownerPassword)))
	require.Equal(t, core.PlatformOwner, h.as(t, ownerEmail, ownerPassword).Grants.Platform)
}

// Expired, taken back, foreign, cut and altered: each is refused, and what is nobody's
// is refused like what somebody altered.
func TestInvitationsThatAreNoLongerOrNeverWere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant, other := h.tenant(t, "一"), h.tenant(t, "二")
	open := h.invite(t, tenant, "bob@example.com", core.TenantViewer)
	text := open.Text().Expose()
	foreign := core.NewLinkToken(core.InvitationPurpose, other, open.Link)
	ofPlatform := core.NewLinkToken(core.InvitationPurpose, core.TenantID{}, open.Link)
	flipped := "A"
	if text[85:] == "A" {
		flipped = "Q"
	}
	unknown := fault.New(fault.InvitationUnknown, nil).Error()
	for name, bad := range map[string]string{
		"nothing": "", "cut": text[:85], "longer": text + "A", "altered": text[:85] + flipped, "of nobody": core.NewLinkToken(core.InvitationPurpose, tenant, core.NewLinkID()).Text().Expose(),
		"another tenant's": foreign.Text().Expose(), "the platform's": ofPlatform.Text().Expose(), "another random part": core.NewLinkToken(core.InvitationPurpose, tenant, open.Link).Text().Expose(),
		"a reset": core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID()).Text().Expose(), "of no tenant": core.NewLinkToken(core.InvitationPurpose, core.NewTenantID(), open.Link).Text().Expose(),
	} {
		_, err := h.ReadInvitation(t.Context(), bad, "")
		require.EqualError(t, err, unknown, name)
		_, err = h.AcceptInvitation(t.Context(), office, bad, chosen, core.Actor{}, "")
		require.EqualError(t, err, unknown, name)
	}
	_, err := h.ReadReset(t.Context(), text, "")
	requireFault(t, fault.ResetUnknown, err)

	newer := h.invite(t, tenant, "bob@example.com", core.TenantAdmin)
	requireFault(t, fault.InvitationRevoked, h.accept(t, open, chosen, core.Actor{}))
	h.damage(t, `UPDATE signet.invitations SET expires_at = now() WHERE link_id = '`+newer.Link.String()+`'`)
	requireFault(t, fault.InvitationExpired, h.accept(t, newer, chosen, core.Actor{}))
	require.Empty(t, h.db.List(t, `SELECT email FROM signet.members WHERE email = 'bob@example.com'`))
	last := h.invite(t, tenant, "bob@example.com", core.TenantAdmin)
	requireFault(t, fault.InvitationExpired, h.accept(t, newer, chosen, core.Actor{}))
	h.damage(t, `UPDATE signet.tenants SET status = 'suspended' WHERE tenant_id = '`+tenant.String()+`'`)
	requireFault(t, fault.TenantSuspended, h.accept(t, last, chosen, core.Actor{}))
	h.damage(t, `UPDATE signet.tenants SET deletion_requested_at = now(), deletion_due_at = now(), deletion_requested_by = 'x' WHERE tenant_id = '`+tenant.String()+`'`)
	requireFault(t, fault.TenantLeaving, h.accept(t, last, chosen, core.Actor{}))
}

func TestOfTwoWhoAcceptAtOnceOneWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, tenant := range []core.TenantID{h.tenant(t, "一"), {}} {
		role := core.TenantAdmin
		if tenant.IsZero() {
			role = core.PlatformAuditor
		}
		email := fmt.Sprintf("bob-%.8s@example.com", tenant)
		token := h.invite(t, tenant, email, role)
		passwords := []core.Secret{chosen, core.NewSecret("the password of another")}
		errs := make([]error, 2)
		var together sync.WaitGroup
		for n, password := range passwords {
			together.Go(func() {
				_, errs[n] = h.AcceptInvitation(t.Context(), network(n), token.Text().Expose(), password, core.Actor{}, "")
			})
		}
		together.Wait()
		require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
		winner := passwords[0]
		if errs[0] != nil {
			winner = passwords[1]
		}
		h.as(t, email, winner)
	}
}

// Postgres is lost between the two doors: what is left is a person who is nothing to
// anybody and an open link, which that person then accepts.
func TestAnInvitationThatWasCutShortIsAcceptedLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tenant := h.tenant(t, "一")
	token := h.invite(t, tenant, "bob@example.com", core.TenantAdmin)
	h.db.Exec(t, `CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '53100'; END $$`)
	h.db.Exec(t, `CREATE TRIGGER broken BEFORE INSERT ON signet.memberships FOR EACH ROW EXECUTE FUNCTION public.broken()`)
	requireFault(t, fault.StoreUnavailable, h.accept(t, token, chosen, core.Actor{}))
	h.db.Exec(t, `DROP TRIGGER broken ON signet.memberships`)

	bob := h.as(t, "bob@example.com", chosen)
	require.Empty(t, bob.Grants.Tenants)
	require.Empty(t, bob.Grants.Platform)
	requireFault(t, fault.InvitationMemberExists, h.accept(t, token, chosen, core.Actor{}))
	require.NoError(t, h.accept(t, token, core.Secret{}, bob))
	require.Equal(t, map[core.TenantID]core.Role{tenant: core.TenantAdmin}, h.as(t, "bob@example.com", chosen).Grants.Tenants)
}

// reset makes a reset; tenant is the one whose owner does, zero for the platform.
func (h *house) reset(t testing.TB, member core.MemberID, tenant core.TenantID) core.LinkToken {
	t.Helper()
	return h.resetBy(t, core.System("test"), core.Reset{Member: member, Tenant: tenant})
}

// resetBy is reset by somebody.
func (h *house) resetBy(t testing.TB, maker core.Actor, r core.Reset) core.LinkToken {
	t.Helper()
	token := core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID())
	r.ID = token.Link
	require.NoError(t, h.store.Platform(t.Context(), maker, func(tx *store.PlatformTx) error {
		_, err := tx.CreateReset(t.Context(), r, token.Hash(), core.ResetLife)
		return err
	}))
	return token
}

func (h *house) use(t testing.TB, token core.LinkToken, password core.Secret) error {
	t.Helper()
	return h.UseReset(t.Context(), office, token.Text().Expose(), password, "req-reset")
}

func TestAResetGivesANewPasswordAndEndsEverySession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, second := h.signIn(t), h.signIn(t)
	older, token := h.reset(t, h.owner.ID, core.TenantID{}), h.reset(t, h.owner.ID, core.TenantID{})
	requireFault(t, fault.ResetRevoked, h.use(t, older, chosen))
	shown, err := h.ReadReset(t.Context(), token.Text().Expose(), "")
	require.NoError(t, err)
	require.Equal(t, ownerEmail, shown.Email)
	requireFault(t, fault.RequestInvalid, h.use(t, token, core.NewSecret("short")))
	h.requireLive(t, first)

	require.NoError(t, h.use(t, token, chosen))
	h.requireOver(t, first)
	h.requireOver(t, second)
	h.requireNoRefresh(t, first.Refresh)
	_, err = h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
	requireFault(t, fault.SessionRefused, err)
	h.as(t, ownerEmail, chosen)
	requireFault(t, fault.ResetUsed, h.use(t, token, chosen))
	require.Equal(t, []string{"owner@example.com 2"}, h.db.List(t, `SELECT (detail->>'email') || ' ' || (detail->>'sessions') FROM signet.platform_audit WHERE action = 'reset.use'`))
}

func TestResetsThatAreNoLongerOrNeverWere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.reset(t, h.owner.ID, core.TenantID{})
	text := token.Text().Expose()
	unknown := fault.New(fault.ResetUnknown, nil).Error()
	for name, bad := range map[string]string{"nothing": "", "cut": text[:80], "another random part": core.NewLinkToken(core.ResetPurpose, core.TenantID{}, token.Link).Text().Expose(),
		"of nobody": core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID()).Text().Expose(), "an invitation": h.invite(t, core.TenantID{}, "x@example.com", core.PlatformOwner).Text().Expose()} {
		_, err := h.ReadReset(t.Context(), bad, "")
		require.EqualError(t, err, unknown, name)
		require.EqualError(t, h.UseReset(t.Context(), office, bad, chosen, ""), unknown, name)
	}
	h.damage(t, `UPDATE signet.resets SET expires_at = now()`)
	requireFault(t, fault.ResetExpired, h.use(t, token, chosen))
}

// A reset that an owner of a tenant has made is no longer good once its member is
// something elsewhere.
func TestAResetDoesNotOutliveThatItsMemberBelongsToOneTenant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.tenant(t, "一"), h.tenant(t, "二")
	require.NoError(t, h.accept(t, h.invite(t, one, "bob@example.com", core.TenantViewer), chosen, core.Actor{}))
	bob := h.as(t, "bob@example.com", chosen)
	good := h.reset(t, bob.MemberID, one)
	_, err := h.ReadReset(t.Context(), good.Text().Expose(), "")
	require.NoError(t, err)
	require.NoError(t, h.accept(t, h.invite(t, two, "bob@example.com", core.TenantViewer), core.Secret{}, bob))
	requireFault(t, fault.ResetRevoked, h.use(t, good, core.NewSecret("what the owner would")))
	h.as(t, "bob@example.com", chosen)

	require.NoError(t, h.accept(t, h.invite(t, one, "eve@example.com", core.TenantViewer), chosen, core.Actor{}))
	eve := h.as(t, "eve@example.com", chosen)
	token := h.reset(t, eve.MemberID, one)
	require.NoError(t, h.accept(t, h.invite(t, core.TenantID{}, "eve@example.com", core.PlatformAuditor), core.Secret{}, eve))
	requireFault(t, fault.ResetRevoked, h.use(t, token, core.NewSecret("what the owner would")))
}

var errMail = fault.New(fault.InternalError, nil)

func TestWhoHasForgottenTheirPasswordGetsALetter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	requireFault(t, fault.MailNotConfigured, h.Forget(t.Context(), office, ownerEmail, ""))
	requireFault(t, fault.MailNotConfigured, h.Forget(t.Context(), office, "nobody@example.com", ""))
	require.Empty(t, h.db.List(t, `SELECT link_id::text FROM signet.resets`))

	box := &letterbox{}
	h.cfg.Mailer = box
	h.Identity = h.open(t)
	requireFault(t, fault.RequestInvalid, h.Forget(t.Context(), office, "no address", ""))
	require.NoError(t, h.Forget(t.Context(), office, "nobody@example.com", ""))
	require.Empty(t, box.letters)
	require.NoError(t, h.Forget(t.Context(), office, "Owner@Example.com", ""))
	require.Len(t, box.letters, 1)
	letter := box.letters[0]
	require.Equal(t, core.ForgottenLetter, letter.Kind)
	require.Equal(t, ownerEmail, letter.To)
	require.Equal(t, []string{"reset.ask nobody@example.com", "reset.ask owner@example.com"},
		h.db.List(t, `SELECT action || ' ' || (detail->>'email') FROM signet.platform_audit WHERE action = 'reset.ask' ORDER BY seq`), "the same rows for both")
	require.Equal(t, []string{"2"}, h.db.List(t, `SELECT count(*)::text FROM signet.resets`))
	require.NoError(t, h.use(t, letter.Link, chosen))
	h.as(t, ownerEmail, chosen)

	box.fail = errMail
	require.NoError(t, h.Forget(t.Context(), office, ownerEmail, ""), "an error would say that there is such a member")
}

// Nobody's mailbox is filled by who knows its address, and nobody hears that it is so.
func TestLettersAreBraked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	box := &letterbox{}
	h.cfg.Mailer = box
	h.Identity = h.open(t)
	for n := range 20 {
		require.NoError(t, h.Forget(t.Context(), network(n), ownerEmail, ""))
	}
	require.Len(t, box.letters, asksPerEmail.burst)
	for n := range asksPerClient.burst {
		require.NoError(t, h.Forget(t.Context(), office, fmt.Sprintf("n%d@example.com", n), ""))
	}
	requireFault(t, fault.RateLimitedCode, h.Forget(t.Context(), office, "one.more@example.com", ""))
	h.forward(time.Minute)
	require.NoError(t, h.Forget(t.Context(), office, "one.more@example.com", ""))
}

type letterbox struct {
	letters []core.Letter
	fail    error
}

func (b *letterbox) Send(_ context.Context, l core.Letter) error {
	b.letters = append(b.letters, l)
	return b.fail
}

// A role that is changed, a membership that is taken away: the next request on every
// node goes by it. The bound is two seconds, and it is at once.
func TestWhatSomebodyMayIsReadAnewOnEveryNode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	elsewhere := h.open(t)
	tenant := h.tenant(t, "一")
	require.NoError(t, h.accept(t, h.invite(t, tenant, "bob@example.com", core.TenantOwner), chosen, core.Actor{}))
	s, err := h.SignIn(t.Context(), office, "bob@example.com", chosen, "")
	require.NoError(t, err)
	on := func(node *Identity) core.Actor {
		actor, err := node.Authenticate(t.Context(), s.AccessToken.Expose(), "")
		require.NoError(t, err)
		return actor
	}
	write := func(work func(tx *store.TenantTx) error) time.Time {
		require.NoError(t, h.store.Tenant(t.Context(), core.System("test"), tenant, work))
		return time.Now()
	}
	nodes := []*Identity{h.Identity, elsewhere}
	for _, node := range nodes {
		require.NoError(t, on(node).MayIn(tenant, core.MembersWrite))
	}
	at := write(func(tx *store.TenantTx) error {
		return tx.UpdateMembership(t.Context(), s.Member.ID, core.TenantViewer)
	})
	for _, node := range nodes {
		requireFault(t, fault.PermissionDenied, on(node).MayIn(tenant, core.MembersWrite))
	}
	t.Logf("a role counts on both nodes after %s", time.Since(at))
	at = write(func(tx *store.TenantTx) error { return tx.DeleteMembership(t.Context(), s.Member.ID) })
	for _, node := range nodes {
		requireFault(t, fault.TenantUnknown, on(node).MayIn(tenant, core.TenantRead))
	}
	t.Logf("a membership that is gone is gone on both nodes after %s", time.Since(at))
	require.NoError(t, h.store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.SetPlatformRole(t.Context(), s.Member.ID, core.PlatformOperator)
	}))
	for _, node := range nodes {
		require.NoError(t, on(node).MayIn(tenant, core.TenantSuspend))
	}
}

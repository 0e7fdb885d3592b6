package admin_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// owned gives a tenant with two owners.
func owned(t *testing.T) (b bundle, tenant core.TenantID, first, second core.Actor) {
	t.Helper()
	b = bundle{House: apptest.New(t, apptest.Config{})}
	tenant = b.Tenant(t, "蓝湖科技", corp).ID
	for _, who := range []*core.Actor{&first, &second} {
		*who = actor(core.TenantOwner, tenant)
		who.MemberID = b.person(t, who.MemberID.String()+"@test.example", "")
		b.join(t, tenant, who.MemberID, core.TenantOwner)
	}
	return b, tenant, first, second
}

func (b bundle) roles(t *testing.T, tenant core.TenantID) map[core.MemberID]core.Role {
	t.Helper()
	list, err := b.Admin.ListMembers(t.Context(), apptest.Operator(), tenant, firstPage)
	require.NoError(t, err)
	roles := map[core.MemberID]core.Role{}
	for _, m := range list.Items {
		require.NotEmpty(t, m.Member.Email)
		roles[m.Member.ID] = m.Role
	}
	return roles
}

func TestATenantKeepsItsLastOwner(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	ctx := t.Context()
	require.NoError(t, b.Admin.DeleteMember(ctx, first, tenant, second.MemberID, nil))
	before := b.contents(t)
	for name, who := range map[string]core.Actor{"themselves": first, "the platform": apptest.Operator()} {
		err := b.Admin.DeleteMember(ctx, who, tenant, first.MemberID, nil)
		require.True(t, fault.Has(err, fault.MemberLastOwner), "%s: %v", name, err)
		_, err = b.Admin.UpdateMember(ctx, who, tenant, first.MemberID, nil, string(core.TenantAdmin))
		require.True(t, fault.Has(err, fault.MemberLastOwner), "%s: %v", name, err)
	}
	_, err := b.Admin.UpdateMember(ctx, first, tenant, first.MemberID, nil, string(core.TenantOwner))
	require.NoError(t, err, "an owner stays one")
	require.Equal(t, before, b.contents(t))
	require.Equal(t, map[core.MemberID]core.Role{first.MemberID: core.TenantOwner}, b.roles(t, tenant))
}

// Two owners who take each other out at the same time: one of them stays, however
// their transactions fall. Ten pairs.
func TestOfTwoOwnersWhoRemoveEachOtherOneStays(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		b, tenant, first, second := owned(t)
		acts := []func() error{
			func() error { return b.Admin.DeleteMember(t.Context(), first, tenant, second.MemberID, nil) },
			func() error {
				_, err := b.Admin.UpdateMember(t.Context(), second, tenant, first.MemberID, nil, string(core.TenantViewer))
				return err
			},
		}
		if round%2 == 1 {
			acts[1] = func() error { return b.Admin.DeleteMember(t.Context(), second, tenant, first.MemberID, nil) }
		}
		errs := make([]error, len(acts))
		var together sync.WaitGroup
		for i, act := range acts {
			together.Go(func() { errs[i] = act() })
		}
		together.Wait()
		owners := 0
		for _, role := range b.roles(t, tenant) {
			if role == core.TenantOwner {
				owners++
			}
		}
		require.Equal(t, 1, owners, "%v", errs)
		require.True(t, fault.Has(errs[0], fault.MemberLastOwner) != fault.Has(errs[1], fault.MemberLastOwner), "%v", errs)
	}
}

// The same by hand: the second waits for the first, and sees one owner left.
func TestWhoTakesTheLastOwnerAwayWaitsForWhoTookTheOtherOne(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	result := make(chan error, 1)
	err := b.Store.Tenant(t.Context(), first, tenant, func(tx *store.TenantTx) error {
		owners, err := tx.LockOwners(t.Context())
		require.NoError(t, err)
		require.Len(t, owners, 2)
		go func() {
			result <- b.Admin.DeleteMember(context.WithoutCancel(t.Context()), second, tenant, first.MemberID, nil)
		}()
		require.Eventually(t, func() bool {
			return b.DB.List(t, `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)[0] != "0"
		}, 10*time.Second, 10*time.Millisecond, "the second waits")
		return tx.DeleteMembership(t.Context(), second.MemberID)
	})
	require.NoError(t, err)
	require.True(t, fault.Has(<-result, fault.MemberLastOwner))
}

// The same for the platform, by hand.
func TestWhoTakesThePlatformsLastOwnerAwayWaitsForWhoTookTheOtherOne(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	one, two := b.person(t, "one@test.example", core.PlatformOwner), b.person(t, "two@test.example", core.PlatformOwner)
	result := make(chan error, 1)
	err := b.Store.Platform(t.Context(), apptest.Operator(), func(tx *store.PlatformTx) error {
		owners, err := tx.LockPlatformOwners(t.Context())
		require.NoError(t, err)
		require.Len(t, owners, 2)
		go func() {
			result <- b.Admin.DeletePlatformMember(context.WithoutCancel(t.Context()), apptest.Operator(), one, nil)
		}()
		require.Eventually(t, func() bool {
			return b.DB.List(t, `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)[0] != "0"
		}, 10*time.Second, 10*time.Millisecond, "the second waits")
		return tx.SetPlatformRole(t.Context(), two, "")
	})
	require.NoError(t, err)
	require.True(t, fault.Has(<-result, fault.MemberLastOwner))
}

func TestThePlatformKeepsItsLastOwner(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	ctx := t.Context()
	one, two := b.person(t, "one@test.example", core.PlatformOwner), b.person(t, "two@test.example", core.PlatformOwner)
	errs := make([]error, 2)
	var together sync.WaitGroup
	for i, id := range []core.MemberID{one, two} {
		together.Go(func() { errs[i] = b.Admin.DeletePlatformMember(ctx, apptest.Operator(), id, nil) })
	}
	together.Wait()
	require.True(t, fault.Has(errs[0], fault.MemberLastOwner) != fault.Has(errs[1], fault.MemberLastOwner), "%v", errs)
	left := one
	if errs[0] == nil {
		left = two
	}
	_, err := b.Admin.UpdatePlatformMember(ctx, apptest.Operator(), left, nil, string(core.PlatformOperator))
	require.True(t, fault.Has(err, fault.MemberLastOwner), "%v", err)
}

// Whoever belongs to a tenant may leave it, in whatever role, having proved who they
// are; nobody else's membership is theirs to end.
func TestAMemberMayLeave(t *testing.T) {
	t.Parallel()
	b, tenant, first, _ := owned(t)
	viewer := actor(core.TenantViewer, tenant)
	viewer.MemberID = b.person(t, "viewer@test.example", "")
	b.join(t, tenant, viewer.MemberID, core.TenantViewer)
	require.True(t, fault.Has(b.Admin.DeleteMember(t.Context(), viewer, tenant, first.MemberID, nil), fault.PermissionDenied))
	stale := viewer
	stale.Proved = false
	require.True(t, fault.Has(b.Admin.DeleteMember(t.Context(), stale, tenant, viewer.MemberID, nil), fault.StepUpRequired))
	unproved := viewer
	unproved.Grants.Unproved = map[core.TenantID]bool{tenant: true}
	require.True(t, fault.Has(b.Admin.DeleteMember(t.Context(), unproved, tenant, viewer.MemberID, nil), fault.SecondFactorRequired))
	audit, _ := b.news(t, func() { require.NoError(t, b.Admin.DeleteMember(t.Context(), viewer, tenant, viewer.MemberID, nil)) })
	require.Equal(t, []string{"member.remove by " + viewer.Name}, audit)
	require.Equal(t, []string{"viewer@test.example tenant_viewer"}, b.DB.List(t, `SELECT (detail->>'email') || ' ' || (detail->>'role') FROM signet.audit WHERE action = 'member.remove'`))
	require.NotContains(t, b.roles(t, tenant), viewer.MemberID)
}

func TestARoleIsGivenAtTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	version := int64(1)
	changed, err := b.Admin.UpdateMember(t.Context(), first, tenant, second.MemberID, &version, string(core.TenantAdmin))
	require.NoError(t, err)
	require.Equal(t, int64(2), changed.Version)
	require.Equal(t, core.TenantAdmin, changed.Role)
	_, err = b.Admin.UpdateMember(t.Context(), first, tenant, second.MemberID, &version, string(core.TenantViewer))
	require.True(t, fault.Has(err, fault.IfMatchConflict), "%v", err)
	for _, role := range []string{"", "platform_owner", "TENANT_OWNER", "owner"} {
		_, err = b.Admin.UpdateMember(t.Context(), first, tenant, second.MemberID, nil, role)
		require.True(t, fault.Has(err, fault.RequestInvalid), "%q: %v", role, err)
	}
}

// An owner of one tenant must not get at a person's place in another by their password.
func TestWhoseResetOneMayMake(t *testing.T) {
	t.Parallel()
	b, tenant, first, _ := owned(t)
	ctx := t.Context()
	other := b.Tenant(t, "别家", "wwotherother000001").ID
	alone, elsewhere := b.person(t, "alone@test.example", ""), b.person(t, "elsewhere@test.example", "")
	staff, chief := b.person(t, "staff@test.example", core.PlatformAuditor), b.person(t, "chief@test.example", core.PlatformOwner)
	for _, id := range []core.MemberID{alone, elsewhere, staff, chief} {
		b.join(t, tenant, id, core.TenantViewer)
	}
	b.join(t, other, elsewhere, core.TenantViewer)
	for who, row := range map[*core.Actor]map[core.MemberID]bool{
		&first: {alone: true},
		ptr(actor(core.PlatformOperator, tenant)): {alone: true, elsewhere: true},
		ptr(actor(core.PlatformOwner, tenant)):    {alone: true, elsewhere: true, staff: true, chief: true},
	} {
		for _, id := range []core.MemberID{alone, elsewhere, staff, chief} {
			before := b.contents(t)
			made, err := b.Admin.CreateReset(ctx, *who, tenant, id)
			if row[id] {
				require.NoError(t, err)
				require.Equal(t, made.ID, made.Token.Link)
				require.Equal(t, who == &first, !made.Tenant.IsZero(), "which tenant's owner made it is kept")
				continue
			}
			require.True(t, fault.Has(err, fault.PermissionDenied), "%s: %v", who.Name, err)
			require.NotEmpty(t, fault.Find(err).Reason)
			require.Equal(t, before, b.contents(t))
		}
	}
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT count(*)::text FROM signet.resets WHERE member_id = '`+alone.String()+`' AND revoked_at IS NULL`), "the newest is the one that is good")
	_, err := b.Admin.CreateReset(ctx, first, other, elsewhere)
	require.True(t, fault.Has(err, fault.TenantUnknown), "%v", err)
}

func ptr[T any](v T) *T { return &v }

// post remembers letters.
type post struct {
	mu      sync.Mutex // guards letters
	letters []core.Letter
	fail    error
}

func (p *post) Send(_ context.Context, l core.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, l)
	return p.fail
}

func TestInvitationsAndResetsAreMailedWhereThereIsMail(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	ctx := t.Context()
	invite := func(email string) admin.MadeInvitation {
		made, err := b.Admin.CreateInvitation(ctx, first, tenant, admin.NewInvitation{Email: email, Role: string(core.TenantViewer)})
		require.NoError(t, err)
		return made
	}
	none := invite("a@test.example")
	require.False(t, none.Mailed, "there is no mail")
	require.Equal(t, core.MailNotConfigured, none.MailProblem)
	mailer := &post{}
	b.Admin.Mailer = mailer
	made := invite("Bob@Test.example")
	require.True(t, made.Mailed)
	reset, err := b.Admin.CreateReset(ctx, first, tenant, second.MemberID)
	require.NoError(t, err)
	require.True(t, reset.Mailed)
	called, err := b.Admin.CreatePlatformInvitation(ctx, apptest.Operator(), admin.NewInvitation{Email: "c@test.example", Role: string(core.PlatformAuditor)})
	require.NoError(t, err)
	require.True(t, called.Mailed)
	require.Len(t, mailer.letters, 3)
	require.Equal(t, core.Letter{Kind: core.InvitationLetter, To: "bob@test.example", Link: made.Token, ExpiresAt: made.ExpiresAt, TenantName: "蓝湖科技", Role: core.TenantViewer, MadeBy: first.Name}, mailer.letters[0])
	require.Equal(t, core.ResetLetter, mailer.letters[1].Kind)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", mailer.letters, mailer.letters, mailer.letters), made.Token.Text().Expose(), "a letter shows its link to nobody by chance")
	mailer.fail = fault.New(fault.StoreUnavailable, nil)
	require.False(t, invite("d@test.example").Mailed, "it is made all the same, and the answer says so")
}

// Signet's own name is on a letter: nobody fills a stranger's mailbox with them, or sends
// them to everybody. The link is made all the same.
func TestLettersThatSomebodySendsAreCounted(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	mailer := &post{}
	b.Admin.Mailer = mailer
	invite := func(who core.Actor, email string) core.MailProblem {
		t.Helper()
		made, err := b.Admin.CreateInvitation(t.Context(), who, tenant, admin.NewInvitation{Email: email, Role: string(core.TenantViewer)})
		require.NoError(t, err)
		require.Equal(t, made.MailProblem == "", made.Mailed)
		return made.MailProblem
	}
	for range 6 {
		require.Empty(t, invite(first, "stranger@test.example"))
	}
	require.Equal(t, core.MailTooMany, invite(first, "stranger@test.example"))
	require.Equal(t, core.MailTooMany, invite(second, "Stranger@test.example"), "it is the address that has had them")
	for n := range 54 {
		require.Empty(t, invite(first, fmt.Sprintf("person%d@test.example", n)), n)
	}
	require.Equal(t, core.MailTooMany, invite(first, "one-more@test.example"))
	require.Empty(t, invite(second, "one-more@test.example"), "each member has letters of their own")
	require.Len(t, mailer.letters, 61)
}

// One who belongs to the tenant already is not invited, nor one of the platform's.
func TestNobodyIsInvitedWhereTheyAre(t *testing.T) {
	t.Parallel()
	b, tenant, first, _ := owned(t)
	b.join(t, tenant, b.person(t, "here@test.example", ""), core.TenantViewer)
	b.person(t, "there@test.example", core.PlatformAuditor)
	_, err := b.Admin.CreateInvitation(t.Context(), first, tenant, admin.NewInvitation{Email: "HERE@test.example", Role: string(core.TenantOwner)})
	require.True(t, fault.Has(err, fault.MemberExists), "%v", err)
	_, err = b.Admin.CreateInvitation(t.Context(), first, tenant, admin.NewInvitation{Email: "there@test.example", Role: string(core.TenantOwner)})
	require.NoError(t, err)
	_, err = b.Admin.CreatePlatformInvitation(t.Context(), apptest.Operator(), admin.NewInvitation{Email: "there@test.example", Role: string(core.PlatformOwner)})
	require.True(t, fault.Has(err, fault.MemberExists), "%v", err)
	_, err = b.Admin.CreateInvitation(t.Context(), first, tenant, admin.NewInvitation{Email: "no address", Role: "platform_owner"})
	require.Len(t, fault.Find(err).Fields, 2)
}

// A member of two tenants acts in each in their role there.
func TestAMemberOfTwoTenantsActsInEachInTheirRoleThere(t *testing.T) {
	t.Parallel()
	b, tenant, first, second := owned(t)
	other := b.Tenant(t, "别家", "wwotherother000001").ID
	both := first
	both.Grants.Tenants = map[core.TenantID]core.Role{tenant: core.TenantOwner, other: core.TenantViewer}
	b.join(t, other, both.MemberID, core.TenantViewer)
	_, err := b.Admin.UpdateMember(t.Context(), both, other, both.MemberID, nil, string(core.TenantOwner))
	require.True(t, fault.Has(err, fault.PermissionDenied), "a viewer there: %v", err)
	_, err = b.Admin.UpdateMember(t.Context(), both, other, second.MemberID, nil, string(core.TenantOwner))
	require.True(t, fault.Has(err, fault.PermissionDenied), "%v", err)
	foreign := b.Admin.DeleteMember(t.Context(), first, tenant, b.person(t, "nobody@test.example", ""), nil)
	require.True(t, fault.Has(foreign, fault.MemberUnknown), "%v", foreign)
}

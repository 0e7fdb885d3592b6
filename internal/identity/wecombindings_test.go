package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// somebody makes another member, of the tenant with a role, or of none.
func (w *weComHouse) somebody(t *testing.T, email string, role core.Role) (core.Member, core.Actor) {
	t.Helper()
	m, err := w.CreateOwner(t.Context(), email, ownerPassword)
	require.NoError(t, err)
	w.db.Exec(t, `UPDATE signet.members SET platform_role = NULL WHERE member_id = $1`, m.ID)
	m.Platform = ""
	if role != "" {
		w.join(t, w.tenant, m, role)
	}
	s, err := w.SignIn(t.Context(), office, email, ownerPassword, "")
	require.NoError(t, err)
	return m, w.actor(t, s)
}

// bindRound goes to WeCom and back as user, to be bound.
func (w *weComHouse) bindRound(t *testing.T, actor core.Actor, user string) (WeComReturn, error) {
	t.Helper()
	round, err := w.BeginWeComBinding(t.Context(), actor, atOffice, w.app.Key.String())
	require.NoError(t, err)
	state, code := w.confirm(t, round, user)
	return w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, code)
}

// tenantAudit gives actions and details of the tenant's chain that are about WeCom.
func (w *weComHouse) tenantAudit(t *testing.T) []string {
	t.Helper()
	return w.texts(t, `SELECT actor_name || ' ' || action || ' ' || subject || ' ' || (detail->>'user_id') FROM signet.audit WHERE action LIKE 'wecom.%' ORDER BY seq`)
}

func TestAMemberBindsThemselvesAndComesIn(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	m, actor := w.somebody(t, "lisi@example.com", core.TenantViewer)
	came, err := w.bindRound(t, actor, "lisi")
	require.NoError(t, err)
	require.Equal(t, WeComReturn{Bound: true}, came)

	list, err := w.ListWeComBindings(t.Context(), actor)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, core.WeComPerson{TenantID: w.tenant.ID, CorpID: signInCorp, UserID: "lisi", MemberID: m.ID, BoundAt: list[0].BoundAt, BoundBy: "lisi@example.com"}, list[0])

	came, err = w.goRound(t, w.app, "lisi")
	require.NoError(t, err)
	require.Equal(t, m.ID, came.Session.Member.ID)

	require.NoError(t, w.UnbindWeCom(t.Context(), actor, w.tenant.ID))
	_, err = w.Authenticate(t.Context(), came.Session.AccessToken.Expose(), "")
	requireCode(t, err, fault.SessionRequired)
	require.Equal(t, []string{"password"}, w.texts(t, `SELECT begun_with FROM signet.sessions WHERE ended_at IS NULL`), "what was begun otherwise goes on")
	_, err = w.goRound(t, w.app, "lisi")
	requireCode(t, err, fault.WeComUnbound)
	requireCode(t, w.UnbindWeCom(t.Context(), actor, w.tenant.ID), fault.TenantUnknown)
	requireCode(t, w.UnbindWeCom(t.Context(), actor, core.NewTenantID()), fault.TenantUnknown)
	require.Equal(t, []string{
		"lisi@example.com wecom.bind " + m.ID.String() + " lisi",
		"lisi@example.com wecom.unbind " + m.ID.String() + " lisi",
	}, w.tenantAudit(t))
}

func TestABindingWantsProofMembershipAndALivingSession(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	_, actor := w.somebody(t, "lisi@example.com", core.TenantViewer)
	_, outside := w.somebody(t, "wangwu@example.com", "")
	begin := func(a core.Actor) error {
		_, err := w.BeginWeComBinding(t.Context(), a, atOffice, w.app.Key.String())
		return err
	}
	requireCode(t, begin(outside), fault.AppUnknown)
	operator := outside
	operator.Grants.Platform = core.PlatformOwner
	requireCode(t, begin(operator), fault.AppUnknown)
	unproved := actor
	unproved.Proved = false
	requireCode(t, begin(unproved), fault.StepUpRequired)
	requireCode(t, w.UnbindWeCom(t.Context(), unproved, w.tenant.ID), fault.StepUpRequired)
	requireCode(t, begin(core.Actor{Kind: core.ActorAPIKey, Proved: true, Grants: actor.Grants}), fault.PermissionDenied)

	for name, spoil := range map[string]struct {
		statement string
		code      fault.Code
	}{
		"the session has ended":        {`UPDATE signet.sessions SET ended_at = now() WHERE ended_at IS NULL`, fault.SessionRequired},
		"a second factor is asked for": {`UPDATE signet.tenants SET second_factor_required = true`, fault.SecondFactorRequired},
		"they left the tenant":         {`DELETE FROM signet.memberships`, fault.TenantUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeComHouse(t)
			_, actor := w.somebody(t, "lisi@example.com", core.TenantViewer)
			round, err := w.BeginWeComBinding(t.Context(), actor, atOffice, w.app.Key.String())
			require.NoError(t, err)
			state, code := w.confirm(t, round, "lisi")
			w.damage(t, spoil.statement)
			came, err := w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, code)
			requireCode(t, err, spoil.code)
			require.Equal(t, WeComReturn{}, came)
			require.Empty(t, w.texts(t, `SELECT 'x' FROM signet.wecom_people WHERE user_id = 'lisi'`))
		})
	}
}

func TestAPersonIsOneMemberAndAMemberOnePerson(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	_, actor := w.somebody(t, "lisi@example.com", core.TenantViewer)
	_, err := w.bindRound(t, actor, zhangsan)
	requireCode(t, err, fault.WeComBound)
	_, err = w.bindRound(t, actor, wecomtest.Outsider)
	requireCode(t, err, fault.WeComUnbound)
	_, err = w.bindRound(t, actor, "lisi")
	require.NoError(t, err)
	owner := w.actor(t, w.signIn(t))
	_, err = w.bindRound(t, owner, "lisi")
	requireCode(t, err, fault.WeComBound)
	require.NoError(t, w.UnbindWeCom(t.Context(), owner, w.tenant.ID))
	_, err = w.bindRound(t, actor, zhangsan) // who is nobody any more
	requireCode(t, err, fault.WeComBound)
	require.Len(t, w.tenantAudit(t), 2)
	require.Equal(t, 5, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}))
}

func TestAnOwnerOfTheTenantUnbindsItsMembers(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	m, viewer := w.somebody(t, "lisi@example.com", core.TenantViewer)
	w.bind(t, w.tenant, "lisi", m)
	came, err := w.goRound(t, w.app, "lisi")
	require.NoError(t, err)
	owner := w.actor(t, w.signIn(t))

	requireCode(t, w.UnbindMemberWeCom(t.Context(), viewer, w.tenant.ID, w.owner.ID), fault.PermissionDenied)
	unproved := owner
	unproved.Proved = false
	requireCode(t, w.UnbindMemberWeCom(t.Context(), unproved, w.tenant.ID, m.ID), fault.StepUpRequired)
	requireCode(t, w.UnbindMemberWeCom(t.Context(), owner, w.tenant.ID, core.NewMemberID()), fault.MemberUnknown)
	requireCode(t, w.UnbindMemberWeCom(t.Context(), owner, core.NewTenantID(), m.ID), fault.TenantUnknown)

	require.NoError(t, w.UnbindMemberWeCom(t.Context(), owner, w.tenant.ID, m.ID))
	w.requireOver(t, came.Session)
	require.Equal(t, []string{zhangsan}, w.texts(t, `SELECT user_id FROM signet.wecom_people`))
	require.Equal(t, []string{ownerEmail + " wecom.unbind " + m.ID.String() + " lisi"}, w.tenantAudit(t))
}

func TestWeComIsOneFactor(t *testing.T) {
	t.Parallel()

	t.Run("who has a second one shows it", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		p := w.withPhone(t)
		came, err := w.goRound(t, w.app, zhangsan)
		require.NoError(t, err)
		require.True(t, came.Session.AccessToken.IsZero())

		_, err = w.FinishSignIn(t.Context(), atOffice, came.Factor, Answer{Code: p.code(t, w.clock())})
		requireCode(t, err, fault.CeremonyOver)
		waiting, err := w.AskFactorAfterWeCom(t.Context(), atOffice, came.Factor)
		require.NoError(t, err)
		require.Equal(t, []core.FactorKind{core.TOTP}, waiting.Factors)
		_, err = w.AskFactorAfterWeCom(t.Context(), atOffice, came.Factor)
		requireCode(t, err, fault.CeremonyOver)

		_, err = w.finish(t, &waiting, Answer{RecoveryCode: core.NewSecret("wrong")})
		requireCode(t, err, fault.SecondFactorRefused)
		s, err := w.finish(t, &waiting, Answer{Code: p.code(t, w.clock())})
		require.NoError(t, err)
		require.Equal(t, core.Grants{Tenants: map[core.TenantID]core.Role{w.tenant.ID: core.TenantOwner}}, s.Grants)
		require.Equal(t, []string{"true " + w.tenant.ID.String()}, w.texts(t, `SELECT second_factor || ' ' || only_tenant FROM signet.sessions WHERE begun_with = 'wecom'`))
	})
	t.Run("unless they were unbound meanwhile", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		p := w.withPhone(t)
		came, err := w.goRound(t, w.app, zhangsan)
		require.NoError(t, err)
		waiting, err := w.AskFactorAfterWeCom(t.Context(), atOffice, came.Factor)
		require.NoError(t, err)
		require.NoError(t, w.store.Tenant(t.Context(), core.System("test"), w.tenant.ID, func(tx *store.TenantTx) error {
			_, err := tx.UnbindWeComPeopleOf(t.Context(), w.owner.ID)
			return err
		}))
		_, err = w.finish(t, &waiting, Answer{Code: p.code(t, w.clock())})
		requireCode(t, err, fault.WeComUnbound)
	})
	t.Run("and where the tenant wants a second one, who has none does nothing there", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		w.damage(t, `UPDATE signet.tenants SET second_factor_required = true`)
		came, err := w.goRound(t, w.app, zhangsan)
		require.NoError(t, err)
		requireCode(t, w.actor(t, came.Session).MayIn(w.tenant.ID, core.TenantRead), fault.SecondFactorRequired)
	})
}

// A suspended tenant's own people change nothing in it; who suspended it does, and
// anybody may end a binding of their own.
func TestInASuspendedTenantItsOwnersUnbindNobody(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	m, lisi := w.somebody(t, "lisi@example.com", core.TenantViewer)
	w.bind(t, w.tenant, "lisi", m)
	_, head := w.somebody(t, "wangwu@example.com", core.TenantOwner)
	operator := w.actor(t, w.signIn(t))
	require.True(t, operator.Grants.Works())
	w.damage(t, `UPDATE signet.tenants SET status = 'suspended' WHERE tenant_id = '`+w.tenant.ID.String()+`'`)
	requireCode(t, w.UnbindMemberWeCom(t.Context(), head, w.tenant.ID, m.ID), fault.TenantSuspended)
	require.Contains(t, w.texts(t, `SELECT user_id FROM signet.wecom_people`), "lisi")
	require.NoError(t, w.UnbindMemberWeCom(t.Context(), operator, w.tenant.ID, m.ID))
	w.bind(t, w.tenant, "lisi", m)
	require.NoError(t, w.UnbindWeCom(t.Context(), lisi, w.tenant.ID))
}

package admin_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func (b bundle) link(t *testing.T) (core.IntakeLink, string) {
	t.Helper()
	link, token, err := b.Admin.CreateIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	return link, token.Text().Expose()
}

func (b bundle) handIn(t *testing.T, token, secret string) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.HandInSecret(t.Context(), token, core.NewSecret(secret), "request")
}

// A customer's own administrator hands a secret in: it is tried, becomes current,
// and the link is used up. Who made the link finds who, when and which version, and
// the value nowhere.
func TestASecretIsHandedInWithALink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	link, token := b.link(t)
	require.WithinDuration(t, time.Now().Add(72*time.Hour), link.ExpiresAt, time.Minute)
	intake, err := b.Admin.ReadIntake(t.Context(), token, "request")
	require.NoError(t, err)
	require.Equal(t, "蓝湖科技 "+agent, intake.Tenant.Name+" "+string(intake.App.AgentID))

	b.addApp(corp, agent, apptest.Secret("second"))
	calls := b.calls()
	made, err := b.handIn(t, token, " "+apptest.Secret("second")+"\n")
	require.NoError(t, err)
	require.Equal(t, core.SecretCurrent, made.State)
	require.Equal(t, calls+3, b.calls())
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Equal(t, []string{"intake intake link " + link.ID.String() + " 2 2 operator@test.example"}, b.DB.List(t, `
SELECT concat_ws(' ', actor_kind, actor_name, detail->>'version', detail->>'activation', detail->>'made_by') FROM signet.audit WHERE action = 'intake.use'`))
	b.Catch(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.NoError(t, err)

	for _, again := range []error{
		func() error { _, err := b.handIn(t, token, apptest.Secret("third")); return err }(),
		func() error { _, err := b.Admin.ReadIntake(t.Context(), token, "request"); return err }(),
		b.Admin.RevokeIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, link.ID),
	} {
		require.True(t, fault.Has(again, fault.IntakeUsed), again)
		require.NotEmpty(t, fault.Find(again).Args["at"])
	}
	list, err := b.Admin.ListIntakeLinks(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, firstPage)
	require.NoError(t, err)
	state, _ := list.Items[0].State(time.Now())
	require.Equal(t, core.LinkUsed, state)
	require.EqualValues(t, 2, list.Items[0].UsedVersion)
	require.NotContains(t, strings.Join(b.DB.List(t, `SELECT l::text FROM signet.intake_links l UNION ALL SELECT a::text FROM signet.audit a`), " "), token[43:],
		"what only the link knows is kept nowhere")
}

// What lies below one app is not reached through another one of the same tenant, which
// row security does not part.
func TestWhatIsOfOneAppIsNotReachedThroughAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link, _ := b.link(t)
	other := b.App(t, b.tenant, "1000077", apptest.Secret("of-the-other"), "other.example.com")
	domain, err := b.Admin.CreateDomain(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, "below.example.com")
	require.NoError(t, err)
	before := b.contents(t)
	err = b.Admin.RevokeIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, other.ID, link.ID)
	require.True(t, fault.Has(err, fault.IntakeUnknown), err)
	err = b.Admin.DeleteDomain(t.Context(), apptest.Operator(), b.tenant.ID, other.ID, domain.ID, nil)
	require.True(t, fault.Has(err, fault.DomainUnknown), err)
	require.Equal(t, before, b.contents(t))
}

// Whatever cannot be the token of an open link is told what has become of it, and
// nothing is changed.
func TestALinkThatIsNotOpenSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, expired := b.link(t)
	b.DB.Exec(t, `UPDATE signet.intake_links SET expires_at = now()`)
	gone, revoked := b.link(t)
	require.NoError(t, b.Admin.RevokeIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, gone.ID))
	require.NoError(t, b.Admin.RevokeIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, gone.ID), "again")
	_, open := b.link(t)
	foreign := core.NewLinkToken(core.IntakePurpose, core.NewTenantID(), core.NewLinkID()).Text().Expose()
	other := core.NewLinkToken(core.IntakePurpose, b.tenant.ID, gone.ID).Text().Expose()
	last := open[:85] + string("AB"[min(1, strings.Index("A", open[85:])+1)])
	b.addApp(corp, agent, apptest.Secret("second"))
	before, calls := b.contents(t), b.calls()
	for token, want := range map[string]fault.Code{
		expired: fault.IntakeExpired, revoked: fault.IntakeRevoked,
		foreign: fault.IntakeUnknown, other: fault.IntakeUnknown, "": fault.IntakeUnknown, open[:85]: fault.IntakeUnknown,
		open + "A": fault.IntakeUnknown, " " + open: fault.IntakeUnknown, strings.ToUpper(open): fault.IntakeUnknown, last: fault.IntakeUnknown,
	} {
		_, err := b.Admin.ReadIntake(t.Context(), token, "request")
		require.True(t, fault.Has(err, want), "%q: %v", token, err)
		_, err = b.handIn(t, token, apptest.Secret("second"))
		require.True(t, fault.Has(err, want), "%q: %v", token, err)
	}
	require.Equal(t, before, b.contents(t))
	require.Equal(t, calls, b.calls())
	_, err := b.handIn(t, open, apptest.Secret("second"))
	require.NoError(t, err)
}

// A secret that WeCom refuses, or that is none, leaves the link open.
func TestARefusedSecretLeavesTheLinkOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	for secret, want := range map[string]fault.Code{
		apptest.Secret("wrong"): fault.SecretRefused, "short": fault.RequestInvalid, apptest.Secret("first"): fault.SecretUnchanged,
	} {
		_, err := b.handIn(t, token, secret)
		require.True(t, fault.Has(err, want), "%s: %v", secret, err)
	}
	require.Equal(t, []string{"1 current 1"}, b.states(t))
	b.addApp(corp, agent, apptest.Secret("second"))
	_, err := b.handIn(t, token, apptest.Secret("second"))
	require.NoError(t, err)
}

// Where WeCom does not answer, what was handed in is not lost: it is kept, and
// becomes current by itself.
func TestASecretHandedInWhileWeComIsAwayIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	b.addApp(corp, agent, apptest.Secret("second"))
	b.WeCom.Inject(wecomtest.Fault{Status: 500, Body: "away"})
	made, err := b.handIn(t, token, apptest.Secret("second"))
	require.NoError(t, err)
	require.Equal(t, core.SecretPending, made.State)
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
	_, err = b.handIn(t, token, apptest.Secret("second"))
	require.True(t, fault.Has(err, fault.IntakeUsed), err)
	b.WeCom.ClearFaults()
	b.DB.Exec(t, `DELETE FROM signet.call_pauses`)
	require.NoError(t, admin.NewDue(b.Admin).ActivateSecrets(t.Context()))
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
}

// An app that was made without a secret signs as soon as one is handed in.
func TestAnAppWithoutASecretGetsItByALink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.known("1000300", apptest.Secret("third"))
	handed := n.Secret
	n.Secret, n.SecretLater = core.Secret{}, true
	made, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
	require.NoError(t, err)
	require.Nil(t, made.Secret)
	_, err = b.Admin.CreateDomain(t.Context(), apptest.Operator(), b.tenant.ID, made.ID, host)
	require.NoError(t, err)
	b.Catch(t)
	app := apptest.App{App: made, SecretText: handed.Expose()}
	_, err = b.Sign(t.Context(), app, page)
	require.True(t, fault.Has(err, fault.AppNotReady), err)
	_, token, err := b.Admin.CreateIntakeLink(t.Context(), apptest.Operator(), b.tenant.ID, made.ID)
	require.NoError(t, err)
	_, err = b.Admin.HandInSecret(t.Context(), token.Text().Expose(), handed, "request")
	require.NoError(t, err)
	b.Catch(t)
	answer, err := b.Sign(t.Context(), app, page)
	require.NoError(t, err)
	require.NoError(t, b.Verify(app, page, answer))
}

// Two people who have the same link hand in at once: one secret is taken.
func TestALinkIsGoodForOneSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	b.addApp(corp, agent, apptest.Secret("second"))
	b.addApp(corp, agent, apptest.Secret("third"))
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: 2})
	var group sync.WaitGroup
	failures := make([]error, 2)
	for i, name := range []string{"second", "third"} {
		group.Go(func() { _, failures[i] = b.handIn(t, token, apptest.Secret(name)) })
	}
	b.awaitHanging(t, 2)
	b.WeCom.Release()
	group.Wait()
	taken := 0
	for _, err := range failures {
		if err == nil {
			taken++
			continue
		}
		require.True(t, fault.Has(err, fault.IntakeUsed) || fault.Has(err, fault.SecretConflict), err)
	}
	require.Equal(t, 1, taken)
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
}

// A link goes with its app.
func TestALinkOfADeletedAppIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	require.NoError(t, b.Admin.DeleteApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil))
	_, err := b.Admin.ReadIntake(t.Context(), token, "request")
	require.True(t, fault.Has(err, fault.IntakeUnknown), err)
}

// Who has a link cannot stop the tenant's own trials with it: it is taken back long
// before. Where they are stopped, nothing is kept and the link stays open.
func TestALinkIsGoodForFewRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	for i := range core.IntakeRefusals {
		_, err := b.handIn(t, token, apptest.Secret(fmt.Sprint("wrong", i)))
		require.True(t, fault.Has(err, fault.SecretRefused), err)
	}
	_, err := b.handIn(t, token, apptest.Secret("another"))
	require.True(t, fault.Has(err, fault.IntakeRevoked), err)
	require.Equal(t, []string{"9 ", "1 true"}, b.DB.List(t, `
SELECT count(*) || ' ' || coalesce(detail->>'revoked', '') FROM signet.audit WHERE action = 'intake.refuse' GROUP BY detail->>'revoked' ORDER BY 1 DESC`))

	_, open := b.link(t)
	b.DB.Exec(t, `UPDATE signet.refused_calls SET calls = 30`)
	_, err = b.handIn(t, open, apptest.Secret("wrong"))
	require.True(t, fault.Has(err, fault.TrialsPaused), err)
	require.Equal(t, []string{"1 current 1"}, b.states(t))
	_, err = b.Admin.ReadIntake(t.Context(), open, "request")
	require.NoError(t, err)
}

// However many hand in at once, WeCom refuses no more than a link may have.
func TestManyWhoHandInAtOnceHaveTheTriesOfOneLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	const many = 28
	answers := make(chan error, many)
	for i := range many {
		go func() {
			_, err := b.Admin.HandInSecret(context.Background(), token, core.NewSecret(apptest.Secret(fmt.Sprint("wrong", i))), "request")
			answers <- err
		}()
	}
	told := map[fault.Code]int{}
	for range many {
		err := <-answers
		told[fault.Find(err).Code]++
		if fault.Has(err, fault.RateLimitedCode) {
			require.NotZero(t, fault.Find(err).RetryAfter)
		}
	}
	require.Equal(t, core.IntakeRefusals, told[fault.SecretRefused], told)
	require.Equal(t, many, told[fault.SecretRefused]+told[fault.RateLimitedCode]+told[fault.IntakeRevoked], told)
	require.Equal(t, []string{fmt.Sprint(core.IntakeRefusals)}, b.DB.List(t, `SELECT sum(calls)::text FROM signet.refused_calls`))
	_, err := b.handIn(t, token, apptest.Secret("late"))
	require.True(t, fault.Has(err, fault.IntakeRevoked), err)
}

// A try that WeCom has not refused is given back.
func TestWhatWeComDoesNotJudgeCostsTheLinkNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	_, err := b.handIn(t, token, apptest.Secret("wrong"))
	require.True(t, fault.Has(err, fault.SecretRefused), err)
	b.DB.Exec(t, `UPDATE signet.refused_calls SET calls = 30`)
	for range core.IntakeRefusals + 1 {
		_, err := b.handIn(t, token, apptest.Secret("wrong"))
		require.True(t, fault.Has(err, fault.TrialsPaused), err)
	}
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT refused::text FROM signet.intake_links`))
}

// Of a suspended tenant nobody but the platform's people changes anything. The link
// waits.
func TestALinkOfASuspendedTenantWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.link(t)
	suspended := "suspended"
	_, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Status: &suspended})
	require.NoError(t, err)
	b.addApp(corp, agent, apptest.Secret("second"))
	calls := len(b.WeCom.Calls())
	_, err = b.handIn(t, token, apptest.Secret("second"))
	require.True(t, fault.Has(err, fault.TenantSuspended), err)
	require.Len(t, b.WeCom.Calls(), calls)
	active := "active"
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Status: &active})
	require.NoError(t, err)
	made, err := b.handIn(t, token, apptest.Secret("second"))
	require.NoError(t, err)
	require.Equal(t, core.SecretCurrent, made.State)
}

// T-TIM-1, without a clock: a link that is there, without what only its holder knows,
// and one that is not are as many statements.
func TestWhatIsNotThereIsAsMuchWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link, _ := b.link(t)
	work := func(tenant core.TenantID, id core.LinkID, ask func(token string) error) int64 {
		statements := b.Store.Statements()
		err := ask(core.NewLinkToken(core.IntakePurpose, tenant, id).Text().Expose())
		require.True(t, fault.Has(err, fault.IntakeUnknown), "%v", err)
		return b.Store.Statements() - statements
	}
	for name, ask := range map[string]func(token string) error{
		"read":      func(token string) error { _, err := b.Admin.ReadIntake(t.Context(), token, ""); return err },
		"handed in": func(token string) error { _, err := b.handIn(t, token, apptest.Secret("any")); return err },
	} {
		known, unknown := work(b.tenant.ID, link.ID, ask), work(core.NewTenantID(), core.NewLinkID(), ask)
		require.Positive(t, known, name)
		require.Equal(t, known, unknown, name)
	}
}

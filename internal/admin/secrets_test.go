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

// book is a log that several may write to.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), part)
}

// The moves, each by an operator.

func (b bundle) keepSecret(t *testing.T, secret string, at *time.Time) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.KeepSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.KeptSecret{Secret: core.NewSecret(apptest.Secret(secret)), ActivateAt: at})
}

func (b bundle) try(t *testing.T, version int32) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.TrySecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version)
}

func (b bundle) activate(t *testing.T, version int32) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.ActivateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version, false)
}

func (b bundle) retire(t *testing.T, version int32) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.RetireSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version)
}

func (b bundle) destroy(t *testing.T, version int32) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.DestroySecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version)
}

func (b bundle) schedule(t *testing.T, version int32, at *time.Time) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.ScheduleSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version, at)
}

// awaitHanging waits until so many calls hang at the fake, and not for ever.
func (b bundle) awaitHanging(t *testing.T, calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, b.WeCom.AwaitHanging(ctx, calls))
}

func (b bundle) calls() int { return len(b.WeCom.Calls()) }

// The whole life of a version: kept, tried, current, previous, retired, destroyed.
// What the trial fetched is used after the switch, and nothing is asked twice.
func TestTheLifeOfASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	b.addApp(corp, agent, apptest.Secret("second"))
	calls := b.calls()

	kept, err := b.keepSecret(t, "second", nil)
	require.NoError(t, err)
	require.Equal(t, core.SecretPending, kept.State)
	require.Nil(t, kept.CheckedAt)
	require.Equal(t, calls, b.calls(), "it is not tried")
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))

	tried, err := b.try(t, 2)
	require.NoError(t, err)
	require.NotNil(t, tried.CheckedAt)
	require.Equal(t, core.SecretPending, tried.State)
	require.Equal(t, calls+3, b.calls())
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT secret_version::text FROM signet.tickets WHERE kind = 'access_token'`), "the current secret's token stays")

	current, err := b.activate(t, 2)
	require.NoError(t, err)
	require.Equal(t, core.SecretCurrent, current.State)
	require.NotNil(t, current.ActivatedAt)
	require.Equal(t, calls+3, b.calls(), "the trial is as good as one made now")
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Equal(t, []string{"2"}, b.DB.List(t, `SELECT secret_version::text FROM signet.tickets WHERE kind = 'access_token'`))
	require.Empty(t, b.DB.List(t, `SELECT kind FROM signet.trial_grants`), "it has been taken up")
	b.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'corp_ticket'`)
	b.House = b.Restart(t)
	b.app.SecretText = apptest.Secret("second")
	b.mustSign(t)
	require.Equal(t, calls+4, b.calls(), "the trial's token fetches the corp ticket, and its agent ticket signs")

	back, err := b.activate(t, 1)
	require.NoError(t, err)
	require.Equal(t, core.SecretCurrent, back.State)
	require.Equal(t, []string{"2 previous 2", "1 current 3"}, b.states(t), "a step back raises the number too")
	require.Equal(t, calls+7, b.calls(), "one step back is tried as well")

	retired, err := b.retire(t, 2)
	require.NoError(t, err)
	require.Equal(t, core.SecretRetired, retired.State)
	require.Equal(t, []string{"true"}, b.DB.List(t, `SELECT (sealed IS NOT NULL)::text FROM signet.app_secrets WHERE version = 2`))
	destroyed, err := b.destroy(t, 2)
	require.NoError(t, err)
	require.Equal(t, core.SecretDestroyed, destroyed.State)
	require.Equal(t, kept.Fingerprint, destroyed.Fingerprint, "its history stays")
	require.Equal(t, []string{"true"}, b.DB.List(t, `SELECT (sealed IS NULL)::text FROM signet.app_secrets WHERE version = 2`))

	require.Equal(t, []string{
		"secret.keep 2 ", "secret.try 2 ", "secret.activate 2 2", "secret.roll_back 1 3", "secret.retire 2 ", "secret.destroy 2 ",
	}, b.DB.List(t, `
SELECT concat(action, ' ', detail->>'version', ' ', detail->>'activation')
FROM signet.audit
WHERE action LIKE 'secret.%'
ORDER BY seq`))
	b.Catch(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
}

// Each move may be asked for twice: the second time everything is as it should be,
// and nothing is written or asked.
func TestAMoveAskedForTwiceChangesNothingMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	at := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	for name, move := range map[string][]func() (core.SecretVersion, error){
		"all in their order": {
			func() (core.SecretVersion, error) { return b.schedule(t, 2, &at) },
			func() (core.SecretVersion, error) { return b.schedule(t, 2, nil) },
			func() (core.SecretVersion, error) { return b.activate(t, 2) },
			func() (core.SecretVersion, error) { return b.activate(t, 1) },
			func() (core.SecretVersion, error) { return b.retire(t, 2) },
			func() (core.SecretVersion, error) { return b.destroy(t, 2) },
		},
	} {
		for i, once := range move {
			first, err := once()
			require.NoError(t, err, "%s %d", name, i)
			before, calls := b.contents(t), b.calls()
			again, err := once()
			require.NoError(t, err, "%s %d", name, i)
			require.Equal(t, first, again, "%s %d", name, i)
			require.Equal(t, before, b.contents(t), "%s %d", name, i)
			require.Equal(t, calls, b.calls(), "%s %d", name, i)
		}
	}
}

// A secret that the app has is no new version: the answer names the one that it is.
// One that is over may be put again.
func TestASecretThatIsThereAlreadyMakesNoNewVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rotateTo(t, "second")
	b.rotateTo(t, "third")
	b.keep(t, b.tenant, b.app, "fourth")
	require.Equal(t, []string{"4 pending 0", "3 current 3", "2 previous 2", "1 retired 1"}, b.states(t))
	before, calls := b.contents(t), b.calls()
	for name, want := range map[string]string{"second": "2 previous", "third": "3 current", "fourth": "4 pending"} {
		_, rotated := b.rotate(t, "  "+apptest.Secret(name)+"\n")
		_, kept := b.keepSecret(t, name, nil)
		for _, err := range []error{rotated, kept} {
			require.True(t, fault.Has(err, fault.SecretUnchanged), "%s: %v", name, err)
			args := fault.Find(err).Args
			require.Equal(t, want, args["version"]+" "+args["state"])
		}
	}
	require.Equal(t, before, b.contents(t))
	require.Equal(t, calls, b.calls(), "WeCom is not asked about it")
	_, err := b.rotate(t, apptest.Secret("first"))
	require.NoError(t, err)
	require.Equal(t, "5 current 4", b.states(t)[0])
}

// The same secret for two apps of a tenant is for WeCom to judge.
func TestASecretOfAnotherAppIsNotTakenForTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.App(t, b.tenant, "1000300", apptest.Secret("other"))
	_, err := b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.NewSecret{Secret: core.NewSecret(other.SecretText)})
	require.True(t, fault.Has(err, fault.SecretRefused), err)
	require.Equal(t, fault.ReasonWrongAgent, fault.Find(err).Reason)
}

// What WeCom says to a stored secret is told with its mend and noted; the current
// one stays what it was.
func TestWhatWeComSaysToAStoredSecretIsToldAndNoted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   wecomtest.Fault
		reason  fault.Reason
		problem fault.Code
	}{
		"a wrong secret":      {wecomtest.Fault{API: wecom.GetToken, Errcode: 40001}, fault.ReasonWrongSecret, fault.SecretRejected},
		"another corp's":      {wecomtest.Fault{API: wecom.GetToken, Errcode: 40091}, fault.ReasonWrongCorp, fault.SecretRejected},
		"a wrong agent":       {wecomtest.Fault{API: wecom.GetAgent, Errcode: 301002}, fault.ReasonWrongAgent, fault.SecretRefused},
		"a refused address":   {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 60020}, fault.ReasonIPRefused, fault.IPRefused},
		"an app switched off": {wecomtest.Fault{API: wecom.GetAgent, Body: `{"errcode":0,"errmsg":"ok","agentid":1000247,"name":"x","close":1}`}, fault.ReasonAppDisabled, fault.SecretRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.mustSign(t)
			b.keep(t, b.tenant, b.app, "second")
			b.WeCom.Inject(c.fault)
			for _, move := range []func(*testing.T, int32) (core.SecretVersion, error){b.try, b.activate} {
				b.DB.Exec(t, `UPDATE signet.app_secrets SET problem = '' WHERE version = 2`)
				_, err := move(t, 2)
				require.True(t, fault.Has(err, fault.SecretRefused), err)
				require.Equal(t, c.reason, fault.Find(err).Reason)
				require.Equal(t, []string{string(c.problem)}, b.DB.List(t, `SELECT problem FROM signet.app_secrets WHERE version = 2`))
				require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
				require.Equal(t, string(c.problem)+" "+string(c.reason), b.DB.List(t, `
SELECT concat(detail->>'outcome', ' ', detail->>'reason') FROM signet.audit WHERE action = 'secret.try' ORDER BY seq DESC`)[0])
			}
			b.WeCom.ClearFaults()
			require.Empty(t, b.DB.List(t, `SELECT kind FROM signet.trial_grants`))
			b.Catch(t)
			b.mustSign(t)
			_, err := b.activate(t, 2)
			require.NoError(t, err, "once it is mended")
			require.Equal(t, []string{""}, b.DB.List(t, `SELECT problem FROM signet.app_secrets WHERE version = 2`))
		})
	}
}

// Where WeCom does not judge, nothing is noted of the secret.
func TestASecretThatWeComDoesNotJudgeIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	for _, f := range []wecomtest.Fault{{Status: 500, Body: "away"}, {API: wecom.GetAgentTicket, Errcode: 45009}} {
		b.WeCom.Inject(f)
		b.DB.Exec(t, `DELETE FROM signet.call_pauses`)
		before := b.contents(t)
		for _, move := range []func(*testing.T, int32) (core.SecretVersion, error){b.try, b.activate} {
			_, err := move(t, 2)
			require.Error(t, err)
			require.Contains(t, []fault.Code{fault.WeComUnavailable, fault.WeComQuota}, fault.Find(err).Code)
		}
		b.DB.Exec(t, `DELETE FROM signet.call_pauses`)
		require.Equal(t, before, b.contents(t))
		b.WeCom.ClearFaults()
	}
}

// A trial that is older than ten minutes is made again; one whose grants were
// altered as well.
func TestAnOldTrialIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"old":          `UPDATE signet.trial_grants SET fetched_at = now() - interval '10 minutes 1 second'`,
		"half of it":   `DELETE FROM signet.trial_grants WHERE kind = 'agent_ticket'`,
		"a bit turned": `UPDATE signet.trial_grants SET sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1) WHERE kind = 'access_token'`,
		"exchanged":    `UPDATE signet.trial_grants g SET sealed = o.sealed FROM signet.trial_grants o WHERE o.kind <> g.kind`,
		"made younger": `UPDATE signet.trial_grants SET fetched_at = fetched_at + interval '1 microsecond'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &book{}
			b := setup(t, func(c *apptest.Config) { c.Log = log })
			b.keep(t, b.tenant, b.app, "second")
			_, err := b.try(t, 2)
			require.NoError(t, err)
			b.DB.Exec(t, spoil)
			calls := b.calls()
			_, err = b.activate(t, 2)
			require.NoError(t, err)
			require.Equal(t, calls+3, b.calls())
			require.Equal(t, name != "old" && name != "half of it", log.count(`"alert":"seal_refused"`) == 1)
		})
	}
}

// One that is current is tried again after something was mended in WeCom: it signs
// on at once with what the trial fetched.
func TestTheCurrentSecretTriedAgainIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.SetAllowedIPs(corp, agent, "192.0.2.1")
	b.DB.Exec(t, `DELETE FROM signet.tickets`)
	b.House = b.Restart(t)
	_, err := b.Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.IPRefused), err)
	b.WeCom.SetAllowedIPs(corp, agent)
	_, err = b.try(t, 1)
	require.NoError(t, err)
	b.Catch(t)
	b.mustSign(t)
}

// A stored value that was altered is told as such, with one alert, and never asked
// about.
func TestAStoredSecretThatDoesNotOpenIsToldAsDamaged(t *testing.T) {
	t.Parallel()
	log := &book{}
	b := setup(t, func(c *apptest.Config) { c.Log = log })
	b.keep(t, b.tenant, b.app, "second")
	b.DB.Exec(t, `UPDATE signet.app_secrets n SET sealed = o.sealed FROM signet.app_secrets o WHERE n.version = 2 AND o.version = 1`)
	calls := b.calls()
	for _, move := range []func(*testing.T, int32) (core.SecretVersion, error){b.try, b.activate} {
		_, err := move(t, 2)
		require.True(t, fault.Has(err, fault.SecretDamaged), err)
		require.Equal(t, 1, log.count(`"alert":"seal_refused"`))
	}
	require.Equal(t, calls, b.calls())
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
}

// Who activates while somebody else puts another secret is told.
func TestAnActivationThatSomebodyElseHasOvertakenIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	b.addApp(corp, agent, apptest.Secret("third"))
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: 1})
	ended := make(chan error, 1)
	go func() { _, err := b.activate(t, 2); ended <- err }()
	b.awaitHanging(t, 1)
	_, err := b.rotate(t, apptest.Secret("third"))
	require.NoError(t, err)
	b.WeCom.Release()
	err = <-ended
	require.True(t, fault.Has(err, fault.SecretConflict), err)
	require.Equal(t, []string{"3 current 2", "2 retired 0", "1 previous 1"}, b.states(t), "the newest put wins")
}

// What WeCom said last counts: a trial that it accepted before proves nothing any more.
func TestARefusedTrialTakesBackWhatAnEarlierOneProved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	_, err := b.try(t, 2)
	require.NoError(t, err)
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: 40001})
	_, err = b.try(t, 2)
	require.True(t, fault.Has(err, fault.SecretRefused), err)
	_, err = b.activate(t, 2)
	require.True(t, fault.Has(err, fault.SecretRefused), err)
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
	b.WeCom.ClearFaults()
	_, err = b.activate(t, 2)
	require.NoError(t, err, "WeCom has come round")
}

// Two who ask for the same at once, as a client does whose answer was lost, both hear
// that it is done.
func TestTwoEqualActivationsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: 2})
	answers := make(chan error, 2)
	for range 2 {
		go func() {
			v, err := b.Admin.ActivateSecret(context.Background(), apptest.Operator(), b.tenant.ID, b.app.ID, 2, false)
			if err == nil && (v.State != core.SecretCurrent || v.Activation != 2) {
				err = fmt.Errorf("it got version %d, %s, activation %d", v.Version, v.State, v.Activation)
			}
			answers <- err
		}()
	}
	b.awaitHanging(t, 2)
	b.WeCom.Release()
	require.NoError(t, <-answers)
	require.NoError(t, <-answers)
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT count(*)::text FROM signet.audit WHERE action = 'secret.activate'`))
}

// The audit names every version that a move has taken the place of.
func TestTheAuditNamesWhatANewSecretTookThePlaceOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rotateTo(t, "second")
	b.keep(t, b.tenant, b.app, "third")
	b.keep(t, b.tenant, b.app, "fourth")
	_, err := b.activate(t, 4)
	require.NoError(t, err)
	b.keep(t, b.tenant, b.app, "fifth")
	b.rotateTo(t, "sixth")
	require.Equal(t, []string{
		"secret.rotate 2 previous 1 retired -", "secret.keep 3 previous - retired -", "secret.keep 4 previous - retired 3",
		"secret.activate 4 previous 2 retired 1", "secret.keep 5 previous - retired -", "secret.rotate 6 previous 4 retired 5 2",
	}, b.DB.List(t, `
SELECT concat_ws(' ', action, detail->>'version', 'previous', coalesce(detail->>'previous', '-'), 'retired', coalesce(detail->>'retired', '-'))
FROM signet.audit WHERE action LIKE 'secret.%' ORDER BY seq`))
}

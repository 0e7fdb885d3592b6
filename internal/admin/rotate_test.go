package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// states lists an app's secrets, newest first, as "version state activation".
func (b bundle) states(t *testing.T) []string {
	t.Helper()
	list, err := b.Admin.ListSecrets(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, core.Page{Limit: 50})
	require.NoError(t, err)
	var states []string
	for _, v := range list.Items {
		states = append(states, fmt.Sprint(v.Version, " ", v.State, " ", v.Activation))
	}
	return states
}

func TestRotationKeepsTheTicketsAndPaysThreeCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	require.Equal(t, []string{"1 current 1"}, b.states(t))
	corpRow := b.DB.List(t, `SELECT t::text FROM signet.tickets t WHERE kind = 'corp_ticket'`)

	b.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
	calls := len(b.WeCom.Calls())
	version, err := b.rotate(t, apptest.Secret("second"))
	require.NoError(t, err)
	require.EqualValues(t, 2, version.Version)
	require.Equal(t, core.SecretCurrent, version.State)
	require.Len(t, b.WeCom.Calls(), calls+3, "gettoken, agent/get, ticket/get")
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Equal(t, corpRow, b.DB.List(t, `SELECT t::text FROM signet.tickets t WHERE kind = 'corp_ticket'`), "the corp ticket stays")

	b.Catch(t)
	b.mustSign(t) // by the tickets of the former secret
	require.Len(t, b.WeCom.Calls(), calls+3, "the next signature costs nothing")
	again := b
	again.House = b.Restart(t)
	answer, err := again.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
	newer := b.app
	newer.SecretText = apptest.Secret("second")
	require.NoError(t, again.WeCom.CheckSignature(wecomtest.Check{
		Kind: wecomtest.CheckAgentConfig, Corp: corp, Agent: agent, PageURL: page, Secret: newer.SecretText,
		Timestamp: answer.Timestamp, Nonce: string(answer.Nonce[:]), Signature: string(answer.AgentConfig[:]),
	}), "the trial's agent ticket lies in the row")
	require.Len(t, b.WeCom.Calls(), calls+3, "nor does a restart")

	b.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'corp_ticket'`)
	again.House = b.Restart(t)
	_, err = again.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
	require.Len(t, b.WeCom.Calls(), calls+4, "the trial's token fetches the next ticket")

	for i, name := range []string{"third", "fourth"} {
		b.WeCom.ResetSecret(corp, agent, apptest.Secret(name))
		version, err := b.rotate(t, apptest.Secret(name))
		require.NoError(t, err)
		require.EqualValues(t, i+3, version.Activation)
	}
	require.Equal(t, []string{"4 current 4", "3 previous 3", "2 retired 2", "1 retired 1"}, b.states(t))
}

func TestAWrongNewSecretLeavesEverythingAsItWas(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		if c.calls == 0 || strings.Contains(c.name, "agent id") {
			continue // those are about making an app
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.mustSign(t)
			n := admin.NewApp{AgentID: agent, Secret: core.NewSecret(apptest.Secret("second"))}
			b.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: apptest.Secret("second"), Domains: []string{host}})
			c.change(b, &n)
			if strings.Contains(c.name, "middle") {
				b.WeCom.ClearFaults()
				b.WeCom.Inject(wecomtest.Fault{API: "agent/get", Body: `{"errcode":0,"errmsg":"ok","agentid":1000247,"name":"x","close":1}`})
			}
			before := b.contents(t)
			_, err := b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.NewSecret{Secret: n.Secret})
			b.requireRefused(t, err, c.code, c.errcode, c.reason)
			b.DB.Exec(t, `DELETE FROM signet.refused_calls`)
			require.Equal(t, before, b.contents(t))
			_, err = b.Sign(t.Context(), b.app, page)
			require.NoError(t, err)
		})
	}
}

func TestARotationWithoutATrialForgetsTheFormerToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	b.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
	calls := len(b.WeCom.Calls())
	version, err := b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID,
		admin.NewSecret{Secret: core.NewSecret(apptest.Secret("second")), SkipCheck: true})
	require.NoError(t, err)
	require.Nil(t, version.CheckedAt)
	require.Len(t, b.WeCom.Calls(), calls)
	require.Equal(t, []string{"agent_ticket", "corp_ticket"}, b.DB.List(t, `SELECT kind FROM signet.tickets ORDER BY kind`))
	b.Catch(t)
	b.mustSign(t)
	require.Len(t, b.WeCom.Calls(), calls)
	b.DB.Exec(t, `DELETE FROM signet.tickets`)
	b.House = b.Restart(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
	require.Zero(t, b.WeCom.Count(wecomtest.Filter{Errcode: new(40014)}), "no dead token was tried")
}

// The trial's agent ticket may be the one that is held already, with a longer
// life told: its end must not move.
func TestATrialNeverMovesTheEndOfATicket(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	var moved atomic.Int64
	clock := func() time.Time { return now.Add(time.Duration(moved.Load())) }
	b := setup(t, func(c *apptest.Config) {
		c.Now = clock
		c.After = func(d time.Duration) <-chan time.Time {
			moved.Add(int64(d))
			done := make(chan time.Time, 1)
			done <- clock()
			return done
		}
		c.WeCom = wecomtest.Config{Clock: clock, Mode: wecomtest.SameFullLife}
	})
	b.mustSign(t)
	moved.Add(int64(time.Hour))
	b.rotateTo(t, "second")
	_, err := b.Admin.ActivateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, 1, false) // the same values come once more
	require.NoError(t, err)
	b.House = b.Restart(t)
	for range 200 {
		b.mustSign(t)
		moved.Add(int64(time.Minute))
	}
}

// TestRotationUnderLoad rotates twenty times while pages are signed for. At
// WeCom the former secret dies just before the new one is entered, so the held
// tickets carry the load.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const rotations, signers = 20, 2
	for _, mode := range []wecomtest.Mode{wecomtest.SameValue, wecomtest.NewValue} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *apptest.Config) { c.WeCom.Mode = mode })
			b.mustSign(t)
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			var signed atomic.Int64
			failures := make([]error, signers)
			for i := range signers {
				group.Go(func() {
					for ctx.Err() == nil {
						answer, err := b.Sign(context.WithoutCancel(ctx), b.app, page)
						if err == nil {
							err = b.accepted(answer)
						}
						if err != nil {
							failures[i] = fmt.Errorf("after %d signatures: %w", signed.Load(), err)
							return
						}
						signed.Add(1)
					}
				})
			}
			calls := len(b.WeCom.Calls())
			for i := range rotations {
				secret := apptest.Secret(fmt.Sprint("rotated", i))
				b.WeCom.ResetSecret(corp, agent, secret)
				_, err := b.rotate(t, secret)
				require.NoError(t, err)
				b.Catch(t)
			}
			stop()
			group.Wait()
			require.NoError(t, errors.Join(failures...))
			require.Equal(t, calls+3*rotations, len(b.WeCom.Calls()), "three calls for each rotation, none for the signatures")
			require.Positive(t, signed.Load())
			t.Logf("%d signatures during %d rotations, none failed", signed.Load(), rotations)
		})
	}
}

// accepted checks both signatures as the client would.
func (b bundle) accepted(a signing.Answer) error {
	for kind, signature := range map[wecomtest.CheckKind]string{wecomtest.CheckConfig: string(a.Config[:]), wecomtest.CheckAgentConfig: string(a.AgentConfig[:])} {
		err := b.WeCom.CheckSignature(wecomtest.Check{Kind: kind, Corp: corp, Agent: agent, PageURL: page, Timestamp: a.Timestamp, Nonce: string(a.Nonce[:]), Signature: signature})
		if err != nil {
			return err
		}
	}
	return nil
}

// Two people rotate at once. Whoever commits while another's trial is under way
// wins, and the other is told; no version is lost, and none is made for nothing.
func TestOfTwoRotationsAtOnceOneWinsAndTheOtherIsTold(t *testing.T) {
	t.Parallel()
	const people = 2
	b := setup(t)
	for i := range people {
		b.addApp(corp, agent, apptest.Secret(fmt.Sprint("both", i)))
	}
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: people})
	var group sync.WaitGroup
	failures := make([]error, people)
	for i := range failures {
		group.Go(func() { _, failures[i] = b.rotate(t, apptest.Secret(fmt.Sprint("both", i))) })
	}
	b.awaitHanging(t, people)
	b.WeCom.Release()
	group.Wait()
	won := 0
	for _, err := range failures {
		if err == nil {
			won++
			continue
		}
		require.True(t, fault.Has(err, fault.SecretConflict), err)
		require.Equal(t, "2", fault.Find(err).Args["version"])
	}
	require.Equal(t, 1, won)
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Len(t, b.DB.List(t, `SELECT seq::text FROM signet.audit WHERE action = 'secret.rotate'`), 1)
	require.Equal(t, []string{"2"}, b.DB.List(t, `SELECT secret_version::text FROM signet.tickets WHERE kind = 'access_token'`), "the token is the current secret's")
}

// A refresher who still has the former secret may write its token between the
// rotation's reading and its writing. The rotation's is the one that stays.
func TestTheTrialsTokenIsWrittenOverARefreshersThatWasFaster(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, statement := range []string{
		`CREATE SEQUENCE public.writes`, `GRANT USAGE ON SEQUENCE public.writes TO signet_app`,
		`CREATE FUNCTION public.faster() RETURNS trigger LANGUAGE plpgsql AS
		 $$ BEGIN IF nextval('public.writes') = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$`, // as if the generation had moved
		`CREATE TRIGGER faster BEFORE UPDATE ON signet.tickets FOR EACH ROW WHEN (NEW.kind = 'access_token') EXECUTE FUNCTION public.faster()`,
	} {
		b.DB.Exec(t, statement)
	}
	b.rotateTo(t, "second")
	require.Equal(t, []string{"2"}, b.DB.List(t, `SELECT secret_version::text FROM signet.tickets WHERE kind = 'access_token'`))
}

func TestARotationOfADeletedAppIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Admin.DeleteApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil))
	_, err := b.rotate(t, apptest.Secret("first"))
	require.True(t, fault.Has(err, fault.AppUnknown), err)
}

// The audit has what a row put back would be held against: which version was
// made current when, by a number that only rises.
func TestTheAuditKeepsEveryActivation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rotateTo(t, "second")
	want := b.DB.List(t, `SELECT version || ' ' || activation || ' ' || fingerprint FROM signet.app_secrets ORDER BY version`)
	require.Len(t, want, 2)
	require.Equal(t, want, b.DB.List(t, `
SELECT concat_ws(' ', detail->>'version', detail->>'activation', detail->>'fingerprint')
FROM signet.audit
WHERE action IN ('app.create', 'secret.rotate')
ORDER BY seq`))
}

// Who rotates a secret lifts in Postgres what held the former one back: no node
// is told of it any more.
func TestARotationEndsThePausesOnEveryNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Restart(t)
	who := upstream.Caller{TenantID: b.tenant.ID, CorpID: corp, AppID: b.app.ID, Standing: upstream.KnownGood}
	b.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: 60020, Times: 1})
	_, err := b.Gate.AccessToken(t.Context(), who, core.NewSecret(b.app.SecretText))
	require.Error(t, err)
	fresh := core.NewSecret(apptest.Secret("second"))
	b.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: fresh.Expose()})
	_, err = b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.NewSecret{Secret: fresh, SkipCheck: true})
	require.NoError(t, err)
	_, err = other.Gate.AccessToken(t.Context(), who, fresh)
	require.NoError(t, err)
	b.Catch(t)
	_, err = b.Gate.AccessToken(t.Context(), who, fresh)
	require.NoError(t, err)
}

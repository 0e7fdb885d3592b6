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
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestASecretsTimeLiesWithinAYear(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for offset, ok := range map[time.Duration]bool{-2 * time.Minute: false, -30 * time.Second: true, time.Hour: true, 365 * 24 * time.Hour: true, 367 * 24 * time.Hour: false} {
		pending := b.keep(t, b.tenant, b.app, fmt.Sprintf("for%d%t", int(offset.Hours()), ok)).Version
		at := time.Now().Add(offset)
		_, scheduled := b.schedule(t, pending, &at)
		_, kept := b.keepSecret(t, fmt.Sprintf("at%d%t", int(offset.Hours()), ok), &at)
		for _, err := range []error{scheduled, kept} {
			require.Equal(t, ok, err == nil, "%s: %v", offset, err)
			if err != nil {
				require.Equal(t, []fault.Field{{Pointer: "/activateAt", Reason: fault.ReasonActivateAt}}, fault.Find(err).Fields)
			}
		}
	}
	at := time.Now().Add(time.Hour)
	_, err := b.schedule(t, 1, &at)
	require.True(t, fault.Has(err, fault.SecretState), "it is current: %v", err)
	_, err = b.schedule(t, 99, &at)
	require.True(t, fault.Has(err, fault.SecretUnknown), err)
}

// At its time a pending secret becomes current by itself: tried, by one node of
// several, as the system.
func TestASecretBecomesCurrentAtItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addApp(corp, agent, apptest.Secret("second"))
	at := time.Now().Add(time.Hour)
	_, err := b.keepSecret(t, "second", &at)
	require.NoError(t, err)
	other := b.Restart(t)
	due := []admin.Due{admin.NewDue(b.Admin), admin.NewDue(other.Admin)}
	calls := b.calls()
	require.NoError(t, due[0].ActivateSecrets(t.Context()))
	require.Equal(t, calls, b.calls(), "not before")

	b.DB.Exec(t, `UPDATE signet.app_secrets SET activate_at = now() - interval '1 second' WHERE version = 2`)
	var group sync.WaitGroup
	failures := make([]error, 8)
	for i := range failures {
		group.Go(func() { failures[i] = due[i%2].ActivateSecrets(context.WithoutCancel(t.Context())) })
	}
	group.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	require.Equal(t, calls+3, b.calls(), "one node has tried it")
	require.Equal(t, []string{"system schedule"}, b.DB.List(t, `SELECT actor_kind || ' ' || actor_name FROM signet.audit WHERE action = 'secret.activate'`))
	b.Catch(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
}

// One that WeCom refuses at its time stays pending, is not tried again, and raises
// one alert. Where WeCom is away it is tried a minute later.
func TestASecretThatIsRefusedAtItsTimeStaysPending(t *testing.T) {
	t.Parallel()
	log := &book{}
	b := setup(t, func(c *apptest.Config) { c.Log = log })
	at := time.Now()
	_, err := b.keepSecret(t, "unknown-to-WeCom", &at)
	require.NoError(t, err)
	due := admin.NewDue(b.Admin)

	b.WeCom.Inject(wecomtest.Fault{Status: 500, Body: "away"})
	require.NoError(t, due.ActivateSecrets(t.Context()))
	calls := b.calls()
	require.NoError(t, due.ActivateSecrets(t.Context()))
	require.Equal(t, calls, b.calls(), "not before a minute is over")
	require.Equal(t, []string{"true"}, b.DB.List(t, `SELECT (try_after > now() + interval '50 seconds')::text FROM signet.app_secrets WHERE version = 2`))
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
	b.WeCom.ClearFaults()
	b.DB.Exec(t, `DELETE FROM signet.call_pauses`)

	b.DB.Exec(t, `UPDATE signet.app_secrets SET try_after = now() WHERE version = 2`)
	require.NoError(t, due.ActivateSecrets(t.Context()))
	require.Equal(t, 1, log.count(`"alert":"secret_not_activated"`))
	require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
	require.Equal(t, []string{"wecom.secret_rejected true"}, b.DB.List(t, `SELECT problem || ' ' || (activate_at IS NULL) FROM signet.app_secrets WHERE version = 2`))
	calls = b.calls()
	require.NoError(t, due.ActivateSecrets(t.Context()))
	require.Equal(t, calls, b.calls())
	require.Equal(t, 1, log.count(`"alert":"secret_not_activated"`))
}

// A version that was left behind a day ago is retired by itself.
func TestAPreviousSecretIsRetiredAfterADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rotateTo(t, "second")
	due := admin.NewDue(b.Admin)
	b.DB.Exec(t, `UPDATE signet.app_secrets SET moved_at = now() - interval '23 hours 59 minutes' WHERE version = 1`)
	require.NoError(t, due.RetireSecrets(t.Context()))
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
	b.DB.Exec(t, `UPDATE signet.app_secrets SET moved_at = now() - interval '24 hours 1 second'`)
	require.NoError(t, due.RetireSecrets(t.Context()))
	require.Equal(t, []string{"2 current 2", "1 retired 1"}, b.states(t))
	require.Equal(t, []string{"system schedule"}, b.DB.List(t, `SELECT actor_kind || ' ' || actor_name FROM signet.audit WHERE action = 'secret.retire'`))
	require.NoError(t, due.RetireSecrets(t.Context()))
	require.Len(t, b.DB.List(t, `SELECT seq::text FROM signet.audit WHERE action = 'secret.retire'`), 1)
}

// A tenant says how old its secrets may become, and operators see which are due.
func TestSecretsThatAreTooOldAreListedForOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	younger := b.App(t, b.tenant, "1000300", apptest.Secret("younger"))
	free := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	b.App(t, free, agent, apptest.Secret("free"))
	b.DB.Exec(t, `UPDATE signet.app_secrets SET created_at = now() - interval '89 days 12 hours'`)
	b.DB.Exec(t, `UPDATE signet.app_secrets SET created_at = now() - interval '80 days' WHERE app_id = $1`, younger.ID.String())
	due := func(days int) (apps []core.AppID) {
		for p := (core.Page{Limit: 1}); ; {
			list, err := b.Admin.ListDueSecrets(t.Context(), apptest.Operator(), time.Duration(days)*24*time.Hour, p)
			require.NoError(t, err)
			for _, d := range list.Items {
				require.Equal(t, b.tenant.ID, d.TenantID)
				require.WithinDuration(t, d.PutAt.Add(90*24*time.Hour), d.DueAt, 2*time.Hour) // a day may have 23 or 25
				apps = append(apps, d.AppID)
			}
			if p.Cursor = list.NextCursor; p.Cursor == "" {
				return apps
			}
		}
	}
	require.Empty(t, due(3650), "nobody has asked for it")
	days := int64(90)
	changed, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{SecretMaxAgeDays: &days})
	require.NoError(t, err)
	require.EqualValues(t, 90, changed.SecretMaxAgeDays)
	require.Greater(t, changed.Version, b.tenant.Version)
	require.Empty(t, due(0))
	require.Equal(t, []core.AppID{b.app.ID}, due(1))
	require.Equal(t, []core.AppID{b.app.ID, younger.ID}, due(30), "those first that are due first")
	app, err := b.Admin.GetApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	require.NotNil(t, app.Secret.DueAt)

	b.rotateTo(t, "second")
	require.Equal(t, []core.AppID{younger.ID}, due(30), "a new one is young")
	days = 0
	name := "另一个名字"
	changed, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Name: &name, SecretMaxAgeDays: &days})
	require.NoError(t, err)
	require.Zero(t, changed.SecretMaxAgeDays)
	require.Equal(t, name, changed.Name)
	require.Empty(t, due(3650))
	days = 3651
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{SecretMaxAgeDays: &days})
	require.Equal(t, "/secretMaxAgeDays", fault.Find(err).Fields[0].Pointer)
}

// Of a tenant that is leaving nothing is changed, and a round full of its versions
// keeps no other's waiting.
func TestATenantThatIsLeavingKeepsNoOthersSecretsWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rotateTo(t, "second")
	leaving := b.Tenant(t, "leaving", "ww2222222222222222")
	b.App(t, leaving, "1000001", apptest.Secret("of-leaving"), "leaving.example.com")
	b.DB.Exec(t, `UPDATE signet.app_secrets SET moved_at = now() - interval '25 hours'`)
	b.DB.Exec(t, `
WITH apps AS (
    INSERT INTO signet.apps SELECT (jsonb_populate_record(a, jsonb_build_object('app_id', gen_random_uuid(), 'agent_id', 1000100 + i, 'app_key', '\x' || md5(i::text)))).*
    FROM signet.apps a, generate_series(1, 100) i WHERE a.tenant_id = $1
    RETURNING tenant_id, app_id)
INSERT INTO signet.app_secrets SELECT (jsonb_populate_record(s, jsonb_build_object('app_id', apps.app_id, 'state', 'previous', 'moved_at', now() - interval '26 hours'))).*
FROM signet.app_secrets s, apps WHERE s.tenant_id = $1`, leaving.ID)
	b.DB.Exec(t, `
INSERT INTO signet.app_secrets SELECT (jsonb_populate_record(s, '{"version": 2, "state": "pending", "activate_at": "2020-01-01T00:00:00Z"}')).*
FROM signet.app_secrets s WHERE s.tenant_id = $1 AND s.state = 'current'`, leaving.ID)
	require.NoError(t, b.Admin.DeleteTenant(t.Context(), apptest.Operator(), leaving.ID, nil))
	due := admin.NewDue(b.Admin)
	require.NoError(t, due.RetireSecrets(t.Context()))
	require.Equal(t, []string{"2 current 2", "1 retired 1"}, b.states(t))
	require.NoError(t, due.ActivateSecrets(t.Context()))
	require.Empty(t, b.DB.List(t, `SELECT version::text FROM signet.app_secrets WHERE try_after IS NOT NULL`), "none was taken")
}

// While WeCom is asked about a version whose time has come, somebody gives it another
// time, or none: that holds, whatever WeCom says.
func TestATimeThatIsChangedWhileItIsDueHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		errcode int
		later   bool
	}{{"accepted, tomorrow", 0, true}, {"accepted, no time", 0, false}, {"refused, tomorrow", 301002, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.keep(t, b.tenant, b.app, "second")
			now := time.Now()
			_, err := b.schedule(t, 2, &now)
			require.NoError(t, err)
			b.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
			if c.errcode != 0 {
				b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgent, Errcode: c.errcode})
			}
			done := make(chan error, 1)
			go func() { done <- admin.NewDue(b.Admin).ActivateSecrets(context.Background()) }()
			b.awaitHanging(t, 1)
			var at *time.Time
			want := "none"
			if c.later {
				tomorrow := now.Add(24 * time.Hour).UTC().Truncate(time.Second)
				at, want = &tomorrow, tomorrow.Format("2006-01-02 15:04:05")
			}
			_, err = b.schedule(t, 2, at)
			require.NoError(t, err)
			b.WeCom.Release()
			require.NoError(t, <-done)
			require.Equal(t, []string{"2 pending 0", "1 current 1"}, b.states(t))
			require.Equal(t, []string{want}, b.DB.List(t, `SELECT coalesce(to_char(activate_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'none') FROM signet.app_secrets WHERE version = 2`))
		})
	}
}

package ticket_test

import (
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

// states lists the app's secrets, newest first, as "version state activation".
func (n node) states(t *testing.T) []string {
	t.Helper()
	return n.DB.List(t, `SELECT version || ' ' || state || ' ' || activation FROM signet.app_secrets ORDER BY version DESC`)
}

// rotated is a node whose app has just got a second secret, which WeCom took when
// it was tried. Nothing is held, so that the next page needs a token.
func rotated(t *testing.T) node {
	t.Helper()
	n := newNode(t)
	n.mustSign(t)
	second := apptest.Secret("second")
	n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: second, Domains: []string{host}})
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(second)})
	require.NoError(t, err)
	return n.cold(t)
}

// cold is a node that holds nothing and finds nothing.
func (n node) cold(t *testing.T) node {
	t.Helper()
	n.DB.Exec(t, `DELETE FROM signet.tickets`)
	n.DB.Exec(t, `DELETE FROM signet.call_pauses`)
	return n.restart(t)
}

// A new secret that WeCom refuses after all is left for the one before it, in the
// course of the very page that met it: nobody sees a failure.
func TestARefusedNewSecretIsLeftForTheOneBeforeIt(t *testing.T) {
	t.Parallel()
	n := rotated(t)
	n.WeCom.RemoveSecret(corp, agent, apptest.Secret("second"))
	other := n.restart(t)
	require.Equal(t, made{2, 1, 1}, n.since(func() { n.mustSign(t) }))
	require.Equal(t, []string{"2 previous 2", "1 current 3"}, n.states(t))
	require.Equal(t, 1, n.logged(`"alert":"secret_fell_back"`))
	require.Equal(t, 1, n.logged(`"alert":"secret_rejected"`))
	require.Equal(t, []string{"system ticket 2 40001 1 3"}, n.DB.List(t, `
SELECT concat_ws(' ', actor_kind, actor_name, detail->>'refused', detail->>'errcode', detail->>'version', detail->>'activation')
FROM signet.audit WHERE action = 'secret.fall_back'`))
	require.Equal(t, []string{"1 true", "2 false"}, n.DB.List(t, `SELECT version || ' ' || fell_back FROM signet.app_secrets ORDER BY version`))
	require.Equal(t, []string{"wecom.secret_rejected"}, n.DB.List(t, `SELECT problem FROM signet.app_secrets WHERE version = 2`))
	require.Len(t, n.DB.List(t, `SELECT kind FROM signet.change_log WHERE kind = 'secret'`), 2, "one for the rotation, one for the fall-back")
	other.Catch(t)
	require.Zero(t, other.since(func() { other.mustSign(t) }), "the other nodes hear of it")

	t.Log("and not back again: two dead secrets do not take turns")
	n.WeCom.RemoveSecret(corp, agent, apptest.Secret("first"))
	n = n.cold(t)
	require.Equal(t, made{1, 0, 0}, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }))
	n = n.cold(t)
	require.Zero(t, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }))
	require.Equal(t, []string{"2 previous 2", "1 current 3"}, n.states(t))
	require.Equal(t, 1, n.logged(`"alert":"secret_fell_back"`))

	t.Log("a person puts the right one, and then there may be a fall-back again")
	n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: apptest.Secret("third"), Domains: []string{host}})
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(apptest.Secret("third"))})
	require.NoError(t, err)
	n.Catch(t)
	n.app.SecretText = apptest.Secret("third")
	n.mustSign(t)
}

// The token of the trial lies in its row and looks good; it dies at WeCom with the
// secret. That it is replaced before its end is granted once for the turn, and not
// for each of the two secrets that are asked with.
func TestAFallBackBeginsWithTheTokenOfTheTrial(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	second := apptest.Secret("second")
	n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: second, Domains: []string{host}})
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(second)})
	require.NoError(t, err)
	n.WeCom.RemoveSecret(corp, agent, second)
	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'corp_ticket'`)
	n = n.restart(t)
	require.Equal(t, made{2, 2, 0}, n.since(func() {
		_, err := n.Sign(t.Context(), n.app, page) // its agent ticket is the second secret's, and lives
		require.NoError(t, err)
	}))
	require.Equal(t, []string{"2 previous 2", "1 current 3"}, n.states(t))
}

// When a new secret is not left for the one before it.
func TestWhenARefusedSecretIsNotLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare string
		errcode int
		code    fault.Code
	}{
		"ten minutes are over":             {`UPDATE signet.app_secrets SET activated_at = now() - interval '10 minutes'`, 40001, fault.SecretRejected},
		"the one before was refused too":   {`UPDATE signet.app_secrets SET problem = 'wecom.secret_rejected' WHERE version = 1`, 40091, fault.SecretRejected},
		"the one before was put back":      {`UPDATE signet.app_secrets SET activation = 0 WHERE version = 1`, 40001, fault.SecretRejected},
		"there is none before":             {`UPDATE signet.app_secrets SET state = 'retired' WHERE version = 1`, 40001, fault.SecretRejected},
		"it is our address that's refused": {`SELECT`, 60020, fault.IPRefused},
		"WeCom is busy":                    {`SELECT`, -1, fault.WeComUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := rotated(t)
			n.DB.Exec(t, c.prepare)
			before := n.states(t)
			n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: c.errcode})
			for range 3 {
				n.mustRefuse(t, c.code)
			}
			require.Equal(t, before, n.states(t))
			require.Zero(t, n.logged(`"alert":"secret_fell_back"`))
			require.Equal(t, name == "the one before was put back", n.logged(`"alert":"secret_put_back"`) == 1)
			require.Empty(t, n.DB.List(t, `SELECT seq::text FROM signet.audit WHERE action = 'secret.fall_back'`))
		})
	}
}

// Where Postgres cannot be told just then, the next page tries the fall-back again.
func TestAFallBackThatCouldNotBeWrittenIsMadeLater(t *testing.T) {
	t.Parallel()
	n := rotated(t)
	n.WeCom.RemoveSecret(corp, agent, apptest.Secret("second"))
	n.DB.Exec(t, `CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '53100'; END $$`)
	n.DB.Exec(t, `CREATE TRIGGER broken BEFORE INSERT ON signet.audit FOR EACH ROW EXECUTE FUNCTION public.broken()`)
	n.mustRefuse(t, fault.SecretRejected)
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, n.states(t), "what cannot be audited does not happen")
	n.DB.Exec(t, `DROP TRIGGER broken ON signet.audit`)
	n = n.cold(t)
	require.Equal(t, made{1, 1, 1}, n.since(func() { n.mustSign(t) }), "the refused one is not tried a second time")
	require.Equal(t, []string{"2 previous 2", "1 current 3"}, n.states(t))
}

// putBacks are ways to put older rows of a secret back whole, each of which opens
// like any other.
var putBacks = map[string][]string{
	"the secret's row": {
		`DELETE FROM signet.app_secrets WHERE tenant_id = (SELECT tenant_id FROM public.before_secrets LIMIT 1)`,
		`INSERT INTO signet.app_secrets SELECT * FROM public.before_secrets`,
	},
	"the secret's row and the app's": {
		`DELETE FROM signet.app_secrets WHERE tenant_id = (SELECT tenant_id FROM public.before_secrets LIMIT 1)`,
		`INSERT INTO signet.app_secrets SELECT * FROM public.before_secrets`,
		`UPDATE signet.apps a SET activation = b.activation, version = b.version FROM public.before_apps b WHERE a.app_id = b.app_id`,
	},
	"the states alone": {
		`UPDATE signet.app_secrets SET state = 'retired' WHERE version = 2`,
		`UPDATE signet.app_secrets SET state = 'current' WHERE version = 1 AND tenant_id = (SELECT tenant_id FROM public.before_secrets LIMIT 1)`,
	},
	"the states, where the audit is gone": {
		`UPDATE signet.app_secrets SET state = 'retired' WHERE version = 2`,
		`UPDATE signet.app_secrets SET state = 'current' WHERE version = 1 AND tenant_id = (SELECT tenant_id FROM public.before_secrets LIMIT 1)`,
		`DELETE FROM signet.audit`,
	},
	"the states and the number": {
		`UPDATE signet.app_secrets SET state = 'retired' WHERE version = 2`,
		`UPDATE signet.app_secrets SET state = 'current' WHERE version = 1 AND tenant_id = (SELECT tenant_id FROM public.before_secrets LIMIT 1)`,
		`UPDATE signet.apps a SET activation = b.activation FROM public.before_apps b WHERE a.app_id = b.app_id`,
	},
}

// An older row of a secret put back whole opens, and is noticed all the same by the
// number of its activation: it is not used, one alert is raised, nobody else is
// touched, and a secret put anew is the mend.
func TestAnOlderSecretPutBackIsNoticed(t *testing.T) {
	t.Parallel()
	for name, statements := range putBacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			neighbour := n
			neighbour.tenant = n.Tenant(t, "北辰物流", "wwfedcba0987654321")
			neighbour.app = n.ColdApp(t, neighbour.tenant, agent, apptest.Secret("neighbour"), host)
			n.DB.Exec(t, `CREATE TABLE public.before_secrets AS SELECT * FROM signet.app_secrets WHERE app_id = $1`, n.app.ID.String())
			n.DB.Exec(t, `CREATE TABLE public.before_apps AS SELECT * FROM signet.apps WHERE app_id = $1`, n.app.ID.String())
			second := apptest.Secret("second")
			n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: second, Domains: []string{host}})
			_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(second)})
			require.NoError(t, err)
			for _, statement := range statements {
				require.Positive(t, n.DB.Exec(t, statement), statement)
			}
			n = n.cold(t)
			require.Zero(t, n.since(func() {
				for range 5 {
					n.mustRefuse(t, fault.AppNotReady)
					n.clock.Advance(2 * time.Minute)
				}
			}), "WeCom is not asked with it")
			require.Equal(t, 1, n.logged(`"alert":"secret_put_back"`))
			neighbour.House = n.House
			neighbour.mustSign(t)

			n.WeCom.ResetSecret(corp, agent, apptest.Secret("third"))
			made, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(apptest.Secret("third"))})
			require.NoError(t, err)
			require.EqualValues(t, 3, made.Activation, "it goes on from the highest")
			n = n.cold(t)
			n.app.SecretText = apptest.Secret("third")
			n.mustSign(t)
		})
	}
}

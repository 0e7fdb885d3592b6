package trial_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/trial"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

const (
	corp      = "ww1234567890abcdef"
	agent     = "1000247"
	sealAlert = `"alert":"seal_refused"`
)

// bench is a House with one app, and its log.
type bench struct {
	*apptest.House
	app   apptest.App
	clock *apptest.Clock
	log   *httpapitest.LogBook
}

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{clock: apptest.NewClock(time.Now()), log: &httpapitest.LogBook{}}
	b.House = apptest.New(t, apptest.Config{CallTime: time.Minute, Log: b.log, Now: b.clock.Now, WeCom: wecomtest.Config{Clock: b.clock.Now}})
	b.app = b.ColdApp(t, b.Tenant(t, "蓝湖科技", corp), agent, apptest.Secret("first"))
	return b
}

func (b bench) calls() int { return len(b.WeCom.Calls()) }

func (b bench) alerts() int { return strings.Count(b.log.String(), sealAlert) }

// stored reads the app's one version as it lies in its row.
func (b bench) stored(t *testing.T) (s trial.Stored) {
	t.Helper()
	require.NoError(t, b.Store.Tenant(t.Context(), core.System("test"), b.app.TenantID, func(tx *store.TenantTx) (err error) {
		if s.Secret, err = tx.GetSealedSecret(t.Context(), b.app.ID, 1); err == nil {
			s.Key, err = tx.GetTenantKey(t.Context(), s.Secret.KeyVersion)
		}
		return err
	}))
	return s
}

// Whatever WeCom says against a secret is told with its number and its mend, and with
// the code that the secret's row keeps; where it does not judge, the row keeps nothing.
func TestEachRefusalHasItsReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   wecomtest.Fault
		code    fault.Code
		reason  fault.Reason
		errcode int
		problem fault.Code // "": not judged
	}{
		"a wrong secret":      {wecomtest.Fault{API: wecom.GetToken, Errcode: 40001}, fault.SecretRefused, fault.ReasonWrongSecret, 40001, fault.SecretRejected},
		"another corp's":      {wecomtest.Fault{API: wecom.GetToken, Errcode: 40091}, fault.SecretRefused, fault.ReasonWrongCorp, 40091, fault.SecretRejected},
		"a wrong agent":       {wecomtest.Fault{API: wecom.GetAgent, Errcode: 301002}, fault.SecretRefused, fault.ReasonWrongAgent, 301002, fault.SecretRefused},
		"an app switched off": {wecomtest.Fault{API: wecom.GetAgent, Body: `{"errcode":0,"errmsg":"ok","agentid":1000247,"name":"x","close":1}`}, fault.SecretRefused, fault.ReasonAppDisabled, 50003, fault.SecretRefused},
		"a refused address":   {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 60020}, fault.SecretRefused, fault.ReasonIPRefused, 60020, fault.IPRefused},
		"a quota":             {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 45009}, fault.WeComQuota, "", 0, ""},
		"nothing of use":      {wecomtest.Fault{API: wecom.GetToken, Status: 500, Body: "away"}, fault.WeComUnavailable, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.WeCom.Inject(c.fault)
			proof, err := b.Trials.TryStored(t.Context(), b.app.App, b.stored(t))
			require.True(t, fault.Has(err, c.code), err)
			require.Equal(t, c.reason, fault.Find(err).Reason)
			if c.problem != "" {
				require.Equal(t, c.errcode, fault.Find(err).Errcode)
			}
			require.False(t, proof.Tried())
			problem, judged := trial.Problem(err)
			require.Equal(t, c.problem, problem)
			require.Equal(t, c.problem != "", judged)
		})
	}
}

func TestASecretThatWeComTakesCostsThreeCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	calls := b.calls()
	proof, err := b.Trials.TryStored(t.Context(), b.app.App, b.stored(t))
	require.NoError(t, err)
	require.True(t, proof.Tried())
	require.False(t, proof.Token.Value.IsZero() || proof.Ticket.Value.IsZero())
	require.Equal(t, calls+3, b.calls())
	problem, judged := trial.Problem(err)
	require.Empty(t, problem)
	require.True(t, judged)
}

// A value that does not open is told once and sent nowhere.
func TestADamagedSecretIsNotTried(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*trial.Stored){
		"a bit turned":          func(s *trial.Stored) { s.Secret.Sealed[40] ^= 1 },
		"another version":       func(s *trial.Stored) { s.Secret.Version++ },
		"destroyed":             func(s *trial.Stored) { s.Secret.Sealed = nil },
		"a key that was turned": func(s *trial.Stored) { s.Key.Wrapped[40] ^= 1 },
		"no key":                func(s *trial.Stored) { s.Key = store.WrappedKey{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			lies, calls := b.stored(t), b.calls()
			damage(&lies)
			for range 3 {
				_, err := b.Trials.TryStored(t.Context(), b.app.App, lies)
				require.True(t, fault.Has(err, fault.SecretDamaged), err)
				_, judged := trial.Problem(err)
				require.False(t, judged, "it was not WeCom who said so")
			}
			require.Equal(t, calls, b.calls())
			require.Equal(t, 1, b.alerts())
			_, err := b.Trials.TryStored(t.Context(), b.app.App, b.stored(t))
			require.NoError(t, err, "what lies there is whole")
		})
	}
}

// What an earlier trial has fetched is a proof as long as all of it is there, opens
// and has not ended.
func TestWhatATrialHasFetchedIsAProofWhileItIsWhole(t *testing.T) {
	t.Parallel()
	const life = time.Hour
	b := newBench(t)
	key := b.stored(t).Key
	fetched := b.clock.Now().UTC().Truncate(time.Microsecond)
	grants := func(t *testing.T, b bench) []trial.Grant {
		t.Helper()
		list := make([]trial.Grant, 2)
		for i, kind := range []core.TicketKind{core.AccessToken, core.AgentTicket} {
			text, err := b.Ring.Sealer().SealUntil(sealed.Key(b.app.TenantID, key), seal.ForTrialGrant(b.app.TenantID, b.app.ID, 2, kind, fetched),
				core.NewSecret("value of "+string(kind)), fetched.Add(life))
			require.NoError(t, err)
			list[i] = trial.Grant{Row: store.TrialGrant{Kind: kind, Sealed: text, KeyVersion: key.Version, FetchedAt: fetched}, Key: key}
		}
		return list
	}
	for _, c := range []struct {
		name    string
		change  func([]trial.Grant) []trial.Grant
		version int32
		ok      bool
		alerts  int
	}{
		{"whole", func(g []trial.Grant) []trial.Grant { return g }, 2, true, 0},
		{"nothing", func([]trial.Grant) []trial.Grant { return nil }, 2, false, 0},
		{"no token", func(g []trial.Grant) []trial.Grant { return g[1:] }, 2, false, 0},
		{"no ticket", func(g []trial.Grant) []trial.Grant { return g[:1] }, 2, false, 0},
		{"a bit turned", func(g []trial.Grant) []trial.Grant { g[1].Row.Sealed[40] ^= 1; return g }, 2, false, 1},
		{"made younger", func(g []trial.Grant) []trial.Grant {
			g[0].Row.FetchedAt = fetched.Add(time.Minute)
			return g
		}, 2, false, 1},
		{"of another version", func(g []trial.Grant) []trial.Grant { return g }, 3, false, 1},
		{"exchanged", func(g []trial.Grant) []trial.Grant {
			g[0].Row.Sealed, g[1].Row.Sealed = g[1].Row.Sealed, g[0].Row.Sealed
			return g
		}, 2, false, 1},
	} {
		before := b.alerts()
		proof, ok := b.Trials.Reopen(t.Context(), b.app.App, c.version, c.change(grants(t, b)))
		require.Equal(t, c.ok, ok, c.name)
		require.Equal(t, c.alerts, b.alerts()-before, c.name)
		if ok {
			require.Equal(t, "value of access_token", proof.Token.Value.Expose())
			require.Equal(t, "value of agent_ticket", proof.Ticket.Value.Expose())
			require.Equal(t, fetched, proof.At)
			require.Equal(t, life, proof.Ticket.ExpiresIn)
		}
	}
	whole := grants(t, b)
	b.clock.Advance(life - time.Second)
	_, ok := b.Trials.Reopen(t.Context(), b.app.App, 2, whole)
	require.True(t, ok)
	b.clock.Advance(2 * time.Second)
	_, ok = b.Trials.Reopen(t.Context(), b.app.App, 2, whole)
	require.False(t, ok, "it has ended")
}

package ticket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// A call that is out while the secret is rotated says nothing about the new one:
// not on the node that made it, and not on the others.
func TestALateFailureOfAFormerSecretPausesNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]wecomtest.Fault{
		"of its token":  {API: wecom.GetToken, Errcode: 40001},
		"of its ticket": {API: wecom.GetAgentTicket, Errcode: 60020},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			f.Behaviour, f.Times = wecomtest.Hang, 1
			n.WeCom.Inject(f)
			late := make(chan error, 1)
			go func() {
				_, err := n.signAgentConfig(t.Context(), n.app)
				late <- err
			}()
			n.awaitHanging(t, 1)
			n.rotateUntried(t, "second")
			n.WeCom.Release()
			require.Error(t, <-late)
			require.Empty(t, n.DB.List(t, `SELECT kind || ' ' || failures FROM signet.call_pauses`))
			_, err := n.Sign(t.Context(), n.app, page)
			require.NoError(t, err)
		})
	}
}

// What the corp is told holds for every secret.
func TestALateQuotaOfAFormerSecretPausesTheCorp(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: 45009, Behaviour: wecomtest.Hang, Times: 1})
	late := make(chan error, 1)
	go func() {
		_, err := n.signAgentConfig(t.Context(), n.app)
		late <- err
	}()
	n.awaitHanging(t, 1)
	n.rotateUntried(t, "second")
	n.WeCom.Release()
	require.True(t, fault.Has(<-late, fault.WeComQuota))
	n.mustRefuse(t, fault.WeComQuota)
}

// rotateUntried gives the app another secret, as the fake knows it, and lets the
// node hear of it.
func (n node) rotateUntried(t *testing.T, name string) {
	t.Helper()
	fresh := apptest.Secret(name)
	n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: fresh})
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, admin.NewSecret{Secret: core.NewSecret(fresh), SkipCheck: true})
	require.NoError(t, err)
	n.Catch(t)
}

package ticket_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/signing"
	"signet/internal/wecom/wecomtest"
)

// Two tenants may have entered the same corp id and the same agent id, and only
// their secrets differ: neither may ever be served a ticket that the other's
// secret has fetched. Each signature is recomputed from the tickets that the
// fake gave to that very secret.
func TestTwoTenantsWithOneCorpNeverShareATicket(t *testing.T) {
	t.Parallel()
	const (
		signatures = 100_000
		workers    = 16
	)
	n := newNode(t)
	apps := [2]apptest.App{n.app, n.ColdApp(t, n.Tenant(t, "北辰物流", corp), agent, apptest.Secret("second"), host)}
	require.Equal(t, apps[0].CorpID, apps[1].CorpID)
	require.Equal(t, apps[0].AgentID, apps[1].AgentID)

	begun := time.Now()
	var group sync.WaitGroup
	var done atomic.Int64
	failures := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			for i := w; i < signatures; i += workers {
				app := apps[(i/workers+w)%2]
				var err error
				if i%1000 < workers { // out of memory, into the row's way
					n.Tickets.Forget(app.TenantID, app.ID, core.AgentTicket, core.AccessToken)
					_, err = n.Directory.Load(t.Context())
				}
				var answer signing.Answer
				if err == nil {
					answer, err = n.Sign(t.Context(), app, page)
				}
				if err == nil {
					err = n.Verify(app, page, answer)
				}
				if err != nil {
					failures[w] = err
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, signatures, done.Load())
	require.Equal(t, made{2, 2, 2}, n.made())
	t.Logf("%d signatures of two tenants with one corp id, each recomputed, in %v", signatures, time.Since(begun).Round(time.Millisecond))

	// The check itself can tell them apart.
	answer, err := n.Sign(t.Context(), apps[0], page)
	require.NoError(t, err)
	require.Error(t, n.Verify(apps[1], page, answer))
}

// A stranger who enters someone's corp and agent with a secret of his own
// making gets nothing: not the ticket that lies there for the other.
func TestAStrangerWithASecretOfHisOwnMakingGetsNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	stranger := n
	stranger.tenant = n.Tenant(t, "Stranger", corp)
	stranger.app = n.ColdApp(t, stranger.tenant, agent, apptest.Secret("made-up"), host)
	n.WeCom.RemoveSecret(corp, agent, apptest.Secret("made-up"))
	for range 3 {
		stranger.mustRefuse(t, "wecom.secret_rejected")
	}
	require.Zero(t, n.since(func() { n.mustSign(t) }))
	require.Equal(t, 1, n.WeCom.Count(wecomtest.Filter{Errcode: new(40001)}))
}

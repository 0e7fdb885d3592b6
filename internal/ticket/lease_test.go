package ticket_test

import (
	"context"
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

// cluster gives more nodes over the same Postgres and WeCom, each with its own
// memory, connections and place in the change feed, which it follows.
func (n node) cluster(t *testing.T, nodes int) []node {
	t.Helper()
	list := []node{n}
	for range nodes - 1 {
		list = append(list, n.restart(t))
	}
	for _, one := range list {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- one.Follow(ctx) }()
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-ended)
		})
	}
	return list
}

// signEverywhere signs on every node with that many callers at once.
func signEverywhere(t *testing.T, nodes []node, callers int) {
	t.Helper()
	for err := range signingEverywhere(t.Context(), nodes, callers) {
		require.NoError(t, err)
	}
}

// signingEverywhere begins to. What comes of it is closed after the last caller.
func signingEverywhere(ctx context.Context, nodes []node, callers int) (came <-chan error) {
	var group sync.WaitGroup
	start := make(chan struct{})
	ended := make(chan error, len(nodes)*callers)
	for _, one := range nodes {
		for range callers {
			group.Go(func() {
				<-start
				answer, err := one.Sign(ctx, one.app, page)
				if err == nil {
					err = one.Verify(one.app, page, answer)
				}
				ended <- err
			})
		}
	}
	close(start)
	go func() { group.Wait(); close(ended) }()
	return ended
}

// The figures: a cold tenant, four nodes, a thousand callers on each.
const crowdNodes, crowdCallers = 4, 1000

func TestAColdTenantCostsTheClusterThreeCalls(t *testing.T) {
	t.Parallel()
	require.Equal(t, made{1, 1, 1}, coldCrowd(t))
}

func coldCrowd(t *testing.T) made {
	t.Helper()
	n := newNode(t)
	signEverywhere(t, n.cluster(t, crowdNodes), crowdCallers)
	require.Zero(t, n.logged("thrown away"))
	return n.made()
}

// The same with the holder killed in the middle: nobody on the other nodes fails.
func TestAKilledHolderCostsTheCrowdOneLease(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, coldCrowdWithoutItsHolder(t).sum(), 6)
}

// coldCrowdWithoutItsHolder lets the first node take the turn, and kills it when the
// others wait: its callers are gone, and its call hangs for ever.
func coldCrowdWithoutItsHolder(t *testing.T) made {
	t.Helper()
	n := newNode(t)
	nodes := n.cluster(t, crowdNodes)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	ctx, kill := context.WithCancel(t.Context())
	killed := signingEverywhere(ctx, nodes[:1], crowdCallers)
	n.awaitHanging(t, 1)
	others := signingEverywhere(t.Context(), nodes[1:], crowdCallers)
	n.awaitRows(t, "1", `SELECT count(*)::text FROM signet.ticket_leases WHERE awaited`)
	kill()
	for err := range killed {
		require.Error(t, err)
	}
	for err := range others {
		require.NoError(t, err)
	}
	calls := n.made()
	n.WeCom.Release()
	require.Eventually(t, func() bool { return n.logged("thrown away") > 0 }, 20*time.Second, 10*time.Millisecond)
	return calls
}

// Whoever waits for another node's turn hears of its end by the change feed, and
// where that does not reach, looks again.
func TestWaitingNodesAreWokenAndLookByThemselves(t *testing.T) {
	t.Parallel()
	for name, follows := range map[string]bool{"woken": true, "by themselves": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			nodes := []node{n, n.restart(t)}
			if follows {
				nodes = n.cluster(t, 2)
			}
			n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
			ended := make(chan error, 2)
			for _, one := range nodes {
				go func() { _, err := one.Sign(t.Context(), one.app, page); ended <- err }()
			}
			n.awaitHanging(t, 1)
			n.awaitRows(t, "1", `SELECT count(*)::text FROM signet.ticket_leases WHERE awaited`)
			n.WeCom.Release()
			require.NoError(t, <-ended)
			require.NoError(t, <-ended)
			require.Equal(t, made{1, 1, 1}, n.made())
		})
	}
}

// A node that dies in its turn costs one lease and the call that it had made.
func TestAKilledHolderCostsOneLease(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	nodes := n.cluster(t, 2)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	ctx, kill := context.WithCancel(t.Context())
	killed := make(chan error, 1)
	go func() { _, err := nodes[0].Sign(ctx, n.app, page); killed <- err }()
	n.awaitHanging(t, 1)
	kill() // the caller is gone; the flight goes on and hangs, as a node that is paused would
	require.Error(t, <-killed)

	begun := time.Now()
	answer, err := nodes[1].Sign(t.Context(), n.app, page)
	require.NoError(t, err)
	require.NoError(t, n.Verify(n.app, page, answer))
	require.Less(t, time.Since(begun), 10*time.Second)
	require.LessOrEqual(t, n.made().sum(), 6)

	// It wakes up, and what it brings is thrown away.
	generation := n.DB.List(t, `SELECT kind || ' ' || generation FROM signet.tickets ORDER BY kind`)
	n.WeCom.Release()
	require.Eventually(t, func() bool { return n.logged("thrown away") > 0 }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, generation, n.DB.List(t, `SELECT kind || ' ' || generation FROM signet.tickets ORDER BY kind`))
}

// signHeldUp begins to sign, and returns when the call for the token hangs.
func (n node) signHeldUp(t *testing.T) (signed <-chan error) {
	t.Helper()
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	ended := make(chan error, 1)
	go func() { _, err := n.Sign(t.Context(), n.app, page); ended <- err }()
	n.awaitHanging(t, 1)
	return ended
}

// A node that slept through the end of its turn writes nothing, also where the
// next has not written yet.
func TestWhatComesAfterItsTurnIsThrownAway(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	signed := n.signHeldUp(t)
	n.DB.Exec(t, `UPDATE signet.ticket_leases SET epoch = epoch + 1, ends_at = now() WHERE kind = 'access_token'`)
	n.WeCom.Release()
	require.NoError(t, <-signed)
	require.Equal(t, made{2, 1, 1}, n.made())
	require.Equal(t, 1, n.logged("thrown away"))
}

// Nor does it call when its turn for the call is over.
func TestNoCallIsMadeAfterItsTurn(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	signed := n.signHeldUp(t)
	n.clock.Advance(time.Second) // so that the turn is to be renewed before the next call
	n.DB.Exec(t, `UPDATE signet.ticket_leases SET epoch = epoch + 1, ends_at = now() + interval '1 second' WHERE kind = 'corp_ticket'`)
	n.WeCom.Release()
	n.awaitRows(t, "true", `SELECT awaited::text FROM signet.ticket_leases WHERE kind = 'corp_ticket'`)
	require.Equal(t, made{1, 0, 0}, n.made(), "it waits for the other")
	require.NoError(t, <-signed)
	require.Equal(t, made{1, 1, 1}, n.made())
}

// What a rotation brought is not overwritten by what a node was just fetching
// with the former secret.
func TestARotationEndsTheTurnOfTheFormerSecret(t *testing.T) {
	t.Parallel()
	for name, untried := range map[string]bool{"tried": false, "untried": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			signed := n.signHeldUp(t)
			second := apptest.Secret("second")
			n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: second, Domains: []string{host}})
			_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
				admin.NewSecret{Secret: core.NewSecret(second), SkipCheck: untried})
			require.NoError(t, err)
			n.WeCom.Release()
			require.NoError(t, <-signed)
			require.Equal(t, []string{"2"}, n.DB.List(t, `SELECT secret_version::text FROM signet.tickets WHERE kind = 'access_token'`))
			n.Catch(t)
			_, err = n.Sign(t.Context(), n.app, page)
			require.NoError(t, err)
		})
	}
}

// A turn that brought nothing is given back: the next does not wait for it.
func TestATurnThatBroughtNothingIsGivenBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{Status: 500, Body: "away", Times: 1})
	n.mustRefuse(t, fault.WeComUnavailable)
	begun := time.Now()
	n.mustSign(t)
	require.Less(t, time.Since(begun), 3*time.Second)
}

// So is one whose value could not be written for a reason of its own.
func TestATurnWhoseValueCannotBeWrittenIsGivenBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Behaviour: wecomtest.Hang})
	asked := make(chan error, 1)
	go func() {
		_, err := n.signConfig(t.Context(), n.app)
		asked <- err
	}()
	n.awaitHanging(t, 1)
	n.DB.Exec(t, `DELETE FROM signet_keys.tenant_keys`)
	n.WeCom.Release()
	require.Error(t, <-asked)
	require.Equal(t, []string{"true"}, n.DB.List(t, `SELECT (ends_at <= clock_timestamp())::text FROM signet.ticket_leases WHERE kind = 'corp_ticket'`))
}

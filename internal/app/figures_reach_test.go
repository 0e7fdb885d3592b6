package app_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	reachNodes = 4
	reachApps  = 110 // each is changed in three ways
	reachQuiet = 30  // changes without NOTIFY
)

// reached is when one node had applied something.
type reached struct {
	node int
	at   time.Time
}

// reachCluster is several nodes of one process that follow the change feed.
type reachCluster struct {
	*apptest.House
	nodes   []*apptest.House
	applied chan reached
	tenants []core.Tenant
	apps    []apptest.App
}

// reach measures how long a change takes until it is in force on every node, from
// just before the commit: a secret that is rotated, a domain that is removed, an
// app that is suspended; each in turn with a bare NOTIFY.
func reach(t *testing.T) []apptest.Figure {
	c := newReachCluster(t)
	bare := storetest.BareListeners(t, c.DB, reachNodes)
	var changes, bares []time.Duration
	for i, app := range c.apps {
		page := "https://" + crmHost + "/"
		held := c.heldTokens()
		changes = append(changes, c.change(t, app, store.SecretChanged, func(ctx context.Context, tx *store.TenantTx) error {
			_, err := tx.CreateSecret(ctx, store.NewSecret{AppID: app.ID, Version: 2, State: core.SecretCurrent, Fingerprint: "another", Sealed: []byte("another"), KeyVersion: 1})
			return err
		}))
		require.Equal(t, held-reachNodes, c.heldTokens(), "every node has dropped its token")
		bares = append(bares, bare.Notify(t))
		changes = append(changes, c.change(t, app, store.AppChanged, func(ctx context.Context, tx *store.TenantTx) error {
			list, err := tx.ListDomains(ctx, app.ID, core.Page{Limit: 1})
			if err != nil {
				return err
			}
			_, err = tx.DeleteDomain(ctx, app.ID, list.Items[0].ID)
			return err
		}))
		c.requireRefused(t, app, page, fault.URLUntrusted)
		bares = append(bares, bare.Notify(t))
		changes = append(changes, c.change(t, app, store.AppChanged, func(ctx context.Context, tx *store.TenantTx) error {
			_, err := tx.UpdateApp(ctx, core.App{ID: app.ID, Name: app.Name, Status: core.Suspended})
			return err
		}))
		c.requireRefused(t, app, page, fault.AppSuspended)
		bares = append(bares, bare.Notify(t))
		if i%50 == 0 {
			t.Logf("%d of %d apps", i, len(c.apps))
		}
	}
	var quiet []time.Duration
	for i := range reachQuiet {
		quiet = append(quiet, c.changeQuietly(t, i))
	}
	for _, times := range [][]time.Duration{changes, bares, quiet} {
		slices.Sort(times)
	}
	t.Logf("in force on %d nodes: half within %v, p99 %v, all within %v; a bare NOTIFY: half within %v, p99 %v; without NOTIFY: half within %v",
		reachNodes, at(changes, 50), at(changes, 99), changes[len(changes)-1], at(bares, 50), at(bares, 99), at(quiet, 50))
	return []apptest.Figure{
		{Name: fmt.Sprintf("a change (%d of them) in force on %d nodes, p99", len(changes), reachNodes),
			Against: "a bare NOTIFY to as many connections, p99", Value: float64(at(changes, 99)) / float64(at(bares, 99)), Bound: 2, Unit: "×"},
		{Name: "the same, the slowest", Value: changes[len(changes)-1].Seconds(), Bound: 2, Unit: " s"},
		{Name: fmt.Sprintf("a change in force on %d nodes with NOTIFY dead, the slowest of %d", reachNodes, reachQuiet),
			Value: quiet[len(quiet)-1].Seconds(), Bound: 2, Unit: " s"},
	}
}

// at gives a percentile of sorted times.
func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func newReachCluster(t *testing.T) *reachCluster {
	t.Helper()
	c := &reachCluster{House: apptest.New(t, apptest.Config{}), applied: make(chan reached, reachNodes)}
	for i := range reachApps {
		tenant := c.Tenant(t, "蓝湖科技", fmt.Sprintf("ww%016d", i))
		c.tenants = append(c.tenants, tenant)
		c.apps = append(c.apps, c.App(t, tenant, "1000247", apptest.Secret(fmt.Sprintf("secret%d", i)), crmHost))
	}
	for i := range reachNodes {
		node := c.Restart(t)
		c.nodes = append(c.nodes, node)
		// So that the node uses the access token, and holds it.
		c.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind <> 'access_token'`)
		for _, app := range c.apps {
			_, err := node.Sign(t.Context(), app, "https://"+crmHost+"/")
			require.NoError(t, err)
		}
		c.follow(t, i, node)
	}
	return c
}

// follow does what signing.Signer.Follow does, and tells when it is done.
func (c *reachCluster) follow(t *testing.T, i int, node *apptest.House) {
	t.Helper()
	from, err := node.Directory.Load(t.Context())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- node.Store.FollowChanges(ctx, from, func(ctx context.Context, tx *store.SystemTx, changes []store.Change) error {
			err := node.Signer.Apply(ctx, tx, changes)
			if err == nil {
				c.applied <- reached{i, time.Now()}
			}
			return err
		}, func(error) {})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

func (c *reachCluster) heldTokens() (held int) {
	for _, node := range c.nodes {
		held += node.Tickets.Len()
	}
	return held
}

// change makes a change and gives the time until the slowest node has applied it.
func (c *reachCluster) change(t *testing.T, app apptest.App, kind store.ChangeKind, work func(context.Context, *store.TenantTx) error) time.Duration {
	t.Helper()
	var began time.Time
	err := c.Store.Tenant(t.Context(), apptest.Operator(), app.TenantID, func(tx *store.TenantTx) error {
		if err := work(t.Context(), tx); err != nil {
			return err
		}
		err := tx.Announce(t.Context(), store.Change{Kind: kind, AppID: app.ID, AppKey: app.Key})
		began = time.Now()
		return err
	})
	require.NoError(t, err)
	return c.await(t, began)
}

// changeQuietly writes a change of which nobody is notified.
func (c *reachCluster) changeQuietly(t *testing.T, i int) time.Duration {
	t.Helper()
	began := time.Now()
	c.DB.Exec(t, `INSERT INTO signet.change_log (tenant_id, kind, host) VALUES (gen_random_uuid(), 'legacy_host', $1)`, fmt.Sprintf("old%d.example.com", i))
	return c.await(t, began)
}

func (c *reachCluster) await(t *testing.T, began time.Time) (slowest time.Duration) {
	t.Helper()
	done := map[int]bool{}
	for len(done) < reachNodes {
		select {
		case r := <-c.applied:
			done[r.node] = true
			slowest = max(slowest, r.at.Sub(began))
		case <-time.After(20 * time.Second):
			t.Fatal("a node does not hear of it")
		}
	}
	return slowest
}

func (c *reachCluster) requireRefused(t *testing.T, app apptest.App, page string, code fault.Code) {
	t.Helper()
	for _, node := range c.nodes {
		_, err := node.Sign(t.Context(), app, page)
		require.True(t, fault.Has(err, code), err)
	}
}

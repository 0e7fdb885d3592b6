package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// holder is a node that holds of each app the one host that it trusts, "v7.…",
// which every change counts up.
type holder struct {
	mu       sync.Mutex
	versions map[core.AppKey]int
	wentBack []string
}

func (h *holder) apply(ctx context.Context, tx *store.SystemTx, changes []store.Change) error {
	var keys []core.AppKey
	for _, c := range changes {
		keys = append(keys, c.AppKey)
	}
	return tx.EachSigningAppNamed(ctx, keys, nil, func(a *store.SigningApp) {
		var version int
		if _, err := fmt.Sscanf(string(a.Hosts[0]), "v%d.", &version); err != nil {
			return // before the first change
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if version < h.versions[a.Key] {
			h.wentBack = append(h.wentBack, fmt.Sprintf("%s: %d after %d", a.Key, version, h.versions[a.Key]))
		}
		h.versions[a.Key] = version
	})
}

func (h *holder) allAt(keys []core.AppKey, version int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range keys {
		if h.versions[k] != version {
			return false
		}
	}
	return true
}

// Three nodes and a thousand changes, many at once. One node hears of all
// notifications, some doubled and none in order; one loses its connection again
// and again; one hears of none. All hold what the database holds in the end, and
// none held an older version after a newer one.
func TestEveryNodeHoldsWhatTheDatabaseHoldsWhateverBecomesOfNotify(t *testing.T) {
	t.Parallel()
	const apps, versions = 8, 125
	db := storetest.New(t)
	writing := openSmall(t, db, apps)
	var rows []tenantRows
	var keys []core.AppKey
	for i := range apps {
		r := makeTenant(t, writing, fmt.Sprintf("tenant%d", i))
		rows, keys = append(rows, r), append(keys, r.App.Key)
	}
	deaf := storetest.NewWire(t, db.SystemURL, func(statement string) string {
		if statement == "LISTEN "+store.ChangeChannel {
			return "LISTEN nothing"
		}
		return statement
	})
	cut := storetest.NewWire(t, db.SystemURL, nil)
	nodes := map[string]*holder{}
	ctx, stop := context.WithCancel(t.Context())
	var following errgroup.Group
	for name, systemURL := range map[string]string{"hearing": db.SystemURL, "cut off": cut.URL(db.SystemURL), "deaf": deaf.URL(db.SystemURL)} {
		st, err := store.Open(t.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: systemURL})
		require.NoError(t, err)
		t.Cleanup(st.Close)
		h := &holder{versions: map[core.AppKey]int{}}
		nodes[name] = h
		following.Go(func() error { return st.FollowChanges(ctx, store.FeedPosition{}, h.apply, func(error) {}) })
	}

	var disturbing errgroup.Group
	quiet := make(chan struct{})
	noise := connect(t, db.TenantURL)
	disturbing.Go(func() error {
		for {
			select {
			case <-quiet:
				return nil
			case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
			}
			if rand.IntN(10) == 0 {
				cut.Cut()
			}
			if _, err := noise.Exec(context.Background(), fmt.Sprintf("SELECT pg_notify('%s', '%d')", store.ChangeChannel, rand.IntN(1000))); err != nil {
				return err
			}
		}
	})
	var changing errgroup.Group
	for _, r := range rows {
		changing.Go(func() error {
			domain := r.Domain.ID
			for version := 1; version <= versions; version++ {
				err := writing.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
					if _, err := tx.DeleteDomain(t.Context(), r.App.ID, domain); err != nil {
						return err
					}
					made, err := tx.CreateDomain(t.Context(), core.TrustedDomain{ID: core.NewDomainID(), AppID: r.App.ID, Host: core.Host(fmt.Sprintf("v%d.example.com", version))})
					if err != nil {
						return err
					}
					domain = made.ID
					return tx.Announce(t.Context(), store.Change{Kind: store.AppChanged, AppID: r.App.ID, AppKey: r.App.Key})
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, changing.Wait())
	written := time.Now()
	close(quiet)
	require.NoError(t, disturbing.Wait())
	for name, h := range nodes {
		require.Eventually(t, func() bool { return h.allAt(keys, versions) }, patience, time.Millisecond, name)
		t.Logf("%s: %v after the last of %d changes", name, time.Since(written), apps*versions)
	}
	require.Less(t, time.Since(written), inForce+time.Second, "one second for a connection that was cut last")
	stop()
	require.NoError(t, following.Wait())
	for name, h := range nodes {
		require.Empty(t, h.wentBack, name)
	}
}

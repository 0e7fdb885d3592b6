package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestEverySigningAppIsVisitedWithItsHosts(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		storetest.Seed(t, db, 50)
		r := makeTenant(t, st, "alpha")
		bare := core.App{ID: core.NewAppID(), CorpID: r.Corp, AgentID: "5", Key: core.NewAppKey(), Name: "bare", Kind: core.SelfBuilt}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			_, err := tx.CreateApp(ctx, bare)
			return err
		})
		_, err := rotate(t.Context(), st, r, nil) // the former version stays, and is not the current one
		require.NoError(t, err)
		due := map[core.AppKey]store.SigningApp{
			r.App.Key: {TenantID: r.ID, AppID: r.App.ID, Key: r.App.Key, CorpID: r.Corp, AgentID: commonAgent, SecretVersion: 2, Hosts: []core.Host{commonHost}},
			bare.Key:  {TenantID: r.ID, AppID: bare.ID, Key: bare.Key, CorpID: r.Corp, AgentID: "5"},
		}
		for i := 1; i <= 50; i++ {
			s := storetest.Seeded(i)
			due[s.Key] = store.SigningApp{TenantID: s.TenantID, AppID: s.AppID, Key: s.Key, CorpID: s.CorpID, AgentID: s.AgentID, SecretVersion: 1, Hosts: s.Hosts}
		}
		visit := func(seen map[core.AppKey]store.SigningApp) func(*store.SigningApp) {
			return func(a *store.SigningApp) {
				kept := *a
				kept.Hosts = slices.Clone(a.Hosts)
				seen[a.Key] = kept
			}
		}
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			all, named := map[core.AppKey]store.SigningApp{}, map[core.AppKey]store.SigningApp{}
			require.NoError(t, tx.EachSigningApp(ctx, visit(all)))
			require.Equal(t, due, all)
			one := storetest.Seeded(7)
			err := tx.EachSigningAppNamed(ctx, []core.AppKey{one.Key, core.NewAppKey()}, []core.TenantID{r.ID, core.NewTenantID()}, visit(named))
			require.Equal(t, map[core.AppKey]store.SigningApp{one.Key: due[one.Key], r.App.Key: due[r.App.Key], bare.Key: due[bare.Key]}, named)
			return err
		})

		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			app, err := tx.GetApp(ctx, bare.ID)
			require.NoError(t, err)
			app.Status, app.AllowHTTP = core.Suspended, true
			if _, err := tx.UpdateApp(ctx, app); err != nil {
				return err
			}
			return tx.UpdateTenant(ctx, "alpha", core.Suspended)
		})
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			return tx.EachSigningAppNamed(ctx, []core.AppKey{bare.Key}, nil, func(a *store.SigningApp) {
				require.Equal(t, []bool{true, true, true}, []bool{a.TenantSuspended, a.AppSuspended, a.AllowHTTP})
			})
		})
	})
}

func TestBoundHostLeadsToItsApp(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			found := map[core.Host]core.AppKey{}
			require.NoError(t, tx.EachLegacyHost(ctx, func(h core.Host, k core.AppKey) { found[h] = k }))
			require.Equal(t, map[core.Host]core.AppKey{a.Legacy: a.App.Key, b.Legacy: b.App.Key}, found)
			key, ok, err := tx.FindLegacyHostApp(ctx, b.Legacy)
			require.True(t, ok)
			require.Equal(t, b.App.Key, key)
			require.NoError(t, err)
			_, ok, err = tx.FindLegacyHostApp(ctx, "absent.example.com")
			require.False(t, ok)
			return err
		})
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			roles, err := tx.ListMemberships(ctx, a.Member)
			require.Equal(t, []store.Membership{{TenantID: a.ID, Role: core.TenantOwner}}, roles)
			require.NoError(t, err)
			turning, err := tx.ListTurningTenants(ctx, core.TenantID{}, 10)
			require.Empty(t, turning)
			return err
		})
	})
}

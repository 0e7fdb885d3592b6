package store_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// outliving holds the tables in which rows of a deleted tenant stay, and why.
var outliving = map[string]string{
	"signet.audit":         "the proof of what was done, the deletion too",
	"signet.audit_heads":   "the end of that chain",
	"signet.change_log":    "by which the other nodes hear of the deletion; ids alone",
	"signet.refused_calls": "the platform's address was refused all the same; no names",
	"signet.calls":         "WeCom has counted them for the corp all the same; trimmed after two hours, no names",
}

func TestDeletedTenantLeavesItsAuditAndNothingToOpen(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		gone, stays := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		before := rowsOf(t, db, stays.ID)
		onTenant(t, st, gone.ID, func(ctx context.Context, tx *store.TenantTx) error { return tx.DeleteTenant(ctx) })
		require.Equal(t, before, rowsOf(t, db, stays.ID))
		var left []string
		for _, line := range strings.Split(rowsOf(t, db, gone.ID), "\n") {
			table, _, _ := strings.Cut(line, " ")
			left = append(left, table)
			require.Contains(t, outliving, table)
			if table != "signet.audit" {
				require.NotContains(t, line, "alpha", "a name is left")
			}
		}
		for table := range outliving {
			require.Contains(t, left, table, "nothing is left there, so the list is wrong")
		}
		err := st.Tenant(t.Context(), someone, gone.ID, func(tx *store.TenantTx) error {
			_, err := tx.NewestTenantKey(t.Context())
			return err
		})
		require.Equal(t, fault.TenantUnknown, codeOf(err))
	})
}

// pages reads a list to its end and gives the number of pages.
func pages[T any](t *testing.T, limit int, read func(core.Page) (core.List[T], error)) (items []T, count int) {
	t.Helper()
	page := core.Page{Limit: limit}
	for {
		list, err := read(page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), limit)
		items = append(items, list.Items...)
		count++
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return items, count
		}
	}
}

func TestListsComeNewestFirstAndWholeWhateverThePage(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		const more = 10 // in one transaction, so of one and the same time
		var domains []core.DomainID
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			domains = append(domains, r.Domain.ID)
			for i := range more {
				app := core.App{ID: core.NewAppID(), CorpID: r.Corp, AgentID: core.AgentID(fmt.Sprint(500 + i)), Key: core.NewAppKey(), Name: "more", Kind: core.SelfBuilt}
				if _, err := tx.CreateApp(ctx, app); err != nil {
					return err
				}
				d, err := tx.CreateDomain(ctx, core.TrustedDomain{ID: core.NewDomainID(), AppID: r.App.ID, Host: core.Host(fmt.Sprintf("h%d.example.com", i))})
				if err != nil {
					return err
				}
				domains = append(domains, d.ID)
			}
			return nil
		})
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			for i := range more {
				if _, _, err := tx.BindLegacyHost(ctx, core.LegacyHost{Host: core.Host(fmt.Sprintf("old%d.example.com", i)), TenantID: r.ID, AppID: r.App.ID}); err != nil {
					return err
				}
			}
			return nil
		})
		for range more {
			_, err := rotate(t.Context(), st, r, nil)
			require.NoError(t, err)
			makeTenant(t, st, "t"+core.NewAppID().String()[:8])
		}
		db.Exec(t, `UPDATE signet.tenants SET created_at = now() WHERE name <> 'alpha'`) // all of one time here too
		for _, limit := range []int{1, 2, 3, more + 1, core.MaxPageLimit} {
			due := (more + 1 + limit - 1) / limit
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				apps, count := pages(t, limit, func(p core.Page) (core.List[core.App], error) { return tx.ListApps(ctx, p) })
				require.Len(t, apps, more+1)
				require.Equal(t, due, count)
				require.Equal(t, r.App.ID, apps[more].ID, "the oldest is not last")
				got, count := pages(t, limit, func(p core.Page) (core.List[core.TrustedDomain], error) { return tx.ListDomains(ctx, r.App.ID, p) })
				require.Equal(t, due, count)
				ids := make([]core.DomainID, len(got))
				for i, d := range got {
					ids[i] = d.ID
				}
				require.ElementsMatch(t, domains, ids)
				secrets, count := pages(t, limit, func(p core.Page) (core.List[core.SecretVersion], error) {
					return tx.ListSecretVersions(ctx, r.App.ID, p)
				})
				require.Equal(t, due, count)
				require.EqualValues(t, more+1, secrets[0].Version)
				require.EqualValues(t, 1, secrets[more].Version)
				return nil
			})
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
				hosts, count := pages(t, limit, func(p core.Page) (core.List[core.LegacyHost], error) { return tx.ListLegacyHosts(ctx, p) })
				require.Len(t, hosts, 2*more+1)
				require.Equal(t, (2*more+1+limit-1)/limit, count)
				return nil
			})
			onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
				everyone, count := pages(t, limit, func(p core.Page) (core.List[core.Tenant], error) {
					return tx.ListTenants(ctx, true, nil, core.EveryTenant, p)
				})
				require.Len(t, everyone, more+1)
				require.Equal(t, due, count)
				require.Equal(t, r.ID, everyone[more].ID)
				require.True(t, slices.IsSortedFunc(everyone, func(a, b core.Tenant) int { return b.CreatedAt.Compare(a.CreatedAt) }))
				named, _ := pages(t, limit, func(p core.Page) (core.List[core.Tenant], error) {
					return tx.ListTenants(ctx, false, []core.TenantID{r.ID, core.NewTenantID()}, core.EveryTenant, p)
				})
				require.Len(t, named, 1)
				require.Equal(t, []core.CorpID{commonCorp}, named[0].Corps)
				none, _ := pages(t, limit, func(p core.Page) (core.List[core.Tenant], error) {
					return tx.ListTenants(ctx, false, nil, core.EveryTenant, p)
				})
				require.Empty(t, none)
				return nil
			})
		}
	})
}

func TestCursorThatTheListHasNotGivenIsRefused(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	r := makeTenant(t, st, "alpha")
	lists := map[string]func(p core.Page) error{}
	ofTenant := func(list func(ctx context.Context, tx *store.TenantTx, p core.Page) error) func(core.Page) error {
		return func(p core.Page) error {
			return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error { return list(t.Context(), tx, p) })
		}
	}
	lists["apps"] = ofTenant(func(ctx context.Context, tx *store.TenantTx, p core.Page) error {
		_, err := tx.ListApps(ctx, p)
		return err
	})
	lists["domains"] = ofTenant(func(ctx context.Context, tx *store.TenantTx, p core.Page) error {
		_, err := tx.ListDomains(ctx, r.App.ID, p)
		return err
	})
	lists["secrets"] = ofTenant(func(ctx context.Context, tx *store.TenantTx, p core.Page) error {
		_, err := tx.ListSecretVersions(ctx, r.App.ID, p)
		return err
	})
	lists["audit"] = ofTenant(func(ctx context.Context, tx *store.TenantTx, p core.Page) error {
		_, err := tx.ListAudit(ctx, p)
		return err
	})
	lists["legacy-hosts"] = func(p core.Page) error {
		return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error { _, err := tx.ListLegacyHosts(t.Context(), p); return err })
	}
	lists["tenants"] = func(p core.Page) error {
		return st.System(t.Context(), func(tx *store.SystemTx) error {
			_, err := tx.ListTenants(t.Context(), true, nil, core.EveryTenant, p)
			return err
		})
	}
	byTime, byNumber := "2026-01-01T00:00:00Z "+r.ID.String(), "1"
	right := map[string]string{"apps": byTime, "domains": byTime, "tenants": byTime, "legacy-hosts": "2026-01-01T00:00:00Z crm.example.com", "secrets": byNumber, "audit": byNumber}
	cursor := func(list, place string) core.Page {
		return core.Page{Cursor: base64.RawURLEncoding.EncodeToString([]byte(list + " " + place)), Limit: 10}
	}
	for name, ask := range lists {
		refused := func(p core.Page) {
			t.Helper()
			err := ask(p)
			require.Equal(t, fault.RequestInvalid, codeOf(err), "%s: %q: %v", name, p.Cursor, err)
			require.Equal(t, "?cursor", fault.Find(err).Fields[0].Pointer)
		}
		own := cursor(name, right[name])
		require.NoError(t, ask(own))
		for other := range lists {
			if other != name {
				refused(cursor(other, right[name]))
			}
		}
		refused(core.Page{Cursor: own.Cursor + "=", Limit: 10})
		refused(core.Page{Cursor: own.Cursor + "\n", Limit: 10})
		for _, text := range []string{"x", "!", "AAAA"} {
			refused(core.Page{Cursor: text, Limit: 10})
		}
		for _, place := range []string{"", "2026-01-01T00:00:00Z", "yesterday " + r.ID.String(), "2026-01-01T00:00:00Z \x00",
			"2026-01-01T00:00:00Z \xff\xfe", "2026-01-01T00:00:00Z ' OR 1=1", "-1", "0", "99999999999999999999"} {
			refused(cursor(name, place))
		}
	}
}

func TestAppIsReadAsItWasMadeAndCountsItsChanges(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			got, err := tx.GetApp(ctx, r.App.ID)
			require.NoError(t, err)
			require.Equal(t, r.App, got)
			require.Equal(t, core.Active, got.Status)
			got.Name, got.Status, got.AllowHTTP = "客户", core.Suspended, true
			changed, err := tx.UpdateApp(ctx, got)
			require.NoError(t, err)
			require.Equal(t, got.Version+1, changed.Version)
			require.NoError(t, tx.TouchApp(ctx, r.App.ID))
			again, err := tx.LockApp(ctx, r.App.ID)
			require.Equal(t, got.Version+2, again.Version)
			require.Equal(t, []any{"客户", core.Suspended, true}, []any{again.Name, again.Status, again.AllowHTTP})
			return err
		})
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			version, err := tx.LockTenant(ctx)
			require.NoError(t, err)
			require.NoError(t, tx.UpdateTenant(ctx, "另一个", core.Suspended))
			tenant, err := tx.GetTenant(ctx)
			require.Equal(t, []any{version + 1, "另一个", core.Suspended}, []any{tenant.Version, tenant.Name, tenant.Status})
			return err
		})
	})
}

// A tenant is due from a time on and not before, for whoever looks for it and for
// whoever takes it.
func TestATenantIsDueWhenItsGraceTimeIsOver(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r, stays := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		due := func() (listed []core.TenantID, taken bool) {
			onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) (err error) {
				listed, err = tx.ListDueTenants(ctx, 10)
				return err
			})
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
				taken, err = tx.LockDueTenant(ctx)
				return err
			})
			return listed, taken
		}
		schedule := func(grace time.Duration) {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error { return tx.ScheduleDeletion(ctx, grace) })
		}
		listed, taken := due()
		require.Empty(t, listed)
		require.False(t, taken)
		schedule(time.Hour)
		listed, taken = due()
		require.Empty(t, listed)
		require.False(t, taken)
		schedule(0)
		listed, taken = due()
		require.Equal(t, []core.TenantID{r.ID}, listed)
		require.True(t, taken)
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error { return tx.RestoreTenant(ctx) })
		listed, taken = due()
		require.Empty(t, listed)
		require.False(t, taken)
		onTenant(t, st, stays.ID, func(ctx context.Context, tx *store.TenantTx) error {
			held, err := tx.HoldTenant(ctx)
			leaving := held.Leaving
			require.False(t, leaving)
			return err
		})
	})
}

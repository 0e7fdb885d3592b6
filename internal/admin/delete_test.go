package admin_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
)

// tablesOfTenant lists the tables that hold a tenant's rows, but for what
// outlives it.
const tablesOfTenant = `
SELECT n.nspname || '.' || c.relname
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('signet', 'signet_keys')
WHERE a.attname = 'tenant_id' AND c.relname NOT IN ('audit', 'audit_heads', 'change_log', 'refused_calls', 'calls', 'deletions')`

func TestADeletedTenantIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	_, err := b.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	b.Catch(t)
	neighbour := bundle{House: b.House, tenant: b.Tenant(t, "北辰物流", corp)}
	neighbour.app = b.App(t, neighbour.tenant, agent, apptest.Secret("neighbour"), host)
	neighbour.mustSign(t)
	sealed := b.DB.List(t, `SELECT encode(sealed, 'hex') FROM signet.app_secrets WHERE tenant_id = $1`, b.tenant.ID.String())
	require.Len(t, sealed, 1)

	require.NoError(t, b.Admin.DestroyTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil))
	b.Catch(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.AppUnknown), err)
	_, err = b.Signer.SignConfig(t.Context(), signing.Request{Page: page})
	require.True(t, fault.Has(err, fault.AppMissing), "the bound host is free: %v", err)
	_, err = b.Admin.GetTenant(t.Context(), apptest.Operator(), b.tenant.ID)
	require.True(t, fault.Has(err, fault.TenantUnknown), err)
	for _, table := range b.DB.List(t, tablesOfTenant) {
		require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM `+table+` WHERE tenant_id = $1`, b.tenant.ID.String()), table)
	}
	require.Equal(t, []string{"tenant.delete"}, b.DB.List(t, `SELECT action FROM signet.audit WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1`, b.tenant.ID.String()), "the audit outlives it")
	require.Equal(t, []string{"tenant.delete tenant " + b.tenant.ID.String() + " 蓝湖科技 operator@test.example"},
		b.DB.List(t, `SELECT concat_ws(' ', action, subject_kind, subject, detail->>'name', actor_name) FROM signet.platform_audit ORDER BY seq DESC LIMIT 1`),
		"and the platform remembers whom it deleted")
	neighbour.mustSign(t)
	again := b.Restart(t)
	require.Equal(t, 1, again.Directory.Len())

	// Its sealed values, put back from a copy of the data, open under no key: not
	// under a new one that bears the same tenant's name either.
	s := b.DB
	s.Exec(t, `INSERT INTO signet.tenants (tenant_id, name) VALUES ($1, 'put back')`, b.tenant.ID.String())
	s.Exec(t, `INSERT INTO signet.corps (tenant_id, corp_id) VALUES ($1, $2)`, b.tenant.ID.String(), corp)
	s.Exec(t, `INSERT INTO signet.apps (tenant_id, app_id, corp_id, agent_id, app_key, name, kind) VALUES ($1, $2, $3, $4, $5, 'put back', 'self_built')`,
		b.tenant.ID.String(), b.app.ID.String(), corp, agent, b.app.Key[:])
	s.Exec(t, `INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, activation, fingerprint, sealed, key_version) VALUES ($1, $2, 1, 'current', 1, 'x', decode($3, 'hex'), 1)`,
		b.tenant.ID.String(), b.app.ID.String(), sealed[0])
	s.Exec(t, `INSERT INTO signet.trusted_domains (tenant_id, domain_id, app_id, host) VALUES ($1, $2, $3, $4)`,
		b.tenant.ID.String(), core.NewDomainID().String(), b.app.ID.String(), host)
	calls := len(b.WeCom.Calls())
	_, err = b.Restart(t).Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.AppNotReady), err)
	s.Exec(t, `INSERT INTO signet_keys.tenant_keys (tenant_id, version, root_epoch, wrapped) SELECT $1, version, root_epoch, wrapped FROM signet_keys.tenant_keys WHERE tenant_id = $2`,
		b.tenant.ID.String(), neighbour.tenant.ID.String())
	_, err = b.Restart(t).Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.AppNotReady), err)
	require.Len(t, b.WeCom.Calls(), calls)
}

// Each deletion writes two chains. More of them than there are connections do
// not hold each other up.
func TestManyTenantsAreDeletedAtOnce(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	gone := make([]core.TenantID, 40)
	for i := range gone {
		gone[i] = b.Tenant(t, fmt.Sprint("企业 ", i), fmt.Sprintf("wwmany%010d", i)).ID
	}
	failures := make([]error, len(gone))
	var group sync.WaitGroup
	for i, id := range gone {
		group.Go(func() { failures[i] = b.Admin.DestroyTenant(t.Context(), apptest.Operator(), id, nil) })
	}
	group.Wait()
	require.NoError(t, errors.Join(failures...))
	require.Equal(t, []string{"40 40"}, b.DB.List(t, `SELECT count(*) || ' ' || count(DISTINCT subject) FROM signet.platform_audit WHERE action = 'tenant.delete'`))
}

func TestADeletedAppIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sister := b.App(t, b.tenant, "1000300", apptest.Secret("sister"), host)
	b.mustSign(t)
	require.NoError(t, b.Admin.DeleteApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil))
	b.Catch(t)
	_, err := b.Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.AppUnknown), err)
	for _, table := range []string{"app_secrets", "trusted_domains", "legacy_hosts", "tickets"} {
		require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM signet.`+table+` WHERE app_id = $1`, b.app.ID.String()), table)
	}
	_, err = b.Sign(t.Context(), sister, page)
	require.NoError(t, err)
	err = b.Admin.DeleteApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil)
	require.True(t, fault.Has(err, fault.AppUnknown), err)

	// The same agent may be made again, with a key of its own.
	again, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, admin.NewApp{Name: "again", AgentID: agent, Secret: core.NewSecret(apptest.Secret("first"))})
	require.NoError(t, err)
	require.NotEqual(t, b.app.Key, again.Key)
}

func TestWhatIsSuspendedIsSignedForWhenItIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	active := string(core.Active)
	b.mustSign(t)
	for _, c := range []struct {
		code fault.Code
		set  func(status *string) error
	}{
		{fault.TenantSuspended, func(status *string) error {
			_, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Status: status})
			return err
		}},
		{fault.AppSuspended, func(status *string) error {
			_, err := b.Admin.UpdateApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil, admin.AppChange{Status: status})
			return err
		}},
	} {
		require.NoError(t, c.set(&suspended))
		b.Catch(t)
		_, err := b.Sign(t.Context(), b.app, page)
		require.True(t, fault.Has(err, c.code), err)
		require.NoError(t, c.set(&active))
		b.Catch(t)
		b.mustSign(t)
	}
}

// Lists show what the actor may read, and no more.
func TestListTenantsShowsOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	for role, want := range map[core.Role][]core.TenantID{
		core.PlatformOwner: {other.ID, b.tenant.ID}, core.PlatformOperator: {other.ID, b.tenant.ID}, core.PlatformAuditor: {other.ID, b.tenant.ID},
		core.TenantOwner: {b.tenant.ID}, core.TenantAdmin: {b.tenant.ID}, core.TenantViewer: {b.tenant.ID}, "": nil,
	} {
		list, err := b.Admin.ListTenants(t.Context(), actor(role, b.tenant.ID), core.EveryTenant, core.Page{Limit: 10})
		require.NoError(t, err)
		var ids []core.TenantID
		for _, tenant := range list.Items {
			ids = append(ids, tenant.ID)
		}
		require.Equal(t, want, ids, role)
	}
}

package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// leave lets a tenant leave, as the platform's owner.
func (b bundle) leave(t *testing.T, tenant core.TenantID) {
	t.Helper()
	require.NoError(t, b.Admin.DeleteTenant(t.Context(), apptest.Operator(), tenant, nil))
}

// letComeDue lets the grace time of a tenant that is leaving be over.
func (b bundle) letComeDue(t *testing.T, tenant core.TenantID) {
	t.Helper()
	b.DB.Exec(t, `UPDATE signet.tenants SET deletion_due_at = now() WHERE tenant_id = $1 AND deletion_due_at > now()`, tenant.String())
}

func (b bundle) deletions(t *testing.T) (list []core.Destroyed) {
	t.Helper()
	require.NoError(t, b.Store.System(t.Context(), func(tx *store.SystemTx) (err error) {
		list, err = tx.ListDeletions(t.Context())
		return err
	}))
	return list
}

func (b bundle) platformAudit(t *testing.T, action string) []string {
	t.Helper()
	return b.DB.List(t, `SELECT subject || ' by ' || actor_kind || ' ' || actor_name FROM signet.platform_audit WHERE action = $1 ORDER BY seq`, action)
}

func TestATenantThatLeavesIsOnlySuspended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	keys := b.DB.List(t, `SELECT encode(wrapped, 'hex') FROM signet_keys.tenant_keys WHERE tenant_id = $1`, b.tenant.ID.String())
	b.leave(t, b.tenant.ID)
	b.Catch(t)
	_, err := b.Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.TenantSuspended), err)

	leaving, err := b.Admin.GetTenant(t.Context(), apptest.Operator(), b.tenant.ID)
	require.NoError(t, err)
	require.Equal(t, core.Suspended, leaving.Status)
	require.Equal(t, b.tenant.Version+1, leaving.Version)
	require.NotNil(t, leaving.Deletion)
	require.Equal(t, apptest.Operator().Name, leaving.Deletion.RequestedBy)
	require.Equal(t, apptest.DeletionGrace, leaving.Deletion.DueAt.Sub(leaving.Deletion.RequestedAt))
	require.Equal(t, keys, b.DB.List(t, `SELECT encode(wrapped, 'hex') FROM signet_keys.tenant_keys WHERE tenant_id = $1`, b.tenant.ID.String()), "its key is as it was")
	stays, waits := b.Tenant(t, "北辰物流", "wwfedcba0987654321"), b.Tenant(t, "远山制造", "wwfedcba0987654322")
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), waits.ID, nil, admin.TenantChange{Status: &suspended})
	require.NoError(t, err)
	for filter, want := range map[core.TenantFilter][]core.TenantID{
		core.EveryTenant: {waits.ID, stays.ID, leaving.ID}, core.ActiveTenants: {stays.ID},
		core.SuspendedTenants: {waits.ID, leaving.ID}, core.LeavingTenants: {leaving.ID},
	} {
		list, err := b.Admin.ListTenants(t.Context(), apptest.Operator(), filter, firstPage)
		require.NoError(t, err)
		var listed []core.TenantID
		for _, one := range list.Items {
			listed = append(listed, one.ID)
			require.Equal(t, one.ID == leaving.ID, one.Deletion != nil, filter)
		}
		require.Equal(t, want, listed, filter)
	}

	before := b.contents(t)
	b.leave(t, b.tenant.ID)
	require.Equal(t, before, b.contents(t), "asked for again, it stays as it is")
	err = b.Admin.DeleteTenant(t.Context(), apptest.Operator(), b.tenant.ID, &b.tenant.Version)
	require.True(t, fault.Has(err, fault.IfMatchConflict), err)
	destroyed, err := admin.NewDue(b.Admin).DestroyTenants(t.Context())
	require.NoError(t, err)
	require.Zero(t, destroyed, "it is not due")
	require.Equal(t, before, b.contents(t))
	require.Empty(t, b.deletions(t))

	restored, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, &leaving.Version, admin.TenantChange{Status: &active})
	require.NoError(t, err)
	require.Equal(t, core.Active, restored.Status)
	require.Nil(t, restored.Deletion)
	b.Catch(t)
	b.mustSign(t)
	due := leaving.Deletion.DueAt.UTC().Format(time.RFC3339)
	require.Equal(t, []string{"tenant.restore active " + due, "tenant.leave suspended " + due}, b.DB.List(t,
		`SELECT concat_ws(' ', action, detail->>'status.after', detail->>'due_at') FROM signet.audit WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 2`, b.tenant.ID.String()))
	b.letComeDue(t, b.tenant.ID)
	destroyed, err = admin.NewDue(b.Admin).DestroyTenants(t.Context())
	require.NoError(t, err)
	require.Zero(t, destroyed, "it was taken back")
}

// Of a tenant that is leaving nothing can be changed, by any method there is, but
// that it leaves.
func TestNothingOfATenantThatIsLeavingCanBeChanged(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	s := b.subjects(t, 1)
	b.leave(t, s.tenant)
	elsewhere := []string{"CreateTenant", "UnbindLegacyHost"} // of no tenant
	itself := []string{"UpdateTenant restore", "DeleteTenant", "DestroyTenant"}
	tried := 0
	for name, m := range methods {
		if m.audit == "" || slices.Contains(elsewhere, name) || strings.Contains(name, "Platform") || slices.Contains(itself, name) {
			continue
		}
		before := b.contents(t)
		err := m.call(t.Context(), b.Admin, apptest.Operator(), s)
		require.Equal(t, before, b.contents(t), name)
		if name == "UpdateTenant status" {
			require.NoError(t, err, "it is suspended as it is")
			continue
		}
		require.True(t, fault.Has(err, fault.TenantLeaving), "%s: %v", name, err)
		tried++
	}
	require.Greater(t, tried, 6)
	for _, c := range []admin.TenantChange{{Name: &newName, Status: &active}, {Name: &newName, Status: &suspended}} {
		_, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), s.tenant, nil, c)
		require.True(t, fault.Has(err, fault.TenantLeaving), err)
	}
	calls := len(b.WeCom.Calls())
	_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), s.tenant, s.fresh)
	require.True(t, fault.Has(err, fault.TenantLeaving), err)
	require.Len(t, b.WeCom.Calls(), calls, "no trial is spent on it")
}

// However many nodes find that a tenant is due, one destroys it, and the proof says
// what, when, who asked for it, and from which day nothing can be opened.
func TestADueTenantIsDestroyedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	neighbour := bundle{House: b.House, tenant: b.Tenant(t, "北辰物流", "wwfedcba0987654321")}
	neighbour.app = b.App(t, neighbour.tenant, agent, apptest.Secret("neighbour"), host)
	b.leave(t, neighbour.tenant.ID) // not due yet
	b.addApp(corp, agent, apptest.Secret("second"))
	_, err := b.rotate(t, apptest.Secret("second"))
	require.NoError(t, err)
	fingerprints := b.DB.List(t, `SELECT string_agg(fingerprint, ' ' ORDER BY version) FROM signet.app_secrets WHERE tenant_id = $1`, b.tenant.ID.String())
	b.leave(t, b.tenant.ID)
	b.letComeDue(t, b.tenant.ID)

	nodes := make([]*apptest.House, 4)
	for i := range nodes {
		nodes[i] = b.Restart(t)
	}
	counts, failures := make([]int, len(nodes)), make([]error, len(nodes))
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Go(func() { counts[i], failures[i] = admin.NewDue(node.Admin).DestroyTenants(t.Context()) })
	}
	group.Wait()
	sum := 0
	for i := range nodes {
		require.NoError(t, failures[i])
		sum += counts[i]
	}
	require.Equal(t, 1, sum)
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT count(*)::text FROM signet.audit WHERE tenant_id = $1 AND action = 'tenant.delete' AND actor_kind = 'system' AND actor_name = 'deletions'`, b.tenant.ID.String()))
	require.Equal(t, []string{b.tenant.ID.String() + " by system deletions"}, b.platformAudit(t, "tenant.delete"))
	for _, chain := range []string{"signet.audit", "signet.platform_audit"} {
		require.Equal(t, []string{"蓝湖科技 operator@test.example 1 apps 2 secrets 1@1 " + fingerprints[0]}, b.DB.List(t,
			`SELECT concat_ws(' ', detail->>'name', detail->>'requested_by', detail->>'apps', 'apps', detail->>'secrets', 'secrets', detail->>'keys', detail->>'fingerprints')
			FROM `+chain+` WHERE action = 'tenant.delete'`), chain)
	}
	list := b.deletions(t)
	require.Len(t, list, 1)
	require.Equal(t, b.tenant.ID, list[0].TenantID)
	day := list[0].At.UTC().Truncate(24*time.Hour).AddDate(0, 0, apptest.KeyBackupDays).Format(time.DateOnly)
	require.Equal(t, day, list[0].UnopenableFrom.Format(time.DateOnly))
	require.Equal(t, []string{day + " 7"}, b.DB.List(t, `SELECT concat_ws(' ', detail->>'unopenable_from', detail->>'key_backup_days') FROM signet.platform_audit WHERE action = 'tenant.delete'`))
	for _, table := range b.DB.List(t, tablesOfTenant) {
		require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM `+table+` WHERE tenant_id = $1`, b.tenant.ID.String()), table)
	}

	still, err := b.Admin.GetTenant(t.Context(), apptest.Operator(), neighbour.tenant.ID)
	require.NoError(t, err)
	require.NotNil(t, still.Deletion, "the other one is still leaving")
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), neighbour.tenant.ID, nil, admin.TenantChange{Status: &active})
	require.NoError(t, err)
	b.Catch(t)
	neighbour.mustSign(t)
}

// Between the platform's commit and the tenant's the process is killed: the tenant
// stays as it was and due, is on no list, and the next node destroys it. It keeps no
// other tenant from its destruction.
func TestADestructionThatIsCutShortIsDoneByTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	for _, id := range []core.TenantID{b.tenant.ID, other.ID} { // in this order
		b.leave(t, id)
		b.letComeDue(t, id)
	}
	b.DB.Exec(t, `CREATE FUNCTION public.lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '57P01'; END $$`)
	b.DB.Exec(t, `CREATE CONSTRAINT TRIGGER lost AFTER DELETE ON signet.tenants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (OLD.tenant_id = '`+b.tenant.ID.String()+`') EXECUTE FUNCTION public.lost()`)
	destroyed, err := admin.NewDue(b.Admin).DestroyTenants(t.Context())
	require.True(t, fault.Has(err, fault.StoreUnavailable), err)
	require.ErrorContains(t, err, b.tenant.ID.String(), "it names the tenant")
	require.Equal(t, 1, destroyed)
	told := []string{b.tenant.ID.String() + " by system deletions", other.ID.String() + " by system deletions"}
	require.Equal(t, told, b.platformAudit(t, "tenant.delete"), "the platform's commit was there")
	require.Equal(t, []string{"2"}, b.DB.List(t, `SELECT count(*)::text FROM signet.deletions`))
	list := b.deletions(t)
	require.Len(t, list, 1, "one of them is there, so it is on no list")
	require.Equal(t, other.ID, list[0].TenantID)
	left := func() []string {
		return b.DB.List(t, `SELECT (SELECT count(*) FROM signet.audit WHERE action = 'tenant.delete' AND tenant_id = $1) || ' ' || (SELECT count(*) FROM signet_keys.tenant_keys)`, b.tenant.ID.String())
	}
	require.Equal(t, []string{"0 1"}, left())

	b.DB.Exec(t, `DROP TRIGGER lost ON signet.tenants`)
	b.DB.Exec(t, `UPDATE signet.deletions SET destroyed_at = destroyed_at - interval '30 days', unopenable_from = unopenable_from - 30`) // it was long ago
	destroyed, err = admin.NewDue(bundle{House: b.Restart(t)}.Admin).DestroyTenants(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, destroyed)
	require.Equal(t, []string{"1 0"}, left())
	list = b.deletions(t)
	require.Len(t, list, 2)
	require.Equal(t, b.tenant.ID, list[1].TenantID)
	require.Equal(t, []string{list[1].UnopenableFrom.Format(time.DateOnly)},
		b.DB.List(t, `SELECT detail->>'unopenable_from' FROM signet.audit WHERE action = 'tenant.delete' AND tenant_id = $1`, b.tenant.ID.String()))
	require.Equal(t, append(told, told[0]), b.platformAudit(t, "tenant.delete"), "the first one told of a destruction that was cut short")
}

// A tenant that somebody is taking back just now, or that cannot be destroyed, is
// left alone, and the others are destroyed all the same.
func TestATenantThatIsHeldKeepsNoOtherFromItsDestruction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	for _, id := range []core.TenantID{b.tenant.ID, other.ID} {
		b.leave(t, id)
		b.letComeDue(t, id)
	}
	require.NoError(t, b.Store.Tenant(t.Context(), apptest.Operator(), b.tenant.ID, func(tx *store.TenantTx) error {
		if _, err := tx.LockTenant(t.Context()); err != nil {
			return err
		}
		destroyed, err := admin.NewDue(bundle{House: b.Restart(t)}.Admin).DestroyTenants(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, destroyed)
		return tx.RestoreTenant(t.Context())
	}))
	destroyed, err := admin.NewDue(b.Admin).DestroyTenants(t.Context())
	require.NoError(t, err)
	require.Zero(t, destroyed)
	require.Equal(t, []string{other.ID.String() + " by system deletions"}, b.platformAudit(t, "tenant.delete"))
}

// While a change of a tenant is under way it does not begin to leave.
func TestAChangeUnderWayHoldsTheTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Store.Tenant(t.Context(), apptest.Operator(), b.tenant.ID, func(tx *store.TenantTx) error {
		held, err := tx.HoldTenant(t.Context())
		leaving := held.Leaving
		require.NoError(t, err)
		require.False(t, leaving)
		require.Empty(t, b.DB.List(t, `SELECT tenant_id::text FROM signet.tenants FOR UPDATE SKIP LOCKED`))
		require.Len(t, b.DB.List(t, `SELECT tenant_id::text FROM signet.tenants FOR SHARE SKIP LOCKED`), 1, "other changes go on")
		return nil
	}))
}

func TestWithoutAGraceTimeATenantIsDestroyedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := b.Admin.Config
	cfg.DeletionGrace, cfg.KeyBackupDays = 0, 0
	actions := admin.New(cfg)
	err := actions.DeleteTenant(t.Context(), actor(core.PlatformOperator, b.tenant.ID), b.tenant.ID, nil)
	require.True(t, fault.Has(err, fault.PermissionDenied), err)
	require.NoError(t, actions.DeleteTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil))
	_, err = b.Admin.GetTenant(t.Context(), apptest.Operator(), b.tenant.ID)
	require.True(t, fault.Has(err, fault.TenantUnknown), err)
	require.Equal(t, []string{b.tenant.ID.String() + " by member operator@test.example"}, b.platformAudit(t, "tenant.delete"))
	list := b.deletions(t)
	require.Len(t, list, 1)
	require.Equal(t, list[0].At.UTC().Format(time.DateOnly), list[0].UnopenableFrom.Format(time.DateOnly))
	require.Equal(t, []string{"operator@test.example"}, b.DB.List(t, `SELECT detail->>'requested_by' FROM signet.audit WHERE action = 'tenant.delete'`))
}

// A tenant that is leaving can be destroyed at once, and the proof still says who
// asked for it first.
func TestATenantThatIsLeavingCanBeDestroyedNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.leave(t, b.tenant.ID)
	require.NoError(t, b.Admin.DestroyTenant(t.Context(), actor(core.PlatformOwner, b.tenant.ID), b.tenant.ID, nil))
	require.Equal(t, []string{b.tenant.ID.String() + " by member platform_owner@test.example"}, b.platformAudit(t, "tenant.delete"))
	require.Equal(t, []string{"operator@test.example"}, b.DB.List(t, `SELECT detail->>'requested_by' FROM signet.platform_audit WHERE action = 'tenant.delete'`))
}

// What a backup brings back of a tenant that was destroyed is destroyed again: the
// tenant with its key, the key without the tenant, and nothing where nothing is.
func TestWhatARestoreBringsBackIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	neighbour := b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	on := destroyedAt(b.tenant.ID, time.Now()) // all that is here is older
	forget := func() admin.Forgotten {
		found, err := admin.Forget(t.Context(), b.Store, on)
		require.NoError(t, err)
		return found
	}
	kept := b.DB.List(t, `SELECT version || ' ' || encode(wrapped, 'hex') FROM signet_keys.tenant_keys WHERE tenant_id = $1`, b.tenant.ID.String())
	found := forget()
	require.True(t, found.There)
	require.Equal(t, "1 apps 1 secrets [1@1]", fmt.Sprintf("%d apps %d secrets %s", found.Apps, found.Secrets, found.Keys))
	for _, table := range b.DB.List(t, tablesOfTenant) {
		require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM `+table+` WHERE tenant_id = $1`, b.tenant.ID.String()), table)
	}
	require.Equal(t, []core.Destroyed{on}, inUTC(b.deletions(t)), "it stands on this list as it stood on that one")
	require.Len(t, b.platformAudit(t, "tenant.forget"), 1)

	before := b.contents(t)
	require.False(t, forget().Anything())
	require.Equal(t, before, b.contents(t))

	_, wrapped, _ := strings.Cut(kept[0], " ")
	b.DB.Exec(t, `INSERT INTO signet_keys.tenant_keys (tenant_id, version, root_epoch, wrapped, created_at) VALUES ($1, 1, 1, decode($2, 'hex'), now() - interval '1 hour')`, b.tenant.ID.String(), wrapped)
	found = forget()
	require.False(t, found.There)
	require.True(t, found.Anything())
	require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM signet_keys.tenant_keys WHERE tenant_id = $1`, b.tenant.ID.String()))
	require.Len(t, b.platformAudit(t, "tenant.forget"), 2)
	_, err := b.Admin.GetTenant(t.Context(), apptest.Operator(), neighbour.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT count(*)::text FROM signet_keys.tenant_keys`))
}

func destroyedAt(tenant core.TenantID, at time.Time) core.Destroyed {
	at = at.UTC().Truncate(time.Microsecond)
	return core.Destroyed{TenantID: tenant, At: at, UnopenableFrom: at.Truncate(24*time.Hour).AddDate(0, 0, apptest.KeyBackupDays)}
}

// A tenant of which anything is younger than its destruction was not destroyed then:
// nothing of it is touched, whatever the list says. The clocks of two machines may
// differ by some minutes.
func TestATenantThatLivesOnIsNotForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	on := destroyedAt(b.tenant.ID, time.Now().Add(-time.Hour))
	age := func(at time.Time) {
		for _, statement := range []string{
			`UPDATE signet.tenants SET created_at = $1, updated_at = $1`, `UPDATE signet.audit SET at = $1`,
			`UPDATE signet.tickets SET fetched_at = $1, used_at = $1`, `UPDATE signet_keys.tenant_keys SET created_at = $1`,
		} {
			b.DB.Exec(t, statement, at)
		}
	}
	for name, trace := range map[string]string{
		"made": `UPDATE signet.tenants SET created_at = $1`, "changed": `UPDATE signet.tenants SET updated_at = $1`,
		"in the audit": `UPDATE signet.audit SET at = $1 WHERE seq = 2`, "given a key": `UPDATE signet_keys.tenant_keys SET created_at = $1`,
		"fetched for": `UPDATE signet.tickets SET fetched_at = $1 WHERE kind = 'agent_ticket'`, "signed for": `UPDATE signet.tickets SET used_at = $1 WHERE kind = 'corp_ticket'`,
	} {
		age(on.At.Add(-time.Hour))
		b.DB.Exec(t, trace, on.At.Add(5*time.Minute-time.Second))
		found, err := admin.FindForgotten(t.Context(), b.Store, on)
		require.NoError(t, err, name)
		require.Equal(t, "蓝湖科技 true 1", fmt.Sprint(found.Name, " ", found.There, " ", found.Apps), name)

		b.DB.Exec(t, trace, on.At.Add(5*time.Minute+time.Second))
		before := b.contents(t)
		_, err = admin.FindForgotten(t.Context(), b.Store, on)
		require.ErrorIs(t, err, admin.ErrNotDestroyed, name)
		_, err = admin.Forget(t.Context(), b.Store, on)
		require.ErrorIs(t, err, admin.ErrNotDestroyed, name)
		require.Equal(t, before, b.contents(t), name)
	}
	age(on.At.Add(-time.Hour))
	for ahead, want := range map[time.Duration]error{4 * time.Minute: nil, 6 * time.Minute: admin.ErrNotDestroyed} {
		_, err := admin.FindForgotten(t.Context(), b.Store, destroyedAt(b.tenant.ID, time.Now().Add(ahead)))
		require.ErrorIs(t, err, want, ahead)
	}
	found, err := admin.Forget(t.Context(), b.Store, on)
	require.NoError(t, err)
	require.True(t, found.Anything())

	// The audit goes on where the tenant was destroyed later than the list says, and
	// that is no life.
	b.DB.Exec(t, `UPDATE signet.audit SET at = now()`)
	_, err = admin.Forget(t.Context(), b.Store, on)
	require.NoError(t, err)
	b.DB.Exec(t, `INSERT INTO signet_keys.tenant_keys (tenant_id, version, root_epoch, wrapped) VALUES ($1, 1, 1, 'key')`, b.tenant.ID.String())
	_, err = admin.Forget(t.Context(), b.Store, on)
	require.ErrorIs(t, err, admin.ErrNotDestroyed, "a key was made for it afterwards")
}

func inUTC(list []core.Destroyed) []core.Destroyed {
	for i := range list {
		list[i].At = list[i].At.UTC()
	}
	return list
}

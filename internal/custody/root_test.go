package custody_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// site is a House in use, with the keys as a process beside it has them.
type site struct {
	*apptest.House
	master *seal.Master
	apps   []apptest.App
}

func newSite(t *testing.T, tenants int) *site {
	t.Helper()
	s := &site{House: apptest.New(t, apptest.Config{})}
	var err error
	s.master, err = seal.ReadMaster(s.WriteIdentity(t))
	require.NoError(t, err)
	for i := range tenants {
		tenant := s.Tenant(t, fmt.Sprintf("tenant %d", i), fmt.Sprintf("ww%016d", i))
		s.apps = append(s.apps, s.App(t, tenant, "1000002", apptest.Secret(fmt.Sprintf("of%d", i)), host(i)))
	}
	return s
}

func host(i int) string { return fmt.Sprintf("crm%d.site.example.com", i) }

// process gives the keys of another process with the same identity file.
func (s *site) process(t *testing.T, recovery ...seal.Recipient) *custody.Keys {
	t.Helper()
	k, err := custody.Open(t.Context(), custody.Config{Store: s.DB.Open(t), Master: s.master, Recovery: recovery})
	require.NoError(t, err)
	return k
}

// signAll signs a page for every app, and checks each as WeCom would.
func (s *site) signAll(t *testing.T, h *apptest.House) {
	t.Helper()
	for i, a := range s.apps {
		page := apptest.Page(host(i), "1")
		answer, err := h.Sign(t.Context(), a, page)
		require.NoError(t, err)
		require.NoError(t, h.Verify(a, page, answer))
	}
}

func nobody(custody.Turning) {}

func (s *site) epochs(t *testing.T) []string {
	return s.DB.List(t, `SELECT epoch::text FROM signet_keys.root_keys ORDER BY epoch`)
}

func (s *site) keysUnder(t *testing.T, epoch int) int {
	return len(s.DB.List(t, fmt.Sprintf(`SELECT tenant_id::text FROM signet_keys.tenant_keys WHERE root_epoch = %d`, epoch)))
}

// A node that serves hears nothing of the turning, and signs on: what it has not
// read yet lies under a root key which it meets for the first time.
func TestTheRootKeyIsTurnedWhileAnotherProcessSigns(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	cold := s.Restart(t) // nothing in memory, and the ring as it was before
	turned, err := s.process(t).Rotate(t.Context(), nobody)
	require.NoError(t, err)
	require.True(t, turned.Begun)
	require.EqualValues(t, 2, turned.To.Epoch)
	require.EqualValues(t, 4, turned.Done) // the platform's with them
	require.Equal(t, []string{"2"}, s.epochs(t))
	require.Equal(t, 3, s.keysUnder(t, 2))
	s.signAll(t, cold)
	s.signAll(t, s.Restart(t))
	require.Equal(t, []string{"root_key.rotate 2", "root_key.retire 1"},
		s.DB.List(t, `SELECT action || ' ' || subject FROM signet.platform_audit WHERE subject_kind = 'root_key' ORDER BY seq`))
	require.Equal(t, []string{"0 4"}, s.DB.List(t, `SELECT (detail->>'keys_left') || ' ' || (detail->>'keys_on_the_next') FROM signet.platform_audit WHERE action = 'root_key.retire'`))
}

// A node that did not hear of it makes a tenant: its key is refused under the root
// key that is gone, and made again under the new one.
func TestATenantIsMadeByANodeThatDidNotHearOfTheTurning(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	_, err := s.process(t).Rotate(t.Context(), nobody)
	require.NoError(t, err)
	tenant := s.Tenant(t, "made late", "ww9999999999999999")
	s.apps = append(s.apps, s.App(t, tenant, "1000002", apptest.Secret("late"), host(1)))
	require.Equal(t, 2, s.keysUnder(t, 2))
	s.signAll(t, s.Restart(t))
}

// Several turn at once, and the nodes do as well: one turning comes of it, and
// the work is shared.
func TestSeveralTurnTheRootKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	const tenants, turners = 4000, 4
	storetest.Seed(t, s.DB, tenants)
	s.SeedTickets(t, tenants, inAnHour(), func(int, core.TicketKind) string { return "a ticket in a test" })
	var group sync.WaitGroup
	var turnings [turners]custody.Turning
	var errs [turners]error
	for i := range turners {
		k := s.process(t)
		group.Go(func() { turnings[i], errs[i] = k.Rotate(t.Context(), nobody) })
	}
	group.Wait()
	var done int64
	begun := 0
	for i := range turners {
		require.NoError(t, errs[i])
		done += turnings[i].Done
		if turnings[i].Begun {
			begun++
		}
	}
	require.GreaterOrEqual(t, begun, 1)
	require.EqualValues(t, (tenants+2)*begun, done)
	require.Equal(t, []string{fmt.Sprint(1 + begun)}, s.epochs(t))
	s.signAll(t, s.Restart(t))
}

// One that was begun and not finished is finished by whoever comes next, and no
// other is begun.
func TestATurningThatWasBegunIsFinished(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(*custody.Keys) error{
		"by the command": func(k *custody.Keys) error {
			turned, err := k.Rotate(context.Background(), nobody)
			if err == nil && turned.Begun {
				err = fmt.Errorf("another was begun")
			}
			return err
		},
		"by a node": func(k *custody.Keys) error {
			turned, err := k.FinishRoot(context.Background())
			if err == nil && !turned {
				err = fmt.Errorf("nothing was done")
			}
			return err
		},
	} {
		s := newSite(t, 2)
		next, err := s.Ring.NextRootKey(nil)
		require.NoError(t, err)
		s.putRootKey(t, next)
		require.NoError(t, finish(s.process(t)), name)
		require.Equal(t, []string{"2"}, s.epochs(t), name)
		s.signAll(t, s.Restart(t))
		again, err := s.process(t).FinishRoot(t.Context())
		require.NoError(t, err)
		require.False(t, again)
	}
}

func (s *site) putRootKey(t *testing.T, row seal.RootKeyRow) {
	t.Helper()
	stored := store.RootKeyRow{Epoch: row.Epoch, Fingerprint: row.Fingerprint}
	for _, w := range row.Wraps {
		stored.Wraps = append(stored.Wraps, store.RootKeyWrap(w))
	}
	require.NoError(t, s.Store.Keys(t.Context(), core.System("test"), func(tx *store.KeysTx) error { return tx.PutRootKey(t.Context(), stored) }))
}

// A key that does not open keeps the old root key, and nobody else's waiting.
func TestADamagedKeyKeepsTheOldRootKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	damaged := s.apps[1].TenantID.String()
	s.DB.Exec(t, `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE tenant_id = $1`, damaged)
	_, err := s.process(t).Rotate(t.Context(), nobody)
	require.ErrorIs(t, err, seal.ErrAltered)
	require.ErrorContains(t, err, "tenant "+damaged)
	require.Equal(t, []string{"1", "2"}, s.epochs(t))
	require.Equal(t, 2, s.keysUnder(t, 2))
	s.DB.Exec(t, `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE tenant_id = $1`, damaged)
	_, err = s.process(t).FinishRoot(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, s.epochs(t))
	s.signAll(t, s.Restart(t))
}

func TestARootKeyIsNotTurnedToOneThatCannotBeRecovered(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	_, to := newRecovery(t)
	s.process(t, to)
	_, err := s.process(t).Rotate(t.Context(), nobody)
	require.ErrorContains(t, err, "SIGNET_RECOVERY_RECIPIENT is not set here")
	require.ErrorContains(t, err, to.String())
	require.Equal(t, []string{"1"}, s.epochs(t))
	_, err = s.process(t, to).Rotate(t.Context(), nobody)
	require.NoError(t, err)
	require.Empty(t, s.process(t, to).Ring.Uncovered(to))
}

// A node that is cut off from Postgres goes on with what it holds.
func TestANodeWithoutPostgresKeepsItsRootKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	k := s.process(t)
	key, err := k.Ring.NewScopeKey(seal.Platform(), 1)
	require.NoError(t, err)
	k.Store.Close()
	_, err = k.FinishRoot(t.Context())
	require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
	require.NoError(t, k.Ring.CheckScopeKey(key))
}

// ageOperationsAtStart starts a node beside a root key under which nothing lies
// yet, signs for every tenant, and counts what age did.
func ageOperationsAtStart(t *testing.T) int64 {
	t.Helper()
	s := newSite(t, 3)
	s.process(t) // makes the audit key
	next, err := s.Ring.NextRootKey(nil)
	require.NoError(t, err)
	s.putRootKey(t, next)
	fresh, err := seal.ReadMaster(s.WriteIdentity(t))
	require.NoError(t, err)
	k, err := s.open(t, fresh)
	require.NoError(t, err)
	s.Ring = k.Ring
	s.signAll(t, s.Restart(t))
	return fresh.AgeOperations()
}

func TestAStartOpensOneRootKeyHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 1, ageOperationsAtStart(t))
}

// A node that starts in the moment in which an old root key is deleted does not take
// that for a wrong identity file.
func TestARootKeyThatIsDeletedWhileTheRowsAreRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.DB.Exec(t, `CREATE TABLE old_key AS SELECT * FROM signet_keys.root_keys`)
	s.DB.Exec(t, `CREATE TABLE old_wraps AS SELECT * FROM signet_keys.root_key_wraps`)
	_, err := s.process(t).Rotate(t.Context(), nobody)
	require.NoError(t, err)
	s.DB.Exec(t, `INSERT INTO signet_keys.root_keys SELECT * FROM old_key`)
	s.DB.Exec(t, `INSERT INTO signet_keys.root_key_wraps SELECT * FROM old_wraps`)
	_, err = custody.Read(t.Context(), custody.Config{Store: s.Store, Master: s.master})
	require.NoError(t, err)

	held := s.DB.Hold(t, "signet_keys.root_key_wraps")
	opened := make(chan error, 1)
	go func() {
		_, err := custody.Read(context.Background(), custody.Config{Store: s.Store, Master: s.master})
		opened <- err
	}()
	waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(s.DB.List(t, waiting)) > 0 }, 20*time.Second, 10*time.Millisecond)
	held.Exec(t, `DELETE FROM signet_keys.root_key_wraps WHERE epoch = 1`)
	held.Exec(t, `DELETE FROM signet_keys.root_keys WHERE epoch = 1`)
	held.Commit(t)
	require.NoError(t, <-opened)
}

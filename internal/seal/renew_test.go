package seal_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

// rootRows is a database of root keys that another process writes to.
type rootRows struct {
	mu    sync.Mutex // guards rows and away
	rows  []seal.RootKeyRow
	away  error
	reads atomic.Int64
}

func (d *rootRows) set(away error, rows ...seal.RootKeyRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows, d.away = rows, away
}

func (d *rootRows) read(context.Context) ([]seal.RootKeyRow, error) {
	d.reads.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rows, d.away
}

// turning is a ring in use and a process beside it that has turned the root key.
type turning struct {
	ring, other   *seal.Ring
	first, second seal.RootKeyRow
	db            *rootRows
	master        *seal.Master
}

func newTurning(t *testing.T) turning {
	t.Helper()
	var s turning
	s.master, _ = newMaster(t, seal.X25519)
	s.ring, s.first = newRing(t, s.master)
	s.db = &rootRows{rows: []seal.RootKeyRow{s.first}}
	s.ring.RenewFrom(s.db.read)
	var err error
	s.second, err = s.ring.NextRootKey(nil)
	require.NoError(t, err)
	s.other, err = seal.OpenRing(s.master, []seal.RootKeyRow{s.first, s.second})
	require.NoError(t, err)
	return s
}

func TestARingThatMeetsANewRootKeyReadsTheRowsOnce(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	tenant := core.NewTenantID()
	place := seal.ForAppSecret(tenant, core.NewAppID(), 1)
	key := newKey(t, s.ring, seal.Tenant(tenant), 1)
	opener := everyPurpose(s.ring) // made before the turning, as those of a node are
	sealed, err := s.ring.Sealer().Seal(key, place, core.NewSecret("stays"))
	require.NoError(t, err)
	key, err = s.other.RewrapScopeKey(key)
	require.NoError(t, err)
	require.EqualValues(t, 2, key.RootEpoch)

	s.db.set(nil, s.first, s.second)
	got, err := opener.Open(key, place, sealed)
	require.NoError(t, err)
	require.Equal(t, "stays", got.Expose())
	require.EqualValues(t, 1, s.db.reads.Load())
	_, err = opener.Open(key, place, sealed)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.db.reads.Load(), "what is held is not read again")
	require.EqualValues(t, 2, newKey(t, s.ring, seal.Platform(), 1).RootEpoch, "the newest locks what is new")
}

func TestARootKeyThatIsReallyMissingIsAnErrorAfterOneReading(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	key := newKey(t, s.other, seal.Platform(), 1)
	err := s.ring.CheckScopeKey(key)
	require.ErrorIs(t, err, seal.ErrMissingEpoch)
	require.ErrorContains(t, err, "root key 2")
	require.EqualValues(t, 1, s.db.reads.Load())

	away := errors.New("postgres is away")
	s.db.set(away)
	err = s.ring.CheckScopeKey(key)
	require.ErrorIs(t, err, seal.ErrMissingEpoch)
	require.ErrorIs(t, err, away, "whoever asked must know that it is not the row's fault")
	require.NoError(t, s.ring.CheckScopeKey(newKey(t, s.ring, seal.Platform(), 1)), "it goes on with what it holds")
}

// One that asks while another reads may have met a key that is younger than that
// reading; those that come together read twice at most.
func TestManyThatMeetANewRootKeyTogetherReadTwiceAtMost(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	key := newKey(t, s.other, seal.Platform(), 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	old := []seal.RootKeyRow{s.first}
	var reads atomic.Int64
	s.ring.RenewFrom(func(ctx context.Context) ([]seal.RootKeyRow, error) {
		if reads.Add(1) == 1 { // it reads, and only then the new key is stored
			close(entered)
			<-leave
			return old, nil
		}
		return []seal.RootKeyRow{s.first, s.second}, nil
	})
	early := make(chan error, 1)
	go func() { early <- s.ring.CheckScopeKey(key) }()
	select {
	case <-entered:
	case err := <-early:
		t.Fatal("it did not read", err)
	}
	const callers = 20
	late := make(chan error, callers)
	for range callers {
		go func() { late <- s.ring.CheckScopeKey(key) }()
	}
	close(leave)
	require.True(t, func() bool { err := <-early; return err == nil || errors.Is(err, seal.ErrMissingEpoch) }())
	for range callers {
		require.NoError(t, <-late)
	}
	require.LessOrEqual(t, reads.Load(), int64(3))
}

// A key whose row is gone is kept for a day: somebody may have read something under
// it just before.
func TestARingDropsARootKeyThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurning(t)
		key := newKey(t, s.ring, seal.Platform(), 1)
		s.db.set(nil, s.second)
		require.NoError(t, s.ring.Renew(t.Context()))
		require.Len(t, s.ring.Epochs(), 1)
		require.EqualValues(t, 2, s.ring.Epochs()[0].Number)
		require.NoError(t, s.ring.CheckScopeKey(newKey(t, s.other, seal.Platform(), 1)))
		<-time.After(24*time.Hour - time.Second)
		require.NoError(t, s.ring.Renew(t.Context()))
		require.NoError(t, s.ring.CheckScopeKey(key))
		<-time.After(time.Second)
		require.NoError(t, s.ring.Renew(t.Context()))
		require.ErrorIs(t, s.ring.CheckScopeKey(key), seal.ErrMissingEpoch)
	})
}

func TestARingTakesUpNothingThatIsNotAuthentic(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	forged := s.second
	forged.Wraps = []seal.RootKeyWrap{s.second.Wraps[0]}
	forged.Wraps[0].MAC = make([]byte, 32)
	s.db.set(nil, s.first, forged)
	require.ErrorIs(t, s.ring.CheckScopeKey(newKey(t, s.other, seal.Platform(), 1)), seal.ErrForged)
	s.db.set(nil)
	require.ErrorIs(t, s.ring.Renew(t.Context()), seal.ErrMissingEpoch, "no rows at all")
	require.Len(t, s.ring.Epochs(), 1)
	require.NoError(t, s.ring.CheckScopeKey(newKey(t, s.ring, seal.Platform(), 1)))
}

// The master was turned by a process that has the new identity; this one has the
// old file in memory yet.
func TestARingKeepsItsRootKeysWhenTheMasterIsTurned(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	key := newKey(t, s.ring, seal.Platform(), 1)
	next, _ := newMaster(t, seal.X25519)
	_, theirs := newRing(t, next)
	turned := s.first
	turned.Wraps = theirs.Wraps // whatever it is: sealed by somebody who is not in the file
	s.db.set(nil, turned)
	require.NoError(t, s.ring.Renew(t.Context()))
	require.NoError(t, s.ring.CheckScopeKey(key))
	require.EqualValues(t, 1, newKey(t, s.ring, seal.Platform(), 1).RootEpoch)
}

// A start opens one root key, however many there are, and age does nothing else.
func TestAgeOpensOnlyTheRootKeysThatAreNeeded(t *testing.T) {
	t.Parallel()
	s := newTurning(t)
	before := s.master.AgeOperations()
	ring, err := seal.OpenRing(s.master, []seal.RootKeyRow{s.first, s.second})
	require.NoError(t, err)
	require.Equal(t, before, s.master.AgeOperations())
	key := newKey(t, s.other, seal.Platform(), 1)
	opened := s.master.AgeOperations()
	for range 3 {
		require.NoError(t, ring.CheckScopeKey(key))
	}
	require.Equal(t, opened+1, s.master.AgeOperations())
	require.NoError(t, ring.OpenAll())
	require.Equal(t, opened+2, s.master.AgeOperations())
}

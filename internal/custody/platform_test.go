package custody_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/auditing"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/identity"
	"signet/internal/identity/identitytest"
	"signet/internal/seal"
	"signet/internal/store"
)

// console gives the Identity of a node: what it has of the platform's key is what it
// opened as it started.
func (s *site) console(t *testing.T) *identity.Identity {
	t.Helper()
	i, err := s.tryConsole()
	require.NoError(t, err)
	return i
}

func (s *site) tryConsole() (*identity.Identity, error) {
	return identity.New(context.Background(), identity.Config{
		Store: s.Store, Sealer: s.Ring.Sealer(), Opener: s.Ring.Opener(seal.SessionKey, seal.Factor), Issuer: "https://console.test.example",
		NewPlatformKey: func() (seal.WrappedKey, error) { return s.Ring.NewScopeKey(seal.Platform(), 1) },
	})
}

var ownersPassword = core.NewSecret("correct horse battery")

const ownersEmail = "owner@example.com"

// newPlatformSite is a site where an owner can sign in, and two nodes.
func newPlatformSite(t *testing.T) (s *site, one, other *identity.Identity) {
	t.Helper()
	s = newSite(t, 1)
	one, other = s.console(t), s.console(t)
	_, err := one.CreateOwner(t.Context(), ownersEmail, ownersPassword)
	require.NoError(t, err)
	return s, one, other
}

func signIn(t *testing.T, at *identity.Identity) identity.Session {
	t.Helper()
	entry, err := at.SignIn(t.Context(), office, ownersEmail, ownersPassword)
	require.NoError(t, err)
	return entry.Session
}

var office = identity.Visit{Client: netip.MustParsePrefix("203.0.113.9/32")}

// letIn tells that each node takes the token and renews the session.
func letIn(t *testing.T, session identity.Session, nodes ...*identity.Identity) {
	t.Helper()
	for _, node := range nodes {
		_, err := node.Authenticate(t.Context(), session.AccessToken.Expose(), "")
		require.NoError(t, err)
		session, err = node.Refresh(t.Context(), office, session.Refresh)
		require.NoError(t, err)
		_, err = node.Authenticate(t.Context(), session.AccessToken.Expose(), "")
		require.NoError(t, err)
	}
}

func (s *site) platformKeys(t *testing.T) []string {
	return s.DB.List(t, `SELECT version::text FROM signet_keys.platform_keys ORDER BY version`)
}

func (s *site) sealedBy(t *testing.T) []string {
	return s.DB.List(t, `SELECT key_version::text FROM signet.session_keys UNION SELECT key_version::text FROM signet.audit_keys ORDER BY 1`)
}

// Nodes that serve hear nothing of it. Who signed in before stays signed in, and who
// signs in afterwards is let in everywhere.
func TestThePlatformsKeyIsTurnedWhilePeopleSignIn(t *testing.T) {
	t.Parallel()
	s, one, other := newPlatformSite(t)
	before := signIn(t, one)
	was := s.DB.List(t, `SELECT encode(sealed, 'hex') FROM signet.session_keys`)
	turned, err := s.process(t).RotatePlatform(t.Context())
	require.NoError(t, err)
	require.Equal(t, custody.PlatformTurning{From: 1, To: 2, Begun: true, Done: 2, Values: 2}, turned)
	require.Equal(t, []string{"2"}, s.platformKeys(t))
	require.Equal(t, []string{"2"}, s.sealedBy(t))
	require.NotEqual(t, was, s.DB.List(t, `SELECT encode(sealed, 'hex') FROM signet.session_keys`))

	started := s.console(t)
	letIn(t, before, other, one, started)
	for _, node := range []*identity.Identity{one, other, started} {
		letIn(t, signIn(t, node), one, other, started)
	}
	require.Equal(t, []string{"platform_key.turn 2", "platform_key.retire 1"},
		s.DB.List(t, `SELECT action || ' ' || subject FROM signet.platform_audit WHERE subject_kind = 'platform_key' ORDER BY seq`))
	require.Equal(t, []string{"0 2"}, s.DB.List(t, `SELECT (detail->>'values_left') || ' ' || (detail->>'successor') FROM signet.platform_audit WHERE action = 'platform_key.retire'`))

	again, err := s.process(t).RotatePlatform(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, again.To)
	letIn(t, signIn(t, one), other, s.console(t))
}

// One that was begun and not finished is finished by whoever comes next, and no other
// is begun.
func TestATurningOfThePlatformsKeyThatWasBegunIsFinished(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(*testing.T, *custody.Keys){
		"by the command": func(t *testing.T, k *custody.Keys) {
			turned, err := k.RotatePlatform(t.Context())
			require.NoError(t, err)
			require.False(t, turned.Begun)
			require.EqualValues(t, 2, turned.Done)
		},
		"by a node": func(t *testing.T, k *custody.Keys) {
			turned, err := k.FinishPlatform(t.Context())
			require.NoError(t, err)
			require.True(t, turned)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, one, _ := newPlatformSite(t)
			s.putPlatformKey(t, 2)
			half := s.console(t) // starts while it is half done
			status, err := s.process(t).Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, custody.PlatformTurning{From: 1, To: 2, Left: 2}, status.Platform)
			finish(t, s.process(t))
			require.Equal(t, []string{"2"}, s.platformKeys(t))
			letIn(t, signIn(t, half), one, s.console(t))
			again, err := s.process(t).FinishPlatform(t.Context())
			require.NoError(t, err)
			require.False(t, again)
		})
	}
}

func (s *site) putPlatformKey(t *testing.T, version int32) {
	t.Helper()
	key, err := s.Ring.NewScopeKey(seal.Platform(), version)
	require.NoError(t, err)
	require.NoError(t, s.Store.Keys(t.Context(), core.System("test"), func(tx *store.KeysTx) error {
		return tx.PutPlatformKey(t.Context(), store.WrappedKey{Version: key.Version, RootEpoch: key.RootEpoch, Wrapped: key.Bytes})
	}))
}

// Several turn it at once, and the root key as well: one turning comes of it, or one
// after the other, and nothing is lost.
func TestSeveralTurnThePlatformsKeyAtOnce(t *testing.T) {
	t.Parallel()
	s, one, other := newPlatformSite(t)
	const turners = 4
	var group sync.WaitGroup
	var turnings [turners]custody.PlatformTurning
	var errs [turners + 1]error
	root := s.process(t)
	var processes [turners]*custody.Keys
	for i := range turners {
		processes[i] = s.process(t)
	}
	held := s.DB.Hold(t, "signet_keys.platform_keys") // so that they begin together
	for i, k := range processes {
		group.Go(func() { turnings[i], errs[i] = k.RotatePlatform(context.Background()) })
	}
	waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(s.DB.List(t, waiting)) > 1 }, 20*time.Second, 10*time.Millisecond)
	held.Commit(t)
	group.Go(func() { _, errs[turners] = root.Rotate(context.Background(), nobody) })
	group.Wait()
	begun := 0
	for i := range errs {
		require.NoError(t, errs[i])
	}
	for _, turned := range turnings {
		if turned.Begun {
			begun++
		}
	}
	require.GreaterOrEqual(t, begun, 1)
	require.Equal(t, []string{fmt.Sprint(1 + begun)}, s.platformKeys(t))
	require.Len(t, s.DB.List(t, `SELECT DISTINCT subject FROM signet.platform_audit WHERE action = 'platform_key.turn'`), begun)
	require.Equal(t, s.platformKeys(t), s.sealedBy(t))
	require.Equal(t, []string{"2"}, s.epochs(t))
	letIn(t, signIn(t, one), other, s.console(t))
}

// A process that did not hear of the turning of the root key makes the next version
// under the new one.
func TestThePlatformsKeyIsTurnedByAProcessThatDidNotHearOfTheRootKey(t *testing.T) {
	t.Parallel()
	s, one, _ := newPlatformSite(t)
	late := s.process(t)
	_, err := s.process(t).Rotate(t.Context(), nobody)
	require.NoError(t, err)
	turned, err := late.RotatePlatform(t.Context())
	require.NoError(t, err)
	require.True(t, turned.Begun)
	require.Equal(t, []string{"2"}, s.DB.List(t, `SELECT root_epoch::text FROM signet_keys.platform_keys`))
	letIn(t, signIn(t, one), s.console(t))
}

// A node reads a value, and before it reads the key, the value is turned and the key
// deleted: it looks a second time.
func TestANodeStartsJustWhenAVersionOfThePlatformsKeyIsDeleted(t *testing.T) {
	t.Parallel()
	s, one, _ := newPlatformSite(t)
	s.DB.Exec(t, `CREATE TABLE old_key AS SELECT * FROM signet_keys.platform_keys`)
	s.DB.Exec(t, `CREATE TABLE old_values AS SELECT * FROM signet.session_keys`)
	_, err := s.process(t).RotatePlatform(t.Context())
	require.NoError(t, err)
	s.DB.Exec(t, `CREATE TABLE new_values AS SELECT * FROM signet.session_keys`)
	s.DB.Exec(t, `INSERT INTO signet_keys.platform_keys SELECT * FROM old_key`)
	s.DB.Exec(t, `UPDATE signet.session_keys s SET sealed = o.sealed, key_version = o.key_version FROM old_values o WHERE o.key_id = s.key_id`)

	held := s.DB.Hold(t, "signet_keys.platform_keys")
	started := make(chan error, 1)
	go func() {
		_, err := s.tryConsole()
		started <- err
	}()
	waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(s.DB.List(t, waiting)) > 0 }, 20*time.Second, 10*time.Millisecond)
	held.Exec(t, `UPDATE signet.session_keys s SET sealed = n.sealed, key_version = n.key_version FROM new_values n WHERE n.key_id = s.key_id`)
	held.Exec(t, `DELETE FROM signet_keys.platform_keys WHERE version = 1`)
	held.Commit(t)
	require.NoError(t, <-started)
	letIn(t, signIn(t, one), s.console(t))
}

// A value that does not open keeps the version that it names. keys check names it, as
// it names a version that no value names.
func TestADamagedValueOfThePlatformKeepsTheOldVersion(t *testing.T) {
	t.Parallel()
	s, one, other := newPlatformSite(t)
	damage := `UPDATE signet.session_keys SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)`
	s.DB.Exec(t, damage)
	k := s.process(t)
	_, err := k.RotatePlatform(t.Context())
	require.ErrorIs(t, err, seal.ErrAltered)
	require.ErrorContains(t, err, "1 value of the platform cannot be opened")
	require.ErrorContains(t, err, "session_key")
	_, err = k.FinishPlatform(t.Context())
	require.ErrorIs(t, err, seal.ErrAltered)
	require.Equal(t, []string{"1", "2"}, s.platformKeys(t))
	look := func() custody.Checked {
		checked, err := k.Check(t.Context(), func(custody.Checked) {})
		require.NoError(t, err)
		return checked
	}
	require.ErrorContains(t, look().Err(), "1 problem:\nopen session_key")

	s.DB.Exec(t, damage)
	checked := look()
	require.NoError(t, checked.Err())
	require.Equal(t, custody.Checked{RootKeys: 1, ScopeKeys: 3, Tenants: 1, Values: 5}, checked, "both versions, and a tenant's key; a tenant's secret, token and ticket")
	// One that seals and has sealed nothing yet is opened too.
	s.DB.Exec(t, `UPDATE signet_keys.platform_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE version = 2`)
	require.ErrorContains(t, look().Err(), "open key 2 of platform")
	s.DB.Exec(t, `UPDATE signet_keys.platform_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE version = 2`)
	// And a value whose version is not there is named.
	s.DB.Exec(t, `UPDATE signet.session_keys SET key_version = 7`)
	require.ErrorContains(t, look().Err(), "version 7 of the platform's key is not there")
	status, err := k.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, status.Values[0].Platform)
	s.DB.Exec(t, `UPDATE signet.session_keys SET key_version = 1`)

	_, err = k.FinishPlatform(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, s.platformKeys(t))
	letIn(t, signIn(t, one), other, s.console(t))
}

// Data that was restored with younger keys does not start, and says why. Without the
// values of the lost version, as the page of the keys says, it does: people sign in with
// their password alone, and of the audit it is told which rows nobody can vouch for.
func TestDataOlderThanThePlatformsKey(t *testing.T) {
	t.Parallel()
	s, one, _ := newPlatformSite(t)
	before := signIn(t, one)
	owner, err := one.Authenticate(t.Context(), before.AccessToken.Expose(), "")
	require.NoError(t, err)
	made, err := one.BeginTOTP(t.Context(), owner, "手机")
	require.NoError(t, err)
	_, err = one.ConfirmTOTP(t.Context(), owner, made.Factor.ID, core.NewSecret(identitytest.Code(t, made.Seed.Expose(), time.Now())))
	require.NoError(t, err)
	for _, table := range store.PlatformTables {
		s.DB.Exec(t, `CREATE TABLE old_`+strings.ReplaceAll(table.Name, ".", "_")+` AS SELECT * FROM `+table.Name)
	}
	_, err = s.process(t).RotatePlatform(t.Context())
	require.NoError(t, err)
	for _, table := range store.PlatformTables { // the data is that of before
		s.DB.Exec(t, `UPDATE `+table.Name+` n SET sealed = o.sealed, key_version = o.key_version FROM old_`+strings.ReplaceAll(table.Name, ".", "_")+` o WHERE o.`+table.Subject+` = n.`+table.Subject)
	}
	_, err = s.open(t, s.master)
	require.ErrorIs(t, err, store.ErrPlatformKeyGone)
	require.ErrorContains(t, err, "restore the schema signet_keys from its backup")
	require.NotContains(t, err.Error(), "\n")
	_, err = s.tryConsole()
	require.ErrorIs(t, err, store.ErrPlatformKeyGone)

	page, err := os.ReadFile("../../docs/operations/keys.md")
	require.NoError(t, err)
	statement := regexp.MustCompile("`(TRUNCATE signet[^`]*)`").FindSubmatch(page)
	require.NotNil(t, statement, "the page says what to do")
	s.DB.Exec(t, string(statement[1]))
	keys, err := s.open(t, s.master)
	require.NoError(t, err)
	started, other := s.console(t), s.console(t)
	_, err = started.Authenticate(t.Context(), before.AccessToken.Expose(), "")
	require.Error(t, err)
	letIn(t, signIn(t, started), other)
	require.Equal(t, []string{"2"}, s.sealedBy(t), "by the version that seals")
	report, err := auditing.Verify(t.Context(), auditing.Proof{Store: s.Store, Keys: keys.Audit})
	require.NoError(t, err)
	require.NotEmpty(t, report.Bad)
	for _, bad := range report.Bad {
		require.Equal(t, auditing.UnknownKey, bad.Wrong, "%+v", bad)
	}
}

func TestAPlatformWithoutAKeyOfItsOwnHasNothingToTurn(t *testing.T) {
	t.Parallel()
	house := apptest.New(t, apptest.Config{NoAuditKey: true})
	master, err := seal.ReadMaster(house.WriteIdentity(t))
	require.NoError(t, err)
	k, err := custody.Read(t.Context(), custody.Config{Store: house.Store, Master: master})
	require.NoError(t, err)
	_, err = k.RotatePlatform(t.Context())
	require.ErrorContains(t, err, "the first `signet serve` makes it")
	turned, err := k.FinishPlatform(t.Context())
	require.NoError(t, err)
	require.False(t, turned)
}

// What hangs on each root key is counted, kind by kind, while it is turned.
func TestStatusCountsWhatLiesBelowEachRootKey(t *testing.T) {
	t.Parallel()
	s, _, _ := newPlatformSite(t)
	next, err := s.Ring.NextRootKey(nil)
	require.NoError(t, err)
	s.putRootKey(t, next)
	k := s.process(t)
	status, err := k.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[int32]store.KeyCount{1: {Tenants: 1, Platform: 1}}, status.Keys)
	require.Equal(t, map[int32]custody.Values{1: {ValueCount: store.ValueCount{Secrets: 1, Tickets: 2}, Platform: 2}}, status.Values)
	require.EqualValues(t, 5, status.Values[1].Sum())
	require.Zero(t, status.Platform)
	_, err = k.FinishRoot(t.Context())
	require.NoError(t, err)
	status, err = k.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[int32]store.KeyCount{2: {Tenants: 1, Platform: 1}}, status.Keys)
	require.Equal(t, map[int32]custody.Values{2: {ValueCount: store.ValueCount{Secrets: 1, Tickets: 2}, Platform: 2}}, status.Values)
}

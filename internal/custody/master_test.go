package custody_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/store"
)

// newFile puts a new first identity above those of a file, as an operator does.
func newFile(t *testing.T, kind seal.Kind, below string) (both, alone *seal.Master) {
	t.Helper()
	_, content, err := seal.GenerateMaster(kind)
	require.NoError(t, err)
	was, err := os.ReadFile(below)
	require.NoError(t, err)
	read := func(text string) *seal.Master {
		path := filepath.Join(t.TempDir(), "identity.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		m, err := seal.ReadMaster(path)
		require.NoError(t, err)
		return m
	}
	return read(content.Expose() + string(was)), read(content.Expose())
}

func (s *site) wraps(t *testing.T) []string {
	return s.DB.List(t, `SELECT epoch || ' ' || recipient FROM signet_keys.root_key_wraps ORDER BY epoch, recipient COLLATE "C"`)
}

func (s *site) open(t *testing.T, m *seal.Master, recovery ...seal.Recipient) (*custody.Keys, error) {
	t.Helper()
	return custody.Open(t.Context(), custody.Config{Store: s.DB.Open(t), Master: m, Recovery: recovery})
}

func TestTheMasterIsTurned(t *testing.T) {
	t.Parallel()
	for _, kind := range []seal.Kind{seal.X25519, seal.PostQuantum} {
		s := newSite(t, 2)
		_, to := newRecovery(t)
		s.process(t, to) // covers it
		both, alone := newFile(t, kind, s.WriteIdentity(t))
		_, err := s.open(t, alone, to)
		require.ErrorIs(t, err, seal.ErrWrongMaster, "not handed over yet")
		k, err := s.open(t, both, to)
		require.NoError(t, err)
		h, err := k.TurnMaster(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int32{1}, h.Wrapped)
		require.Equal(t, s.master.Recipients(), h.Freed)
		require.Empty(t, h.Kept)
		require.ElementsMatch(t, []string{"1 " + alone.Recipients()[0], "1 " + to.String()}, s.wraps(t))

		next, err := s.open(t, alone, to)
		require.NoError(t, err)
		require.Empty(t, next.Ring.Uncovered(to))
		_, err = s.open(t, s.master, to)
		require.ErrorIs(t, err, seal.ErrWrongMaster, "the old identity opens nothing any more")
		s.signAll(t, s.Restart(t)) // a node that still has the old file in memory
		h, err = next.TurnMaster(t.Context())
		require.NoError(t, err)
		require.Empty(t, h.Wrapped)
		require.Empty(t, h.Freed)
		_, err = next.Rotate(t.Context(), nobody)
		require.NoError(t, err)
		checked, err := next.Check(t.Context(), func(custody.Checked) {})
		require.NoError(t, err)
		require.NoError(t, checked.Err())
	}
}

// Whoever turns the master without naming the recovery recipient does not take the
// root keys from it.
func TestTurningTheMasterLeavesAnUnknownRecipientItsWrap(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	_, to := newRecovery(t)
	s.process(t, to)
	both, alone := newFile(t, seal.X25519, s.WriteIdentity(t))
	k, err := s.open(t, both)
	require.NoError(t, err)
	h, err := k.TurnMaster(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{to.String()}, h.Kept)
	require.ElementsMatch(t, []string{"1 " + alone.Recipients()[0], "1 " + to.String()}, s.wraps(t))
}

// T-KEY-1: the identity file is lost.
func TestEverythingIsRecoveredWithTheOfflineIdentityAndTheSheet(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	sheet := map[int32]seal.RootFingerprint{1: k.Ring.Epochs()[0].Fingerprint}
	next, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	with := custody.Config{Store: s.DB.Open(t), Master: next}
	before := s.wraps(t)

	stranger, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	wrong, err := stranger.FirstRootFingerprint()
	require.NoError(t, err)
	_, err = custody.Recover(t.Context(), with, offline, map[int32]seal.RootFingerprint{1: wrong})
	require.ErrorIs(t, err, seal.ErrForged)
	_, err = custody.Recover(t.Context(), with, offline, nil)
	require.ErrorIs(t, err, seal.ErrMissingEpoch)
	_, err = custody.Recover(t.Context(), with, stranger, sheet)
	require.ErrorIs(t, err, seal.ErrWrongMaster)
	damage := `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE tenant_id = $1`
	s.DB.Exec(t, damage, s.apps[1].TenantID.String())
	_, err = custody.Recover(t.Context(), with, offline, sheet)
	require.ErrorContains(t, err, "tenant "+s.apps[1].TenantID.String())
	s.DB.Exec(t, damage, s.apps[1].TenantID.String())
	require.Equal(t, before, s.wraps(t), "nothing was written")

	recovered, err := custody.Recover(t.Context(), with, offline, sheet)
	require.NoError(t, err)
	require.Empty(t, recovered.Ring.Uncovered(to))
	require.ElementsMatch(t, []string{"1 " + next.Recipients()[0], "1 " + to.String()}, s.wraps(t))
	fresh, err := s.open(t, next, to)
	require.NoError(t, err)
	_, err = s.open(t, s.master, to)
	require.ErrorIs(t, err, seal.ErrWrongMaster)
	s.Ring = fresh.Ring
	s.signAll(t, s.Restart(t))
	require.Equal(t, []string{"1"}, s.DB.List(t, `SELECT subject FROM signet.platform_audit WHERE action = 'root_key.recover'`))
}

// Whoever can write to the database knows the recovery recipient and can seal a
// root key to it. Its fingerprint is not on the sheet.
func TestARootKeyThatWasSlippedInIsRefusedByItsFingerprint(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	sheet := map[int32]seal.RootFingerprint{1: k.Ring.Epochs()[0].Fingerprint}
	attacker, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	theirs, err := seal.FirstRootKey(attacker, []seal.Recipient{to})
	require.NoError(t, err)
	s.DB.Exec(t, `DELETE FROM signet_keys.root_key_wraps`)
	s.DB.Exec(t, `UPDATE signet_keys.root_keys SET fingerprint = $1`, []byte(theirs.Fingerprint))
	require.NoError(t, s.Store.Keys(t.Context(), k.Actor, func(tx *store.KeysTx) error {
		row := store.RootKeyRow{Epoch: 1, Fingerprint: theirs.Fingerprint}
		for _, w := range theirs.Wraps {
			row.Wraps = append(row.Wraps, store.RootKeyWrap(w))
		}
		return tx.PutWraps(t.Context(), row)
	}))
	next, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	with := custody.Config{Store: s.DB.Open(t), Master: next}
	_, err = custody.Recover(t.Context(), with, offline, sheet)
	require.ErrorIs(t, err, seal.ErrForged)
	_, err = custody.Prover(t.Context(), with, offline, sheet)
	require.ErrorIs(t, err, seal.ErrForged)
}

func TestCheckOpensEverythingAndNamesWhatDoesNot(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	sheet := map[int32]seal.RootFingerprint{1: k.Ring.Epochs()[0].Fingerprint}
	alone, err := custody.Prover(t.Context(), custody.Config{Store: s.DB.Open(t)}, offline, sheet)
	require.NoError(t, err)
	look := func(k *custody.Keys) custody.Checked {
		checked, err := k.Check(t.Context(), func(custody.Checked) {})
		require.NoError(t, err)
		return checked
	}
	for _, keys := range []*custody.Keys{k, alone} {
		checked := look(keys)
		require.NoError(t, checked.Err())
		require.Equal(t, custody.Checked{RootKeys: 1, ScopeKeys: 4, Tenants: 3, Values: 10}, checked)
	}
	s.DB.Exec(t, `UPDATE signet.tickets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE tenant_id = $1 AND kind = 'agent_ticket'`, s.apps[1].TenantID.String())
	checked := look(alone)
	require.EqualValues(t, 9, checked.Values)
	require.Len(t, checked.Problems, 1)
	require.ErrorContains(t, checked.Err(), "agent_ticket")
	require.ErrorContains(t, checked.Err(), "tenant "+s.apps[1].TenantID.String())
	s.DB.Exec(t, `DELETE FROM signet_keys.tenant_keys WHERE tenant_id = $1`, s.apps[1].TenantID.String())
	checked = look(alone)
	require.Len(t, checked.Problems, 4, "the key, and the values that it is missed for")
	require.ErrorContains(t, checked.Err(), "tenant "+s.apps[1].TenantID.String()+" has no key")
}

// A process that still has the old file makes no root key that the new one does not
// open.
func TestARootKeyIsNotMadeByTheIdentityBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	old := s.process(t)
	both, alone := newFile(t, seal.X25519, s.WriteIdentity(t))
	k, err := s.open(t, both)
	require.NoError(t, err)
	_, err = k.TurnMaster(t.Context())
	require.NoError(t, err)
	_, err = old.Rotate(t.Context(), nobody)
	require.ErrorIs(t, err, seal.ErrWrongMaster)
	require.ErrorContains(t, err, "SIGNET_IDENTITY_FILE: root key 1")
	require.Equal(t, []string{"1"}, s.epochs(t))
	next, err := s.open(t, alone)
	require.NoError(t, err)
	_, err = next.Rotate(t.Context(), nobody)
	require.NoError(t, err)
}

// What the operator is told to keep after a turning: a backup of the keys from before
// opens with the identity of then, or is recovered with the sheet of then, and with
// nothing younger.
func TestYesterdaysKeysNeedYesterdaysSheetOrIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	first := k.Ring.Epochs()[0].Fingerprint
	tables := []string{"root_keys", "root_key_wraps", "tenant_keys", "platform_keys"}
	for _, table := range tables {
		s.DB.Exec(t, `CREATE TABLE public.`+table+` AS TABLE signet_keys.`+table)
	}
	_, err := k.Rotate(t.Context(), nobody)
	require.NoError(t, err)
	both, alone := newFile(t, seal.X25519, s.WriteIdentity(t))
	turned, err := s.open(t, both, to)
	require.NoError(t, err)
	_, err = turned.TurnMaster(t.Context())
	require.NoError(t, err)
	second := turned.Ring.Epochs()[0].Fingerprint

	s.DB.Exec(t, `TRUNCATE signet_keys.root_keys, signet_keys.root_key_wraps, signet_keys.tenant_keys, signet_keys.platform_keys`)
	for _, table := range tables {
		s.DB.Exec(t, `INSERT INTO signet_keys.`+table+` SELECT * FROM public.`+table)
	}
	_, err = s.open(t, alone, to)
	require.ErrorIs(t, err, seal.ErrWrongMaster)
	require.ErrorIs(t, recoverWith(t, s, alone, offline, map[int32]seal.RootFingerprint{2: second}), seal.ErrMissingEpoch)
	_, err = s.open(t, s.master, to)
	require.NoError(t, err, "the identity of then")
	require.NoError(t, recoverWith(t, s, alone, offline, map[int32]seal.RootFingerprint{1: first}), "the sheet of then")
	restored, err := s.open(t, alone, to)
	require.NoError(t, err)
	s.Ring = restored.Ring
	s.signAll(t, s.Restart(t))
}

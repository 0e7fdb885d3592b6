package seal_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

var freeze = flag.Bool("freeze", false, "write testdata/v1.json anew: only for a format of another number")

// frozen is a small platform as an earlier Signet has stored it. What was sealed
// once must open for as long as there are backups, so this file never changes;
// another format gets a file of its own.
type frozen struct {
	Identity         string // of the master; made for this test and used nowhere else
	RecoveryIdentity string
	Row              seal.RootKeyRow
	RootFingerprint  string
	Tenant           string
	App              string
	Key              []byte
	Value            string
	Sealed           []byte
	SealedUntil      []byte
	End              time.Time
	Fingerprint      string
}

func TestWhatAnEarlierSignetHasSealedStillOpens(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "v1.json")
	if *freeze {
		content, err := json.MarshalIndent(newFrozen(t), "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(content, '\n'), 0o644))
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var f frozen
	require.NoError(t, json.Unmarshal(content, &f))

	m, recovery := parse(t, f.Identity), parse(t, f.RecoveryIdentity)
	print, err := m.FirstRootFingerprint()
	require.NoError(t, err)
	require.Equal(t, f.RootFingerprint, print.String(), "the derivation of the first root key")
	ring, err := seal.OpenRing(m, []seal.RootKeyRow{f.Row})
	require.NoError(t, err)

	tenant, err := core.ParseTenantID(f.Tenant)
	require.NoError(t, err)
	app, err := core.ParseAppID(f.App)
	require.NoError(t, err)
	key := seal.WrappedKey{Scope: seal.Tenant(tenant), Version: 1, RootEpoch: 1, Bytes: f.Key}
	got, err := everyPurpose(ring).Open(key, seal.ForAppSecret(tenant, app, 4), f.Sealed)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(f.Value, got.Expose()))
	got, end, err := everyPurpose(ring).OpenUntil(key, seal.ForCorpTicket(tenant, "wwFrozen", 9), f.SealedUntil)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(f.Value, got.Expose()))
	require.Equal(t, f.End, end)
	fingerprint, err := ring.Sealer().Fingerprint(key, core.NewSecret(f.Value))
	require.NoError(t, err)
	require.Equal(t, f.Fingerprint, fingerprint)

	sheet, err := seal.ParseRootFingerprint(f.RootFingerprint)
	require.NoError(t, err)
	next, _ := newMaster(t, seal.X25519)
	recovered, _, err := seal.RecoverRing(recovery, next, []seal.RootKeyRow{f.Row}, map[int32]seal.RootFingerprint{1: sheet})
	require.NoError(t, err)
	require.NoError(t, recovered.CheckScopeKey(key))
}

func newFrozen(t *testing.T) frozen {
	m, content := newMaster(t, seal.PostQuantum)
	recovery, recoveryContent := newMaster(t, seal.X25519)
	to, err := seal.ParseRecipient(recovery.Recipients()[0])
	require.NoError(t, err)
	ring, row := newRing(t, m, to)
	tenant, app := core.NewTenantID(), core.NewAppID()
	key := newKey(t, ring, seal.Tenant(tenant), 1)
	f := frozen{
		Identity: identityLine(content), RecoveryIdentity: identityLine(recoveryContent),
		Row: row, RootFingerprint: row.Fingerprint.String(), Tenant: tenant.String(), App: app.String(),
		Key: key.Bytes, Value: "a value of format 1", End: someDay,
	}
	value := core.NewSecret(f.Value)
	f.Sealed, err = ring.Sealer().Seal(key, seal.ForAppSecret(tenant, app, 4), value)
	require.NoError(t, err)
	f.SealedUntil, err = ring.Sealer().SealUntil(key, seal.ForCorpTicket(tenant, "wwFrozen", 9), value, f.End)
	require.NoError(t, err)
	f.Fingerprint, err = ring.Sealer().Fingerprint(key, value)
	require.NoError(t, err)
	return f
}

package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// sealing completes a Config with a master identity of the test's own.
func sealing(t testing.TB, cfg Config) Config {
	t.Helper()
	master, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	root, err := seal.FirstRootKey(master, nil)
	require.NoError(t, err)
	row := store.RootKeyRow{Epoch: root.Epoch, Fingerprint: root.Fingerprint}
	for _, wrap := range root.Wraps {
		row.Wraps = append(row.Wraps, store.RootKeyWrap(wrap))
	}
	require.NoError(t, cfg.Store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.CreateRootKey(t.Context(), row)
	}))
	ring, err := seal.OpenRing(master, []seal.RootKeyRow{root})
	require.NoError(t, err)
	cfg.Sealer, cfg.Opener = ring.Sealer(), ring.Opener(seal.SessionKey, seal.Factor)
	cfg.NewPlatformKey = func() (seal.WrappedKey, error) { return ring.NewScopeKey(seal.Platform(), 1) }
	return cfg
}

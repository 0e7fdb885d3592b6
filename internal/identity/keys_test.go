package identity

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
)

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("makes one key in the cluster, also when nodes start at once", func(t *testing.T) {
		t.Parallel()
		h := emptyHouse(t)
		const nodes = 6
		made := make([]*Identity, nodes)
		var all sync.WaitGroup
		for n := range nodes {
			all.Go(func() {
				keys, err := loadSessionKeys(t.Context(), h.cfg)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				made[n], err = newIdentity(h.cfg, keys, cheapCost)
				if err != nil {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		require.False(t, t.Failed())
		require.Len(t, h.texts(t, `SELECT key_id FROM signet.session_keys`), 1)
		require.Len(t, h.texts(t, `SELECT version::text FROM signet_keys.platform_keys`), 1)
		for _, a := range made {
			token, _, err := a.keyring.now().mint(core.NewMemberID(), core.NewSessionID(), h.clock().Add(sessionLife))
			require.NoError(t, err)
			for _, b := range made {
				_, err := b.keyring.now().read(token.Expose())
				require.NoError(t, err)
			}
		}
	})

	t.Run("finds its key again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		again, err := New(t.Context(), h.cfg)
		require.NoError(t, err)
		_, err = again.Authenticate(t.Context(), s.AccessToken.Expose(), "")
		require.NoError(t, err)
		s, err = again.Refresh(t.Context(), Visit{Client: office}, s.Refresh)
		require.NoError(t, err)
		h.requireLive(t, s)
	})

	t.Run("keeps the private half sealed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		var rows []store.SessionKey
		require.NoError(t, h.store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) (err error) {
			rows, err = tx.ListSessionKeys(t.Context())
			return err
		}))
		require.NotContains(t, string(rows[0].Sealed), string(h.keyring.now().key.Seed()))
	})

	t.Run("signs with the newest key and verifies with all", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		elder := h.keyring.now().keyID
		_, err := TurnSessionKey(t.Context(), h.cfg, false)
		require.NoError(t, err)

		both := h.open(t)
		require.NotEqual(t, elder, both.keyring.now().keyID)
		_, err = both.Authenticate(t.Context(), s.AccessToken.Expose(), "")
		require.NoError(t, err)
		next, err := both.Refresh(t.Context(), Visit{Client: office}, s.Refresh)
		require.NoError(t, err)
		_, err = both.Authenticate(t.Context(), next.AccessToken.Expose(), "")
		require.NoError(t, err)
		_, err = h.keyring.now().read(next.AccessToken.Expose())
		require.ErrorIs(t, err, errKeyUnknown, "the elder node does not know the new key")
		h.forward(keysLookAtOnce)
		_, err = h.Authenticate(t.Context(), next.AccessToken.Expose(), "")
		require.NoError(t, err, "and reads the keys anew when it meets it")
	})

	forged := func(t *testing.T) string {
		return fmt.Sprintf(`'\x%x'::bytea`, newKey(t).Public())
	}
	for name, damage := range map[string]func(*testing.T, *house){
		"a public half that somebody else has the private half of": func(t *testing.T, h *house) {
			h.damage(t, `UPDATE signet.session_keys SET public_key = `+forged(t))
		},
		"a row that was added": func(t *testing.T, h *house) {
			h.damage(t, `INSERT INTO signet.session_keys SELECT 'forged', `+forged(t)+`, sealed, key_version, now() - interval '1 day' FROM signet.session_keys`)
		},
		"a key under another id": func(t *testing.T, h *house) {
			h.damage(t, `UPDATE signet.session_keys SET key_id = 'other'`)
		},
		"a key that was altered": func(t *testing.T, h *house) {
			h.damage(t, `UPDATE signet.session_keys SET sealed = set_byte(sealed, 0, get_byte(sealed, 0) # 1)`)
		},
		"a key that was cut": func(t *testing.T, h *house) {
			h.damage(t, `UPDATE signet.session_keys SET sealed = substring(sealed for length(sealed) - 1)`)
		},
		"a scope key that is not there": func(t *testing.T, h *house) {
			h.damage(t, `UPDATE signet.session_keys SET key_version = 7`)
		},
	} {
		t.Run("does not start on "+name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			damage(t, h)
			_, err := New(t.Context(), h.cfg)
			require.Error(t, err)
		})
	}

	t.Run("refuses a configuration that is not complete", func(t *testing.T) {
		t.Parallel()
		h := emptyHouse(t)
		for _, change := range []func(*Config){
			func(c *Config) { c.Store = nil }, func(c *Config) { c.Sealer = nil }, func(c *Config) { c.Opener = nil },
			func(c *Config) { c.NewPlatformKey = nil }, func(c *Config) { c.Issuer = "" },
		} {
			cfg := h.cfg
			change(&cfg)
			_, err := New(t.Context(), cfg)
			require.Error(t, err)
		}
	})
}

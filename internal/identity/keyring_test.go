package identity

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/fault"
)

// T-ROT-4: of the sessions that there are a planned turning drops none, and an
// emergency all.
func TestAKeyOfAccessTokensIsTurned(t *testing.T) {
	t.Parallel()

	t.Run("and nobody is signed out on any node", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		nodes := []*Identity{h.Identity, h.open(t), h.open(t)}
		var sessions []Session
		for range 10 {
			sessions = append(sessions, h.signIn(t))
		}
		for range 3 {
			_, err := TurnSessionKey(t.Context(), h.cfg, false)
			require.NoError(t, err)
			h.forward(keysLookAtOnce)
			for n, s := range sessions {
				for _, node := range nodes {
					_, err := node.Authenticate(t.Context(), s.AccessToken.Expose(), "")
					require.NoError(t, err)
				}
				sessions[n], err = nodes[n%len(nodes)].Refresh(t.Context(), atOffice, s.Refresh)
				require.NoError(t, err)
			}
		}
		require.Len(t, h.open(t).keyring.now().trust, 4)
		h.damage(t, `UPDATE signet.session_keys SET trusted_until = trusted_until - interval '1 hour' WHERE trusted_until IS NOT NULL`)
		require.Len(t, h.open(t).keyring.now().trust, 1, "in the end the newest alone is trusted")
	})

	t.Run("and in an emergency everybody is, on every node", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		nodes := []*Identity{h.Identity, h.open(t)}
		s := h.signIn(t)
		ended, err := TurnSessionKey(t.Context(), h.cfg, true)
		require.NoError(t, err)
		require.EqualValues(t, 1, ended)
		for _, node := range nodes {
			_, err := node.Authenticate(t.Context(), s.AccessToken.Expose(), "")
			requireCode(t, err, fault.SessionRequired)
			_, err = node.Refresh(t.Context(), atOffice, s.Refresh)
			requireCode(t, err, fault.SessionRequired)
		}
		require.Len(t, h.open(t).keyring.now().trust, 1)
		rows := h.audit(t)
		require.Equal(t, map[string]string{"kind": "emergency", "sessions_ended": "1"}, rows[len(rows)-1].Detail)
		h.forward(keysLookAgain)
		h.requireLive(t, h.signIn(t))
	})

	t.Run("by itself when it is old", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		before := h.keyring.now().keyID
		require.NoError(t, h.RenewSessionKey(t.Context()))
		require.Len(t, h.open(t).keyring.now().trust, 1)
		h.damage(t, `UPDATE signet.session_keys SET created_at = now() - interval '31 days'`)
		var all errgroup.Group
		for range 4 { // nodes
			all.Go(func() error { return h.open(t).RenewSessionKey(t.Context()) })
		}
		require.NoError(t, all.Wait())
		require.Len(t, h.open(t).keyring.now().trust, 2)
		require.NotEqual(t, before, h.open(t).keyring.now().keyID)
	})

	t.Run("and what nobody knows costs a look at the keys each two seconds at most", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		stranger := setup(t)
		token := stranger.mint(t)
		h.forward(keysLookAtOnce)
		h.rule(t, `REVOKE SELECT ON signet.session_keys FROM signet_app`)
		_, err := h.Authenticate(t.Context(), token, "")
		requireCode(t, err, fault.SessionRequired)
		read := h.keyring.read.Load()
		for range 50 {
			_, err := h.Authenticate(t.Context(), token, "")
			requireCode(t, err, fault.SessionRequired)
		}
		require.Equal(t, read, h.keyring.read.Load())
		require.NotEmpty(t, h.keyring.now().trust, "a look that fails leaves what is known")
	})
}

package identity

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity/identitytest"
)

// withPasskey gives the owner a passkey.
func (h *house) withPasskey(t testing.TB) *identitytest.Authenticator {
	t.Helper()
	actor, device := h.actor(t, h.signIn(t)), identitytest.NewAuthenticator(t, issuer)
	w, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	_, codes, err := h.AddPasskey(t.Context(), actor, w.Token, "笔记本", device.Create(t, w.Passkey))
	require.NoError(t, err)
	require.Len(t, codes, recoveryCodes)
	return device
}

func TestAPasskeyLetsItsMemberIn(t *testing.T) {
	t.Parallel()

	t.Run("without a password, and counts as two factors", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		w, err := h.BeginPasskeySignIn(t.Context(), atOffice)
		require.NoError(t, err)
		answer := device.Get(t, w.Passkey)
		s, err := h.FinishPasskeySignIn(t.Context(), atOffice, w.Token, answer)
		require.NoError(t, err)
		require.Equal(t, h.owner, s.Member)
		h.requireLive(t, s)
		list, err := h.ListSessions(t.Context(), h.actor(t, s))
		require.NoError(t, err)
		require.Equal(t, core.WithPasskey, list[0].BegunWith)
		require.True(t, list[0].SecondFactor)
		_, err = h.FinishPasskeySignIn(t.Context(), atOffice, w.Token, answer)
		requireCode(t, err, fault.CeremonyOver)
	})

	t.Run("behind the password", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		w := h.waits(t)
		require.Equal(t, []core.FactorKind{core.Passkey}, w.Factors)
		s, err := h.finish(t, w, Answer{Passkey: device.Get(t, w.Passkey)})
		require.NoError(t, err)
		h.requireLive(t, s)
	})

	t.Run("and nobody who answers otherwise", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		stranger := identitytest.NewAuthenticator(t, issuer)
		stranger.Handle = device.Handle
		copied := *stranger
		copied.ID = device.ID
		for name, wrong := range map[string]func(json.RawMessage) json.RawMessage{
			"a passkey of nobody": func(asked json.RawMessage) json.RawMessage { return stranger.Get(t, asked) },
			"another key under its id": func(asked json.RawMessage) json.RawMessage {
				return copied.Get(t, asked)
			},
			"a page of another origin": func(asked json.RawMessage) json.RawMessage {
				elsewhere := *device
				elsewhere.Origin = "https://console.signet.example.evil.net"
				return elsewhere.Get(t, asked)
			},
			"a page of the same name on another port": func(asked json.RawMessage) json.RawMessage {
				elsewhere := *device
				elsewhere.Origin = issuer + ":8443"
				return elsewhere.Get(t, asked)
			},
			"a site of another name": func(asked json.RawMessage) json.RawMessage {
				elsewhere := *device
				elsewhere.RPID = "evil.example"
				return elsewhere.Get(t, asked)
			},
			"a device that did not look who holds it": func(asked json.RawMessage) json.RawMessage {
				lent := *device
				lent.NoCheck = true
				return lent.Get(t, asked)
			},
			"an answer to something else": func(json.RawMessage) json.RawMessage {
				return device.Get(t, json.RawMessage(`{"challenge":"c29tZXRoaW5nIGVsc2UgdGhhdCBpcyBsb25nIGVub3VnaA"}`))
			},
			"another member": func(asked json.RawMessage) json.RawMessage {
				other := *device
				nobody := core.NewMemberID().UUID
				other.Handle = nobody[:]
				return other.Get(t, asked)
			},
			"no member": func(asked json.RawMessage) json.RawMessage {
				other := *device
				other.Handle = nil
				return other.Get(t, asked)
			},
			"a novel": func(json.RawMessage) json.RawMessage {
				return json.RawMessage(`{"id":"` + strings.Repeat("A", maxPasskeyAnswer) + `"}`)
			},
			"nonsense": func(json.RawMessage) json.RawMessage { return json.RawMessage(`{"id":1}`) },
		} {
			w, err := h.BeginPasskeySignIn(t.Context(), atOffice)
			require.NoError(t, err)
			_, err = h.FinishPasskeySignIn(t.Context(), atOffice, w.Token, wrong(w.Passkey))
			require.True(t, fault.Has(err, fault.PasskeyRefused), "%s: %v", name, err)
		}
		w, err := h.BeginPasskeySignIn(t.Context(), atOffice)
		require.NoError(t, err)
		_, err = h.FinishPasskeySignIn(t.Context(), atOffice, w.Token, device.Get(t, w.Passkey))
		require.NoError(t, err)
	})

	t.Run("and nobody into whose row it was put", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		second, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
		require.NoError(t, err)
		h.damage(t, `UPDATE signet.factors SET member_id = '`+second.ID.String()+`'`)
		theirs := *device
		theirs.Handle = second.ID.UUID[:]
		w, err := h.BeginPasskeySignIn(t.Context(), atOffice)
		require.NoError(t, err)
		_, err = h.FinishPasskeySignIn(t.Context(), atOffice, w.Token, theirs.Get(t, w.Passkey))
		require.ErrorIs(t, err, errFactorMoved)
	})

	t.Run("by a challenge that is long and never the same", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		seen := map[string]bool{}
		for range 20 {
			w, err := h.BeginPasskeySignIn(t.Context(), atOffice)
			require.NoError(t, err)
			var asked struct{ Challenge string }
			require.NoError(t, json.Unmarshal(w.Passkey, &asked))
			random, err := base64.RawURLEncoding.DecodeString(asked.Challenge)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(random), 16)
			seen[asked.Challenge] = true
		}
		require.Len(t, seen, 20)
	})

	t.Run("unless it was copied and counts less than before", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device := h.withPasskey(t)
		twin := *device
		w := h.waits(t)
		_, err := h.finish(t, w, Answer{Passkey: device.Get(t, w.Passkey)})
		require.NoError(t, err)
		w = h.waits(t)
		_, err = h.finish(t, w, Answer{Passkey: twin.Get(t, w.Passkey)})
		requireCode(t, err, fault.PasskeyRefused)
	})
}

func TestAPasskeyIsAddedByItsMemberInTheirSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	device := h.withPasskey(t)
	w := h.waits(t)
	s, err := h.finish(t, w, Answer{Passkey: device.Get(t, w.Passkey)})
	require.NoError(t, err)
	actor := h.actor(t, s)

	again, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	_, _, err = h.AddPasskey(t.Context(), actor, again.Token, "又一次", device.Create(t, again.Passkey))
	requireCode(t, err, fault.FactorExists)

	second, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	other := actor
	other.SessionID = core.NewSessionID()
	_, _, err = h.AddPasskey(t.Context(), other, second.Token, "手机", identitytest.NewAuthenticator(t, issuer).Create(t, second.Passkey))
	requireCode(t, err, fault.CeremonyOver)

	elsewhere := identitytest.NewAuthenticator(t, issuer)
	elsewhere.Origin = "https://evil.example"
	third, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	_, _, err = h.AddPasskey(t.Context(), actor, third.Token, "手机", elsewhere.Create(t, third.Passkey))
	requireCode(t, err, fault.PasskeyRefused)

	fourth, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	_, codes, err := h.AddPasskey(t.Context(), actor, fourth.Token, "手机", identitytest.NewAuthenticator(t, issuer).Create(t, fourth.Passkey))
	require.NoError(t, err)
	require.Empty(t, codes, "recovery codes come with the first")
	f, err := h.ListFactors(t.Context(), actor)
	require.NoError(t, err)
	require.Len(t, f.Items, 2)
}

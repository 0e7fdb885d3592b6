package identity

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity/identitytest"
	"signet/internal/store"
)

// together runs two at the same time, and gives how many came in.
func together(one, other func() error) int32 {
	var came atomic.Int32
	var both sync.WaitGroup
	for _, try := range []func() error{one, other} {
		both.Go(func() {
			if try() == nil {
				came.Add(1)
			}
		})
	}
	both.Wait()
	return came.Load()
}

// Of two who show the same thing at the same moment, on two nodes, one comes in.
func TestWhatIsGoodOnceIsGoodOnceForTwoAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	shows := map[string]func(h *house, p phone) Answer{
		"a code":          func(h *house, p phone) Answer { return Answer{Code: p.code(t, h.clock())} },
		"a recovery code": func(_ *house, p phone) Answer { return Answer{RecoveryCode: p.codes[3]} },
	}
	for name, show := range shows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.withPhone(t)
			node, first, second := h.open(t), h.waits(t), h.waits(t)
			shown := show(h, p)
			require.EqualValues(t, 1, together(
				func() error { _, err := h.FinishSignIn(ctx, atOffice, first.Token, shown); return err },
				func() error { _, err := node.FinishSignIn(ctx, atOffice, second.Token, shown); return err },
			))
			require.Equal(t, []string{"1"}, h.texts(t, `SELECT count(*)::text FROM signet.sessions WHERE second_factor`))
		})
	}
	t.Run("a passkey's answer", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		device, node := h.withPasskey(t), h.open(t)
		for range 20 {
			w, err := h.BeginPasskeySignIn(ctx, atOffice)
			require.NoError(t, err)
			answer := device.Get(t, w.Passkey)
			require.EqualValues(t, 1, together(
				func() error { _, err := h.FinishPasskeySignIn(ctx, atOffice, w.Token, answer); return err },
				func() error { _, err := node.FinishPasskeySignIn(ctx, atOffice, w.Token, answer); return err },
			))
		}
	})
	t.Run("a reset", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		node := h.open(t)
		for range 20 {
			link := h.reset(t, h.owner.ID, core.TenantID{}).Text().Expose()
			require.EqualValues(t, 1, together(
				func() error { return h.UseReset(ctx, office, link, chosen, "") },
				func() error { return node.UseReset(ctx, office, link, core.NewSecret("what the other would"), "") },
			))
		}
	})
}

// A passkey that its member removes lets nobody in, not even who has just shown it.
func TestAPasskeyThatIsRemovedMeanwhileLetsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := h.actor(t, h.signIn(t))
	device := h.withPasskey(t)
	w := h.waits(t)
	c, _, m, err := h.takeCeremony(t.Context(), ofSecondFactor, w.Token)
	require.NoError(t, err)
	right, err := h.checkAnswer(t.Context(), m.Member, c, Answer{Passkey: device.Get(t, w.Passkey)})
	require.NoError(t, err)
	f, err := h.ListFactors(t.Context(), owner)
	require.NoError(t, err)
	require.NoError(t, h.RemoveFactor(t.Context(), owner, f.Items[0].ID))
	err = h.store.Platform(t.Context(), system(""), func(tx *store.PlatformTx) error { return right.use(t.Context(), tx) })
	requireCode(t, err, fault.PasskeyRefused)
}

// One member's passkey finishes no step of another's, whatever handle it names.
func TestAPasskeyFinishesNoStepOfAnotherMember(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	device := h.withPasskey(t)
	second, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
	require.NoError(t, err)
	entry, err := h.Identity.SignIn(t.Context(), atOffice, "second@example.com", ownerPassword)
	require.NoError(t, err)
	actor := h.actor(t, entry.Session)
	made, err := h.BeginPasskey(t.Context(), actor)
	require.NoError(t, err)
	own := identitytest.NewAuthenticator(t, issuer)
	_, _, err = h.AddPasskey(t.Context(), actor, made.Token, "手机", own.Create(t, made.Passkey))
	require.NoError(t, err)

	mine := h.waits(t) // the owner's, whom the second would be
	for name, answer := range map[string]json.RawMessage{
		"their own":                own.Get(t, mine.Passkey),
		"under the owner's name":   as(own, device.Handle).Get(t, mine.Passkey),
		"under the owner's id":     withID(as(own, device.Handle), device.ID).Get(t, mine.Passkey),
		"the owner's, for another": as(device, second.ID.UUID[:]).Get(t, mine.Passkey),
	} {
		_, err = h.finish(t, mine, Answer{Passkey: answer})
		require.True(t, fault.Has(err, fault.PasskeyRefused), "%s: %v", name, err)
	}
	_, err = h.finish(t, mine, Answer{Passkey: device.Get(t, mine.Passkey)})
	require.NoError(t, err)
}

// as is an authenticator that names another holder.
func as(a *identitytest.Authenticator, handle []byte) *identitytest.Authenticator {
	other := *a
	other.Handle = handle
	return &other
}

func withID(a *identitytest.Authenticator, id []byte) *identitytest.Authenticator {
	other := *a
	other.ID = id
	return &other
}

package seal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

func TestResealTurnsAValueAndKeepsWhatItIsBoundTo(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	tenant := core.NewTenantID()
	secretPlace := seal.ForAppSecret(tenant, core.NewAppID(), 1)
	ticketPlace := seal.ForCorpTicket(tenant, "ww1111111111111111", 3)
	from, to := newKey(t, ring, seal.Tenant(tenant), 1), newKey(t, ring, seal.Tenant(tenant), 2)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	secret, err := ring.Sealer().Seal(from, secretPlace, core.NewSecret("a secret in a test"))
	require.NoError(t, err)
	ticket, err := ring.Sealer().SealUntil(from, ticketPlace, core.NewSecret("a ticket in a test"), end)
	require.NoError(t, err)
	resealer, opener := ring.Resealer(), everyPurpose(ring)

	turned, err := resealer.Reseal(from, to, secretPlace, secret)
	require.NoError(t, err)
	got, err := opener.Open(to, secretPlace, turned.Bytes)
	require.NoError(t, err)
	require.Equal(t, "a secret in a test", got.Expose())
	print, err := ring.Sealer().Fingerprint(to, core.NewSecret("a secret in a test"))
	require.NoError(t, err)
	require.Equal(t, print, turned.Fingerprint)
	_, err = opener.Open(from, secretPlace, turned.Bytes)
	require.ErrorIs(t, err, seal.ErrKeyMismatch)

	turned, err = resealer.Reseal(from, to, ticketPlace, ticket)
	require.NoError(t, err)
	require.Empty(t, turned.Fingerprint)
	got, until, err := opener.OpenUntil(to, ticketPlace, turned.Bytes)
	require.NoError(t, err)
	require.Equal(t, "a ticket in a test", got.Expose())
	require.Equal(t, end, until)

	t.Run("what does not open is not turned", func(t *testing.T) {
		t.Parallel()
		_, err := resealer.Reseal(from, to, seal.ForAppSecret(tenant, core.NewAppID(), 1), secret)
		require.ErrorIs(t, err, seal.ErrAltered)
		_, err = resealer.Reseal(from, to, secretPlace, flipped(secret, 8*40))
		require.ErrorIs(t, err, seal.ErrAltered)
		_, err = resealer.Reseal(from, to, secretPlace, nil)
		require.ErrorIs(t, err, seal.ErrAltered)
		stranger := newKey(t, ring, seal.Tenant(core.NewTenantID()), 2)
		_, err = resealer.Reseal(from, stranger, secretPlace, secret)
		require.ErrorIs(t, err, seal.ErrKeyMismatch, "nor to the key of another tenant")
	})
	t.Run("a value is checked without being seen", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, ring.CheckValue(from, secretPlace, secret))
		require.NoError(t, ring.CheckValue(from, ticketPlace, ticket))
		require.ErrorIs(t, ring.CheckValue(to, secretPlace, secret), seal.ErrKeyMismatch)
		require.ErrorIs(t, ring.CheckValue(from, ticketPlace, secret), seal.ErrAltered)
	})
}

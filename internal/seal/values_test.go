package seal_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

func TestOpenGivesBackWhatWasSealed(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	tenant, app := core.NewTenantID(), core.NewAppID()
	tenantKey, platformKey := newKey(t, ring, seal.Tenant(tenant), 1), newKey(t, ring, seal.Platform(), 1)
	for _, tt := range []struct {
		name    string
		key     seal.WrappedKey
		binding seal.Binding
		value   string
	}{
		{"app secret", tenantKey, seal.ForAppSecret(tenant, app, 1), "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"},
		{"access token", tenantKey, seal.ForAppTicket(tenant, app, core.AccessToken, 1), strings.Repeat("t", 512)},
		{"agent ticket", tenantKey, seal.ForAppTicket(tenant, app, core.AgentTicket, 1<<40), "k"},
		{"corp ticket of an id in mixed case", tenantKey, seal.ForCorpTicket(tenant, "wwAbC", 7), "票\x00\xff"},
		{"session key", platformKey, seal.ForSessionKey("2026-01"), strings.Repeat("k", 64)},
		{"longest value", tenantKey, seal.ForAppSecret(tenant, app, 2), strings.Repeat("x", seal.MaxValue)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sealed, err := ring.Sealer().Seal(tt.key, tt.binding, core.NewSecret(tt.value))
			require.NoError(t, err)
			if len(tt.value) > 8 { // a shorter one may stand in the ciphertext by chance
				require.NotContains(t, string(sealed), tt.value)
			}
			got, err := everyPurpose(ring).Open(tt.key, tt.binding, sealed)
			require.NoError(t, err)
			require.True(t, got.Expose() == tt.value, "another value came out")

			end := time.Date(2031, 2, 3, 4, 5, 6, 789_123_999, time.FixedZone("", 8*3600))
			sealed, err = ring.Sealer().SealUntil(tt.key, tt.binding, core.NewSecret(tt.value), end)
			require.NoError(t, err)
			got, gotEnd, err := everyPurpose(ring).OpenUntil(tt.key, tt.binding, sealed)
			require.NoError(t, err)
			require.True(t, got.Expose() == tt.value, "another value came out")
			require.Equal(t, end.Truncate(time.Microsecond).UTC(), gotEnd)
		})
	}
}

// The row-swap matrix (T-CRY-2). Six rows of four columns, all under the rules
// of one ring; the bytes of every cell are put in the place of every other.
func TestOpenRefusesBytesOfAnotherPlace(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	tenants := []core.TenantID{core.NewTenantID(), core.NewTenantID()}
	apps := []core.AppID{core.NewAppID(), core.NewAppID(), core.NewAppID()}
	type cell struct {
		name    string
		key     seal.WrappedKey
		binding seal.Binding
		sealed  []byte
	}
	var cells []cell
	for a, tenant := range tenants {
		key := newKey(t, ring, seal.Tenant(tenant), 1)
		for b, app := range apps { // the same app ids in both tenants: only the tenant differs
			for c, binding := range []seal.Binding{
				seal.ForAppSecret(tenant, app, 1),
				seal.ForAppSecret(tenant, app, 2),
				seal.ForAppTicket(tenant, app, core.AccessToken, 1),
				seal.ForAppTicket(tenant, app, core.AgentTicket, 1),
			} {
				sealed, err := ring.Sealer().Seal(key, binding, core.NewSecret("the same value everywhere"))
				require.NoError(t, err)
				cells = append(cells, cell{fmt.Sprintf("tenant %d, app %d, column %d", a, b, c), key, binding, sealed})
			}
		}
	}
	pairs := 0
	for i, from := range cells {
		for j, to := range cells {
			value, err := everyPurpose(ring).Open(to.key, to.binding, from.sealed)
			if i == j {
				require.NoError(t, err, to.name)
				continue
			}
			pairs++
			require.ErrorIs(t, err, seal.ErrAltered, "%s in the place of %s", from.name, to.name)
			require.ErrorContains(t, err, to.binding.String())
			require.NotContains(t, err.Error(), string(from.sealed[29:45]), "the error shows the bytes")
			require.True(t, value.IsZero())
		}
	}
	require.Equal(t, 24*23, pairs)
}

func TestOpenRefusesAKeyRowOfAnotherTenantEvenTogetherWithItsValue(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	stranger := seal.Tenant(core.NewTenantID())
	moved := p.key
	moved.Scope = stranger
	binding := p.binding
	binding.Scope = stranger
	_, err := everyPurpose(p.ring).Open(moved, binding, p.sealed)
	require.ErrorIs(t, err, seal.ErrAltered)
}

func TestOpenRefusesEveryFlippedBit(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for bit := range len(p.sealed) * 8 {
		err := p.open(flipped(p.sealed, bit))
		switch {
		case bit < 8:
			require.ErrorIs(t, err, seal.ErrFormat, "bit %d", bit)
		case bit < 40:
			require.ErrorIs(t, err, seal.ErrKeyMismatch, "bit %d", bit)
		default:
			require.ErrorIs(t, err, seal.ErrAltered, "bit %d", bit)
		}
	}
	for bit := range len(p.key.Bytes) * 8 {
		key := p.key
		key.Bytes = flipped(p.key.Bytes, bit)
		_, err := everyPurpose(p.ring).Open(key, p.binding, p.sealed)
		require.Error(t, err, "bit %d of the key row", bit)
	}
}

func TestOpenRefusesEveryTruncationAndEveryExtension(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for length := range p.sealed {
		require.ErrorIs(t, p.open(p.sealed[:length]), seal.ErrAltered, "first %d bytes", length)
		require.Error(t, p.open(p.sealed[length+1:]), "without the first %d bytes", length+1)
	}
	for more := 1; more <= 64; more++ {
		for _, filler := range []byte{0, 0xff} {
			long := append([]byte(nil), p.sealed...)
			for range more {
				long = append(long, filler)
			}
			require.ErrorIs(t, p.open(long), seal.ErrAltered, "%d bytes more", more)
		}
	}
}

// Not parallel: it reads how much memory the process has taken.
func TestOpenRefusesAHugeValueBeforeAnyWork(t *testing.T) {
	p := newPlace(t)
	huge := make([]byte, 64<<20)
	copy(huge, p.sealed)
	key := p.key
	key.Bytes = huge
	opener := everyPurpose(p.ring)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := p.open(huge)
	_, keyErr := opener.Open(key, p.binding, p.sealed)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, seal.ErrTooLarge)
	require.ErrorIs(t, keyErr, seal.ErrTooLarge)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10))

	_, err = p.ring.Sealer().Seal(p.key, p.binding, core.NewSecret(strings.Repeat("x", seal.MaxValue+1)))
	require.ErrorIs(t, err, seal.ErrTooLarge)
}

func TestOpenerKnowsItsPurposesOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, opener := range []*seal.Opener{
		p.ring.Opener(),
		p.ring.Opener(seal.AccessToken, seal.CorpTicket, seal.AgentTicket, seal.SessionKey),
	} {
		_, err := opener.Open(p.key, p.binding, p.sealed)
		require.ErrorIs(t, err, seal.ErrPurpose)
		_, _, err = opener.OpenUntil(p.key, p.binding, p.sealed)
		require.ErrorIs(t, err, seal.ErrPurpose)
	}
	list := []seal.Purpose{seal.AccessToken}
	opener := p.ring.Opener(list...)
	list[0] = seal.AppSecret
	_, err := opener.Open(p.key, p.binding, p.sealed)
	require.ErrorIs(t, err, seal.ErrPurpose, "the caller's slice must not widen it later")
}

func TestSealAndOpenRefuseTheWrongKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	newer, foreign := newKey(t, p.ring, p.key.Scope, p.key.Version+1), newKey(t, p.ring, seal.Platform(), p.key.Version)
	for name, key := range map[string]seal.WrappedKey{"newer version": newer, "other scope": foreign} {
		_, err := everyPurpose(p.ring).Open(key, p.binding, p.sealed)
		require.ErrorIs(t, err, seal.ErrKeyMismatch, name)
	}
	_, err := p.ring.Sealer().Seal(foreign, p.binding, p.value)
	require.ErrorIs(t, err, seal.ErrKeyMismatch)

	twin := newKey(t, p.ring, p.key.Scope, p.key.Version)
	_, err = everyPurpose(p.ring).Open(twin, p.binding, p.sealed)
	require.ErrorIs(t, err, seal.ErrAltered, "another key that calls itself the same version")
}

func TestSealRefusesWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, change := range map[string]func(*seal.Binding){
		"scope":        func(b *seal.Binding) { b.Scope = seal.Scope{} },
		"subject kind": func(b *seal.Binding) { b.SubjectKind = "" },
		"subject":      func(b *seal.Binding) { b.Subject = "" },
		"purpose":      func(b *seal.Binding) { b.Purpose = "" },
		"version":      func(b *seal.Binding) { b.Version = 0 },
	} {
		b := p.binding
		change(&b)
		_, err := p.ring.Sealer().Seal(p.key, b, p.value)
		require.ErrorIs(t, err, seal.ErrIncomplete, name)
		_, err = p.ring.Opener(b.Purpose).Open(p.key, b, p.sealed)
		require.ErrorIs(t, err, seal.ErrIncomplete, name)
	}
	tenant := core.NewTenantID()
	_, err := p.ring.Sealer().Seal(newKey(t, p.ring, seal.Tenant(tenant), 1), seal.ForAppTicket(tenant, core.NewAppID(), core.CorpTicket, 1), p.value)
	require.ErrorIs(t, err, seal.ErrIncomplete, "a corp ticket has no place at an app")
	_, err = p.ring.Sealer().Seal(p.key, p.binding, core.Secret{})
	require.ErrorIs(t, err, seal.ErrIncomplete)
	_, err = p.ring.Sealer().SealUntil(p.key, p.binding, core.Secret{}, time.Unix(1, 0))
	require.ErrorIs(t, err, seal.ErrIncomplete)
	_, err = p.ring.Sealer().SealUntil(p.key, p.binding, p.value, time.Time{})
	require.ErrorIs(t, err, seal.ErrIncomplete)
	_, err = p.ring.Sealer().Fingerprint(p.key, core.Secret{})
	require.ErrorIs(t, err, seal.ErrIncomplete)
}

func TestAValueWithAnEndAndOneWithoutCannotStandInForEachOther(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	until, err := p.ring.Sealer().SealUntil(p.key, p.binding, p.value, time.Unix(1_900_000_000, 0))
	require.NoError(t, err)
	opener := everyPurpose(p.ring)

	require.ErrorIs(t, p.open(until), seal.ErrFormat)
	_, _, err = opener.OpenUntil(p.key, p.binding, p.sealed)
	require.ErrorIs(t, err, seal.ErrFormat)

	until[0], p.sealed[0] = p.sealed[0], until[0] // somebody who also changes the format
	require.ErrorIs(t, p.open(until), seal.ErrAltered)
	_, _, err = opener.OpenUntil(p.key, p.binding, p.sealed)
	require.ErrorIs(t, err, seal.ErrAltered)
}

func TestSealNeverRepeatsANonce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	seen := make(map[[24]byte]bool)
	for range 20_000 {
		sealed, err := p.ring.Sealer().Seal(p.key, p.binding, p.value)
		require.NoError(t, err)
		nonce := [24]byte(sealed[5:29])
		require.False(t, seen[nonce])
		seen[nonce] = true
	}
}

func TestFingerprintComparesWithinOneTenantAlone(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	mine, theirs := newKey(t, ring, seal.Tenant(core.NewTenantID()), 1), newKey(t, ring, seal.Tenant(core.NewTenantID()), 1)
	of := func(key seal.WrappedKey, value string) string {
		print, err := ring.Sealer().Fingerprint(key, core.NewSecret(value))
		require.NoError(t, err)
		require.Regexp(t, "^[0-9a-f]{16}$", print)
		return print
	}
	require.Equal(t, of(mine, "value one"), of(mine, "value one"))
	require.NotEqual(t, of(mine, "value one"), of(mine, "value two"))
	require.NotEqual(t, of(mine, "value one"), of(theirs, "value one"))
}

func TestSealerAndOpenerServeManyAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	sealer, opener := p.ring.Sealer(), everyPurpose(p.ring)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				sealed, err := sealer.Seal(p.key, p.binding, p.value)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := opener.Open(p.key, p.binding, sealed); err != nil || got.Expose() != p.value.Expose() {
					t.Error("another value came out", err)
					return
				}
			}
		})
	}
	wait.Wait()
}

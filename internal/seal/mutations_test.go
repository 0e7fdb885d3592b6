package seal_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

// leastMutations is how many altered ciphertexts are promised to be tried.
const leastMutations = 5000

// locked is a sealed thing in its row: open says what becomes of other bytes
// there, and want which error those deserve.
type locked struct {
	name  string
	bytes []byte
	open  func([]byte) error
	want  func(altered []byte) error
}

// home is where a value lies, for the exchange of all with all.
type home struct {
	name    string
	key     seal.WrappedKey
	binding seal.Binding
	ends    bool // sealed with an end
	sealed  []byte
}

func (p home) open(opener *seal.Opener, sealed []byte) (err error) {
	if p.ends {
		_, _, err = opener.OpenUntil(p.key, p.binding, sealed)
	} else {
		_, err = opener.Open(p.key, p.binding, sealed)
	}
	return err
}

// format is the first byte of a value that is whole.
func (p home) format() byte { return p.sealed[0] }

// want is the error that bytes in this place deserve which are not those sealed
// for it. The header says of what layout they are and under which key.
func (p home) want(altered []byte) error {
	switch {
	case len(altered) < len("fvvvv")+24+16:
		return seal.ErrAltered
	case altered[0] != p.format():
		return seal.ErrFormat
	case !slices.Equal(altered[1:5], p.sealed[1:5]):
		return seal.ErrKeyMismatch
	}
	return seal.ErrAltered
}

// placesOf seals one value in every kind of place: of two tenants, two apps, two
// corps, two versions and two keys of a tenant, each purpose in the form it has.
func placesOf(t *testing.T, ring *seal.Ring) (places []home) {
	t.Helper()
	value, end := core.NewSecret("the same value in every place"), time.Unix(1_900_000_000, 0)
	add := func(name string, key seal.WrappedKey, b seal.Binding, ends bool) {
		p := home{name: name, key: key, binding: b, ends: ends}
		var err error
		if ends {
			p.sealed, err = ring.Sealer().SealUntil(key, b, value, end)
		} else {
			p.sealed, err = ring.Sealer().Seal(key, b, value)
		}
		require.NoError(t, err)
		places = append(places, p)
	}
	apps := []core.AppID{core.NewAppID(), core.NewAppID()}
	for i := range 2 {
		tenant := core.NewTenantID()
		for version := int32(1); version <= 2; version++ {
			key := newKey(t, ring, seal.Tenant(tenant), version)
			name := func(what string) string { return fmt.Sprintf("%s, tenant %d, key %d", what, i, version) }
			for number := int64(1); number <= 2; number++ {
				for a, app := range apps {
					add(name(fmt.Sprintf("secret %d of app %d", number, a)), key, seal.ForAppSecret(tenant, app, int32(number)), false)
					add(name(fmt.Sprintf("token %d of app %d", number, a)), key, seal.ForAppTicket(tenant, app, core.AccessToken, number), true)
					add(name(fmt.Sprintf("agent ticket %d of app %d", number, a)), key, seal.ForAppTicket(tenant, app, core.AgentTicket, number), true)
				}
				add(name(fmt.Sprintf("corp ticket %d", number)), key, seal.ForCorpTicket(tenant, "ww1111111111111111", number), true)
			}
		}
	}
	platform := newKey(t, ring, seal.Platform(), 1)
	add("session key a", platform, seal.ForSessionKey("a"), false)
	add("session key b", platform, seal.ForSessionKey("b"), false)
	return places
}

// lockedThings is one thing of each layout: a value of each purpose, a scope key,
// the wrap of a root key with each of its parts, and its MAC.
func lockedThings(t *testing.T, m *seal.Master, row seal.RootKeyRow, ring *seal.Ring, places []home) (things []locked) {
	t.Helper()
	opener, seen := everyPurpose(ring), map[seal.Purpose]bool{}
	for _, p := range places {
		if !seen[p.binding.Purpose] {
			seen[p.binding.Purpose] = true
			things = append(things, locked{p.name, p.sealed, func(b []byte) error { return p.open(opener, b) }, p.want})
		}
	}
	require.Len(t, seen, 5, "a purpose has no place here")
	key := places[0].key
	things = append(things, locked{"scope key", key.Bytes, func(b []byte) error {
		k := key
		k.Bytes = b
		return ring.CheckScopeKey(k)
	}, func(b []byte) error {
		if len(b) == len(key.Bytes) && b[0] != key.Bytes[0] {
			return seal.ErrFormat
		}
		return seal.ErrAltered
	}})
	for part, of := range map[string]func(*seal.RootKeyRow) *[]byte{
		"wrap":        func(r *seal.RootKeyRow) *[]byte { return &r.Wraps[0].Wrapped },
		"MAC":         func(r *seal.RootKeyRow) *[]byte { return &r.Wraps[0].MAC },
		"fingerprint": func(r *seal.RootKeyRow) *[]byte { return (*[]byte)(&r.Fingerprint) },
	} {
		things = append(things, locked{"root key's " + part, *of(&row), func(b []byte) error {
			altered := row
			altered.Wraps = slices.Clone(row.Wraps)
			*of(&altered) = b
			_, err := seal.OpenRing(m, []seal.RootKeyRow{altered})
			return err
		}, func([]byte) error { return seal.ErrForged }})
	}
	return things
}

// mutationsOf gives every bit turned, every cut, and 1 to 64 bytes more.
func mutationsOf(b []byte) (all [][]byte) {
	for bit := range len(b) * 8 {
		all = append(all, flipped(b, bit))
	}
	for length := range len(b) {
		all = append(all, b[:length])
	}
	for more := 1; more <= 64; more++ {
		all = append(all, append(slices.Clone(b), make([]byte, more)...))
	}
	return all
}

// T-CRY-5 and the level below T-CRY-2: whatever is altered, cut, extended or
// exchanged is found, each time by the error that it deserves.
func TestEveryMutatedCiphertextIsFound(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	ring, row := newRing(t, m)
	places := placesOf(t, ring)
	tried, byError := 0, map[error]int{}
	refused := func(err, want error, what string) {
		tried++
		require.Error(t, err, what)
		require.ErrorIs(t, err, want, what)
		byError[want]++
	}

	for _, thing := range lockedThings(t, m, row, ring, places) {
		require.NoError(t, thing.open(thing.bytes), thing.name)
		for i, altered := range mutationsOf(thing.bytes) {
			refused(thing.open(altered), thing.want(altered), fmt.Sprintf("mutation %d of the %s", i, thing.name))
		}
	}
	opener := everyPurpose(ring)
	for i, from := range places {
		for j, to := range places {
			if i != j {
				refused(to.open(opener, from.sealed), to.want(from.sealed), from.name+" in the place of "+to.name)
			}
		}
	}
	require.GreaterOrEqual(t, tried, leastMutations)
	t.Logf("mutated ciphertexts: %d, found: %d (%s)", tried, tried, countsOf(byError))
}

// A key that lies in the row of another key, with the value that it sealed: the
// number in the value is right, and the key still is that of another place.
func TestKeysExchangedBetweenTheirRowsAreFound(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	places := placesOf(t, ring)
	opener, tried := everyPurpose(ring), 0
	for _, from := range places {
		for _, to := range places {
			if from.key.Scope == to.key.Scope && from.key.Version == to.key.Version {
				continue
			}
			tried++
			moved := to
			moved.key.Bytes = from.key.Bytes
			err := moved.open(opener, to.sealed)
			require.ErrorIs(t, err, seal.ErrAltered, "%s with the key of %s", to.name, from.name)
			require.ErrorIs(t, err, seal.ErrScopeKey, "%s with the key of %s", to.name, from.name)
		}
	}
	require.Positive(t, tried)
}

// What the seal cannot find is said as loudly as what it can: two values sealed for
// the same place are both genuine, and an older one put back opens. The caller
// gives each version and generation a place of its own.
func TestAnOlderValueOfTheSamePlaceOpens(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	newer, err := p.ring.Sealer().Seal(p.key, p.binding, core.NewSecret("a newer value of the same version"))
	require.NoError(t, err)
	require.NoError(t, p.open(newer))
	require.NoError(t, p.open(p.sealed), "not found by the seal")

	next := p
	next.binding.Version++
	require.ErrorIs(t, next.open(p.sealed), seal.ErrAltered, "found: it is of an older version")
}

func countsOf(byError map[error]int) string {
	var parts []string
	for err, n := range byError {
		parts = append(parts, fmt.Sprintf("%d × %q", n, err))
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}

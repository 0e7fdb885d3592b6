package seal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

// newMaster makes a master and gives the text of its identity file too.
func newMaster(t testing.TB, kind seal.Kind) (*seal.Master, string) {
	t.Helper()
	m, content, err := seal.GenerateMaster(kind)
	require.NoError(t, err)
	return m, content.Expose()
}

// newRecovery makes an offline recovery identity and its recipient.
func newRecovery(t testing.TB, kind seal.Kind) (*seal.Master, seal.Recipient) {
	t.Helper()
	m, _ := newMaster(t, kind)
	r, err := seal.ParseRecipient(m.Recipients()[0])
	require.NoError(t, err)
	return m, r
}

// newRing opens a ring of one epoch.
func newRing(t testing.TB, m *seal.Master, recovery ...seal.Recipient) (*seal.Ring, seal.RootKeyRow) {
	t.Helper()
	row, err := seal.FirstRootKey(m, recovery)
	require.NoError(t, err)
	ring, err := seal.OpenRing(m, []seal.RootKeyRow{row})
	require.NoError(t, err)
	return ring, row
}

func freshRing(t testing.TB) *seal.Ring {
	t.Helper()
	m, _ := newMaster(t, seal.X25519)
	ring, _ := newRing(t, m)
	return ring
}

func newKey(t testing.TB, ring *seal.Ring, scope seal.Scope, version int32) seal.WrappedKey {
	t.Helper()
	key, err := ring.NewScopeKey(scope, version)
	require.NoError(t, err)
	return key
}

func everyPurpose(ring *seal.Ring) *seal.Opener {
	return ring.Opener(seal.AppSecret, seal.AccessToken, seal.CorpTicket, seal.AgentTicket, seal.SessionKey)
}

// place is a sealed value of one app with all that opens it.
type place struct {
	ring    *seal.Ring
	key     seal.WrappedKey
	binding seal.Binding
	value   core.Secret
	sealed  []byte
}

func newPlace(t testing.TB) place {
	t.Helper()
	tenant := core.NewTenantID()
	p := place{ring: freshRing(t), binding: seal.ForAppSecret(tenant, core.NewAppID(), 3), value: core.NewSecret("a secret in a test")}
	p.key = newKey(t, p.ring, seal.Tenant(tenant), 2)
	sealed, err := p.ring.Sealer().Seal(p.key, p.binding, p.value)
	require.NoError(t, err)
	p.sealed = sealed
	return p
}

func (p place) open(sealed []byte) error {
	_, err := everyPurpose(p.ring).Open(p.key, p.binding, sealed)
	return err
}

func parse(t testing.TB, contents ...string) *seal.Master {
	t.Helper()
	m, err := seal.ParseMaster(strings.NewReader(strings.Join(contents, "\n")))
	require.NoError(t, err)
	return m
}

// flipped gives a copy with one bit turned over.
func flipped(b []byte, bit int) []byte {
	c := append([]byte(nil), b...)
	c[bit/8] ^= 1 << (bit % 8)
	return c
}

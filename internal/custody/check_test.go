package custody_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/custody"
	"signet/internal/seal"
)

// keyOfNobody puts the key of somebody else under the id of a tenant that is not there.
func (s *site) keyOfNobody(t *testing.T) (tenant string) {
	t.Helper()
	s.DB.Exec(t, `INSERT INTO signet_keys.tenant_keys (tenant_id, version, root_epoch, wrapped) SELECT gen_random_uuid(), 1, 1, wrapped FROM signet_keys.tenant_keys LIMIT 1`)
	return s.DB.List(t, `SELECT tenant_id::text FROM signet_keys.tenant_keys WHERE tenant_id NOT IN (SELECT tenant_id FROM signet.tenants)`)[0]
}

// What keeps the root key from being turned, and the platform from being recovered, is
// found by the check before; each of the three says how it is mended, and that mends it.
func TestADamagedKeyOfATenantThatIsNotThereIsFoundByTheCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	sheet := map[int32]seal.RootFingerprint{1: k.Ring.Epochs()[0].Fingerprint}
	nobodys := s.keyOfNobody(t)
	prover, err := custody.Prover(t.Context(), custody.Config{Store: s.DB.Open(t), Master: s.master}, offline, sheet)
	require.NoError(t, err)
	next, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)

	check := func(k *custody.Keys) error {
		checked, err := k.Check(t.Context(), func(custody.Checked) {})
		require.NoError(t, err)
		return checked.Err()
	}
	rotate := func() error { _, err := k.Rotate(t.Context(), nobody); return err }
	var mend string
	for name, try := range map[string]func() error{
		"check":   func() error { return check(k) },
		"prove":   func() error { return check(prover) },
		"recover": func() error { return recoverWith(t, s, next, offline, sheet) },
	} {
		err := try()
		require.ErrorIs(t, err, seal.ErrAltered, name)
		require.ErrorContains(t, err, "open key 1 of tenant "+nobodys, name)
		require.ErrorContains(t, err, "there is no such tenant here", name)
		require.NotContains(t, err.Error(), "of tenant "+s.apps[0].TenantID.String(), name)
		mend = regexp.MustCompile(`DELETE FROM [^\n]*`).FindString(err.Error())
	}
	err = rotate()
	require.ErrorContains(t, err, mend)
	require.Equal(t, []string{"1", "2"}, s.epochs(t))

	s.DB.Exec(t, mend)
	require.NoError(t, rotate())
	require.Equal(t, []string{"2"}, s.epochs(t))
	require.NoError(t, check(k))
}

func recoverWith(t *testing.T, s *site, next, offline *seal.Master, sheet map[int32]seal.RootFingerprint) error {
	t.Helper()
	_, err := custody.Recover(t.Context(), custody.Config{Store: s.DB.Open(t), Master: next}, offline, sheet)
	return err
}

// Keys that are younger than the data have one for a tenant that is not there yet: it
// opens, and is nobody's trouble. Of a tenant that is there the mend is another.
func TestAKeyThatOpensIsNoProblemWhoseeverItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	k := s.process(t)
	s.DB.Exec(t, `CREATE TABLE public.kept AS TABLE signet_keys.tenant_keys`)
	app := s.apps[0].TenantID.String()
	require.NoError(t, s.Admin.DestroyTenant(t.Context(), apptest.Operator(), s.apps[0].TenantID, nil))
	s.DB.Exec(t, `INSERT INTO signet_keys.tenant_keys SELECT * FROM public.kept WHERE tenant_id = $1`, app)
	checked, err := k.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.NoError(t, checked.Err())
	require.Equal(t, custody.Checked{RootKeys: 1, ScopeKeys: 3, Tenants: 1, Values: 4}, checked)

	s.DB.Exec(t, `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)`)
	checked, err = k.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.ErrorContains(t, checked.Err(), "open key 1 of tenant "+s.apps[1].TenantID.String())
	require.Len(t, regexp.MustCompile("no such tenant").FindAllString(checked.Err().Error(), -1), 1)
}

// The monthly proof is taken while somebody turns the root key, and while a tenant is
// made: what is met under the new key is opened as well.
func TestTheCheckGoesOnWhileTheRootKeyIsTurned(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	offline, to := newRecovery(t)
	k := s.process(t, to)
	first := k.Ring.Epochs()[0].Fingerprint
	prove := func(sheet map[int32]seal.RootFingerprint) *custody.Keys {
		prover, err := custody.Prover(t.Context(), custody.Config{Store: s.DB.Open(t), Master: s.master}, offline, sheet)
		require.NoError(t, err)
		return prover
	}
	stranger, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	wrong, err := stranger.FirstRootFingerprint()
	require.NoError(t, err)
	prover, other := prove(map[int32]seal.RootFingerprint{1: first}), prove(map[int32]seal.RootFingerprint{1: first, 2: wrong})
	_, err = k.Rotate(t.Context(), nobody)
	require.NoError(t, err)
	s.Tenant(t, "made meanwhile", "ww9999999999999999")

	checked, err := prover.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.NoError(t, checked.Err())
	require.Equal(t, custody.Checked{RootKeys: 1, ScopeKeys: 4, Tenants: 3, Values: 7}, checked)
	epochs := prover.Ring.Epochs()
	require.Len(t, epochs, 1)
	require.EqualValues(t, 2, epochs[0].Number, "who asks is told which it was")

	checked, err = other.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.ErrorIs(t, checked.Err(), seal.ErrForged, "a root key that comes meanwhile is held against the sheet as well")
}

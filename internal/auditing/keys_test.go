package auditing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/auditing"
	"signet/internal/core"
	"signet/internal/store"
)

// An older key is accepted after a newer one was made and after the platform's key was
// turned, and the newer one vouches.
func TestOlderKeysAreAccepted(t *testing.T) {
	t.Parallel()
	s := setup(t, 5)
	k := s.Keys(t)
	kept := k.Audit.Checkpoint([]core.AuditHead{}, time.Now())
	newer, err := auditing.Renew(t.Context(), k.Auditing())
	require.NoError(t, err)
	s.Store.SignAudit(newer.Vouch)
	s.write(t, s.tenant, 5)
	turned, err := k.RotatePlatform(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, turned.Done, "both audit keys")
	s.write(t, s.tenant, 1)
	require.Empty(t, s.bad(t))
	require.Equal(t, []string{"2"}, s.DB.List(t, `SELECT count(DISTINCT mac_key)::text FROM signet.audit`))
	c, err := auditing.ParseCheckpoint(kept)
	require.NoError(t, err)
	now := s.keys(t)
	require.True(t, now.Trusts(c, ""))
	require.Len(t, now.Fingerprints(), 2)
	require.NotEqual(t, auditing.Fingerprint(c.PublicKey), now.Fingerprints()[0])
	require.Equal(t, []string{"2 audit_key.create"}, s.DB.List(t, `SELECT count(*) || ' ' || action FROM signet.platform_audit WHERE action = 'audit_key.create' AND mac IS NOT NULL GROUP BY action`))
}

func TestNodesThatStartAtOnceGetTheSameFirstKey(t *testing.T) {
	t.Parallel()
	s := site{House: apptestNew(t)}
	var group sync.WaitGroup
	prints := make([]string, 6)
	for i := range prints {
		group.Go(func() { prints[i] = s.Keys(t).Audit.Fingerprints()[0] })
	}
	group.Wait()
	for _, p := range prints {
		require.Equal(t, prints[0], p)
	}
	require.Empty(t, s.bad(t))
}

// A row in the database makes no key of its own, and none passes for another.
func TestAForgedKeyIsRefused(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]string{
		"a public half":    `UPDATE signet.audit_keys SET public_key = decode(repeat('ab', 32), 'hex')`,
		"another id":       `UPDATE signet.audit_keys SET key_id = 'other'`,
		"a bit":            `UPDATE signet.audit_keys SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)`,
		"a beginning":      `UPDATE signet.audit_keys SET beginning = replace(beginning, 'madeAt', 'madeAt ')`,
		"what came before": `UPDATE signet.audit_keys SET beginning = left(beginning, 100)`,
	} {
		s := setup(t, 1)
		k := s.Keys(t)
		s.DB.Exec(t, damage)
		_, err := auditing.Read(t.Context(), k.Auditing())
		require.Error(t, err, what)
		require.Contains(t, err.Error(), "audit key", what)
	}
}

func TestACheckpointThatWasDamagedIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	s := setup(t, 3)
	keys := s.keys(t)
	heads, err := auditing.ReadHeads(t.Context(), s.Store)
	require.NoError(t, err)
	text := keys.Checkpoint(heads, time.Now())
	c, err := auditing.ParseCheckpoint(text)
	require.NoError(t, err)
	require.Equal(t, heads, c.Heads)
	for i := range text {
		spoilt := bytes.Clone(text)
		spoilt[i] ^= 1
		_, err := auditing.ParseCheckpoint(spoilt)
		require.Error(t, err, "byte %d", i)
		_, err = auditing.ParseCheckpoint(text[:i])
		require.Error(t, err, "the first %d bytes", i)
	}
	for _, more := range []string{" ", "\n", "{}\n", string(text)} {
		_, err := auditing.ParseCheckpoint(append(bytes.Clone(text), more...))
		require.Error(t, err, "%q", more)
	}
	other := setup(t, 1)
	foreign := other.keys(t)
	require.False(t, foreign.Trusts(c, ""))
	require.True(t, foreign.Trusts(c, keys.Fingerprints()[0]), "a key that was pinned")
	require.False(t, foreign.Trusts(c, foreign.Fingerprints()[0]))
}

// Rows and head that are put back together, macs and all, were once right: a
// checkpoint alone finds them. Two that disagree were both signed.
func TestACheckpointFindsWhatWasPutBackWhole(t *testing.T) {
	t.Parallel()
	s := setup(t, 10)
	s.DB.Exec(t, `CREATE TABLE public.rows AS TABLE signet.audit`)
	s.DB.Exec(t, `CREATE TABLE public.heads AS TABLE signet.audit_heads`)
	s.write(t, s.tenant, 5)
	marks := s.checkpoint(t)
	s.DB.Exec(t, `DELETE FROM signet.audit`)
	s.DB.Exec(t, `INSERT INTO signet.audit SELECT * FROM public.rows`)
	s.DB.Exec(t, `DELETE FROM signet.audit_heads`)
	s.DB.Exec(t, `INSERT INTO signet.audit_heads SELECT * FROM public.heads`)
	require.Empty(t, s.bad(t))
	require.Equal(t, s.name(11, auditing.CutOff), s.bad(t, marks))
	s.write(t, s.tenant, 7) // history goes on another way
	require.Empty(t, s.bad(t))
	require.Equal(t, s.name(15, auditing.NotMarked), s.bad(t, marks))
	heads, err := auditing.ReadHeads(t.Context(), s.Store)
	require.NoError(t, err)
	for i := range heads {
		heads[i].Seq = 15
	}
	later, err := auditing.ParseCheckpoint(s.keys(t).Checkpoint(heads, time.Now()))
	require.NoError(t, err)
	require.ErrorContains(t, marks.Add("later", later), "written anew between")
}

// What nobody can vouch for is not written, nor anything that went with it.
func TestARowThatNobodyCanVouchForIsNotWritten(t *testing.T) {
	t.Parallel()
	s := setup(t, 1)
	broken := errors.New("the key does not open")
	s.Store.SignAudit(func(core.AuditChain, []byte) ([]byte, string, error) { return nil, "", broken })
	beside, err := s.Store.Beside(t.Context(), 2, time.Second)
	require.NoError(t, err)
	t.Cleanup(beside.Close)
	for _, st := range []*store.Store{s.Store, beside} {
		err := st.Tenant(t.Context(), someone, s.tenant, func(tx *store.TenantTx) error {
			return tx.Audit(context.Background(), core.AuditEntry{Action: "app.update"})
		})
		require.ErrorIs(t, err, broken)
	}
	require.Empty(t, s.bad(t))
}

// What commands without the identity file write is told by its number, and nothing
// else may be without a mac.
func TestRowsOfCommandsWithoutAKeyAreNamed(t *testing.T) {
	t.Parallel()
	s := setup(t, 1)
	st := s.DB.Open(t) // nobody signs
	write := func(actor core.Actor, action string) {
		require.NoError(t, st.Platform(t.Context(), actor, func(tx *store.PlatformTx) error {
			return tx.Audit(t.Context(), core.AuditEntry{Action: action})
		}))
	}
	write(core.System("identity"), "member.create")
	report := s.report(t)
	require.Empty(t, report.Bad)
	require.Len(t, report.Unsigned, 1)
	require.Equal(t, core.PlatformChain, report.Unsigned[0].Chain)
	at := report.Unsigned[0].Seqs[0]
	require.Equal(t, []string{fmt.Sprint(at)}, s.DB.List(t, `SELECT max(seq)::text FROM signet.platform_audit`))
	write(core.System("identity"), "session.create")
	require.Equal(t, []string{fmt.Sprintf("platform %d %s", at+1, auditing.NoMAC)}, s.bad(t))
	s.DB.Exec(t, `DELETE FROM signet.platform_audit WHERE seq > $1`, at)
	s.DB.Exec(t, `UPDATE signet.platform_audit_head SET seq = $1, hash = (SELECT hash FROM signet.platform_audit WHERE seq = $1)`, at)
	write(someone, "member.create")
	require.True(t, strings.HasPrefix(s.bad(t)[0], fmt.Sprintf("platform %d", at+1)), "a member makes no owner without a node")
}

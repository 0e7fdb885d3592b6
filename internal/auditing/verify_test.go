package auditing_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/auditing"
	"signet/internal/core"
)

func TestAChainOfAThousandRowsIsFine(t *testing.T) {
	t.Parallel()
	s := setup(t, 2500) // more than two pages
	report := s.report(t)
	require.Empty(t, report.Bad)
	require.Empty(t, report.Unsigned)
	require.EqualValues(t, 2, report.Chains)
	require.Greater(t, report.Rows, int64(2500))
}

// T-AUD-1: whatever column of whatever row is changed, the verifier names that row.
func TestAChangedColumnIsNamed(t *testing.T) {
	t.Parallel()
	s := setup(t, 1000)
	const where = ` WHERE tenant_id = '%s' AND seq = %d`
	s.DB.Exec(t, `CREATE TABLE public.kept AS TABLE signet.audit`)
	columns := s.DB.List(t, `SELECT column_name FROM information_schema.columns WHERE table_schema = 'signet' AND table_name = 'audit' ORDER BY 1`)
	changes := map[string]struct {
		to    string
		wrong auditing.Wrong
	}{
		"at":            {`at + interval '1 microsecond'`, auditing.Changed},
		"actor_kind":    {`'system'`, auditing.Changed},
		"actor_id":      {`NULL`, auditing.Changed},
		"actor_name":    {`'b@test.example'`, auditing.Changed},
		"action":        {`'app.delete'`, auditing.Changed},
		"subject_kind":  {`'tenant'`, auditing.Changed},
		"subject":       {`'other'`, auditing.Changed},
		"detail":        {`'{"name": "应用", "empty": null}'`, auditing.Changed},
		"request_id":    {`''`, auditing.Changed},
		"previous_hash": {`set_byte(previous_hash, 0, get_byte(previous_hash, 0) # 1)`, auditing.Changed},
		"hash":          {`set_byte(hash, 0, get_byte(hash, 0) # 1)`, auditing.Changed},
		"mac":           {`set_byte(mac, 31, get_byte(mac, 31) # 1)`, auditing.WrongMAC},
		"mac_key":       {`'another'`, auditing.UnknownKey},
		"seq":           {`100000`, auditing.Missing},
		"tenant_id":     {`gen_random_uuid()`, auditing.Missing},
	}
	require.Len(t, changes, len(columns))
	rows := []int{2, 500, 999}
	for i, column := range columns {
		change, seq := changes[column], rows[i%len(rows)]
		s.DB.Exec(t, fmt.Sprintf(`UPDATE signet.audit SET `+column+` = `+change.to+where, s.tenant, seq))
		require.Contains(t, s.bad(t), s.name(seq, change.wrong)[0], column)
		s.DB.Exec(t, `DELETE FROM signet.audit`)
		s.DB.Exec(t, `INSERT INTO signet.audit SELECT * FROM public.kept`)
	}
	for _, odd := range []string{`detail = '[1]'`, `at = 'infinity'`, `detail = '{"name": 7}'`} {
		s.DB.Exec(t, fmt.Sprintf(`UPDATE signet.audit SET `+odd+where, s.tenant, 7))
		require.Equal(t, s.name(7, auditing.Changed), s.bad(t), odd)
	}
}

// T-AUD-1: deleted, inserted, reordered, cut off.
func TestAChainThatWasTamperedWithIsNamedByItsFirstBadRow(t *testing.T) {
	t.Parallel()
	s := setup(t, 1000)
	other := core.NewTenantID()
	s.write(t, other, 1000)
	tenant, marks := s.tenant.String(), s.checkpoint(t)
	s.DB.Exec(t, `CREATE TABLE public.rows AS TABLE signet.audit`)
	s.DB.Exec(t, `CREATE TABLE public.heads AS TABLE signet.audit_heads`)
	const moved = `INSERT INTO signet.audit SELECT '%s', seq%+d, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash, mac, mac_key FROM public.rows WHERE tenant_id = '%s' AND seq = %d`
	for what, c := range map[string]struct {
		do     []string
		seq    int
		wrong  auditing.Wrong
		marked bool // found by a checkpoint only
	}{
		"the first deleted":      {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq = 1`}, 1, auditing.Missing, false},
		"one deleted":            {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq = 400`}, 400, auditing.Missing, false},
		"the last deleted":       {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq = 1000`}, 1000, auditing.Missing, false},
		"all deleted":            {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `'`}, 1, auditing.Missing, false},
		"one inserted":           {[]string{fmt.Sprintf(moved, tenant, 1, tenant, 1000)}, 1001, auditing.Beyond, false},
		"inserted with the head": {[]string{fmt.Sprintf(moved, tenant, 1, tenant, 1000), `UPDATE signet.audit_heads SET seq = 1001 WHERE tenant_id = '` + tenant + `'`}, 1001, auditing.Changed, false},
		"two changed places": {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq IN (10, 11)`,
			fmt.Sprintf(moved, tenant, 1, tenant, 10), fmt.Sprintf(moved, tenant, -1, tenant, 11)}, 10, auditing.Changed, false},
		"another's row": {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq = 20`, fmt.Sprintf(moved, tenant, 0, other, 20)}, 20, auditing.Changed, false},
		"another's chain": {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `'`,
			`UPDATE signet.audit SET tenant_id = '` + tenant + `' WHERE tenant_id = '` + other.String() + `'`,
			`UPDATE signet.audit_heads h SET hash = (SELECT hash FROM public.heads o WHERE o.tenant_id = '` + other.String() + `') WHERE tenant_id = '` + tenant + `'`}, 1, auditing.Changed, false},
		"another's mac":     {[]string{`UPDATE signet.audit a SET mac = o.mac FROM public.rows o WHERE a.tenant_id = '` + tenant + `' AND a.seq = 30 AND o.tenant_id = '` + other.String() + `' AND o.seq = 30`}, 30, auditing.WrongMAC, false},
		"a mac taken away":  {[]string{`UPDATE signet.audit SET mac = NULL, mac_key = NULL WHERE tenant_id = '` + tenant + `' AND seq = 40`}, 40, auditing.NoMAC, false},
		"half a mac":        {[]string{`UPDATE signet.audit SET mac_key = NULL WHERE tenant_id = '` + tenant + `' AND seq = 41`}, 41, auditing.UnknownKey, false},
		"no head":           {[]string{`DELETE FROM signet.audit_heads WHERE tenant_id = '` + tenant + `'`}, 1000, auditing.HeadGone, false},
		"another head":      {[]string{`UPDATE signet.audit_heads SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE tenant_id = '` + tenant + `'`}, 1000, auditing.HeadOther, false},
		"the head put back": {[]string{`UPDATE signet.audit_heads SET seq = 990, hash = (SELECT hash FROM public.rows WHERE tenant_id = '` + tenant + `' AND seq = 990) WHERE tenant_id = '` + tenant + `'`}, 991, auditing.Beyond, false},
		"cut off, the head with it": {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `' AND seq > 990`,
			`UPDATE signet.audit_heads SET seq = 990, hash = (SELECT hash FROM public.rows WHERE tenant_id = '` + tenant + `' AND seq = 990) WHERE tenant_id = '` + tenant + `'`}, 991, auditing.CutOff, true},
		"gone without a trace": {[]string{`DELETE FROM signet.audit WHERE tenant_id = '` + tenant + `'`, `DELETE FROM signet.audit_heads WHERE tenant_id = '` + tenant + `'`}, 1, auditing.CutOff, true},
	} {
		for _, statement := range c.do {
			s.DB.Exec(t, statement)
		}
		want := s.name(c.seq, c.wrong)[0]
		if c.marked {
			require.Empty(t, s.bad(t), what)
			require.Equal(t, []string{want}, s.bad(t, marks), what)
		} else {
			require.True(t, slices.Contains(s.bad(t), want), "%s: %v", what, s.bad(t))
		}
		s.DB.Exec(t, `DELETE FROM signet.audit`)
		s.DB.Exec(t, `INSERT INTO signet.audit SELECT * FROM public.rows`)
		s.DB.Exec(t, `DELETE FROM signet.audit_heads`)
		s.DB.Exec(t, `INSERT INTO signet.audit_heads SELECT * FROM public.heads`)
		require.Empty(t, s.bad(t, marks), "after %s", what)
	}
}

// Who has the database and this code and no key cannot write a chain anew: neither
// with the macs there were, nor with none, as if it were from before there was a key.
func TestAChainThatWasWrittenAnewWithoutAKeyIsFound(t *testing.T) {
	t.Parallel()
	s := setup(t, 60)
	s.DB.Exec(t, `UPDATE signet.audit SET actor_name = 'nobody' WHERE tenant_id = $1 AND seq = 50`, s.tenant.String())
	s.rewrite(t, 50, true)
	require.Equal(t, s.name(50, auditing.WrongMAC), s.bad(t))
	s.rewrite(t, 1, false)
	require.Equal(t, s.name(1, auditing.NoMAC), s.bad(t))
}

// Rows from before there was a key are accepted as they were when it was made, and no
// more of them, and not otherwise.
func TestRowsFromBeforeTheFirstKey(t *testing.T) {
	t.Parallel()
	s := site{apptestNew(t), core.NewTenantID()}
	s.write(t, s.tenant, 20)
	keys := s.Keys(t)
	s.Store.SignAudit(keys.Audit.Vouch)
	s.write(t, s.tenant, 20)
	report := s.report(t)
	require.Empty(t, report.Bad)
	require.Contains(t, report.Unsigned, auditing.Unsigned{Chain: core.TenantChain(s.tenant), Before: 20})

	late := core.NewTenantID() // one that an attacker makes up
	s.DB.Exec(t, `INSERT INTO signet.audit SELECT $2, seq, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash FROM signet.audit WHERE tenant_id = $1 AND seq <= 3`, s.tenant.String(), late.String())
	one := site{s.House, late}
	one.rewriteHeadless(t)
	require.Equal(t, one.name(1, auditing.NoMAC), s.bad(t))
	s.DB.Exec(t, `DELETE FROM signet.audit WHERE tenant_id = $1`, late.String())
	s.DB.Exec(t, `DELETE FROM signet.audit_heads WHERE tenant_id = $1`, late.String())

	s.DB.Exec(t, `UPDATE signet.audit SET mac = NULL, mac_key = NULL WHERE tenant_id = $1 AND seq = 21`, s.tenant.String())
	require.Equal(t, s.name(21, auditing.NoMAC), s.bad(t))
	s.DB.Exec(t, `UPDATE signet.audit SET actor_name = 'nobody' WHERE tenant_id = $1 AND seq = 5`, s.tenant.String())
	s.rewrite(t, 1, false)
	require.Equal(t, s.name(20, auditing.NotBefore), s.bad(t))
	s.DB.Exec(t, `DELETE FROM signet.audit WHERE tenant_id = $1 AND seq > 10`, s.tenant.String())
	s.rewrite(t, 1, false)
	require.Equal(t, s.name(11, auditing.NotBefore), s.bad(t))
	s.DB.Exec(t, `UPDATE signet.audit_keys SET beginning = ''`)
	require.Contains(t, s.bad(t), s.name(1, auditing.NoMAC)[0], "nobody makes the time before the key longer")
}

// One row written anew with a hash of its own does not follow the row before it.
func TestARowThatWasWrittenAnewDoesNotFollow(t *testing.T) {
	t.Parallel()
	s := setup(t, 10)
	s.DB.Exec(t, `UPDATE signet.audit SET previous_hash = '' WHERE tenant_id = $1 AND seq = 5`, s.tenant.String())
	s.rehash(t, 5)
	require.Equal(t, s.name(5, auditing.Unlinked), s.bad(t))
}

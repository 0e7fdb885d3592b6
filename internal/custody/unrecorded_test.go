package custody_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/auditing"
	"signet/internal/custody"
	"signet/internal/fault"
	"signet/internal/seal"
)

// T-AUD-2: a key is not turned, handed over, recovered or made where that cannot stand
// in the audit.
func TestWhatCannotBeRecordedDoesNotHappenToTheKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	_, to := newRecovery(t)
	k := s.process(t)
	s.DB.Exec(t, `CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$`)
	for _, table := range []string{"audit", "platform_audit"} {
		s.DB.Exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON signet.`+table+` FOR EACH ROW EXECUTE FUNCTION public.full_disk()`)
	}
	var tables []string
	for _, table := range []string{"root_keys", "root_key_wraps", "tenant_keys", "platform_keys"} {
		tables = append(tables, `SELECT to_jsonb(t)::text FROM signet_keys.`+table+` t`)
	}
	everything := strings.Join(append(tables, `SELECT to_jsonb(t)::text FROM signet.audit_keys t`), " UNION ALL ") + " ORDER BY 1"
	before := s.DB.List(t, everything)
	for what, do := range map[string]func() error{
		"turning the root key":       func() error { _, err := k.Rotate(t.Context(), nobody); return err },
		"turning the platform's key": func() error { _, err := k.RotatePlatform(t.Context()); return err },
		"making an audit key":        func() error { _, err := auditing.Renew(t.Context(), k.Auditing()); return err },
		"covering a recovery recipient": func() error {
			_, err := custody.Open(t.Context(), custody.Config{Store: s.DB.Open(t), Master: s.master, Recovery: []seal.Recipient{to}})
			return err
		},
	} {
		err := do()
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%s: %v", what, err)
		require.Equal(t, before, s.DB.List(t, everything), what)
	}
}

package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// T-AUD-2: what cannot stand in the audit does not happen, whoever asks for it.
func TestWhatCannotBeRecordedDoesNotHappen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signIn(t)
	h.rule(t, `CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$`)
	h.rule(t, `CREATE TRIGGER full_disk BEFORE INSERT ON signet.platform_audit FOR EACH ROW EXECUTE FUNCTION public.full_disk()`)
	everything := func() []string {
		return h.texts(t, `SELECT to_jsonb(m)::text FROM signet.members m UNION ALL SELECT to_jsonb(s)::text FROM signet.sessions s
UNION ALL SELECT to_jsonb(r)::text FROM signet.refresh_tokens r UNION ALL SELECT to_jsonb(a)::text FROM signet.platform_audit a ORDER BY 1`)
	}
	before := everything()
	for what, do := range map[string]func() error{
		"signing in": func() error {
			_, err := h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
			return err
		},
		"a refusal": func() error {
			_, err := h.SignIn(t.Context(), office, ownerEmail, core.NewSecret("a wrong password"), "")
			return err
		},
		"signing out": func() error { return h.SignOut(t.Context(), s.Refresh, "") },
		"making an owner": func() error {
			_, err := h.CreateOwner(t.Context(), "second@example.com", ownerPassword)
			return err
		},
	} {
		err := do()
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%s: %v", what, err)
		require.Equal(t, before, everything(), what)
	}
	h.requireLive(t, s)
}

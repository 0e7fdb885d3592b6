package custody_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
)

// An older row of a secret that was put back whole opens like any other, and is named
// by what the audit tells of it. Of rows that the audit has no number of, nothing can
// be said.
func TestCheckNamesSecretsThatWerePutBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	k := s.process(t)
	problems := func() (texts []string) {
		checked, err := k.Check(t.Context(), func(custody.Checked) {})
		require.NoError(t, err)
		for _, p := range checked.Problems {
			texts = append(texts, p.Error())
		}
		return texts
	}
	app := s.apps[1]
	s.DB.Exec(t, `CREATE TABLE public.before AS SELECT * FROM signet.app_secrets WHERE app_id = $1`, app.ID.String())
	rotate := func(name string) {
		_, err := s.Admin.RotateSecret(t.Context(), apptest.Operator(), app.TenantID, app.ID, admin.NewSecret{Secret: core.NewSecret(apptest.Secret(name)), SkipCheck: true})
		require.NoError(t, err)
	}
	rotate("second")
	rotate("third")
	require.Empty(t, problems())
	_, err := s.Admin.DestroySecret(t.Context(), apptest.Operator(), app.TenantID, app.ID, 1)
	require.NoError(t, err)
	require.Empty(t, problems(), "its value is gone")

	s.DB.Exec(t, `UPDATE signet.app_secrets s SET state = 'retired', sealed = b.sealed FROM public.before b WHERE s.app_id = b.app_id AND s.version = b.version`)
	of := fmt.Sprintf("tenant %s, app %s: version ", app.TenantID, app.ID)
	const text = " of the secret is an older row that was put back: let the secret be entered anew, and find out who writes to the database"
	require.Equal(t, []string{of + "1" + text}, problems())
	s.DB.Exec(t, `UPDATE signet.app_secrets SET activation = 0 WHERE app_id = $1 AND version = 2`, app.ID.String())
	require.Equal(t, []string{of + "1" + text, of + "2" + text}, problems())
	s.DB.Exec(t, `UPDATE signet.apps SET activation = 7 WHERE app_id = $1`, app.ID.String())
	require.Equal(t, []string{of + "1" + text, of + "2" + text, of + "3" + text}, problems())

	s.DB.Exec(t, `UPDATE signet.apps SET activation = 3 WHERE app_id = $1`, app.ID.String())
	s.DB.Exec(t, `UPDATE signet.audit SET detail = detail - 'version' - 'activation'`)
	require.Empty(t, problems(), "as before migration 12")
}

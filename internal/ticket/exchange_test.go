package ticket_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/auditing"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
	"signet/internal/seal"
)

// A sealedCell is one sealed column of one row.
type sealedCell struct {
	table, column, row string // row as a condition
	tenant, app        string // "" where it is not one tenant's, or app's
	kind               string // of a ticket
}

func (c sealedCell) String() string { return c.table + "." + c.column + " where " + c.row }

// put writes the bytes of another cell into this one, or those of the copies.
func (c sealedCell) put(from sealedCell, schema string) string {
	table := from.table
	if schema != "" {
		table = schema + "." + strings.ReplaceAll(from.table, ".", "_")
	}
	return fmt.Sprintf(`UPDATE %s SET %s = (SELECT %s FROM %s WHERE %s) WHERE %s`, c.table, c.column, from.column, table, from.row, c.row)
}

// needed takes away what stands between a page and the cell: a secret is opened
// where there is no token, and a token where there is no ticket.
func (c sealedCell) needed() string {
	switch {
	case c.table == "signet.app_secrets":
		return fmt.Sprintf(`DELETE FROM signet.tickets WHERE app_id = '%s'`, c.app)
	case c.kind == "access_token":
		return fmt.Sprintf(`DELETE FROM signet.tickets WHERE kind = 'agent_ticket' AND app_id = '%s'`, c.app)
	}
	return ""
}

// The tables with sealed columns, each with what names one of its rows.
var sealedColumns = []struct{ table, column, rows string }{
	{"signet.app_secrets", "sealed", `SELECT tenant_id || '|' || app_id || '|' || '' || '|' || format('tenant_id = %L AND app_id = %L AND version = %L', tenant_id, app_id, version) FROM signet.app_secrets`},
	{"signet.tickets", "sealed", `SELECT tenant_id || '|' || coalesce(app_id::text, '') || '|' || kind || '|' || format('tenant_id = %L AND kind = %L AND subject = %L', tenant_id, kind, subject) FROM signet.tickets`},
	{"signet_keys.tenant_keys", "wrapped", `SELECT tenant_id || '|' || '' || '|' || '' || '|' || format('tenant_id = %L AND version = %L', tenant_id, version) FROM signet_keys.tenant_keys`},
	{"signet_keys.platform_keys", "wrapped", `SELECT '|||' || format('version = %L', version) FROM signet_keys.platform_keys`},
	{"signet.session_keys", "sealed", `SELECT '|||' || format('key_id = %L', key_id) FROM signet.session_keys`},
	{"signet.audit_keys", "sealed", `SELECT '|||' || format('key_id = %L', key_id) FROM signet.audit_keys`},
}

// cells lists every sealed cell of the database.
func (n node) cells(t *testing.T) (cells []sealedCell) {
	t.Helper()
	for _, s := range sealedColumns {
		rows := n.DB.List(t, s.rows)
		slices.Sort(rows)
		require.NotEmpty(t, rows, s.table)
		for _, row := range rows {
			parts := strings.SplitN(row, "|", 4)
			require.Len(t, parts, 4, row)
			cells = append(cells, sealedCell{s.table, s.column, parts[3], parts[0], parts[1], parts[2]})
		}
	}
	return cells
}

// opens opens what is the platform's as a node does at its start: the console's key,
// and the keys of the audit.
func (n node) opens(t *testing.T) error {
	t.Helper()
	_, err := auditing.Ensure(t.Context(), auditing.Config{
		Store: n.Store, Sealer: n.Ring.Sealer(), Opener: n.Ring.Opener(seal.AuditKey),
		NewPlatformKey: func() (seal.WrappedKey, error) { return n.Ring.NewScopeKey(seal.Platform(), 1) },
	})
	return errors.Join(err, n.identity(t))
}

// identity opens the console's key.
func (n node) identity(t *testing.T) error {
	t.Helper()
	_, err := identity.New(t.Context(), identity.Config{
		Store: n.Store, Sealer: n.Ring.Sealer(), Opener: n.Ring.Opener(seal.SessionKey), Issuer: "https://console.test.example",
		NewPlatformKey: func() (seal.WrappedKey, error) { return n.Ring.NewScopeKey(seal.Platform(), 1) },
	})
	return err
}

// T-CRY-2: the bytes of every sealed cell in the place of every other. Each is
// refused, one alert is raised for the row, and no other tenant is touched.
func TestBytesOfOneCellInThePlaceOfAnotherAreRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	neighbour := n.Tenant(t, "北辰物流", "ww9876543210fedcba")
	apps := []apptest.App{n.app}
	for i, tenant := range []core.Tenant{n.tenant, neighbour, neighbour} {
		apps = append(apps, n.ColdApp(t, tenant, fmt.Sprint(1000300+i), apptest.Secret(fmt.Sprint("app", i)), host))
	}
	sign := func(app apptest.App) error {
		app.SecretText = "" // the corp ticket of two apps was fetched by one of them
		answer, err := n.Sign(t.Context(), app, page)
		if err == nil {
			err = n.Verify(app, page, answer)
		}
		return err
	}
	for _, app := range apps {
		require.NoError(t, sign(app))
	}
	require.NoError(t, n.opens(t))
	cells := n.cells(t)
	require.Len(t, cells, 4+(4+4+2)+2+1+1+1)
	n.DB.Exec(t, `CREATE SCHEMA copies`)
	for _, s := range sealedColumns {
		n.DB.Exec(t, fmt.Sprintf(`CREATE TABLE copies.%s AS TABLE %s`, strings.ReplaceAll(s.table, ".", "_"), s.table))
	}

	restored := `DELETE FROM signet.tickets; INSERT INTO signet.tickets SELECT * FROM copies.signet_tickets;
		DELETE FROM signet.calls; DELETE FROM signet.refused_calls; DELETE FROM signet.call_pauses;`
	tried := 0
	for _, victim := range cells {
		for _, from := range cells {
			if victim == from {
				continue
			}
			tried++
			name := fmt.Sprintf("%s in the place of %s", from, victim)
			require.NoError(t, n.DB.TryExec(t.Context(), restored+victim.put(from, "copies")+";"+victim.needed()))
			before := n.log.String()
			n.Signer.ForgetTimes() // what is in memory, so that every row is read anew
			for _, app := range apps {
				hit := victim.tenant == app.TenantID.String() && (victim.app == app.ID.String() && victim.kind == "" || victim.table == "signet_keys.tenant_keys")
				err := sign(app)
				if hit {
					require.True(t, fault.Has(err, fault.AppNotReady), "%s: %v", name, err)
				} else {
					require.NoError(t, err, name)
				}
			}
			said := strings.TrimPrefix(n.log.String(), before)
			if victim.tenant == "" {
				require.Error(t, n.opens(t), name)
				require.Zero(t, strings.Count(said, sealAlert), "%s: %s", name, said)
			} else {
				require.Equal(t, 1, strings.Count(said, sealAlert), "%s: %s", name, said)
				require.Contains(t, said, sealAlert+`,"tenant_id":"`+victim.tenant, name)
			}
			n.DB.Exec(t, victim.put(victim, "copies"))
		}
	}
	t.Logf("cells: %d, exchanges: %d, found: %d", len(cells), tried, tried)
}

package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// outcome is what a caller sees of a call.
type outcome struct {
	Value any
	Code  fault.Code
}

var errUndo = errors.New("undo it")

// try runs a call through a tenant's door, and undoes it if asked to.
func try(t *testing.T, st *store.Store, door core.TenantID, call tenantCall, r tenantRows, undo bool) outcome {
	t.Helper()
	var value any
	err := st.Tenant(t.Context(), someone, door, func(tx *store.TenantTx) (err error) {
		if value, err = call(t.Context(), tx, r); err != nil {
			return err
		}
		if undo {
			return errUndo
		}
		return nil
	})
	if errors.Is(err, errUndo) {
		err = nil
	}
	return outcome{value, codeOf(err)}
}

// stranger has ids that no row bears.
func stranger(like tenantRows) tenantRows {
	like.ID, like.App.ID, like.App.Key = core.NewTenantID(), core.NewAppID(), core.NewAppKey()
	like.APIKey, like.Answer.Run = core.NewAPIKeyID(), uuid.New()
	like.Domain.ID, like.Session, like.Legacy = core.NewDomainID(), core.NewSessionID(), "nobody.example.com"
	like.Member, like.Invite = core.NewMemberID(), core.NewLinkID()
	return like
}

// rowsOf gives everything that is one tenant's, as text.
func rowsOf(t *testing.T, db storetest.DB, tenant core.TenantID) string {
	t.Helper()
	tables := db.List(t, `
SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('signet', 'signet_keys') AND c.relkind = 'r' AND a.attname = 'tenant_id'`)
	require.Greater(t, len(tables), 10)
	var parts []string
	for _, table := range tables {
		parts = append(parts, fmt.Sprintf(`SELECT '%s ' || to_jsonb(r)::text FROM %[1]s r WHERE tenant_id = '%s'`, table, tenant))
	}
	return strings.Join(db.List(t, strings.Join(parts, "\nUNION ALL\n")+"\nORDER BY 1"), "\n")
}

// inOrder gives the names of the calls, the one that ends the tenant last.
func inOrder() []string {
	names := slices.Sorted(maps.Keys(tenantCalls))
	at := slices.Index(names, "DeleteTenant")
	return append(slices.Delete(names, at, at+1), "DeleteTenant")
}

// Two walls: the statements name the tenant, and row security holds. Each must
// hold by itself, with the other taken down.
func TestTenantSeesAndChangesNothingOfAnother(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		both := outcomesAgainst(t, db, db.TenantURL)
		t.Run("by row security alone", func(t *testing.T) {
			alone := copyOf(t, db)
			w := storetest.NewWire(t, alone.TenantURL, storetest.WithoutTenant)
			require.Equal(t, both, outcomesAgainst(t, alone, w.URL(alone.TenantURL)))
			changed := 0
			for _, statement := range w.Statements() {
				if storetest.WithoutTenant(statement) != statement {
					changed++
				}
			}
			require.Greater(t, changed, 20, "the wall was not taken down")
		})
		t.Run("by the filters alone", func(t *testing.T) {
			alone := copyOf(t, db)
			for _, table := range alone.List(t, `SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity`) {
				alone.Exec(t, `ALTER TABLE `+table+` DISABLE ROW LEVEL SECURITY`)
			}
			require.Equal(t, both, outcomesAgainst(t, alone, alone.TenantURL))
		})
	})
}

// copyOf gives another database on the same server.
func copyOf(t *testing.T, db storetest.DB) storetest.DB {
	t.Helper()
	return db.Cluster.New(t)
}

// outcomesAgainst tries every method through A's door with B's ids. B must be
// what it was, nothing of it may be in an answer, and every answer must be what
// ids give that nobody bears.
func outcomesAgainst(t *testing.T, db storetest.DB, tenantURL string) map[string]outcome {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{TenantURL: tenantURL, SystemURL: db.SystemURL})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
	nobody := stranger(b)
	before := rowsOf(t, db, b.ID)
	require.Contains(t, before, "bravo")
	outcomes := map[string]outcome{}
	for _, name := range inOrder() {
		call := tenantCalls[name]
		if own := try(t, st, a.ID, call, a, true); own.Code != "" && name != "CreateTenant" {
			t.Errorf("%s does not work on the tenant's own rows: %s", name, own.Code)
		}
		unknown := try(t, st, a.ID, call, nobody, true)
		foreign := try(t, st, a.ID, call, b, false)
		require.Equal(t, unknown, foreign, "%s tells B's ids from ids of nobody", name)
		text, err := json.Marshal(foreign)
		require.NoError(t, err)
		require.NotContains(t, string(text), "bravo", "%s shows something of B", name)
		require.Equal(t, before, rowsOf(t, db, b.ID), "%s changed something of B", name)
		outcomes[name] = foreign
	}
	return outcomes
}

func TestEveryStatementOfATenantNamesTheTenant(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := storetest.NewWire(t, db.TenantURL, nil)
	outcomesAgainst(t, db, w.URL(db.TenantURL))
	inserts := regexp.MustCompile(`INSERT INTO signet(_keys)?\.\w+ \(tenant_id, [^;]*VALUES \(\$1, `)
	platform := regexp.MustCompile(`signet(_keys)?\.(members|platform_invitations|oidc_identities|resets|sessions|refresh_tokens|factors|recovery_codes|ceremonies|devices|tries|root_key\w*|legacy_hosts|migration_marks)\b`)
	seen := 0
	for _, statement := range w.Statements() {
		statement = strings.Join(strings.Fields(statement), " ")
		if !strings.Contains(statement, "signet.") && !strings.Contains(statement, "signet_keys.") || platform.MatchString(statement) ||
			strings.HasPrefix(statement, "BEGIN; SELECT set_config('signet.") {
			continue
		}
		seen++
		require.True(t, storetest.NamesTenant(statement) || inserts.MatchString(statement), statement)
	}
	require.Greater(t, seen, 30)
}

// What the platform's methods reach, they reach by their door alone.
func TestPlatformMethodsReachNothingWithoutTheirDoor(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		open := db.Open(t)
		r := makeTenant(t, open, "alpha")
		w := storetest.NewWire(t, db.TenantURL, func(statement string) string {
			return strings.Replace(statement, "set_config('signet.platform', 'on', true)", "set_config('signet.tenant', '"+r.ID.String()+"', true)", 1)
		})
		shut, err := store.Open(t.Context(), store.Config{TenantURL: w.URL(db.TenantURL), SystemURL: db.SystemURL})
		require.NoError(t, err)
		t.Cleanup(shut.Close)
		through := func(st *store.Store, name string) (value any, err error) {
			err = st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
				if value, err = platformCalls[name](t.Context(), tx, r); err != nil {
					return err
				}
				return errUndo
			})
			if errors.Is(err, errUndo) {
				err = nil
			}
			return value, err
		}
		// What finds nothing is no error to these.
		nothing := map[string]any{"FindMemberByEmail": false, "ListLegacyHosts": 0, "ListRootKeys": 0, "ListSessionKeys": 0, "SealedWithoutRoot": false,
			"GetAuditEnd": false, "ListAudit": 0, "ListAuditKeys": 0, "ReadAudit": 0, "LockAuditKeys": nil,
			"EndSession": nil, "UseRefreshToken": nil, "UpdatePasswordHash": nil, "Announce": nil,
			"TrimChanges": int64(0), "TrimSessions": int64(0), "TrimCalls": int64(0),
			"TrimIntakeLinks": int64(0), "TrimTrialGrants": int64(0), "TrimComingIn": int64(0), "TrimAPIKeys": int64(0), "TrimAnswers": int64(0),
			"FindAnswer": false, "NewestPlatformKey": false,
			"CountRecoveryCodes": int64(0), "EndEverySession": int64(0), "EndSessionOf": false, "EndSessionsOf": int64(0), "EndTenantSessionsOf": int64(0), "FindMember": false, "GiveTryBack": nil,
			"KnownDevices": 0, "ListFactors": 0, "ListSessions": 0, "LockFactors": nil, "NoteRefresh": nil, "RemoveFactorsOf": int64(0), "LockSessionKeys": false,
			"UseRecoveryCode": false, "UseStep": false,
			"TrimInvitations": int64(0), "TrimResets": int64(0), "ListPlatformMembers": 0, "LockPlatformOwners": 0, "SetPlatformRole": nil, "SetPasswordHash": nil,
			"DescribeMembers": 0, "UnbindOIDCIdentities": int64(0), "RevokeResetsOf": nil, "UseReset": nil, "Now": true, "Invitations.List": 0, "Invitations.Use": nil, "Invitations.Revoke": nil}
		for name := range platformCalls {
			_, err := through(open, name)
			require.NoError(t, err, name)
			value, err := through(shut, name)
			if expected, ok := nothing[name]; ok {
				require.NoError(t, err, name)
				require.Equal(t, expected, value, name)
			} else {
				require.Error(t, err, name)
			}
		}
	})
}

// So do those of the keys: without their setting nothing of a tenant's is seen or
// written, and no root key is deleted.
func TestKeysMethodsReachNothingWithoutTheirDoor(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		open := db.Open(t)
		r := makeTenant(t, open, "alpha")
		w := storetest.NewWire(t, db.TenantURL, func(statement string) string {
			return strings.Replace(statement, "set_config('signet.keys', 'on', true)", "set_config('signet.tenant', '"+core.NewTenantID().String()+"', true)", 1)
		})
		shut, err := store.Open(t.Context(), store.Config{TenantURL: w.URL(db.TenantURL), SystemURL: db.SystemURL})
		require.NoError(t, err)
		t.Cleanup(shut.Close)
		through := func(st *store.Store, name string) (value any, err error) {
			err = st.Keys(t.Context(), someone, func(tx *store.KeysTx) error {
				if value, err = keysCalls[name](t.Context(), tx, r); err != nil {
					return err
				}
				return errUndo
			})
			if errors.Is(err, errUndo) {
				err = nil
			}
			return value, err
		}
		due := map[string][2]any{"CountKeys": {int64(1), int64(0)}, "ListTenantKeys": {1, 0}, "TakeKeys": {1, 0}, "DeleteRootKeys": {"in use", 0}, "RetirePlatformKeys": {1, 0}}
		before := rowsOf(t, db, r.ID)
		roots := `SELECT to_jsonb(k)::text FROM signet_keys.root_keys k UNION ALL SELECT to_jsonb(w)::text FROM signet_keys.root_key_wraps w ORDER BY 1`
		rootsBefore := db.List(t, roots)
		for name := range keysCalls {
			value, err := through(open, name)
			require.NoError(t, err, name)
			if pair, ok := due[name]; ok {
				require.Equal(t, pair[0], value, name)
			}
			value, err = through(shut, name)
			require.NoError(t, err, name)
			if pair, ok := due[name]; ok {
				require.Equal(t, pair[1], value, name)
			}
		}
		require.NoError(t, shut.Keys(t.Context(), someone, func(tx *store.KeysTx) error {
			for _, name := range []string{"RewrapKeys", "DeleteRootKeys", "DeleteWrap"} {
				if _, err := keysCalls[name](t.Context(), tx, r); err != nil {
					return err
				}
			}
			return nil
		}))
		require.Equal(t, before, rowsOf(t, db, r.ID))
		require.Equal(t, rootsBefore, db.List(t, roots))
	})
}

// Row by row of the catalogue, with statements that name no tenant at all.
func TestNakedStatementsReachOnlyWhatTheirDoorOpens(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			for _, name := range []string{"Audit", "EnsurePlatformKey", "EnsureSessionKey", "RecordDeletion", "CreateFactor", "ReplaceRecoveryCodes", "CreateCeremony", "KnowDevice", "TakeTry", "BeginAnswer", "CreateAuditKey", "BindOIDCIdentity"} {
				if _, err := platformCalls[name](ctx, tx, a); err != nil {
					return err
				}
			}
			return nil
		})
		db.Exec(t, `INSERT INTO signet.change_log_trimmed (xid) VALUES ('3')`)
		conn := connect(t, db.TenantURL)
		tables := db.List(t, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('signet', 'signet_keys')`)
		for _, table := range tables {
			_, isPlatform := platformTables[table]
			if slices.Contains(withoutRowSecurity, table) {
				continue
			}
			total := db.List(t, `SELECT count(*)::text FROM `+table)[0]
			require.NotEqual(t, "0", total, "%s is empty, so nothing is shown", table)
			ofA := "0"
			if !isPlatform || table == feedTable {
				ofA = db.List(t, fmt.Sprintf(`SELECT count(*)::text FROM %s WHERE tenant_id = '%s'`, table, a.ID))[0]
				require.NotEqual(t, "0", ofA, table)
			}
			ofPlatform := "0"
			if isPlatform {
				ofPlatform = total
			}
			ofKeys := ofPlatform
			if table == turnedTable {
				ofKeys = total
			}
			for _, door := range []struct{ name, open, due string }{
				{"none", "", "0"},
				{"a tenant's", "SELECT set_config('signet.tenant', '" + a.ID.String() + "', true)", ofA},
				{"the platform's", "SELECT set_config('signet.platform', 'on', true)", ofPlatform},
				{"the keys'", "SELECT set_config('signet.platform', 'on', true), set_config('signet.keys', 'on', true)", ofKeys},
				{"none again", "", "0"}, // the setting is '' now and no longer absent
			} {
				tx, err := conn.Begin(t.Context())
				require.NoError(t, err)
				_, err = tx.Exec(t.Context(), door.open)
				require.NoError(t, err)
				var seen string
				require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*)::text FROM `+table).Scan(&seen))
				require.Equal(t, door.due, seen, "%s through door %s", table, door.name)
				for _, column := range db.List(t, `SELECT column_name::text FROM information_schema.column_privileges
WHERE grantee = 'signet_app' AND privilege_type = 'UPDATE' AND table_schema || '.' || table_name = $1 LIMIT 1`, table) {
					tag, err := tx.Exec(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = %[2]s`, table, column))
					require.NoError(t, err)
					require.Equal(t, door.due, fmt.Sprint(tag.RowsAffected()), "%s changed through door %s", table, door.name)
				}
				if len(db.List(t, `SELECT 'yes' WHERE has_table_privilege('signet_app', $1, 'DELETE')`, table)) > 0 {
					tag, err := tx.Exec(t.Context(), `DELETE FROM `+table)
					if table == "signet_keys.root_keys" && door.name == "the keys'" {
						require.ErrorContains(t, err, "root_key_wraps_epoch", "reached, and held by what hangs on it")
						require.NoError(t, tx.Rollback(t.Context()))
						continue
					}
					require.NoError(t, err)
					due := door.due
					if _, bounded := ageBounds[table]; bounded {
						due = "0" // all of them are young
					}
					if table == turnedTable && door.name == "the keys'" {
						due = "0" // it wraps them anew and destroys none
					}
					if slices.Contains(keysBound, table) && door.name != "the keys'" {
						due = "0"
					}
					require.Equal(t, due, fmt.Sprint(tag.RowsAffected()), "%s deleted through door %s", table, door.name)
				}
				require.NoError(t, tx.Rollback(t.Context()))
			}
			if !isPlatform {
				tx, err := conn.Begin(t.Context())
				require.NoError(t, err)
				_, err = tx.Exec(t.Context(), "SELECT set_config('signet.tenant', '"+a.ID.String()+"', true)")
				require.NoError(t, err)
				_, err = tx.Exec(t.Context(), fmt.Sprintf(`INSERT INTO %s (tenant_id) VALUES ('%s')`, table, b.ID))
				require.ErrorContains(t, err, "violates row-level security policy", "%s takes a row of another tenant", table)
				require.NoError(t, tx.Rollback(t.Context()))
			}
		}
	})
}

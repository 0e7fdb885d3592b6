package store_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

var update = flag.Bool("update", false, "write testdata/system_statements.txt anew")

const allowedStatements = "testdata/system_statements.txt"

// The role that sees across tenants runs these statements and no others. Who
// adds one changes the file, and that is the place to ask whether the tenant's
// door would not do.
func TestSystemRoleRunsTheListedStatementsOnly(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := storetest.NewWire(t, db.SystemURL, nil)
	st, err := store.Open(t.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: w.URL(db.SystemURL)})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	r := makeTenant(t, st, "alpha")
	require.NoError(t, st.Ping(t.Context()))
	for name, call := range systemCalls {
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			_, err := call(ctx, tx, r)
			return err
		})
		_ = name
	}
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, st.FollowChanges(ctx, store.FeedPosition{}, func(context.Context, *store.SystemTx, []store.Change) error { cancel(); return nil }, func(error) {}))

	var ran []string
	for _, statement := range w.Statements() {
		ran = append(ran, strings.Join(strings.Fields(statement), " "))
	}
	slices.Sort(ran)
	text := strings.Join(slices.Compact(ran), "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(allowedStatements, []byte(text), 0o600))
	}
	allowed, err := os.ReadFile(allowedStatements)
	require.NoError(t, err)
	require.Equal(t, string(allowed), text)
}

// A grant that no statement needs is an open door to nowhere: taken away, each
// must be missed.
func TestSystemRoleHoldsNoGrantThatNoStatementNeeds(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := connect(t, db.SystemURL)
	text, err := os.ReadFile(allowedStatements)
	require.NoError(t, err)
	var plans []string
	for i, statement := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if !strings.HasPrefix(statement, "SELECT ") && !strings.HasPrefix(statement, "WITH ") {
			continue
		}
		name := fmt.Sprintf("s%d", i)
		_, err := conn.Exec(t.Context(), "PREPARE "+name+" AS "+statement)
		require.NoError(t, err)
		plan := "EXPLAIN EXECUTE " + name
		if parameters := highestParameter(statement); parameters > 0 {
			plan += "(NULL" + strings.Repeat(", NULL", parameters-1) + ")"
		}
		plans = append(plans, plan)
	}
	missed := func() bool {
		for _, plan := range plans {
			if _, err := conn.Exec(t.Context(), plan); err != nil {
				require.ErrorContains(t, err, "permission denied")
				return true
			}
		}
		return false
	}
	require.False(t, missed())
	grants := db.List(t, `
SELECT 'SELECT (' || a.attname || ') ON ' || a.attrelid::regclass FROM pg_attribute a, aclexplode(a.attacl) g WHERE g.grantee = 'signet_system'::regrole
UNION ALL SELECT 'SELECT ON ' || c.oid::regclass FROM pg_class c, aclexplode(c.relacl) g WHERE g.grantee = 'signet_system'::regrole`)
	require.Greater(t, len(grants), 25)
	for _, grant := range grants {
		db.Exec(t, "REVOKE "+grant+" FROM signet_system")
		if !missed() {
			t.Errorf("no statement needs GRANT %s", grant)
		}
		db.Exec(t, "GRANT "+grant+" TO signet_system")
	}
}

func highestParameter(statement string) (highest int) {
	for _, match := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(statement, -1) {
		n, _ := strconv.Atoi(match[1])
		highest = max(highest, n)
	}
	return highest
}

func TestSystemDoorOnlyReads(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makeTenant(t, st, "alpha")
		tables := db.List(t, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('signet', 'signet_keys')`)
		statements := []string{"CREATE TABLE public.x ()", "SELECT nextval('signet.change_log_seq_seq')"}
		for _, table := range tables {
			column := db.List(t, `SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum DESC LIMIT 1`, table)[0]
			statements = append(statements, "INSERT INTO "+table+" DEFAULT VALUES", "UPDATE "+table+" SET "+column+" = "+column, "DELETE FROM "+table, "TRUNCATE "+table, "SELECT 1 FROM "+table+" FOR UPDATE")
		}
		require.Error(t, st.System(t.Context(), func(tx *store.SystemTx) error { return store.ExecIn(t.Context(), tx, "CREATE TEMP TABLE x ()") }))
		conn := connect(t, db.SystemURL)
		for _, statement := range statements {
			require.Error(t, st.System(t.Context(), func(tx *store.SystemTx) error { return store.ExecIn(t.Context(), tx, statement) }), statement)
			// Not only because the transaction is read-only.
			_, err := conn.Exec(t.Context(), statement)
			require.ErrorContains(t, err, "permission denied", statement)
		}
	})
}

func TestSystemDoorSeesNoSealedColumn(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		conn := connect(t, db.SystemURL)
		columns := db.List(t, `
SELECT table_schema || '.' || table_name || ' ' || column_name FROM information_schema.columns
WHERE table_schema IN ('signet', 'signet_keys') AND column_name IN ('sealed', 'wrapped', 'mac', 'password_hash', 'token_hash')`)
		require.Len(t, columns, 22)
		for _, line := range columns {
			table, column, _ := strings.Cut(line, " ")
			for _, statement := range []string{"SELECT " + column + " FROM " + table, "SELECT * FROM " + table, "SELECT 1 FROM " + table + " WHERE " + column + " IS NULL"} {
				_, err := conn.Exec(t.Context(), statement)
				require.ErrorContains(t, err, "permission denied", statement)
			}
		}
	})
}

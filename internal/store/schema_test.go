package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// selectSchema tells everything of our two schemas that can differ.
const selectSchema = `
WITH ours AS (
    SELECT c.*, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('signet', 'signet_keys')
)
SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, array(SELECT a::text FROM unnest(nspacl) a ORDER BY 1))
FROM pg_namespace WHERE nspname IN ('signet', 'signet_keys')
UNION ALL
SELECT concat_ws(' ', 'relation', name, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity, array(SELECT a::text FROM unnest(coalesce(relacl, acldefault('r', relowner))) a ORDER BY 1), reloptions)
FROM ours
UNION ALL
SELECT concat_ws(' ', 'column', name, (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
       l.collname, pg_get_expr(d.adbin, d.adrelid), array(SELECT x::text FROM unnest(a.attacl) x ORDER BY 1))
FROM ours JOIN pg_attribute a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN pg_collation l ON l.oid = a.attcollation
UNION ALL
SELECT concat_ws(' ', 'constraint', name, k.conname, pg_get_constraintdef(k.oid)) FROM ours JOIN pg_constraint k ON k.conrelid = ours.oid
UNION ALL
SELECT concat_ws(' ', 'index', pg_get_indexdef(oid)) FROM ours WHERE relkind = 'i'
UNION ALL
SELECT concat_ws(' ', 'policy', name, polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM ours JOIN pg_policy p ON p.polrelid = ours.oid
UNION ALL
SELECT concat_ws(' ', 'type', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname IN ('signet', 'signet_keys')
UNION ALL
SELECT concat_ws(' ', 'function', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('signet', 'signet_keys')
UNION ALL
SELECT concat_ws(' ', 'trigger', name, g.tgname) FROM ours JOIN pg_trigger g ON g.tgrelid = ours.oid WHERE NOT g.tgisinternal
ORDER BY 1`

// schemaOf gives the schema of a database as one text.
func schemaOf(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	rows, err := conn.Query(context.WithoutCancel(t.Context()), selectSchema)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}

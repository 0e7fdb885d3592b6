package chaos_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of a chain that do not follow on the one before, and heads that are not
// the end of their chain.
const brokenChains = `
SELECT tenant_id || ' ' || seq
FROM (SELECT a.tenant_id, a.seq, a.previous_hash, lag(a.hash) OVER chain AS before, lag(a.seq) OVER chain AS former,
             lead(a.seq) OVER chain IS NULL AND (h.seq, h.hash) IS DISTINCT FROM (a.seq, a.hash) AS headless
      FROM signet.audit a LEFT JOIN signet.audit_heads h USING (tenant_id)
      WINDOW chain AS (PARTITION BY a.tenant_id ORDER BY a.seq)) rows
WHERE headless OR seq <> coalesce(former, 0) + 1 OR former IS NOT NULL AND previous_hash <> before`

// Apps whose trusted domains are not as many as the audit says.
const unaudited = `
SELECT app_id::text
FROM signet.apps a
WHERE (SELECT count(*) FROM signet.trusted_domains d WHERE d.tenant_id = a.tenant_id AND d.app_id = a.app_id) <>
      (SELECT count(*) FILTER (WHERE action = 'domain.create') - count(*) FILTER (WHERE action = 'domain.delete')
       FROM signet.audit u WHERE u.tenant_id = a.tenant_id AND u.subject = a.app_id::text)`

// requireAudited looks at what administrators did: every chain is whole, and each
// change has its row, also one whose answer was lost (invariant I5).
func (c *cluster) requireAudited(t *testing.T) {
	t.Helper()
	require.Empty(t, c.postgres.List(t, brokenChains), "a chain of the audit is broken")
	require.Empty(t, c.postgres.List(t, unaudited), "a change was not audited")
}

package upstream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/upstream"
	"signet/internal/wecom/wecomtest"
)

// What Postgres takes is written down, whatever it does not take: those of one
// tenant do not stand before the others'.
func TestWhatCannotBeWrittenDownKeepsNothingElseWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const tenants = 8
	callers := []upstream.Caller{b.who}
	for i := range tenants - 1 {
		who := another(b.who)
		who.TenantID = b.Tenant(t, fmt.Sprint("企业 ", i), corp).ID
		callers = append(callers, who)
	}
	b.alter(t, "SET default_transaction_read_only = on")
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020})
	for _, who := range callers {
		requireRefused(t, b.token(t.Context(), another(who)))
	}
	b.alter(t, "RESET default_transaction_read_only")
	stuck := callers[tenants/2].TenantID.String()
	for _, table := range []string{"calls", "refused_calls"} {
		b.DB.Exec(t, fmt.Sprintf(`ALTER TABLE signet.%s ADD CONSTRAINT stuck CHECK (tenant_id <> '%s')`, table, stuck))
	}
	b.WeCom.ClearFaults()
	require.NoError(t, b.token(t.Context(), b.who), "whoever calls next")
	of := func(table string) []string {
		return b.DB.List(t, `SELECT DISTINCT tenant_id::text FROM signet.`+table)
	}
	require.Len(t, of("refused_calls"), tenants-1)
	require.Len(t, of("calls"), tenants-1)
	require.NotContains(t, strings.Join(of("calls"), " "), stuck)

	// What is left goes on counting here, and is written once it can be.
	for _, table := range []string{"calls", "refused_calls"} {
		b.DB.Exec(t, fmt.Sprintf(`ALTER TABLE signet.%s DROP CONSTRAINT stuck`, table))
	}
	require.NoError(t, b.token(t.Context(), b.who))
	require.Len(t, of("refused_calls"), tenants)
	require.Len(t, of("calls"), tenants)
	require.Equal(t, []string{fmt.Sprint(tenants)}, b.DB.List(t, `SELECT sum(calls)::text FROM signet.refused_calls`), "each once")
}

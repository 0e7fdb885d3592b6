package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// However many invite somebody at once, one invitation is open in the end.
func TestOneInvitationIsOpenForAnAddress(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		var together sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			together.Go(func() {
				errs[n] = st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
					_, err := tx.Invitations().Create(t.Context(), core.NewLinkID(), "bob@example.com", core.TenantViewer, [32]byte{byte(n)}, time.Hour)
					return err
				})
			})
		}
		together.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.Equal(t, []string{"8 1"}, db.List(t, `SELECT count(*) || ' ' || count(*) FILTER (WHERE revoked_at IS NULL) FROM signet.invitations WHERE email = 'bob@example.com'`))
	})
}

// Invitations stay for 90 days after their end and resets for seven, and no door
// deletes a younger one.
func TestOnlyLinksThatEndedLongAgoAreTrimmed(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for table, days := range map[string]int{"invitations": 90, "platform_invitations": 90, "resets": 7} {
			key, who := "", "email, role"
			values := `'old@example.com', 'platform_auditor'`
			switch table {
			case "invitations":
				key, values = "tenant_id, ", `'old@example.com', 'tenant_viewer'`
			case "resets":
				who, values = "factors", "false"
			}
			tenant := ""
			if key != "" {
				tenant = "'" + r.ID.String() + "', "
			}
			db.Exec(t, `DELETE FROM signet.`+table)
			for name, ends := range map[string]string{
				"open":           `now() + interval '1 hour', NULL, NULL`,
				"expired":        `now() - interval '%d days 1 minute', NULL, NULL`,
				"expired lately": `now() - interval '%d days' + interval '1 minute', NULL, NULL`,
				"used":           `now(), now() - interval '%d days 1 minute', NULL`,
				"revoked":        `now(), NULL, now() - interval '%d days 1 minute'`,
				"used lately":    `now() - interval '1 year', now() - interval '%d days' + interval '1 minute', NULL`,
			} {
				if name != "open" {
					ends = fmt.Sprintf(ends, days)
				}
				db.Exec(t, fmt.Sprintf(`INSERT INTO signet.%s (%slink_id, %s, token_hash, made_by, expires_at, used_at, revoked_at)
					VALUES (%sgen_random_uuid(), %s, decode(repeat('00', 32), 'hex'), '%s', %s)`, table, key, who, tenant, values, name, ends))
			}
		}
		left := func() []string {
			return db.List(t, `SELECT made_by FROM signet.invitations UNION ALL SELECT made_by FROM signet.platform_invitations UNION ALL SELECT made_by FROM signet.resets ORDER BY 1`)
		}
		conn := connect(t, db.TenantURL)
		for door, count := range map[string]int{"signet.tenant', '" + r.ID.String(): 3, "signet.platform', 'on": 0} {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `SELECT set_config('`+door+`', true)`)
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `DELETE FROM signet.invitations`)
			require.NoError(t, err)
			var young int
			require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*) FROM signet.invitations`).Scan(&young))
			require.Equal(t, count, young, door)
			require.NoError(t, tx.Rollback(t.Context()))
		}
		require.Len(t, left(), 18)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			gone, err := tx.TrimInvitations(ctx)
			require.EqualValues(t, 6, gone)
			if err != nil {
				return err
			}
			gone, err = tx.TrimResets(ctx)
			require.EqualValues(t, 3, gone)
			return err
		})
		require.Equal(t, []string{"expired lately", "expired lately", "expired lately", "open", "open", "open", "used lately", "used lately", "used lately"}, left())
	})
}

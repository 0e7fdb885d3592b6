package ticket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/fault"
)

// damages are what somebody with the database alone can do to the rows of
// tickets. The parameter $1 is the tenant's id.
var damages = map[string]string{
	"a bit turned":                  `UPDATE signet.tickets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE tenant_id = $1`,
	"another format":                `UPDATE signet.tickets SET sealed = set_byte(sealed, 0, 1) WHERE tenant_id = $1`,
	"cut":                           `UPDATE signet.tickets SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE tenant_id = $1`,
	"cut to nothing":                `UPDATE signet.tickets SET sealed = '' WHERE tenant_id = $1`,
	"longer":                        `UPDATE signet.tickets SET sealed = sealed || '\x00' WHERE tenant_id = $1`,
	"huge":                          `UPDATE signet.tickets SET sealed = sealed || decode(repeat('00', 100000), 'hex') WHERE tenant_id = $1`,
	"forged":                        `UPDATE signet.tickets SET sealed = '\x0200000001' || decode(repeat(md5('forged'), 8), 'hex') WHERE tenant_id = $1`,
	"moved between kinds":           `UPDATE signet.tickets t SET sealed = o.sealed FROM signet.tickets o WHERE t.tenant_id = $1 AND o.tenant_id = $1 AND o.kind > t.kind`,
	"moved from another tenant":     `UPDATE signet.tickets t SET sealed = o.sealed FROM signet.tickets o WHERE t.tenant_id = $1 AND o.tenant_id <> $1 AND o.kind = t.kind`,
	"another generation":            `UPDATE signet.tickets SET generation = generation + 7 WHERE tenant_id = $1`,
	"the last generation there can": `UPDATE signet.tickets SET generation = 9223372036854775807 WHERE tenant_id = $1`,
	"another key's number":          `UPDATE signet.tickets SET key_version = 99 WHERE tenant_id = $1`,
}

func TestADamagedRowIsFetchedAnewAndNeverSignedWith(t *testing.T) {
	t.Parallel()
	for name, statement := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			neighbour := n
			neighbour.tenant = n.Tenant(t, "北辰物流", corp)
			neighbour.app = n.ColdApp(t, neighbour.tenant, agent, apptest.Secret("neighbour"), host)
			neighbour.mustSign(t)

			damaged := n.DB.Exec(t, statement, n.tenant.ID.String())
			require.Positive(t, damaged)
			n.House = n.Restart(t)
			neighbour.House = n.House
			calls := n.since(func() { n.mustSign(t) })
			require.LessOrEqual(t, calls.sum(), 3)
			require.Positive(t, calls.sum())
			require.EqualValues(t, min(damaged, 3), n.logged(`"alert":"seal_refused"`), n.log.String())
			require.Equal(t, n.logged(`"alert"`), n.logged(n.tenant.ID.String()+`","kind"`))

			require.Zero(t, neighbour.since(func() { neighbour.mustSign(t) }), "neighbours are untouched")
			n.House = n.Restart(t)
			require.Zero(t, n.since(func() { n.mustSign(t) }), "the rows are whole again")
		})
	}
}

func TestADamagedSecretIsNeverSentAnywhere(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a bit turned":              `UPDATE signet.app_secrets SET sealed = set_byte(sealed, 50, get_byte(sealed, 50) # 1) WHERE tenant_id = $1`,
		"moved from another tenant": `UPDATE signet.app_secrets t SET sealed = o.sealed FROM signet.app_secrets o WHERE t.tenant_id = $1 AND o.tenant_id <> $1`,
		"another version":           `UPDATE signet.app_secrets SET version = 2 WHERE tenant_id = $1`,
		"another key's number":      `UPDATE signet.app_secrets SET key_version = 99 WHERE tenant_id = $1`,
		"no key":                    `DELETE FROM signet_keys.tenant_keys WHERE tenant_id = $1`,
		"another tenant's key":      `UPDATE signet_keys.tenant_keys t SET wrapped = o.wrapped FROM signet_keys.tenant_keys o WHERE t.tenant_id = $1 AND o.tenant_id <> $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.ColdApp(t, n.Tenant(t, "北辰物流", corp), agent, apptest.Secret("neighbour"), host)
			require.Positive(t, n.DB.Exec(t, statement, n.tenant.ID.String()))
			n = n.restart(t)
			require.Zero(t, n.since(func() { n.mustRefuse(t, fault.AppNotReady) }))
			require.Positive(t, n.logged(`"alert":"seal_refused"`))
		})
	}
}

package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/fault"
)

const (
	pagesAsking = 200
	sealAlert   = `"alert":"seal_refused"`

	turnSecretBit = `UPDATE signet.app_secrets SET sealed = set_byte(sealed, 50, get_byte(sealed, 50) # 1) WHERE tenant_id = $1`
	turnKeyBit    = `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 50, get_byte(wrapped, 50) # 1) WHERE tenant_id = $1`
	turnTicketBit = `UPDATE signet.tickets SET sealed = set_byte(sealed, 50, get_byte(sealed, 50) # 1) WHERE tenant_id = $1`
)

// refuseMany has pages ask for the app one after the other, a second apart.
func (n node) refuseMany(t *testing.T, code fault.Code) {
	t.Helper()
	for range pagesAsking {
		n.mustRefuse(t, code)
		n.clock.Advance(time.Second)
	}
}

func TestASecretThatDoesNotOpenIsToldOnceUntilItsRowChanges(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	require.Positive(t, n.DB.Exec(t, turnSecretBit, n.tenant.ID.String()))
	n = n.restart(t)
	n.refuseMany(t, fault.AppNotReady)
	require.Equal(t, 1, n.logged(sealAlert), "many pages have asked")

	t.Log("it is damaged in another way")
	n.DB.Exec(t, `UPDATE signet.app_secrets SET sealed = substr(sealed, 1, 60) WHERE tenant_id = $1`, n.tenant.ID.String())
	n.refuseMany(t, fault.AppNotReady)
	require.Equal(t, 2, n.logged(sealAlert))
}

func TestASecretThatIsMendedAndDamagedAgainIsToldAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	damage := func() { require.Positive(t, n.DB.Exec(t, turnSecretBit, n.tenant.ID.String())) }
	damage()
	n = n.restart(t)
	n.mustRefuse(t, fault.AppNotReady)
	damage() // the same bit again: it is whole
	n.clock.Advance(time.Minute)
	n.mustSign(t)
	require.Equal(t, 1, n.logged(sealAlert))

	damage()
	require.Positive(t, n.DB.Exec(t, `DELETE FROM signet.tickets WHERE tenant_id = $1`, n.tenant.ID.String()))
	n.clock.Advance(3 * life)
	n.mustRefuse(t, fault.AppNotReady)
	require.Equal(t, 2, n.logged(sealAlert))
}

func TestATicketThatDoesNotOpenIsToldOnceWhileNoneCanBeFetched(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	damaged := n.DB.Exec(t, turnTicketBit, n.tenant.ID.String())
	require.Positive(t, n.DB.Exec(t, turnSecretBit, n.tenant.ID.String()))
	n = n.restart(t)
	n.refuseMany(t, fault.AppNotReady)
	// The agent ticket's row is not come to: without a corp ticket nothing is signed.
	require.EqualValues(t, damaged-1+1, n.logged(sealAlert), "each row once, and the secret's")
}

func TestAKeyThatDoesNotOpenIsToldOnceForAllThatHangsOnIt(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	second := n
	second.app = n.ColdApp(t, n.tenant, "1000248", apptest.Secret("second"), host)
	n.mustSign(t)
	neighbour := n
	neighbour.tenant = n.Tenant(t, "北辰物流", corp)
	neighbour.app = n.ColdApp(t, neighbour.tenant, agent, apptest.Secret("neighbour"), host)
	neighbour.mustSign(t)

	require.Positive(t, n.DB.Exec(t, turnKeyBit, n.tenant.ID.String()))
	n = n.restart(t)
	second.House, neighbour.House = n.House, n.House
	for range 100 {
		n.mustRefuse(t, fault.AppNotReady)
		second.mustRefuse(t, fault.AppNotReady)
		n.clock.Advance(time.Second)
	}
	require.Equal(t, 1, n.logged(sealAlert), "%s", n.log.String())
	require.Equal(t, 1, n.logged(`"msg":"a tenant's key does not open`))
	require.Zero(t, neighbour.since(func() { neighbour.mustSign(t) }), "neighbours are untouched")
}

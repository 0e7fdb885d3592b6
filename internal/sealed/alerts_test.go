package sealed_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
)

var errAltered = errors.New("it was altered")

// desk is an Alerts with its log.
type desk struct {
	*sealed.Alerts
	log *strings.Builder
}

func newDesk() desk {
	log := &strings.Builder{}
	return desk{sealed.NewAlerts(slog.New(slog.NewJSONHandler(log, nil))), log}
}

func (d desk) count(part string) int { return strings.Count(d.log.String(), part) }

func rowOf(tenant core.TenantID, app core.AppID, version int32, bytes string) sealed.Row {
	key := sealed.Key(tenant, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("wrapped")})
	return sealed.Row{Tenant: tenant, Place: seal.ForAppSecret(tenant, app, version), Sealed: []byte(bytes), Key: key}
}

func TestARowIsToldOnceUntilItChangesOrOpens(t *testing.T) {
	t.Parallel()
	d, tenant, app := newDesk(), core.NewTenantID(), core.NewAppID()
	first, second := rowOf(tenant, app, 1, "one"), rowOf(tenant, app, 2, "two")
	say := func(r sealed.Row) { d.Refused(t.Context(), r, errAltered, "does not open", "version", r.Place.Version) }
	for range 3 {
		say(first)
		say(second)
	}
	require.Equal(t, 2, d.count(`"alert":"seal_refused"`), "each version once")
	require.Equal(t, 2, d.count(`"tenant_id":"`+tenant.String()+`"`))

	first.Sealed = []byte("other")
	say(first)
	require.Equal(t, 3, d.count("seal_refused"), "other bytes")
	first.Key.Bytes = []byte("another")
	say(first)
	require.Equal(t, 4, d.count("seal_refused"), "another key")
	first.Number++
	say(first)
	require.Equal(t, 5, d.count("seal_refused"), "another generation")

	d.Opened(first.Place, first.Key)
	say(first)
	say(second)
	require.Equal(t, 6, d.count("seal_refused"), "it had opened, and the other had not")

	d.PutBack(t.Context(), first, app)
	d.PutBack(t.Context(), first, app)
	say(first)
	require.Equal(t, 1, d.count(`"alert":"secret_put_back"`), "that is another alert")
	require.Equal(t, 6, d.count("seal_refused"))

	d.Forget(tenant, app.String())
	say(first)
	say(second)
	require.Equal(t, 8, d.count("seal_refused"))
}

func TestAKeyIsToldOnceForAllThatHangsOnIt(t *testing.T) {
	t.Parallel()
	d, tenant, neighbour := newDesk(), core.NewTenantID(), core.NewTenantID()
	closed := fmt.Errorf("open: %w", seal.ErrScopeKey)
	key := rowOf(tenant, core.NewAppID(), 1, "").Key
	for i := range 3 {
		d.Refused(t.Context(), rowOf(tenant, core.NewAppID(), 1, fmt.Sprint(i)), closed, "does not open")
		d.KeyRefused(t.Context(), tenant, key, closed)
	}
	require.Equal(t, 1, d.count("seal_refused"))
	d.Refused(t.Context(), rowOf(neighbour, core.NewAppID(), 1, ""), closed, "does not open")
	require.Equal(t, 2, d.count("seal_refused"), "a neighbour has a key of its own")

	d.Opened(seal.ForAppSecret(neighbour, core.NewAppID(), 1), rowOf(neighbour, core.NewAppID(), 1, "").Key)
	d.KeyRefused(t.Context(), tenant, key, closed)
	require.Equal(t, 2, d.count("seal_refused"), "it was the neighbour's that opened")
	d.KeyOpened(key)
	d.KeyRefused(t.Context(), tenant, key, closed)
	require.Equal(t, 3, d.count("seal_refused"))

	d.KeyRefused(t.Context(), tenant, seal.WrappedKey{}, errAltered)
	d.KeyRefused(t.Context(), tenant, seal.WrappedKey{}, errAltered)
	require.Equal(t, 4, d.count("seal_refused"), "there is none")
}

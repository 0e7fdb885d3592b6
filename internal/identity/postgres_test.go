package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// house is an Identity on a database of its own, with an owner in it. Its
// clock is the real one, which Postgres has too, moved by ahead.
type house struct {
	*Identity
	db    storetest.DB
	cfg   Config
	ahead atomic.Int64
	owner core.Member
}

const ownerEmail = "owner@example.com"

// office is where members sign in from, where a test does not care.
var office = netip.MustParsePrefix("203.0.113.9/32")

// network gives one of many other clients.
func network(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)}), 32)
}

var ownerPassword = core.NewSecret("correct horse battery")

func newHouse(t testing.TB) *house {
	t.Helper()
	h := emptyHouse(t)
	h.Identity = h.open(t)
	var err error
	h.owner, err = h.CreateOwner(t.Context(), ownerEmail, ownerPassword)
	require.NoError(t, err)
	return h
}

// emptyHouse has a database and no keys yet.
func emptyHouse(t testing.TB) *house {
	t.Helper()
	h := &house{db: storetest.New(t)}
	clock := func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }
	h.cfg = sealing(t, Config{Store: h.db.Open(t), Issuer: issuer, Clock: clock})
	h.Identity = &Identity{store: h.cfg.Store, clock: clock}
	return h
}

// open makes another Identity on the same database: another node, or the same
// after a restart.
func (h *house) open(t testing.TB) *Identity {
	t.Helper()
	keys, err := loadSessionKeys(t.Context(), h.cfg)
	require.NoError(t, err)
	i, err := newIdentity(h.cfg, keys, cheapCost)
	require.NoError(t, err)
	return i
}

// SignIn is Identity.SignIn of a browser that is not known, by a member who has no
// second factor.
func (h *house) SignIn(ctx context.Context, client netip.Prefix, email string, password core.Secret, requestID string) (Session, error) {
	entry, err := h.Identity.SignIn(ctx, Visit{Client: client, RequestID: requestID}, email, password)
	if entry.Waiting != nil {
		panic("a second factor is asked for")
	}
	return entry.Session, err
}

// Refresh is Identity.Refresh from the office.
func (h *house) Refresh(ctx context.Context, refresh core.Secret, requestID string) (Session, error) {
	return h.Identity.Refresh(ctx, Visit{Client: office, RequestID: requestID}, refresh)
}

// rest lets the database believe that so much time has gone since the tries.
func (h *house) rest(t testing.TB, d time.Duration) {
	t.Helper()
	h.db.Exec(t, fmt.Sprintf(`UPDATE signet.tries SET full_at = full_at - interval '%f seconds'`, d.Seconds()))
}

func (h *house) signIn(t testing.TB) Session {
	t.Helper()
	s, err := h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "req-in")
	require.NoError(t, err)
	return s
}

// forward moves the clock of the node; that of Postgres stays.
func (h *house) forward(d time.Duration) { h.ahead.Add(int64(d)) }

// damage changes rows as nobody in production can. A statement that finds none
// to change fails the test, which would pass for nothing.
func (h *house) damage(t testing.TB, statement string) {
	t.Helper()
	require.Positive(t, h.db.Exec(t, statement), "changed nothing: %s", statement)
}

// rule changes the schema or the grants.
func (h *house) rule(t testing.TB, statement string) {
	t.Helper()
	h.db.Exec(t, statement)
}

// texts gives every row of a query of one text column.
func (h *house) texts(t testing.TB, query string) []string {
	t.Helper()
	return h.db.List(t, query)
}

type auditRow struct {
	Action, SubjectKind, Subject string
	ActorKind                    core.ActorKind
	ActorName, RequestID         string
	Detail                       map[string]string
}

// audit gives the platform's chain, oldest first.
func (h *house) audit(t testing.TB) []auditRow {
	t.Helper()
	texts := h.texts(t, `
SELECT json_build_object('Action', action, 'SubjectKind', subject_kind, 'Subject', subject, 'ActorKind', actor_kind,
                         'ActorName', actor_name, 'RequestID', request_id, 'Detail', detail)::text
FROM signet.platform_audit
ORDER BY seq`)
	rows := make([]auditRow, len(texts))
	for n, text := range texts {
		require.NoError(t, json.Unmarshal([]byte(text), &rows[n]))
	}
	return rows
}

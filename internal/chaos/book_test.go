package chaos_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// book checks signatures against the tickets that the fake has given, and notes
// when each ticket was used.
type book struct {
	weCom *wecomtest.Server
	life  time.Duration

	mu   sync.Mutex // guards used
	used map[string]use
}

// use is when a ticket signed: when the first answer with it came, and the last
// time that a node has written into one.
type use struct {
	first time.Time
	last  int64
}

func newBook(c *cluster) *book {
	return &book{weCom: c.weCom, life: c.life, used: map[string]use{}}
}

// signed is a 200 of /v1/signatures.
type signed struct {
	CorpID      core.CorpID  `json:"corpId"`
	AgentID     core.AgentID `json:"agentId"`
	URL         string       `json:"url"`
	Config      part         `json:"config"`
	AgentConfig part         `json:"agentConfig"`
}

type part struct {
	Timestamp int64  `json:"timestamp"`
	Nonce     string `json:"nonceStr"`
	Signature string `json:"signature"`
}

var errForeign = errors.New("signed with no ticket that was given to this app")

// check recomputes both signatures of an answer: each must be of a ticket that
// was fetched with this tenant's own secret.
func (b *book) check(a *app, page string, body []byte) error {
	var s signed
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	if s.CorpID != a.corp || s.AgentID != a.agent || s.URL != page {
		return fmt.Errorf("asked for %s %s %s, got %s %s %s", a.corp, a.agent, page, s.CorpID, s.AgentID, s.URL)
	}
	err := b.checkPart(s.Config, page, core.CorpTicket, a.siblings)
	return errors.Join(err, b.checkPart(s.AgentConfig, page, core.AgentTicket, []*app{a}))
}

func (b *book) checkPart(p part, page string, kind core.TicketKind, by []*app) error {
	for _, a := range by {
		for _, ticket := range b.weCom.Issued(a.corp, a.agent, kind) {
			if wecomtest.Sign(ticket, p.Nonce, p.Timestamp, page) != p.Signature {
				continue
			}
			if owner, _, _ := b.weCom.Owner(ticket); !slices.Contains(a.secrets, owner.Secret) {
				return fmt.Errorf("%s of %s: signed with the ticket of another tenant of the corp", kind, page)
			}
			b.note(ticket, p.Timestamp)
			return nil
		}
	}
	return fmt.Errorf("%s of %s: %w", kind, page, errForeign)
}

func (b *book) note(ticket string, at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, known := b.used[ticket]
	if !known {
		u.first = time.Now()
	}
	b.used[ticket] = use{u.first, max(u.last, at)}
}

// requireInTime looks at every ticket that signed: it was not used before it was
// given, nor in its last 60 seconds; one that WeCom repeated not in its last two,
// as far as can be told here (invariant I4).
func (b *book) requireInTime(t *testing.T) {
	t.Helper()
	given := map[string]int{}
	for _, call := range b.weCom.Calls() {
		given[call.Value]++
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	require.NotEmpty(t, b.used, "nothing was signed")
	for ticket, u := range b.used {
		issued := issuedAt(t, ticket)
		margin := time.Minute
		if sum := sha256.Sum256([]byte(ticket)); given[hex.EncodeToString(sum[:4])] > 1 || b.life <= 2*time.Minute {
			margin = time.Second // two, but for half a second that an answer may take, and the part of a second that is cut off
		}
		last := issued.Add(b.life - margin)
		require.False(t, time.Unix(u.last, 0).After(last), "a ticket of %s was used at %d, %s before its end", issued, u.last, issued.Add(b.life).Sub(time.Unix(u.last, 0)))
		require.False(t, u.first.Before(issued), "a ticket was used before it was given")
	}
}

// issuedAt reads the second in which the fake gave a ticket out of its text.
func issuedAt(t *testing.T, ticket string) time.Time {
	t.Helper()
	parts := strings.SplitN(ticket, ".", 6)
	require.Len(t, parts, 6, "the fake writes its values otherwise now")
	stamp, _, _ := strings.Cut(parts[4], "-")
	seconds, err := strconv.ParseInt(stamp, 36, 64)
	require.NoError(t, err)
	return time.Unix(seconds, 0)
}

// hardBudget is the most calls that an app may make to one API in an hour
// (design, section 7).
const hardBudget = 60

// requireBudget counts the calls of every app to every API within any hour
// (invariant I7). What the fake lost count of, nobody can hold against the nodes.
func (b *book) requireBudget(t *testing.T) {
	t.Helper()
	type key struct {
		corp       core.CorpID
		credential string
		api        wecom.API
	}
	at := map[key][]time.Time{}
	for _, call := range b.weCom.Calls() {
		k := key{call.Corp, call.Credential, call.API}
		at[k] = append(at[k], call.Time)
	}
	for k, times := range at {
		slices.SortFunc(times, time.Time.Compare)
		for i := hardBudget; i < len(times); i++ {
			require.GreaterOrEqual(t, times[i].Sub(times[i-hardBudget]), time.Hour, "more than %d calls an hour of %v", hardBudget, k)
		}
	}
}

package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/identity/identitytest"
)

var guesses = flag.Int("guesses", 600, "how many passwords strangers guess at one account over three nodes (make chaos: 10,000)")

// What the brakes allow at one account, over all nodes (identity/brakes.go, ADR 20 and
// 45). The numbers stand here again, so that they are not changed by mistake.
var (
	crowdAtOnce, crowdEvery = 100, 3 * time.Second
	homeAtOnce, homeEvery   = 10, 30 * time.Second
	codesAtOnce, codesEvery = 10, time.Minute
)

const (
	home = "203.0.113.9" // where the member comes in from
	cafe = "203.0.113.77"

	guessers     = 12 // at once
	guessesOfOne = 20 // of one client
	guessesACode = 20 // of passwords, for each guess of a code
)

// T-AUT-3: many guess at one account, from many networks and one that the member comes
// in from, over three nodes. What is really tried is counted where a password is hashed
// and not where somebody is told so, and is no more than the brakes allow in the time
// that Postgres says it took. The member gets in meanwhile, in a browser that is known.
func TestGuessesOverThreeNodes(t *testing.T) {
	c := prepareCluster(t, plan{nodes: 3, env: []string{"SIGNET_TRUSTED_PROXIES=127.0.0.1/32"}})
	for _, n := range c.nodes {
		n.start(t)
	}
	known := c.enter(t, c.nodes[0], ownerPassword, home, "")
	require.Equal(t, 200, known.status, string(known.body))
	device := cookieOf(t, known, "__Host-signet_device")

	t.Run("passwords", func(t *testing.T) { c.guessPasswords(t, device) })
	t.Run("codes", func(t *testing.T) { c.guessCodes(t, known.text(t, "accessToken"), device) })
}

func (c *cluster) guessPasswords(t *testing.T, device string) {
	t.Helper()
	before, begun := c.hashed(t), c.databaseTime(t)
	tally := c.letGuess(t, *guesses, func(ctx context.Context, i int) answer {
		client := clientOf(i / guessesOfOne)
		if i%50 == 49 {
			client = home // a neighbour of the member's
		}
		a, _ := c.tryEnter(ctx, c.nodes[i%3], fmt.Sprintf("a wrong password %d", i), client, "") // status 0 says it
		return a
	})
	tried, took := c.hashed(t)-before, c.databaseTime(t).Sub(begun)
	most := allowed(took, crowdAtOnce, crowdEvery) + allowed(took, homeAtOnce, homeEvery)
	t.Logf("%d guesses of passwords over 3 nodes in %s: %d tried, %d allowed; answers %v", *guesses, took.Round(time.Millisecond), tried, most, tally)
	require.Equal(t, *guesses, tally["session.refused"]+tally["rate.limited"], "%v", tally)
	require.LessOrEqual(t, tried, most, "more were tried than the brakes allow")
	require.GreaterOrEqual(t, tried, crowdAtOnce, "the guesses have not come to the brakes")
	require.Equal(t, tally["session.refused"], tried, "who is told to wait was not tried")

	for _, n := range c.nodes {
		in := c.enter(t, n, ownerPassword, cafe, device)
		require.Equal(t, 200, in.status, "the member, in a browser that is known, where they never were: %s", in.body)
		t.Logf("the member is in after %s", in.took.Round(time.Millisecond))
	}
	c.postgres.Exec(t, `UPDATE signet.tries SET full_at = greatest(full_at, now() + interval '300 seconds')`) // as if the guessing went on
	for _, n := range c.nodes {
		out := c.enter(t, n, ownerPassword, "203.0.113.88", "")
		require.Equal(t, "rate.limited", out.code(), "the right password, where nobody knows them, is one guess more: %s", out.body)
		require.NotEmpty(t, out.header.Get("Retry-After"))
	}
	c.rest(t, crowdEvery)
	later := c.enter(t, c.nodes[1], ownerPassword, "203.0.113.88", "")
	require.Equal(t, 200, later.status, "and is let in when it is its turn: %s", later.body)
}

// guessCodes has somebody who knows the password guess at the second factor: codes of
// an authenticator and recovery codes by turns, in as many sign-ins as they like.
func (c *cluster) guessCodes(t *testing.T, token, device string) {
	t.Helper()
	c.rest(t, 24*time.Hour)
	made := c.as(t, c.nodes[0], token, "POST", "/factors/totp", map[string]any{"name": "phone"})
	require.Equal(t, 201, made.status, string(made.body))
	seed := made.text(t, "seed")
	confirmed := c.as(t, c.nodes[0], token, "POST", "/factors/totp/"+made.text(t, "id")+"/confirmation", map[string]any{"code": identitytest.Code(t, seed, time.Now().Add(-30*time.Second))})
	require.Equal(t, 200, confirmed.status, string(confirmed.body))
	c.rest(t, 24*time.Hour)

	const ofASignIn = 5
	wanted := max(*guesses/guessesACode, 3*codesAtOnce)
	begun := c.databaseTime(t)
	var mu sync.Mutex // guards told
	told := map[string]int{}
	c.letGuess(t, wanted/ofASignIn, func(ctx context.Context, i int) answer {
		client := clientOf(i)
		waiting, _ := c.tryEnter(ctx, c.nodes[i%3], ownerPassword, client, "")
		var step struct{ Token string }
		if waiting.status != 202 || waiting.read(&step) != nil {
			return waiting
		}
		for guess := range ofASignIn {
			body := map[string]any{"token": step.Token, "code": fmt.Sprintf("%06d", i*ofASignIn+guess)}
			if guess%2 == 1 {
				body = map[string]any{"token": step.Token, "recoveryCode": fmt.Sprintf("aaaa-aaaa-%04d-%04d", i, guess)}
			}
			a, _ := c.sendAs(ctx, c.nodes[(i+guess)%3], client, "", "POST", "/session/second-factor", body)
			mu.Lock()
			told[fmt.Sprintf("%d %s", a.status, a.code())]++
			mu.Unlock()
		}
		return waiting
	})
	took := c.databaseTime(t).Sub(begun)
	tried := told["401 second_factor.refused"]
	t.Logf("%d guesses of codes over 3 nodes in %s: %d tried, %d allowed; answers %v", wanted, took.Round(time.Millisecond), tried, allowed(took, codesAtOnce, codesEvery), told)
	require.LessOrEqual(t, tried, allowed(took, codesAtOnce, codesEvery), "more were tried than the brake allows")
	require.GreaterOrEqual(t, tried, codesAtOnce, "the guesses have not come to the brake")
	require.Equal(t, wanted/ofASignIn*ofASignIn, tried+told["429 rate.limited"], "%v", told)
	require.Equal(t, []string{fmt.Sprint(tried)}, c.postgres.List(t, `SELECT count(*)::text FROM signet.platform_audit WHERE action = 'session.refuse' AND detail->>'reason' = 'second_factor.refused'`), "each that was tried stands in the audit")

	c.rest(t, codesEvery)
	waiting := c.enter(t, c.nodes[2], ownerPassword, cafe, device)
	require.Equal(t, 202, waiting.status, string(waiting.body))
	in, err := c.sendAs(t.Context(), c.nodes[2], cafe, device, "POST", "/session/second-factor", map[string]any{"token": waiting.text(t, "token"), "code": identitytest.Code(t, seed, time.Now())})
	require.NoError(t, err)
	require.Equal(t, 200, in.status, "the member, a minute after the last guess: %s", in.body)
}

// letGuess has so many guesses made, some at once, and counts the codes of the answers.
func (c *cluster) letGuess(t *testing.T, times int, guess func(ctx context.Context, i int) answer) map[string]int {
	t.Helper()
	var mu sync.Mutex // guards tally
	tally := map[string]int{}
	turns := make(chan int)
	var all sync.WaitGroup
	for range guessers {
		all.Go(func() {
			for i := range turns {
				a := guess(t.Context(), i)
				if a.status >= 400 {
					if err := checkProblem(a); err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				tally[a.code()]++
				mu.Unlock()
			}
		})
	}
	for i := range times {
		turns <- i
	}
	close(turns)
	all.Wait()
	return tally
}

// allowed is how much a brake lets through in a time, and one for what had begun.
func allowed(took time.Duration, atOnce int, every time.Duration) int {
	return atOnce + int(took/every) + 1
}

// clientOf gives one of many networks, of both kinds.
func clientOf(n int) string {
	if n%2 == 0 {
		return fmt.Sprintf("198.18.%d.%d", n>>8, n&0xff)
	}
	return fmt.Sprintf("2001:db8:%x::1", n)
}

// hashed is how many passwords all nodes have hashed since they were started.
func (c *cluster) hashed(t *testing.T) (sum int) {
	t.Helper()
	for _, n := range c.nodes {
		sum += c.metric(t, n, "signet_passwords_hashed_total")
	}
	return sum
}

func (c *cluster) databaseTime(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, c.postgres.List(t, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)[0])
	require.NoError(t, err)
	return at
}

// rest lets Postgres believe that so much time has gone since the tries.
func (c *cluster) rest(t *testing.T, d time.Duration) {
	t.Helper()
	full := fmt.Sprintf("%f seconds", d.Seconds())
	require.Positive(t, c.postgres.Exec(t, `UPDATE signet.tries SET full_at = full_at - $1::interval`, full))
}

// enter gives the owner's e-mail address and a password at a node, as a proxy passes it
// on for a client, in a browser that was given something to be known by, or "".
func (c *cluster) enter(t *testing.T, n *node, password, client, device string) answer {
	t.Helper()
	a, err := c.tryEnter(t.Context(), n, password, client, device)
	require.NoError(t, err)
	return a
}

func (c *cluster) tryEnter(ctx context.Context, n *node, password, client, device string) (answer, error) {
	return c.sendAs(ctx, n, client, device, "POST", "/session", map[string]any{"email": ownerEmail, "password": password})
}

func (c *cluster) sendAs(ctx context.Context, n *node, client, device, method, path string, body any) (answer, error) {
	headers := []string{"X-Forwarded-For", client}
	if device != "" {
		headers = append(headers, "Cookie", "__Host-signet_device="+device)
	}
	return sendBy(ctx, once, method, n.at.Load().console+path, body, headers...)
}

// as speaks to the console of a node with an access token.
func (c *cluster) as(t *testing.T, n *node, token, method, path string, body any, headers ...string) answer {
	t.Helper()
	a, err := send(t.Context(), method, n.at.Load().console+path, body, append(headers, "Authorization", "Bearer "+token)...)
	require.NoError(t, err)
	return a
}

// cookieOf gives the value of a cookie that an answer sets.
func cookieOf(t *testing.T, a answer, name string) string {
	t.Helper()
	at := slices.IndexFunc(a.header.Values("Set-Cookie"), func(line string) bool { return strings.HasPrefix(line, name+"=") })
	require.GreaterOrEqual(t, at, 0, "no cookie %s", name)
	cookie, err := http.ParseSetCookie(a.header.Values("Set-Cookie")[at])
	require.NoError(t, err)
	return cookie.Value
}

package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reachWithout is how soon a change is in force on every node where no notification
// arrives.
const reachWithout = 15 * time.Second

// T-AUT-2: six events after which an access token that was good is good no more, or no
// more for that. Each is brought about at one node, and all three refuse in time; also
// where no node hears of a change but by asking.
func TestWhatIsTakenAwayIsGoneOnEveryNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3})
	c.takeAway(t, "as they come", reach*slack)
	stop := c.dropNotifications(t)
	c.takeAway(t, "dropped", reachWithout)
	stop()
}

// takeAway brings the events about, one after the other, each to a session of its own.
func (c *cluster) takeAway(t *testing.T, notifications string, within time.Duration) {
	t.Helper()
	page := c.warm[3]
	tenant := "/tenants/" + page.tenantID
	bob := c.invite(t, page.tenantID, "bob-"+strings.ReplaceAll(notifications, " ", "-")+"@test.example")
	member := tenant + "/members/" + bob.id
	hosts := 0
	write := func(token string, n *node) answer {
		hosts++
		return c.as(t, n, token, "POST", tenant+"/apps/"+page.id+"/domains", map[string]any{"host": fmt.Sprintf("n%d-%s", hosts, bob.host)})
	}
	read := func(token string, n *node) answer { return c.as(t, n, token, "GET", tenant, nil) }
	whoAmI := func(token string, n *node) answer { return c.as(t, n, token, "GET", "/session", nil) }
	owner := func(status int, method, path string, body any) {
		t.Helper()
		a := c.as(t, c.nodes[0], c.token, method, path, body, "If-Match", "*")
		require.Equal(t, status, a.status, string(a.body))
	}
	for _, event := range []struct {
		name   string
		happen func(s session)
		ask    func(token string, n *node) answer
		before string // the code of the answer, "" where it is done
		after  string
	}{
		{"a tenant is suspended", func(session) { owner(200, "PATCH", tenant, map[string]any{"status": "suspended"}) }, write, "", "tenant.suspended"},
		{"another role", func(session) { owner(200, "PATCH", member, map[string]any{"role": "tenant_viewer"}) }, write, "", "permission.denied"},
		{"signed out", func(s session) {
			a, err := send(t.Context(), "DELETE", c.nodes[1].at.Load().console+"/session", nil, "Cookie", "__Host-signet_refresh="+s.refresh, "Origin", consoleOrigin)
			require.NoError(t, err)
			require.Equal(t, 204, a.status, string(a.body))
		}, whoAmI, "", "session.required"},
		{"all sessions are ended", func(session) { owner(200, "DELETE", "/platform/members/"+bob.id+"/sessions", nil) }, whoAmI, "", "session.required"},
		{"the password is reset", func(session) { bob.reset(t, c) }, whoAmI, "", "session.required"},
		{"no member any more", func(session) { owner(204, "DELETE", member, nil) }, read, "", "tenant.unknown"},
	} {
		s := bob.signIn(t, c)
		for _, n := range c.nodes {
			before := event.ask(s.token, n)
			require.Equal(t, event.before, before.code(), "%s: before: %s", event.name, before.body)
		}
		event.happen(s)
		begun := time.Now()
		for _, n := range c.nodes {
			for last := event.ask(s.token, n); last.code() != event.after; last = event.ask(s.token, n) {
				require.Less(t, time.Since(begun), patience, "%s: node %d, last %d %s", event.name, n.number, last.status, last.body)
			}
		}
		took := time.Since(begun)
		t.Logf("notifications %s: %s: on three nodes after %s", notifications, event.name, took.Round(time.Millisecond))
		require.Less(t, took, within, "%s", event.name)
		if event.after == "tenant.suspended" {
			t.Logf("notifications %s: and no page is signed after %s", notifications, c.awaitEverywhere(t, page, 403).Round(time.Millisecond))
			require.Less(t, time.Since(begun), within, "pages are signed on")
			owner(200, "PATCH", tenant, map[string]any{"status": "active"})
			c.awaitEverywhere(t, page, 200)
		}
	}
}

// dropNotifications ends whoever listens, again and again, until stop is called or the
// test ends.
func (c *cluster) dropNotifications(t *testing.T) (stop func()) {
	t.Helper()
	require.GreaterOrEqual(t, c.postgres.cutNotifications(t), len(c.nodes), "nothing was cut off")
	ctx, cancel := context.WithCancel(t.Context())
	var dropping sync.WaitGroup
	dropping.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := c.postgres.TryExec(ctx, endListeners); err != nil && ctx.Err() == nil {
				t.Errorf("notifications come again: %v", err)
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		dropping.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// consoleOrigin is where the console is for browsers, where nothing else is set.
const consoleOrigin = "http://localhost:8881"

// person is somebody who works for a tenant.
type person struct {
	id, email, password string
	host                string // below which they add domains
}

// session is what somebody has in a browser.
type session struct{ token, refresh string }

// invite makes somebody an administrator of a tenant.
func (c *cluster) invite(t *testing.T, tenantID, email string) *person {
	t.Helper()
	p := &person{email: email, password: "a long password of a guest", host: strings.ReplaceAll(email, "@", ".")}
	made := c.console(t.Context(), c.nodes[0], "POST", "/tenants/"+tenantID+"/invitations", map[string]any{"email": email, "role": "tenant_admin"})
	require.Equal(t, 201, made.status, string(made.body))
	accepted, err := send(t.Context(), "POST", c.nodes[1].at.Load().console+"/invitations/accept", map[string]any{"token": linkOf(t, made), "password": p.password})
	require.NoError(t, err)
	require.Equal(t, 201, accepted.status, string(accepted.body))
	p.signIn(t, c)
	return p
}

func (p *person) signIn(t *testing.T, c *cluster) session {
	t.Helper()
	a := c.console(t.Context(), c.nodes[2], "POST", "/session", map[string]any{"email": p.email, "password": p.password})
	require.Equal(t, 200, a.status, string(a.body))
	var in struct{ Member struct{ ID string } }
	require.NoError(t, a.read(&in))
	p.id = in.Member.ID
	return session{token: a.text(t, "accessToken"), refresh: cookieOf(t, a, "__Host-signet_refresh")}
}

// reset has the owner make a reset, and uses it.
func (p *person) reset(t *testing.T, c *cluster) {
	t.Helper()
	made := c.console(t.Context(), c.nodes[0], "POST", "/platform/members/"+p.id+"/reset", map[string]any{"factors": false})
	require.Equal(t, 201, made.status, string(made.body))
	p.password += " again"
	used, err := send(t.Context(), "POST", c.nodes[1].at.Load().console+"/resets/use", map[string]any{"token": linkOf(t, made), "password": p.password})
	require.NoError(t, err)
	require.Equal(t, 204, used.status, string(used.body))
}

// linkOf gives the token of a one-time link, which stands behind the "#".
func linkOf(t *testing.T, made answer) string {
	t.Helper()
	_, token, found := strings.Cut(made.text(t, "address"), "#")
	require.True(t, found)
	return token
}

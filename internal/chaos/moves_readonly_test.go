package chaos_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// TestMovesWhilePostgresIsReadOnly asks for every move of a secret while Postgres can
// only be read, and lets two of them meet that between their trial and their commit.
// Each is refused at once, nothing is half done, pages go on being signed, and
// afterwards each goes through.
func TestMovesWhilePostgresIsReadOnly(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	n, a := c.nodes[1], c.warm[3]
	a.secrets = append(a.secrets, secretOf("second"), secretOf("third"), secretOf("pending"), secretOf("put"), secretOf("handed"), secretOf("kept"))
	for _, secret := range a.secrets {
		c.accept(a, secret)
	}
	write := func(method, path string, body any) answer {
		return c.console(context.WithoutCancel(t.Context()), n, method, path, body)
	}
	require.Equal(t, 201, write("POST", a.path(), map[string]any{"secret": secretOf("second")}).status)
	require.Equal(t, 201, write("POST", a.path(), map[string]any{"secret": secretOf("third")}).status)
	require.Equal(t, 201, write("POST", a.path(), map[string]any{"secret": secretOf("pending"), "pending": true}).status)
	link := write("POST", "/tenants/"+a.tenantID+"/apps/"+a.id+"/intake-links", nil)
	require.Equal(t, 201, link.status)
	_, token, _ := strings.Cut(link.text(t, "address"), "#")

	// Now 1 is retired, 2 previous, 3 current and 4 pending. In an order in which each
	// can be done once Postgres is as before.
	stepBackTo := int32(2)
	moves := []struct {
		name string
		ask  func() answer
		good int
	}{
		{"a time", func() answer {
			return write("PUT", a.versionPath(4, "schedule"), map[string]any{"activateAt": time.Now().Add(time.Hour)})
		}, 200},
		{"a trial", func() answer { return write("POST", a.versionPath(4, "try"), nil) }, 200},
		{"an activation", func() answer { return write("POST", a.versionPath(4, "activate"), nil) }, 200},
		{"a step back, untried", func() answer { return write("POST", a.versionPath(stepBackTo, "activate?check=skip"), nil) }, 200},
		{"retired", func() answer { return write("POST", a.versionPath(4, "retire"), nil) }, 200},
		{"destroyed", func() answer { return write("POST", a.versionPath(1, "destroy"), nil) }, 200},
		{"a put", func() answer { return write("POST", a.path(), map[string]any{"secret": secretOf("put")}) }, 201},
		{"a link", func() answer { return write("POST", "/tenants/"+a.tenantID+"/apps/"+a.id+"/intake-links", nil) }, 201},
		{"handed in", func() answer {
			got, _ := send(t.Context(), "POST", n.at.Load().console+"/intake/secret", map[string]any{"token": token, "secret": secretOf("handed")}) // status 0 says it
			return got
		}, 201},
		{"one that waits", func() answer {
			return write("POST", a.path(), map[string]any{"secret": secretOf("kept"), "pending": true})
		}, 201},
	}
	rows := func() []string {
		return append(c.activations(t, a), c.postgres.List(t, `
SELECT count(*)::text FROM signet.audit UNION ALL SELECT count(*)::text FROM signet.trial_grants
UNION ALL SELECT count(*)::text FROM signet.intake_links UNION ALL SELECT count(*)::text FROM signet.change_log WHERE kind = 'secret'`)...)
	}
	before := rows()
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	l.phase.Store("read-only")
	requireRefused := func(name string, got answer) {
		t.Helper()
		requireCode(t, storeUnavailable, 0, got, name)
		require.Equal(t, before, rows(), "%s is half done", name)
	}

	// Between the trial and the commit.
	for _, name := range []string{"an activation", "a put"} {
		for _, move := range moves {
			if move.name != name {
				continue
			}
			c.weCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Corp: a.corp, Times: 1})
			ended := make(chan answer, 1)
			go func() { ended <- move.ask() }()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			require.NoError(t, c.weCom.AwaitHanging(ctx, 1))
			cancel()
			postgresReadOnly.start(t, c, nil)
			released := time.Now()
			c.weCom.Release()
			got := <-ended
			require.Less(t, time.Since(released), slack*postgresAway.answer, name)
			requireRefused(name+", in its middle", got)
			postgresReadOnly.heal(t, c, nil)
			c.awaitWritten(t.Context(), t, n, strings.ReplaceAll(name, " ", "-")+".example.com")
			before = rows() // the host is in the audit
		}
	}

	postgresReadOnly.start(t, c, nil)
	require.Eventually(t, func() bool { return write("GET", "/tenants", nil).status == 200 }, patience, 50*time.Millisecond, "reading goes on")
	for _, move := range moves {
		got := move.ask()
		require.Less(t, got.took, slack*postgresAway.answer, move.name)
		requireRefused(move.name, got)
	}
	l.during("read-only", time.Second)
	postgresReadOnly.heal(t, c, nil)
	l.phase.Store("after")
	c.awaitWritten(t.Context(), t, n, "after.example.com")
	stepBackTo = 3
	for _, move := range moves {
		got := move.ask()
		require.Equal(t, move.good, got.status, "%s: %s", move.name, got.body)
	}
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
}

package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/failpoint"
	"signet/internal/wecom/wecomtest"
)

// mover is a cluster of one node that is killed in the moves of one app's secret.
type mover struct {
	*cluster
	*app
	node *node
	env  []string // of a node that is not to be killed
	made int      // secrets so far
	link string   // the token of the last intake link
}

// movesKilled has for each kind of places what leads to them: prepare comes before
// the node is one that will be killed, move is what it is killed in, again is the same
// once more with a node that stays.
var movesKilled = map[string]struct {
	prepare  func(*testing.T, *mover)
	move     func(*testing.T, *mover) answer // status 0 where nobody answers
	after    string                          // what again answers where it was committed; "": it succeeds, as before the commit
	byItself bool                            // the node does it, and nobody asks again
}{
	"put": {
		prepare: func(_ *testing.T, m *mover) { m.newSecret() },
		move: func(t *testing.T, m *mover) answer {
			t.Helper()
			return m.console(t.Context(), m.node, "POST", m.path(), map[string]any{"secret": m.newest()})
		},
		after: "secret.unchanged",
	},
	"activate": {
		prepare: func(t *testing.T, m *mover) {
			t.Helper()
			m.newSecret()
			m.mustAsk(t, "POST", m.path(), map[string]any{"secret": m.newest(), "pending": true}, 201)
		},
		move: func(t *testing.T, m *mover) answer {
			t.Helper()
			return m.console(t.Context(), m.node, "POST", m.versionPath(m.newestVersion(t), "activate"), nil)
		},
	},
	"due": {
		prepare: func(t *testing.T, m *mover) {
			t.Helper()
			m.newSecret()
			m.mustAsk(t, "POST", m.path(), map[string]any{"secret": m.newest(), "activateAt": time.Now().Add(time.Hour)}, 201)
		},
		move: func(t *testing.T, m *mover) answer {
			t.Helper()
			m.postgres.Exec(t, `UPDATE signet.app_secrets SET activate_at = now() WHERE app_id = $1 AND state = 'pending'`, m.id)
			return answer{}
		},
		byItself: true,
	},
	"intake": {
		prepare: func(t *testing.T, m *mover) {
			t.Helper()
			m.newSecret()
			link := m.mustAsk(t, "POST", "/tenants/"+m.tenantID+"/apps/"+m.id+"/intake-links", nil, 201)
			_, m.link, _ = strings.Cut(link.text(t, "address"), "#")
		},
		move: func(t *testing.T, m *mover) answer {
			t.Helper()
			got, _ := send(t.Context(), "POST", m.node.at.Load().console+"/intake/secret", map[string]any{"token": m.link, "secret": m.newest()}) // status 0 says it
			return got
		},
		after: "intake.used",
	},
	"fallback": {
		prepare: func(t *testing.T, m *mover) {
			t.Helper()
			m.newSecret()
			m.mustAsk(t, "POST", m.path(), map[string]any{"secret": m.newest()}, 201)
			m.weCom.RemoveSecret(m.corp, m.agent, m.newest())
			m.postgres.Exec(t, `DELETE FROM signet.tickets`)
		},
		move: func(t *testing.T, m *mover) answer {
			t.Helper()
			return m.ask(t.Context(), m.node, m.app, m.page)
		},
	},
}

// Each move of a secret is killed at each of its places, three times. After a start
// nothing is lost and nothing half done: the app has one current version, the audit
// agrees with the rows, a page is signed, and the same request gets a clear answer.
// What was due is done within half a minute.
func TestKilledInTheMovesOfASecret(t *testing.T) {
	t.Parallel()
	for kind, c := range movesKilled {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m := newMover(t)
			for _, at := range failpoint.Names {
				if !strings.HasPrefix(string(at), kind+"-") {
					continue
				}
				for range killsEach {
					c.prepare(t, m)
					m.restart(t, at)
					killed := c.move(t, m)
					require.Zero(t, killed.status, "%s: nobody was told how it ended: %s", at, killed.body)
					require.Equal(t, syscall.SIGKILL, m.endOfNode(t).Signal(), at)
					m.restart(t, "")
					if c.byItself {
						m.awaitDone(t)
					} else {
						got, want := c.move(t, m), ""
						if strings.HasSuffix(string(at), "-committed") {
							want = c.after
						}
						require.Equal(t, want, got.code(), "%s: %d %s", at, got.status, got.body)
						require.NotZero(t, got.status)
					}
					m.prove(t, at)
				}
			}
		})
	}
}

func newMover(t *testing.T) *mover {
	t.Helper()
	c := prepareCluster(t, plan{nodes: 1})
	m := &mover{cluster: c, node: c.nodes[0], env: c.nodes[0].env}
	m.node.binary = failingBinary
	m.node.start(t)
	c.signIn(t)
	corp := "ww4000000000000000"
	m.app = c.makeApp(t, c.makeTenant(t, "moving", corp), corp, "1000002", "")
	return m
}

// restart ends the node and starts one that is killed at a place, "" for none.
func (m *mover) restart(t *testing.T, at failpoint.Name) {
	t.Helper()
	m.node.kill()
	m.node.env = append(slices.Clone(m.env), "FAILPOINT="+string(at))
	m.node.start(t)
}

func (m *mover) endOfNode(t *testing.T) syscall.WaitStatus {
	t.Helper()
	state, ok := m.node.awaitEnd(t, finishPatience).Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return state
}

// newSecret is one more that WeCom takes.
func (m *mover) newSecret() {
	m.made++
	m.app.secrets = append(m.app.secrets, secretOf(fmt.Sprintf("%smove%d", m.tenantID[:8], m.made)))
	m.weCom.AddApp(wecomtest.App{Corp: m.corp, Agent: m.agent, Name: "app", Secret: m.newest(), Domains: []string{"crm.example.com"}})
}

func (m *mover) newest() string { return m.app.secrets[len(m.app.secrets)-1] }

func (m *mover) newestVersion(t *testing.T) (version int32) {
	t.Helper()
	_, err := fmt.Sscan(m.postgres.List(t, `SELECT max(version)::text FROM signet.app_secrets WHERE app_id = $1`, m.id)[0], &version)
	require.NoError(t, err)
	return version
}

func (m *mover) mustAsk(t *testing.T, method, path string, body any, want int) answer {
	t.Helper()
	got := m.console(t.Context(), m.node, method, path, body)
	require.Equal(t, want, got.status, "%s %s: %s", method, path, got.body)
	return got
}

// awaitDone waits until what was due is done.
func (m *mover) awaitDone(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return len(m.postgres.List(t, `SELECT version FROM signet.app_secrets WHERE app_id = $1 AND state = 'pending'`, m.id)) == 0
	}, finishPatience, 50*time.Millisecond, "what was due is not done")
}

// prove tells that nothing was lost and nothing half done.
func (m *mover) prove(t *testing.T, at failpoint.Name) {
	t.Helper()
	m.awaitStatus(t, m.node, m.app, 200)
	current := m.postgres.List(t, `SELECT activation::text FROM signet.app_secrets WHERE app_id = $1 AND state = 'current'`, m.id)
	require.Len(t, current, 1, at)
	require.Equal(t, m.postgres.List(t, `SELECT activation::text FROM signet.apps WHERE app_id = $1`, m.id), current, at)
	require.Empty(t, m.postgres.List(t, `SELECT version::text FROM signet.app_secrets WHERE app_id = $1 AND state = 'pending'`, m.id), at)
	require.Equal(t,
		m.postgres.List(t, `SELECT version || ' ' || activation || ' ' || fingerprint FROM signet.app_secrets WHERE app_id = $1 ORDER BY version`, m.id),
		m.postgres.List(t, `
SELECT concat_ws(' ', version, activation, fingerprint)
FROM (SELECT DISTINCT ON ((detail->>'version')::int) (detail->>'version')::int AS version, detail->>'activation' AS activation, detail->>'fingerprint' AS fingerprint
      FROM signet.audit WHERE subject = $1 AND detail ? 'activation'
      ORDER BY (detail->>'version')::int, seq DESC) AS told
ORDER BY version`, m.id), "the audit and the rows, %s", at)
	require.Equal(t, // every activation once
		m.postgres.List(t, `SELECT generate_series(1, activation)::text FROM signet.apps WHERE app_id = $1`, m.id),
		m.postgres.List(t, `SELECT detail->>'activation' FROM signet.audit WHERE subject = $1 AND detail ? 'activation' ORDER BY seq`, m.id), at)
	require.Equal(t,
		m.postgres.List(t, `SELECT used_version::text FROM signet.intake_links WHERE app_id = $1 AND used_version IS NOT NULL ORDER BY 1`, m.id),
		m.postgres.List(t, `SELECT detail->>'version' FROM signet.audit WHERE subject = $1 AND action = 'intake.use' ORDER BY 1`, m.id), at)
}

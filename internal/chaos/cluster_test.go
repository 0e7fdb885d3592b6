package chaos_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/seal"
	"signet/internal/wecom/wecomtest"
)

// plan says what a cluster is made of. The zero value is two nodes over a
// database of the shared server.
type plan struct {
	nodes       int              // default 2
	ownPostgres bool             // a server that can be stopped and paused
	programs    *devdb.Programs  // of a server of its own; default those that Find prefers
	cold        int              // apps of which nothing was fetched yet, each of a tenant of its own
	recovery    string           // file to make, with an offline recovery identity; "": none
	weCom       wecomtest.Config // the fake's; its values live for two hours by default
	env         []string         // more of it, for all nodes and commands
}

// cluster is N nodes, what is behind them, and the tenants in it.
type cluster struct {
	postgres *postgres
	weCom    *wecomtest.Server
	life     time.Duration // of the fake's values
	nodes    []*node
	env      []string // what all nodes and commands share

	token string // of the owner, at the console
	warm  []*app // whose tickets every node holds
	cold  []*app
}

const (
	ownerEmail    = "owner@test.example"
	ownerPassword = "a long password of a test"
)

// startCluster brings a cluster to work, with tenants whose pages every node has
// signed once. It ends with the test.
func startCluster(t *testing.T, p plan) *cluster {
	t.Helper()
	if p.nodes == 0 {
		p.nodes = 2
	}
	c := prepareCluster(t, p)
	for _, n := range c.nodes {
		n.start(t)
	}
	c.settle(t, p.cold)
	return c
}

// prepareCluster makes everything but starts no node.
func prepareCluster(t *testing.T, p plan) *cluster {
	t.Helper()
	c := &cluster{postgres: newPostgres(t, p.ownPostgres, p.programs), weCom: wecomtest.Start(t, p.weCom), life: p.weCom.Life}
	if c.life == 0 {
		c.life = wecomtest.DefaultLife
	}
	c.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "SIGNET_IDENTITY_FILE=" + filepath.Join(t.TempDir(), "identity.txt"),
		"SIGNET_PUBLIC_ADDR=127.0.0.1:0", "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=127.0.0.1:0",
	}
	c.env = append(c.env, p.env...)
	identity, _ := strings.CutPrefix(c.env[2], "SIGNET_IDENTITY_FILE=")
	mustRun(t, c.env, "", "keys", "init", "--out", identity)
	if p.recovery != "" {
		master, content, err := seal.GenerateMaster(seal.X25519)
		require.NoError(t, err)
		require.NoError(t, seal.WriteMaster(p.recovery, content))
		c.env = append(c.env, "SIGNET_RECOVERY_RECIPIENT="+master.Recipients()[0])
	}
	mustRun(t, c.direct(), ownerPassword+"\n", "admin", "create", "--email", ownerEmail, "--password-stdin")
	for i := range p.nodes {
		c.addNode(t, i)
	}
	return c
}

// direct is the environment of a command that goes round the proxies.
func (c *cluster) direct() []string {
	return c.environment(c.postgres.address(), c.weCom.URL())
}

func (c *cluster) environment(postgres, weCom string) []string {
	through := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			panic(err) // storetest wrote it
		}
		u.Host = postgres
		return u.String()
	}
	return append([]string{
		"SIGNET_DATABASE_URL=" + through(c.postgres.TenantURL), "SIGNET_SYSTEM_DATABASE_URL=" + through(c.postgres.SystemURL),
		"SIGNET_WECOM_URL=" + weCom,
	}, c.env...)
}

func (c *cluster) addNode(t *testing.T, number int) {
	t.Helper()
	postgres := newProxy(t, fmt.Sprintf("postgres of node %d", number), c.postgres.address())
	weCom := newProxy(t, fmt.Sprintf("WeCom of node %d", number), strings.TrimPrefix(c.weCom.URL(), "http://"))
	c.nodes = append(c.nodes, newNode(t, number, postgres, weCom, c.environment(postgres.address(), "http://"+weCom.address())))
}

// app is an app as a page, and the fake, know it.
type app struct {
	tenantID, id, key string
	corp              core.CorpID
	agent             core.AgentID
	secrets           []string // all that this tenant has given or will give
	page              string
	siblings          []*app // of the same tenant and corp, itself among them: any may fetch the corp ticket
}

const sharedCorp = "ww1111111111111111"

// settle makes the tenants: two that have entered the same corp id and agent
// number with secrets of their own, one of them with a second app; one of another
// corp; and the cold ones.
func (c *cluster) settle(t *testing.T, cold int) {
	t.Helper()
	c.signIn(t)
	alpha := c.makeTenant(t, "alpha", sharedCorp)
	bravo := c.makeTenant(t, "bravo", sharedCorp)
	charlie := c.makeTenant(t, "charlie", "ww2222222222222222")
	first, second := c.makeApp(t, alpha, sharedCorp, "1000002", ""), c.makeApp(t, alpha, sharedCorp, "1000003", "")
	first.siblings, second.siblings = []*app{first, second}, []*app{first, second}
	c.warm = []*app{first, second, c.makeApp(t, bravo, sharedCorp, "1000002", ""), c.makeApp(t, charlie, "ww2222222222222222", "1000002", "")}
	for i := range cold {
		c.cold = append(c.cold, c.makeColdApp(t, i))
	}
	for _, n := range c.nodes {
		for _, a := range c.warm {
			c.awaitStatus(t, n, a, 200)
		}
		for _, a := range c.cold {
			c.awaitKnown(t, n, a)
		}
	}
}

// makeColdApp makes an app, of a tenant and a corp of its own, whose secret was
// not tried.
func (c *cluster) makeColdApp(t *testing.T, number int) *app {
	t.Helper()
	corp := fmt.Sprintf("ww3%015d", number)
	return c.makeApp(t, c.makeTenant(t, fmt.Sprintf("cold %d", number), corp), corp, "1000002", "?check=skip")
}

// awaitKnown waits until the change feed has told a node of an app, which it
// shows by refusing a page that the app does not trust.
func (c *cluster) awaitKnown(t *testing.T, n *node, a *app) {
	t.Helper()
	require.Eventually(t, func() bool {
		return c.ask(t.Context(), n, a, "https://elsewhere.example.com/").code() == "url.untrusted"
	}, patience, 20*time.Millisecond, "node %d does not know %s", n.number, a.page)
}

func (c *cluster) awaitStatus(t *testing.T, n *node, a *app, want int) time.Duration {
	t.Helper()
	begun := time.Now()
	var last answer
	require.Eventually(t, func() bool {
		last = c.ask(t.Context(), n, a, a.page)
		return last.status == want
	}, patience, 20*time.Millisecond, "node %d, %s, last %d %s", n.number, a.page, last.status, last.body)
	return time.Since(begun)
}

// ask asks one node for a signature, outside of the load. The status is 0 where
// the node did not answer.
func (c *cluster) ask(ctx context.Context, n *node, a *app, page string) answer {
	at := n.at.Load()
	if at == nil {
		return answer{}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, _ := send(ctx, "GET", at.public+"/v1/signatures?app="+a.key+"&url="+url.QueryEscape(page), nil) // status 0 says it
	return got
}

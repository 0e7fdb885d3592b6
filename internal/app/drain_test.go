package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// stopping tells the node to stop, and gives a channel that is closed when it has.
func (n *node) stopping() (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() { _ = n.stop(); close(done) }()
	return done
}

func (n *node) readiness() int {
	a, err := send(context.Background(), http.MethodGet, "http://"+n.server.MetricsAddr()+"/readyz", nil)
	if err != nil {
		return 0
	}
	return a.status
}

// load signs up to a thousand times a second, by a new connection each time and by
// connections that are kept, until stop, which gives how often it went well and
// what did not.
func (n *node) load(t *testing.T, m madeApp) (stop func() (signed int64, failures []string)) {
	t.Helper()
	address := n.public() + "/v1/signatures?app=" + m.key + "&url=" + crmPage
	over := make(chan struct{})
	var group sync.WaitGroup
	var signed atomic.Int64
	var mu sync.Mutex
	var failures []string
	for i := range 6 {
		transport := &http.Transport{DisableKeepAlives: i%2 == 0}
		caller := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		group.Go(func() {
			defer transport.CloseIdleConnections()
			pace := time.NewTicker(6 * time.Millisecond) // far below what one app may sign
			defer pace.Stop()
			for {
				select {
				case <-over:
					return
				case <-pace.C:
				}
				response, err := caller.Get(address)
				if err == nil {
					_ = response.Body.Close()
					if response.StatusCode == http.StatusOK {
						signed.Add(1)
						continue
					}
					err = fmt.Errorf("status %d", response.StatusCode)
				}
				mu.Lock()
				failures = append(failures, err.Error())
				mu.Unlock()
			}
		})
	}
	return func() (int64, []string) {
		close(over)
		group.Wait()
		return signed.Load(), failures
	}
}

// startAgain ends the server and starts another in its place, which holds nothing.
func (n *node) startAgain(t *testing.T) {
	t.Helper()
	require.NoError(t, n.stop())
	n.start(t)
}

// drainingNode is a node that takes requests for a while after the signal.
func drainingNode(t *testing.T, delay time.Duration) (*node, madeApp) {
	t.Helper()
	n := startNodeWith(t, func(n *node) { n.cfg.DrainDelay = delay })
	n.signIn(t)
	return n, n.makeApp(t, "蓝湖科技", "ww1234567890abcdef", "1000247", crmHost)
}

// Whoever leaves a node alone when /readyz says no never sees a failure.
func TestANodeThatStopsServesOnUntilItIsLeftAlone(t *testing.T) {
	t.Parallel()
	n, m := drainingNode(t, 15*time.Second)
	stopLoad := n.load(t, m)
	require.Equal(t, http.StatusOK, n.readiness())
	begun := time.Now()
	ended := n.stopping()
	n.await(t, func() bool { return n.readiness() == http.StatusServiceUnavailable })
	require.Equal(t, http.StatusOK, do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+"/livez", nil).status)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	kept, err := (&http.Client{Transport: transport}).Get(n.public() + "/v1/signatures?app=" + m.key + "&url=" + crmPage)
	require.NoError(t, err)
	require.NoError(t, kept.Body.Close())
	require.Equal(t, http.StatusOK, kept.StatusCode)
	require.True(t, kept.Close, "its connection ends with the answer")
	select {
	case <-ended:
		t.Fatal("it did not wait")
	case <-time.After(2 * time.Second): // of load after the signal
	}
	signed, failures := stopLoad()
	require.Empty(t, failures)
	require.Positive(t, signed)
	<-ended
	require.Less(t, time.Since(begun), 20*time.Second)
	require.NoError(t, n.stop())
}

// What hangs is cut off in time: a call to WeCom, a client that sends nothing, one
// that does not read.
func TestANodeStopsInTimeWhateverHangs(t *testing.T) {
	t.Parallel()
	n, m := drainingNode(t, 0)
	cold := n.addApp(t, m.tenantID, m.corp, "1000248", "a-secret-of-the-second-app-of-this-test-0001")
	n.db.Exec(t, `DELETE FROM signet.tickets`)
	n.startAgain(t)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang})
	t.Cleanup(n.weCom.Release)
	slow, err := net.Dial("tcp", n.server.PublicAddr())
	require.NoError(t, err)
	defer func() { _ = slow.Close() }()
	_, err = slow.Write([]byte("GET /v1/signatures?app=" + cold.key))
	require.NoError(t, err)
	asked := make(chan int, 1)
	go func() {
		a, _ := send(context.Background(), http.MethodGet, n.public()+"/v1/signatures?app="+m.key+"&url="+crmPage, nil)
		asked <- a.status
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, n.weCom.AwaitHanging(ctx, 1))
	begun := time.Now()
	require.NoError(t, n.stop())
	require.Less(t, time.Since(begun), 20*time.Second)
	require.Equal(t, http.StatusServiceUnavailable, <-asked, "it got an answer")
	require.Equal(t, []string{"0"}, n.db.List(t, `SELECT count(*)::text FROM signet.ticket_leases WHERE ends_at > clock_timestamp()`))
}

// The console's storm is its own: a signature that needs Postgres gets its
// connection all the same.
func TestAStormOnTheConsoleLeavesSigningItsConnections(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1234567890abcdef", "1000247", crmHost)
	n.startAgain(t)
	defer storm(t, n)()
	a := n.sign(t, m.key, crmPage)
	require.Equal(t, http.StatusOK, a.status, string(a.body))
}

// storm holds every connection of the console: each of its requests waits for a
// table that somebody has locked.
func storm(t *testing.T, n *node) (end func()) {
	t.Helper()
	release := n.db.Lock(t, "signet.sessions")
	var group sync.WaitGroup
	for range 60 {
		group.Go(func() {
			_, _ = send(context.Background(), http.MethodGet, n.console()+"/tenants", strings.NewReader(""), "Authorization", "Bearer "+n.token)
		})
	}
	n.await(t, func() bool {
		return n.db.List(t, `SELECT (count(*) >= 8)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)[0] == "true"
	})
	return func() { release(); group.Wait() }
}

// Whatever delay the operator has chosen, there is time to give turns back and to
// end within 20 seconds.
func TestALongerDelayLeavesLessTimeForRequests(t *testing.T) {
	t.Parallel()
	for delay, want := range map[time.Duration]time.Duration{
		0: 8 * time.Second, 8 * time.Second: 8 * time.Second, 8500 * time.Millisecond: 8 * time.Second, 9 * time.Second: 7500 * time.Millisecond, 15 * time.Second: 1500 * time.Millisecond,
	} {
		require.Equal(t, want, app.FinishTime(delay), delay)
	}
}

// A node takes no more requests, and finishes those that it has.
func TestWhatIsUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	n, m := drainingNode(t, 0)
	n.db.Exec(t, `DELETE FROM signet.tickets`)
	n.startAgain(t)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	t.Cleanup(n.weCom.Release)
	asked := make(chan answer, 1)
	go func() {
		a, _ := send(context.Background(), http.MethodGet, n.public()+"/v1/signatures?app="+m.key+"&url="+crmPage, nil)
		asked <- a
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, n.weCom.AwaitHanging(ctx, 1))
	address := n.server.PublicAddr()
	ended := n.stopping()
	n.await(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	n.weCom.Release()
	a := <-asked
	require.Equal(t, http.StatusOK, a.status, string(a.body))
	<-ended
	require.NoError(t, n.stop())
}

// A turn that no request waits for, because a ticket is renewed ahead of need, is
// given back as well: no other node waits for this one.
func TestATurnOfNobodysRequestIsGivenBack(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{Life: 14 * time.Second})
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1234567890abcdef", "1000247", crmHost)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	n.weCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
	t.Cleanup(n.weCom.Release)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	require.NoError(t, n.weCom.AwaitHanging(ctx, 1))
	// It would not end by itself while the test runs.
	n.db.Exec(t, `UPDATE signet.ticket_leases SET ends_at = now() + interval '1 hour' WHERE ends_at > now()`)
	begun := time.Now()
	require.NoError(t, n.stop())
	require.Less(t, time.Since(begun), 20*time.Second)
	require.Equal(t, []string{"0"}, n.db.List(t, `SELECT count(*)::text FROM signet.ticket_leases WHERE ends_at > clock_timestamp()`))
}

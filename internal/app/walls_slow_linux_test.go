package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

var slowSockets = flag.Int("slow-sockets", 200, "how many clients hold their connections open and say next to nothing (make walls: 2,000)")

// What a node may need for slow clients: the read timeout is five seconds for a whole
// request, and a machine that does other things as well is given more.
const (
	closedWithin    = 20 * time.Second
	silentWithin    = 90 * time.Second
	manySlowSockets = 2000
	memoryOfSlow    = 64 << 20 // bytes more, for so many
)

// TestSlowClientsTakeNothingFromOthers holds many connections to both listeners open:
// some say nothing, some send a header byte by byte, some a body. Meanwhile each page
// of another client is signed; and the node ends every one of those connections.
func TestSlowClientsTakeNothingFromOthers(t *testing.T) {
	measured := *slowSockets >= manySlowSockets
	if !measured {
		t.Parallel() // and so the memory is that of all tests
	}
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if need := uint64(2*(*slowSockets) + 500); limit.Cur < need { // both ends of each are in this process
		t.Fatalf("%d open files are allowed to a process here, and %d are needed: raise it (ulimit -n)", limit.Cur, need)
	}
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	pace := time.NewTicker(5 * time.Millisecond) // within what one address may ask
	defer pace.Stop()
	sign := func() time.Duration {
		<-pace.C
		began := time.Now()
		a, err := send(t.Context(), http.MethodGet, n.public()+"/v1/signatures?app="+m.key+"&url="+crmPage, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		return time.Since(began)
	}
	const quiet = 300
	var alone, beside []time.Duration
	for range quiet {
		alone = append(alone, sign())
	}
	runtime.GC()
	residentBefore, goroutinesBefore := resident(t), runtime.NumGoroutine()

	kinds, within := slowKinds[1:], closedWithin
	if measured {
		kinds, within = slowKinds, silentWithin
	}
	slow := openSlow(t, within, kinds, *slowSockets, n.server.PublicAddr(), n.server.ConsoleAddr())
	residentMost := residentBefore
	for began := time.Now(); slow.open.Load() > 0; {
		require.Less(t, time.Since(began), within, "%d connections are still open", slow.open.Load())
		beside = append(beside, sign())
		residentMost = max(residentMost, resident(t))
	}
	slow.done.Wait()
	require.NoError(t, slow.failure())
	require.GreaterOrEqual(t, len(beside), 50)
	if measured {
		require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutinesBefore+20 }, closedWithin, 50*time.Millisecond, "goroutines of connections are left")
		require.Less(t, residentMost-residentBefore, int64(memoryOfSlow))
	}
	t.Logf("%d slow connections, all ended by the node within %.1f s; %d signatures beside them, none failed", *slowSockets, slow.longest().Seconds(), len(beside))
	t.Logf("p50 %.2f ms alone, %.2f ms beside them (%.2f×); p99 %.2f ms and %.2f ms (%.2f×)",
		ms(quantile(alone, 50)), ms(quantile(beside, 50)), ms(quantile(beside, 50))/ms(quantile(alone, 50)),
		ms(quantile(alone, 99)), ms(quantile(beside, 99)), ms(quantile(beside, 99))/ms(quantile(alone, 99)))
	t.Logf("resident memory %d MiB before, %d MiB at most, both ends of each connection in it; %d open files allowed", residentBefore>>20, residentMost>>20, limit.Cur)
}

// slowClients are connections that say next to nothing.
type slowClients struct {
	open atomic.Int64
	done sync.WaitGroup

	mu     sync.Mutex // guards both
	lasted []time.Duration
	failed error
}

// slowKinds are what they send at once; then comes one byte a second. Who sends nothing at
// all is let wait for a minute, and is here where that may take as long.
var slowKinds = []string{
	"",
	"GET /v1/signatures HTTP/1.1\r\nHost: h\r\nX-A",
	"POST /v1/signatures HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
	"POST /api/v1/session HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{",
}

// openSlow opens n connections, in turn to each address, and keeps them as long as the
// other side does.
func openSlow(t *testing.T, within time.Duration, kinds []string, n int, addresses ...string) *slowClients {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	slow := &slowClients{}
	t.Cleanup(slow.done.Wait)
	t.Cleanup(cancel)
	for i := range n {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addresses[i%len(addresses)])
		require.NoError(t, err)
		slow.open.Add(1)
		kind := kinds[i/len(addresses)%len(kinds)]
		slow.done.Go(func() { slow.keep(ctx, conn, kind) })
	}
	return slow
}

func (s *slowClients) keep(ctx context.Context, conn net.Conn, first string) {
	began := time.Now()
	defer func() { _ = conn.Close() }()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		ended <- err
	}()
	_, _ = io.WriteString(conn, first)
	drip := time.NewTicker(time.Second)
	defer drip.Stop()
	for {
		select {
		case <-drip.C:
			if first != "" {
				_, _ = io.WriteString(conn, "a")
			}
			continue
		case <-ended: // also by a reset, which is the node's as well
			s.end(time.Since(began), nil)
		case <-ctx.Done():
			_ = conn.Close()
			<-ended
			s.end(time.Since(began), errors.New("a connection was never ended"))
		}
		return
	}
}

func (s *slowClients) end(after time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasted, s.failed = append(s.lasted, after), errors.Join(s.failed, err)
	s.open.Add(-1)
}

func (s *slowClients) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *slowClients) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Max(s.lasted)
}

// resident is the memory of this process, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	require.True(t, found)
	var kib int64
	_, err = fmt.Sscanf(rest, "%d kB", &kib)
	require.NoError(t, err)
	return kib << 10
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile gives the time that so many of a hundred do not exceed.
func quantile(times []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

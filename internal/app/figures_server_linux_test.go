package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/journal"
)

var serveRole = flag.String("figures-serve", "", "be the server of a figure; TestFigures starts this process itself")

// serveOrder is what TestFigures writes to a server that it has started.
type serveOrder struct {
	DatabaseURL, SystemURL, IdentityFile, WeComURL string
	Body                                           string // of the constant
}

// TestServeForFigures is no test: it is the other process of TestFigures. It
// answers on a port of its own and takes orders on its standard input, a line
// each, until that ends.
func TestServeForFigures(t *testing.T) {
	if *serveRole == "" {
		t.Skip("TestFigures starts this in a process of its own")
	}
	orders := bufio.NewScanner(os.Stdin)
	require.True(t, orders.Scan())
	var order serveOrder
	require.NoError(t, json.Unmarshal(orders.Bytes(), &order))
	switch *serveRole {
	case "signing":
		serveSigning(t, order, orders)
	case "constant":
		serveConstant(t, order, orders)
	default:
		t.Fatal("no such role: " + *serveRole)
	}
}

// serveSigning is a whole node, as `signet serve` runs it: its log goes to
// standard error as there, and the load's X-Forwarded-For is believed, so that
// both rate limits count.
func serveSigning(t *testing.T, order serveOrder, orders *bufio.Scanner) {
	cfg := config.Config{
		DatabaseURL: core.NewSecret(order.DatabaseURL), SystemDatabaseURL: core.NewSecret(order.SystemURL),
		IdentityFile: order.IdentityFile, WeComURL: order.WeComURL,
		PublicAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0",
		PublicURL: "http://localhost:8880", ConsoleURL: "http://localhost:8881",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	lines := journal.Start(os.Stderr)
	defer lines.Close()
	begin := time.Now()
	server, err := app.NewServer(t.Context(), cfg, lines.Logger(slog.LevelInfo))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	awaitReady(t, server)
	obey(t, server.PublicAddr(), time.Since(begin), orders)
	stop()
	require.NoError(t, <-ended)
}

// serveConstant is fiber as it comes, with one route.
func serveConstant(t *testing.T, order serveOrder, orders *bufio.Scanner) {
	surface := httpapitest.Constant("/v1/signatures", order.Body)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- surface.Listener(listener) }()
	obey(t, listener.Addr().String(), 0, orders)
	require.NoError(t, surface.ShutdownWithTimeout(time.Second))
	require.NoError(t, <-ended)
}

// usage is what a server has used so far.
type usage struct {
	Ready  time.Duration // from nothing to an answer of 200 at /readyz
	CPU    time.Duration // user and system
	Heap   uint64        // bytes that are reached, after a collection
	RSS    uint64        // bytes
	Cycles uint32        // of the collector
	Pause  time.Duration // the last in which it stopped the program
	Mark   time.Duration // that the last forced collection took, CPU of all threads
}

// obey says where the server listens and answers the orders.
func obey(t *testing.T, address string, ready time.Duration, orders *bufio.Scanner) {
	fmt.Println("listens", address)
	var profile io.WriteCloser
	for orders.Scan() {
		what, argument, _ := strings.Cut(orders.Text(), " ")
		u := usage{Ready: ready}
		switch what {
		case "usage":
		case "heap":
			u.Heap = heap()
			before := cpuTime(t)
			runtime.GC()
			u.Mark = cpuTime(t) - before
		case "profile":
			file, err := os.Create(argument)
			require.NoError(t, err)
			require.NoError(t, pprof.StartCPUProfile(file))
			profile = file
		case "allocations":
			file, err := os.Create(argument)
			require.NoError(t, err)
			require.NoError(t, pprof.Lookup("allocs").WriteTo(file, 0))
			require.NoError(t, file.Close())
		}
		u.measure(t)
		line, err := json.Marshal(u)
		require.NoError(t, err)
		fmt.Println("usage", string(line))
	}
	if profile != nil {
		pprof.StopCPUProfile()
		require.NoError(t, profile.Close())
	}
}

func cpuTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func (u *usage) measure(t *testing.T) {
	u.CPU = cpuTime(t)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Cycles, u.Pause = m.NumGC, time.Duration(m.PauseNs[(m.NumGC+255)%256])
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, resident uint64
	_, err = fmt.Sscan(string(statm), &size, &resident)
	require.NoError(t, err)
	u.RSS = resident * uint64(os.Getpagesize())
}

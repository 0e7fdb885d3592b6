package app_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/httpapi/signapi"
	"signet/internal/signing"
)

var profileTo = flag.String("figures-profile", "", "write profiles of the signing server into this folder")

const (
	connections = 64
	serverCore  = "0"
	loadCore    = "1"
)

// other is a server in a process of its own, on a core of its own.
type other struct {
	address string
	log     *os.File
	orders  io.Writer
	answers *bufio.Scanner
}

// startOther starts this test binary again as a server. Its standard error, the
// log, is a file.
func startOther(t *testing.T, role string, order serveOrder) *other {
	t.Helper()
	begin := []string{os.Args[0], "-test.run=^TestServeForFigures$", "-figures-serve=" + role, "-test.timeout=0"}
	if pinning(t) {
		begin = append([]string{"taskset", "-c", serverCore}, begin...)
	}
	command := exec.Command(begin[0], begin[1:]...)
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	if role == "signing" {
		command.Env = append(command.Env, "GODEBUG=clobberfree=1") // as signet begins (cmd/signet/freed.go)
	}
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	command.Stderr = log
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = in.Close()
		for o := bufio.NewScanner(out); o.Scan(); { // what it says at its end
		}
		require.NoError(t, command.Wait())
	})
	o := &other{log: log, orders: in, answers: bufio.NewScanner(out)}
	line, err := json.Marshal(order)
	require.NoError(t, err)
	_, err = fmt.Fprintln(in, string(line))
	require.NoError(t, err)
	o.address = o.answer(t, "listens")
	return o
}

// answer reads on to the line that begins with word, and gives what follows it.
func (o *other) answer(t *testing.T, word string) string {
	t.Helper()
	var said strings.Builder
	for o.answers.Scan() {
		if rest, ok := strings.CutPrefix(o.answers.Text(), word+" "); ok {
			return rest
		}
		said.WriteString(o.answers.Text() + "\n")
	}
	t.Fatalf("the server has ended (%v): %s", o.answers.Err(), said.String())
	return ""
}

func (o *other) order(t *testing.T, order string) (u usage) {
	t.Helper()
	_, err := fmt.Fprintln(o.orders, order)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(o.answer(t, "usage")), &u))
	return u
}

// pinning tells whether processes can be held on a core.
func pinning(t *testing.T) bool {
	t.Helper()
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

func holdOn(t *testing.T, cores string) {
	t.Helper()
	if pinning(t) {
		require.NoError(t, exec.Command("taskset", "-a", "-p", "-c", cores, strconv.Itoa(os.Getpid())).Run())
	}
}

// rawRequests are the bytes of a request for each app, as they come through a
// proxy from the browser of one of many clients.
func rawRequests(requests []signing.Request) [][]byte {
	raw := make([][]byte, len(requests))
	for i, r := range requests {
		raw[i] = fmt.Appendf(nil, "GET /v1/signatures?app=%s&url=%s HTTP/1.1\r\nHost: sign.example.com\r\nOrigin: %s\r\n"+
			"User-Agent: Mozilla/5.0 wxwork/4.1.36 MicroMessenger/7.0.1\r\nAccept: */*\r\nAccept-Language: zh-CN,zh;q=0.9\r\nX-Forwarded-For: 198.18.%d.%d\r\n\r\n",
			r.AppKey, url.QueryEscape(r.Page), r.Origin, i>>8&0xff, i&0xff)
	}
	return raw
}

// orderFor is what a server of a House is told.
func orderFor(t *testing.T, h *apptest.House, body string) serveOrder {
	t.Helper()
	return serveOrder{
		DatabaseURL: h.DB.TenantURL, SystemURL: h.DB.SystemURL, IdentityFile: h.WriteIdentity(t), WeComURL: h.WeCom.URL(), Body: body,
	}
}

// side is one of two servers that are measured in turns, and its clients.
type side struct {
	*other
	*load
	raw [][]byte
	rng *mathrand.Rand
}

func newSide(o *other, raw [][]byte) *side {
	return &side{o, nil, raw, mathrand.New(mathrand.NewPCG(3, 4))} //nolint:gosec // an order of work, no secret
}

// warm asks once for each page, so that its tickets come from their rows, and
// again while any was refused: Postgres is on the same cores.
func (s *side) warm(t *testing.T) {
	t.Helper()
	const few = 8 // connections, or all wait for the pool
	begin, l := time.Now(), newLoad(t, s.address, few)
	l.tolerant = true
	for tries := 1; tries == 1 || l.refused > 0; tries++ {
		require.LessOrEqual(t, tries, 5, "%d of %d are refused", l.refused, len(s.raw))
		l.refused = 0
		i := 0
		_, err := l.run(len(s.raw), func() []byte { i++; return s.raw[(i-1)%len(s.raw)] })
		require.NoError(t, err)
	}
	require.NoError(t, s.log.Truncate(0))
	t.Logf("%d first signatures over HTTP: %v", len(s.raw), time.Since(begin).Round(time.Second))
}

// round sends requests for random apps, and gives the CPU time that the server
// has used for each, and the wait that one in a hundred exceeds.
func (s *side) round(t *testing.T) (perRequest, p99 time.Duration) {
	t.Helper()
	const requests = 60_000
	before, began := s.order(t, "usage"), time.Now()
	waits, err := s.run(requests, func() []byte { return s.raw[s.rng.IntN(len(s.raw))] })
	require.NoError(t, err)
	took, after := time.Since(began), s.order(t, "usage")
	require.NoError(t, s.log.Truncate(0))
	slices.Sort(waits)
	perRequest = (after.CPU - before.CPU) / requests
	t.Logf("%v CPU a request, %.0f%% of a core, %.0f a second, p50 %v, p99 %v, %d collections", perRequest,
		100*float64(after.CPU-before.CPU)/float64(took), requests/took.Seconds(), waits[requests/2], waits[requests*99/100], after.Cycles-before.Cycles)
	return perRequest, waits[requests*99/100]
}

// inTurns gives how one compares with the other: base's CPU time for a request
// as a share of s's, and s's p99 as a multiple of base's.
func (s *side) inTurns(t *testing.T, base *side) (rate, tail float64) {
	t.Helper()
	for _, one := range []*side{base, s} { // not before: a connection that says nothing is closed
		one.load = newLoad(t, one.address, connections)
		one.round(t)
	}
	rates, tails := s.rounds(t, base)
	return rates[rounds/2], tails[rounds/2]
}

// tailAtPace gives s's p99 as a multiple of base's where both are asked equally
// often, and neither at the end of its strength.
func (s *side) tailAtPace(t *testing.T, base *side, every time.Duration) (tail float64) {
	t.Helper()
	s.every, base.every = every, every
	_, tails := s.rounds(t, base)
	return tails[rounds/2]
}

func (s *side) rounds(t *testing.T, base *side) (rates, tails []float64) {
	t.Helper()
	for range rounds {
		b, baseTail := base.round(t)
		own, ownTail := s.round(t)
		rates, tails = append(rates, float64(b)/float64(own)), append(tails, float64(ownTail)/float64(baseTail))
	}
	slices.Sort(rates)
	slices.Sort(tails)
	t.Logf("rates %.3f, tails %.3f", rates, tails)
	return rates, tails
}

// overHTTP measures a whole node against a route that gives a constant.
func overHTTP(t *testing.T, h *apptest.House, requests []signing.Request) []apptest.Figure {
	t.Helper()
	answer, err := h.Signer.Sign(t.Context(), requests[len(requests)/2])
	require.NoError(t, err)
	order, raw := orderFor(t, h, string(signapi.AppendAnswer(nil, &answer))), rawRequests(requests)
	signed, constant := newSide(startOther(t, "signing", order), raw), newSide(startOther(t, "constant", order), raw)
	holdOn(t, loadCore)
	defer holdOn(t, allCores())
	signed.warm(t)
	if *profileTo != "" {
		signed.order(t, "profile "+*profileTo+"/cpu.pprof")
	}
	rate, tail := signed.inTurns(t, constant)
	const pace = 20_000
	paced := signed.tailAtPace(t, constant, time.Second/pace)
	if *profileTo != "" {
		signed.order(t, "allocations "+*profileTo+"/allocs.pprof")
	}
	against := "a fiber route that gives a constant of the same size"
	return []apptest.Figure{
		{Name: fmt.Sprintf("signatures over HTTP for each second of CPU, random ones of %d apps, every middleware on", len(requests)), Against: against, Value: rate, Bound: 0.7, Unit: "×", Limit: apptest.AtLeast},
		{Name: fmt.Sprintf("their p99 over %d connections, each server at the end of its strength", connections), Against: against, Value: tail, Bound: 1.5, Unit: "×"},
		{Name: fmt.Sprintf("the same where both are asked %d times a second", pace), Against: against, Value: paced, Bound: 1.5, Unit: "×"},
	}
}

func allCores() string { return "0-" + strconv.Itoa(runtime.NumCPU()-1) }

// TestFiguresOverHTTP is for work on them alone.
func TestFiguresOverHTTP(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	h := manyAppsWithTickets(t, manyApps)
	_, requests := pagesOf(manyApps)
	fmt.Println(apptest.FigureTable(overHTTP(t, h, requests)))
}

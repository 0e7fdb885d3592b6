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
	for o.answers.Scan() {
		if rest, ok := strings.CutPrefix(o.answers.Text(), word+" "); ok {
			return rest
		}
	}
	t.Fatalf("the server has ended: %v", o.answers.Err())
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

// overHTTP measures a whole node against a route that gives a constant.
func overHTTP(t *testing.T, h *apptest.House, requests []signing.Request) []figure {
	t.Helper()
	const perRound = 60_000
	answer, err := h.Signer.Sign(t.Context(), requests[len(requests)/2])
	require.NoError(t, err)
	order := serveOrder{
		DatabaseURL: h.DB.TenantURL, SystemURL: h.DB.SystemURL, IdentityFile: h.WriteIdentity(t), WeComURL: h.WeCom.URL(),
		Body: string(signapi.AppendAnswer(nil, &answer)),
	}
	raw := rawRequests(requests)
	signed, constant := startOther(t, "signing", order), startOther(t, "constant", order)
	holdOn(t, loadCore)
	defer holdOn(t, serverCore+"-"+strconv.Itoa(runtime.NumCPU()-1))

	toSigned, toConstant := newLoad(t, signed.address, connections), newLoad(t, constant.address, connections)
	begin, i := time.Now(), 0
	_, err = toSigned.run(len(raw), func() []byte { i++; return raw[(i-1)%len(raw)] })
	require.NoError(t, err)
	t.Logf("%d first signatures over HTTP: %v", len(raw), time.Since(begin).Round(time.Second))

	rng := mathrand.New(mathrand.NewPCG(3, 4)) //nolint:gosec // an order of work, no secret
	next := func() []byte { return raw[rng.IntN(len(raw))] }
	round := func(o *other, l *load) (perRequest, p99 time.Duration) {
		before, began := o.order(t, "usage"), time.Now()
		waits, err := l.run(perRound, next)
		require.NoError(t, err)
		took := time.Since(began)
		after := o.order(t, "usage")
		require.NoError(t, o.log.Truncate(0))
		slices.Sort(waits)
		t.Logf("%v CPU a request, %.0f%% of a core, %.0f a second, p50 %v, p99 %v, %d collections", (after.CPU-before.CPU)/time.Duration(len(waits)),
			100*float64(after.CPU-before.CPU)/float64(took), float64(len(waits))/took.Seconds(), waits[len(waits)/2], waits[len(waits)*99/100], after.Cycles-before.Cycles)
		return (after.CPU - before.CPU) / time.Duration(len(waits)), waits[len(waits)*99/100]
	}
	round(constant, toConstant)
	round(signed, toSigned)
	if *profileTo != "" {
		signed.order(t, "profile "+*profileTo+"/cpu.pprof")
	}
	var rates, tails []float64
	for range rounds {
		c, cTail := round(constant, toConstant)
		s, sTail := round(signed, toSigned)
		rates, tails = append(rates, float64(c)/float64(s)), append(tails, float64(sTail)/float64(cTail))
	}
	if *profileTo != "" {
		signed.order(t, "allocations "+*profileTo+"/allocs.pprof")
	}
	slices.Sort(rates)
	slices.Sort(tails)
	t.Logf("rates %.3f, tails %.3f", rates, tails)
	return []figure{
		{name: "requests for each second of CPU", value: rates[rounds/2], bound: 0.7},
		{name: "p99", value: tails[rounds/2], bound: 1.5},
	}
}

// TestFiguresOverHTTP is for work on them alone.
func TestFiguresOverHTTP(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	h := manyAppsWithTickets(t, manyApps)
	_, requests := pagesOf(manyApps)
	fmt.Println(overHTTP(t, h, requests))
}

package chaos_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
)

var (
	alike       = flag.Bool("alike", false, "compare how long strangers wait for what is known and for what is not (make chaos)")
	alikeAmong  = flag.Int("alike-accounts", 300, "how often for accounts, each way")
	alikeOthers = flag.Int("alike-others", 20_000, "how often for apps and links, each way")
)

// The medians of two ways may be so far apart, in percent.
const alikeWithin = 3

// T-TIM-1: a stranger cannot tell by the time of an answer whether there is such an
// account, app or link. Each pair is two requests whose answers are the same; they are
// sent in an order that chance has drawn, over one connection that is kept, straight to
// a node of the built binary. It runs beside no other test.
func TestKnownAndUnknownTakeAsLong(t *testing.T) {
	if !*alike {
		t.Skip("run with -alike (make chaos); that both do the same work, TestWhatIsNotThereIsAsMuchWork of identity, signing and admin asserts")
	}
	c := prepareCluster(t, plan{nodes: 1, env: []string{"SIGNET_SMTP_URL=smtp://" + takesLetters(t), "SIGNET_SMTP_FROM=signet@test.example"}})
	n := c.nodes[0]
	n.env = c.direct()
	n.start(t)
	c.settle(t, 0)
	w := c.strangersWorld(t)
	var table []apptest.Figure
	for _, p := range w.pairs(t) {
		table = append(table, p.compare(t))
	}
	rows := apptest.FigureTable(table)
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "What is known and what is not", "How long a stranger waits, over HTTP at a whole node, for answers that are the same. Each way so often as the row says, in an order that chance has drawn; p is that of Kolmogorov and Smirnov, that both are of one distribution. Written by `make chaos WRITE=1`.\n\n"+apptest.Machine()+rows)
	}
}

// pair is two requests between whose answers there must be no difference.
type pair struct {
	name           string
	address        string // host:port
	times          int
	code           string // of both answers; "": there is nothing wrong
	known, unknown func(i int) []byte
}

// compare measures a pair and gives by how much the medians differ.
func (p pair) compare(t *testing.T) apptest.Figure {
	t.Helper()
	conn, err := net.Dial("tcp", p.address)
	require.NoError(t, err)
	defer conn.Close()
	reader := textproto.NewReader(bufio.NewReaderSize(conn, 16<<10))
	random := mathrand.New(mathrand.NewPCG(1, uint64(p.times)))
	var took [2][]float64
	order := random.Perm(2 * p.times) // not pair by pair: what one leaves behind must not befall the other more often
	for _, at := range order {
		i, way := at/2, at%2
		request := [2]func(int) []byte{p.known, p.unknown}[way](i)
		begun := time.Now()
		body := exchange(t, conn, reader, request)
		lasted := time.Since(begun)
		require.Equal(t, p.code, answer{status: 400, body: body}.code(), "%s: %s", p.name, body)
		took[way] = append(took[way], float64(lasted.Nanoseconds())/1000)
	}
	for way := range took {
		slices.Sort(took[way])
	}
	known, unknown := took[0][p.times/2], took[1][p.times/2]
	percent := 100 * math.Abs(known-unknown) / unknown
	chance := kolmogorov(took[0], took[1])
	if percent >= alikeWithin && chance < 0.01 { // else a busy machine has done it
		t.Errorf("%s: known %.1f µs, unknown %.1f µs", p.name, known, unknown)
	}
	return apptest.Figure{Name: fmt.Sprintf("%s, 2 × %d: known %.0f µs, unknown %.0f µs at the median, p %.3f; they differ by", p.name, p.times, known, unknown, chance),
		Value: percent, Bound: alikeWithin, Unit: " %"}
}

// exchange sends one request and reads the whole answer, as a client that loses as
// little time as it can.
func exchange(t *testing.T, conn net.Conn, reader *textproto.Reader, request []byte) []byte {
	t.Helper()
	_, err := conn.Write(request)
	require.NoError(t, err)
	_, err = reader.ReadLine()
	require.NoError(t, err)
	header, err := reader.ReadMIMEHeader()
	require.NoError(t, err)
	var length int
	if text := header.Get("Content-Length"); text != "" {
		_, err = fmt.Sscan(text, &length)
		require.NoError(t, err)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(reader.R, body)
	require.NoError(t, err)
	return body
}

// kolmogorov is the probability that two sorted samples of one distribution are as far
// apart as these, or farther (the two-sided test of Kolmogorov and Smirnov).
func kolmogorov(x, y []float64) float64 {
	var i, j int
	var far float64
	for i < len(x) && j < len(y) {
		at := min(x[i], y[j])
		for i < len(x) && x[i] <= at {
			i++
		}
		for j < len(y) && y[j] <= at {
			j++
		}
		far = max(far, math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))))
	}
	root := math.Sqrt(float64(len(x)) * float64(len(y)) / float64(len(x)+len(y)))
	lambda := (root + 0.12 + 0.11/root) * far
	var p float64
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*lambda*lambda)
	}
	if lambda < 0.2 {
		return 1 // the sum does not come to an end there
	}
	return min(max(p, 0), 1)
}

// strangersWorld is what there is, at the node that is asked.
type strangersWorld struct {
	public, console string // host:port
	tenant          core.TenantID
	gone            string // the key of an app that was deleted
	forServers      []*app // want an API key; some, because an app may be asked for so often in a second
	apiKey          core.APIKeyID
	intake          core.LinkID
	invitation      core.LinkID
	reset           core.LinkID
	trusted         string // a host that an app trusts and that is bound to none
}

func (c *cluster) strangersWorld(t *testing.T) strangersWorld {
	t.Helper()
	n := c.nodes[0]
	at := n.at.Load()
	w := strangersWorld{public: strings.TrimPrefix(at.public, "http://"), console: strings.TrimSuffix(strings.TrimPrefix(at.console, "http://"), "/api/v1")}
	first := c.warm[2]
	tenant := "/tenants/" + first.tenantID
	make1 := func(path string, body any) answer {
		a := c.console(t.Context(), n, "POST", path, body)
		require.Equal(t, 201, a.status, string(a.body))
		return a
	}
	var err error
	w.tenant, err = core.ParseTenantID(first.tenantID)
	require.NoError(t, err)
	w.trusted = strings.Split(c.warm[0].page, "/")[2]

	leaving := c.makeApp(t, first.tenantID, string(first.corp), "1000099", "?check=skip")
	c.awaitKnown(t, n, leaving)
	w.gone = leaving.key
	require.Equal(t, 204, c.console(t.Context(), n, "DELETE", tenant+"/apps/"+leaving.id, nil).status)
	c.awaitCode(t, n, leaving, "app.unknown")

	for i := range 5 {
		a := c.makeApp(t, first.tenantID, string(first.corp), fmt.Sprintf("100010%d", i), "?check=skip")
		patched := c.as(t, n, c.token, "PATCH", tenant+"/apps/"+a.id, map[string]any{"serverOnly": true}, "If-Match", "*")
		require.Equal(t, 200, patched.status, string(patched.body))
		c.awaitCode(t, n, a, "api_key.required")
		w.forServers = append(w.forServers, a)
	}
	var made struct{ APIKey struct{ ID string } }
	require.NoError(t, make1(tenant+"/api-keys", map[string]any{"name": "nightly", "scopes": []string{"pages.sign"}}).read(&made))
	w.apiKey, err = core.ParseAPIKeyID(made.APIKey.ID)
	require.NoError(t, err)

	intake, ok := core.ParseLinkToken(core.IntakePurpose, linkOf(t, make1(tenant+"/apps/"+first.id+"/intake-links", nil)))
	require.True(t, ok)
	w.intake = intake.Link
	invitation, ok := core.ParseLinkToken(core.InvitationPurpose, linkOf(t, make1(tenant+"/invitations", map[string]any{"email": "eve@test.example", "role": "tenant_admin"})))
	require.True(t, ok)
	w.invitation = invitation.Link

	// As many members as are asked for, each with the password of the owner.
	for _, kind := range []string{"in", "mail"} {
		c.postgres.Exec(t, `INSERT INTO signet.members (member_id, email, password_hash)
			SELECT gen_random_uuid(), 'known-' || $3 || '-' || lpad(i::text, 6, '0') || '@test.example', password_hash
			FROM signet.members, generate_series(0, $1::int - 1) i WHERE email = $2`, *alikeAmong, ownerEmail, kind)
	}
	member := c.postgres.List(t, `SELECT member_id::text FROM signet.members WHERE email = 'known-in-000000@test.example'`)[0]
	reset, ok := core.ParseLinkToken(core.ResetPurpose, linkOf(t, make1("/platform/members/"+member+"/reset", map[string]any{"factors": false})))
	require.True(t, ok)
	w.reset = reset.Link
	return w
}

// pairs lists what is compared. What is known is there as it is for its people; the
// stranger knows all of it but the secret.
func (w strangersWorld) pairs(t *testing.T) []pair {
	t.Helper()
	page := url.QueryEscape(w.forServers[0].page)
	email := func(known, kind string, i int) string { return fmt.Sprintf("%s-%s-%06d@test.example", known, kind, i) }
	signIn := func(whose string) func(int) []byte {
		return func(i int) []byte {
			return w.post("/session", "email", email(whose, "in", i), "password", "a wrong password")
		}
	}
	forget := func(whose string) func(int) []byte {
		return func(i int) []byte { return w.post("/session/forgotten", "email", email(whose, "mail", i)) }
	}
	link := func(path string, token func() core.Secret) func(int) []byte {
		return func(int) []byte { return w.post(path, "token", token().Expose()) }
	}
	invitation := func(tenant core.TenantID, id core.LinkID) core.Secret {
		return core.NewLinkToken(core.InvitationPurpose, tenant, id).Text()
	}
	reset := func(id core.LinkID) core.Secret {
		return core.NewLinkToken(core.ResetPurpose, core.TenantID{}, id).Text()
	}
	app := func(key string) func(int) []byte {
		return func(int) []byte { return w.get("/v1/signatures?app="+key+"&url="+page, "") }
	}
	server := func(id func() core.APIKeyID) func(int) []byte {
		return func(i int) []byte {
			return w.get("/v1/signatures?app="+w.forServers[i%len(w.forServers)].key+"&url="+page, core.NewAPIKeyToken(w.tenant, id()).Text().Expose())
		}
	}
	host := func(name func(i int) string) func(int) []byte {
		return func(i int) []byte { return w.get("/wxapi/wxQyAuth?url=https://"+name(i)+"/", "") }
	}
	nobody := core.NewAppKey().String() // the same all the time, as the other is
	nobodys := func(i int) string {
		return fmt.Sprintf("%0*d%s", strings.Index(w.trusted, "."), i, w.trusted[strings.Index(w.trusted, "."):])
	}
	return []pair{
		{"sign in with a wrong password", w.console, *alikeAmong, "session.refused", signIn("known"), signIn("never")},
		{"say that a password is forgotten", w.console, *alikeAmong, "", forget("known"), forget("never")},
		{"sign for an app that is gone, and for none", w.public, *alikeOthers, "app.unknown", app(w.gone), app(nobody)},
		{"sign with a wrong API key that there is, and with none", w.public, *alikeOthers, "api_key.refused", server(func() core.APIKeyID { return w.apiKey }), server(core.NewAPIKeyID)},
		{"sign for a host that somebody trusts, and for nobody's, without an app", w.public, *alikeOthers, "app.missing", host(func(int) string { return w.trusted }), host(nobodys)},
		{"read an invitation", w.console, *alikeOthers, "invitation.unknown",
			link("/invitations/read", func() core.Secret { return invitation(w.tenant, w.invitation) }),
			link("/invitations/read", func() core.Secret { return invitation(core.NewTenantID(), core.NewLinkID()) })},
		{"read a reset", w.console, *alikeOthers, "reset.unknown",
			link("/resets/read", func() core.Secret { return reset(w.reset) }), link("/resets/read", func() core.Secret { return reset(core.NewLinkID()) })},
		{"read a link for a secret", w.console, *alikeOthers, "intake.unknown",
			link("/intake", func() core.Secret { return core.NewLinkToken(core.IntakePurpose, w.tenant, w.intake).Text() }),
			link("/intake", func() core.Secret {
				return core.NewLinkToken(core.IntakePurpose, core.NewTenantID(), core.NewLinkID()).Text()
			})},
	}
}

// post is a request of JSON to the console, its members and their values by turns.
func (w strangersWorld) post(path string, members ...string) []byte {
	body := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		body[members[i]] = members[i+1]
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is two texts
	}
	return fmt.Appendf(nil, "%s /api/v1%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", http.MethodPost, path, w.console, len(text), text)
}

// get is a request to the public listener, with an API key or "".
func (w strangersWorld) get(target, apiKey string) []byte {
	if apiKey != "" {
		apiKey = "Authorization: Bearer " + apiKey + "\r\n"
	}
	return []byte("GET " + target + " HTTP/1.1\r\nHost: " + w.public + "\r\n" + apiKey + "\r\n")
}

// takesLetters is a mail server that takes every letter and keeps none. It gives where
// it listens.
func takesLetters(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			go takeLetter(conn)
		}
	}()
	return listener.Addr().String()
}

func takeLetter(conn net.Conn) {
	defer conn.Close()
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 test")
	letter := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		switch line := lines.Text(); {
		case letter && line != ".":
		case line == "DATA":
			letter = true
			say("354 go on")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			letter = false
			say("250 ok")
		}
	}
}

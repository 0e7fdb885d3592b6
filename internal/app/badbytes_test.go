package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/docs/openapi"
	"signet/internal/wecom/wecomtest"
)

// operation is one thing that can be asked of a listener, in a form in which it
// stores nothing: what writes gets a body or a version that is refused.
type operation struct {
	address, method string
	segments        []string   // of the path
	query           url.Values // a good value for each parameter that is sent
	mayQuery        []string   // parameters that are not sent
	headers         string     // whole lines
	body            string
	wellDone        int // the status of the form itself; 0: a refusal
}

func (o operation) path() string { return "/" + strings.Join(o.segments, "/") }

func (o operation) target() string {
	if len(o.query) == 0 {
		return o.path()
	}
	return o.path() + "?" + o.query.Encode()
}

func (o operation) String() string { return o.method + " " + o.path() }

// ask sends the operation to a target of a test's own, with more header lines,
// byte for byte.
func (o operation) ask(t *testing.T, target, more string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", o.address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	// What the listener has not read when it has seen enough cannot be written.
	_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n%s%s\r\n%s",
		o.method, target, o.address, len(o.body), o.headers, more, o.body)
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: o.method})
	require.NoError(t, err, "%s: no answer to %q %.100q", o, target, more)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return answer{r.StatusCode, r.Header, body}
}

// documented gives the operations of a document, for the values of its paths.
func documented(t *testing.T, document []byte, address, prefix string, values map[string]string) []operation {
	t.Helper()
	type parameter struct{ Ref, Name, In string }
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Parameters map[string]parameter }
	}
	// A member is found whatever its case, and "$ref" by taking the sign off.
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(document), `"$ref"`, `"ref"`)), &doc))
	var all []operation
	for path, item := range doc.Paths {
		for method, text := range item {
			if method == "parameters" {
				continue
			}
			var one struct {
				Parameters  []parameter
				RequestBody any
			}
			require.NoError(t, json.Unmarshal(text, &one))
			o := operation{address: address, method: strings.ToUpper(method), query: url.Values{}}
			for segment := range strings.SplitSeq(strings.TrimPrefix(prefix+path, "/"), "/") {
				if name, ok := strings.CutPrefix(segment, "{"); ok {
					segment = values[strings.TrimSuffix(name, "}")]
					require.NotEmpty(t, segment, "%s: a value for %s", path, name)
				}
				o.segments = append(o.segments, segment)
			}
			for _, p := range one.Parameters {
				if p.Ref != "" {
					p = doc.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
				}
				if p.In == "query" {
					o.mayQuery = append(o.mayQuery, p.Name)
				}
			}
			if one.RequestBody != nil {
				o.headers, o.body = "Content-Type: application/json\r\n", "{}"
			}
			all = append(all, o)
		}
	}
	return all
}

// operations gives those of all three listeners.
func (n *node) operations(t *testing.T, m madeApp) []operation {
	t.Helper()
	public := documented(t, openapi.Public(), n.server.PublicAddr(), "", nil)
	for i := range public {
		o := &public[i]
		o.headers += "Origin: https://" + crmHost + "\r\n"
		if o.method == http.MethodGet {
			o.query, o.mayQuery, o.wellDone = url.Values{"app": {m.key}, "url": {crmPage}}, nil, http.StatusOK
		}
	}
	for _, o := range slices.Clone(public) {
		if o.method == http.MethodGet {
			o.method, o.wellDone = http.MethodOptions, http.StatusNoContent
			public = append(public, o)
		}
	}
	n.db.Exec(t, `INSERT INTO signet.memberships (tenant_id, member_id, role) SELECT $1, member_id, 'tenant_viewer' FROM signet.members ON CONFLICT DO NOTHING`, m.tenantID)
	member := n.call(t, http.MethodGet, "/session", "").text(t, "id")
	key := n.call(t, http.MethodPost, "/tenants/"+m.tenantID+"/api-keys", `{"name":"夜间同步","scopes":["tenant.read"]}`)
	var made struct{ APIKey struct{ ID string } }
	require.NoError(t, json.Unmarshal(key.body, &made))
	console := documented(t, n.call(t, http.MethodGet, "/openapi.json", "").body, n.server.ConsoleAddr(), "/api/v1",
		map[string]string{"tenantId": m.tenantID, "appId": m.id, "domainId": uuid.NewString(), "secretVersion": "2", "linkId": uuid.NewString(), "memberId": member, "sessionId": uuid.NewString(), "factorId": uuid.NewString(), "invitationId": uuid.NewString(), "keyId": made.APIKey.ID, "host": "bound.example.com"})
	for i := range console {
		o := &console[i]
		o.headers += "Authorization: Bearer " + n.token + "\r\n"
		switch {
		case strings.HasSuffix(o.target(), "/session/wecom/return"):
			o.wellDone = http.StatusSeeOther // whatever came of it
		case o.method == http.MethodGet:
			o.wellDone = http.StatusOK
		case o.method == http.MethodDelete && o.segments[len(o.segments)-1] == "sessions":
			if len(o.segments) == 3 {
				o.wellDone = http.StatusOK // there is no other session to end
				break
			}
			o.segments[len(o.segments)-2] = uuid.NewString() // a member who is not there
		case o.method == http.MethodDelete && strings.HasSuffix(o.target(), "/oidc"):
			o.wellDone = http.StatusNoContent // nothing is bound
		case o.method == http.MethodDelete && slices.Contains(o.segments, "api-keys"):
			o.segments[len(o.segments)-1] = uuid.NewString() // it takes no version
		case o.method == http.MethodPost && o.body == "" && len(o.segments) > 3:
			o.segments[3] = uuid.NewString() // it takes neither a body nor a version: a tenant that is not there
		default:
			o.headers += "If-Match: \"999\"\r\n"
		}
	}
	all := slices.Concat(public, console)
	for _, path := range []string{"livez", "readyz", "metrics"} {
		all = append(all, operation{address: n.server.MetricsAddr(), method: http.MethodGet, segments: []string{path}, wellDone: http.StatusOK})
	}
	return all
}

// The two bytes that no text here has, as they are and written as escapes.
var badBytes = []string{"\x00", "\xff", "%00", "%ff"}

// TestBytesThatNoTextHasOnEveryOperation puts NULs and what is no UTF-8 into
// every place of a request but its body, and floods its header, for each
// operation of all three listeners. The answer is a problem; nothing is stored,
// nothing panics, and the node goes on.
func TestBytesThatNoTextHasOnEveryOperation(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	all := n.operations(t, m)
	require.Len(t, all, 4+3+102+3, "every operation of the three listeners")
	before := n.db.RowCounts(t)

	for _, o := range all {
		form := o.ask(t, o.target(), "")
		if o.wellDone == 0 {
			requireRefusal(t, form, o, "as it is")
		} else {
			require.Equal(t, o.wellDone, form.status, "%s: %s", o, form.body)
		}
		refuse := func(what, target, more string) {
			a := o.ask(t, target, more)
			requireRefusal(t, a, o, what)
		}
		survive := func(what, target, more string) {
			a := o.ask(t, target, more)
			if isPage := o.wellDone == http.StatusSeeOther && a.status == http.StatusOK; a.status != o.wellDone && !isPage {
				requireRefusal(t, a, o, what)
			}
		}
		for _, bad := range badBytes {
			for i := range o.segments {
				spoilt := o
				spoilt.segments = slices.Clone(o.segments)
				spoilt.segments[i] += bad
				if spoilt.segments[i] == "api"+bad { // whatever is not below /api is a page of the console
					survive(fmt.Sprintf("%q instead of the API", bad), spoilt.target(), "")
					continue
				}
				refuse(fmt.Sprintf("%q in part %d of the path", bad, i), spoilt.target(), "")
			}
			survive(fmt.Sprintf("%q in a parameter that nobody knows", bad), o.path()+"?"+joined(o.query.Encode(), "x="+bad), "")
			survive(fmt.Sprintf("%q as a query", bad), o.path()+"?"+joined(o.query.Encode(), bad), "")
			for name := range o.query {
				others := url.Values{}
				for other, values := range o.query {
					if other != name {
						others[other] = values
					}
				}
				spoilt := o.path() + "?" + joined(others.Encode(), name+"="+url.QueryEscape(o.query.Get(name))+bad)
				if o.method == http.MethodOptions { // nobody looks at what will be asked
					survive(fmt.Sprintf("%q in %s", bad, name), spoilt, "")
				} else {
					refuse(fmt.Sprintf("%q in %s", bad, name), spoilt, "")
				}
			}
			for _, name := range o.mayQuery {
				look := refuse
				// The one leads on, and says there what was wrong; to the other it is no app's key.
				if o.wellDone == http.StatusSeeOther || strings.HasSuffix(o.path(), "/session/ways") {
					look = survive
				}
				look(fmt.Sprintf("%q in %s", bad, name), o.path()+"?"+name+"=a"+bad, "")
			}
		}
		for _, name := range []string{"X-Anything", "Accept-Language", "X-Request-Id", "X-Forwarded-For", "Origin", "Cookie", "If-Match", "Authorization"} {
			refuse("a NUL in "+name, o.target(), name+": a\x00b\r\n")
			survive("no UTF-8 in "+name, o.target(), name+": a\xffb\r\n")
		}
		refuse("a NUL in the name of a header", o.target(), "X\x00Y: a\r\n")
		refuse("no UTF-8 in the name of a header", o.target(), "X\xffY: a\r\n")
		for _, lines := range []int{200, 5000} {
			a := o.ask(t, o.target(), strings.Repeat("a: b\r\n", lines))
			require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, a.status, "%s with %d header lines", o, lines)
			requireRefusal(t, a, o, "a flood of header lines")
		}
	}

	require.Equal(t, before, n.db.RowCounts(t), "nothing is stored")
	require.NotContains(t, n.logs.String(), `"panic"`)
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	for _, o := range all {
		if o.wellDone != 0 {
			require.Equal(t, o.wellDone, o.ask(t, o.target(), "").status, o)
		}
	}
}

func joined(query, more string) string { return strings.TrimPrefix(query+"&"+more, "&") }

// requireRefusal holds an answer to be a problem of the caller's own making. On
// the original routes a problem has the original program's form.
func requireRefusal(t *testing.T, a answer, o operation, what string) {
	t.Helper()
	where := fmt.Sprintf("%s with %s: %d %.300s", o, what, a.status, a.body)
	require.GreaterOrEqual(t, a.status, 400, where)
	require.Less(t, a.status, 500, where)
	require.NotContains(t, string(a.body), "\x00", where)
	require.NotContains(t, string(a.body), "\xff", where)
	require.NotEmpty(t, a.header.Get("X-Request-Id"), where)
	require.NotEmpty(t, a.text(t, "code"), where)
	if o.segments[0] != "wxapi" {
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), where)
	}
}

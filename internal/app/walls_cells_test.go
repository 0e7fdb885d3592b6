package app_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// walls is a node with tenants on both sides of every wall.
type walls struct {
	*node
	client                  *http.Client
	people                  *people
	own, foreign, destroyed world
	tally                   tally
	worlds                  int
	brief                   bool // accounts, which are behind no tenant's wall, are gone through in few roles
	routes                  map[string]route
	roles                   []core.Role
	keys                    map[core.Role]string
}

// tally is what came of the cells of the matrix.
type tally struct {
	routes, cells, denied int
	holes                 []string // cells that were not as they must be
}

func (w *walls) hole(format string, args ...any) {
	w.tally.holes = append(w.tally.holes, fmt.Sprintf(format, args...))
}

// newWalls makes three tenants on a node that runs: one of the roles', another's, and
// one that was destroyed.
func newWalls(t *testing.T, n *node) *walls {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	w := &walls{node: n, client: &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}, people: newPeople(t, n), routes: ofHead(consoleRoutes), roles: wallRoles()}
	w.own, w.foreign, w.destroyed = newWorld(t, n, "0001", 2), newWorld(t, n, "0002", 3), newWorld(t, n, "0003", 4)
	w.worlds = 3
	w.people.join(t, n, w.own)
	w.show(w.own)
	w.destroyed.destroy(t, n)
	return w
}

// show lets the keys of a world ask.
func (w *walls) show(of world) {
	w.keys = maps.Clone(of.keys)
	w.keys[foreignKey] = w.foreign.keys[fullKey]
}

// mine gives the ids of a person of the role, another's where it is none.
func (w *walls) mine(role core.Role) person {
	if who, ok := w.people.of[role]; ok {
		return who
	}
	return w.people.of[core.TenantAdmin]
}

// theirs gives the ids that are not the role's.
func (w *walls) theirs(role core.Role) ids {
	other := core.TenantOwner
	if role == other {
		other = core.PlatformOwner
	}
	return w.people.of[other].own.over(w.foreign.own)
}

// reply is all that a caller sees of an answer but for the time of day: the request's
// id is the same in all.
type reply struct {
	status int
	text   string
	body   string
}

// code is that of a problem, "" for what is none.
func (r reply) code() string {
	_, rest, _ := strings.Cut(r.body, `"code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	return code
}

// ask sends a request in a role.
func (w *walls) ask(t *testing.T, address string, role core.Role, r request, headers ...string) reply {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+address, strings.NewReader(r.body))
	require.NoError(t, err)
	out.URL = &url.URL{Scheme: "http", Host: address, Opaque: r.target}
	headers = append(slices.Clone(r.headers), headers...)
	for i := 0; i+1 < len(headers); i += 2 {
		out.Header.Set(headers[i], headers[i+1])
	}
	token := w.people.tokens[role]
	if isKey(role) {
		token = w.keys[role]
	}
	if token != "" {
		out.Header.Set("Authorization", "Bearer "+token)
	}
	out.Header.Set("X-Request-Id", "a-cell-of-the-matrix")
	out.Header.Set("Accept-Language", "en")
	in, err := w.client.Do(out)
	require.NoError(t, err, "%s %s", r.method, r.target)
	defer func() { _ = in.Body.Close() }()
	content, err := io.ReadAll(in.Body)
	require.NoError(t, err)
	in.Header.Del("Date")
	var b strings.Builder
	fmt.Fprintln(&b, in.Status)
	for _, name := range slices.Sorted(maps.Keys(in.Header)) {
		fmt.Fprintln(&b, name, in.Header[name])
	}
	b.Write(content)
	return reply{in.StatusCode, b.String(), string(content)}
}

// unlike tells the first line in which two answers differ.
func (r reply) unlike(other reply) string {
	ours, theirs := strings.Split(r.text, "\n"), strings.Split(other.text, "\n")
	for i := range min(len(ours), len(theirs)) {
		if ours[i] != theirs[i] {
			return fmt.Sprintf("%d %s: %.300s, and not %.300s", r.status, r.code(), ours[i], theirs[i])
		}
	}
	return "one has more lines"
}

// without takes a caller's own words out of what they were told.
func (r reply) without(word string) string {
	text := strings.ReplaceAll(r.text, "no version "+word+" of", "no version ? of")
	if len(word) > 8 {
		text = strings.ReplaceAll(text, word, "(the caller's own words)")
	}
	return text
}

// cell is one request that must be denied.
type cell struct {
	what  string
	ids   ids
	named string // the id that is not the caller's
}

// unknownCode is what an id is answered with that nobody has.
var unknownCode = map[string]fault.Code{
	"tenantId": fault.TenantUnknown, "appId": fault.AppUnknown, "domainId": fault.DomainUnknown, "linkId": fault.IntakeUnknown,
	"secretVersion": fault.SecretUnknown, "host": fault.LegacyHostUnknown, "token": fault.IntakeUnknown,
	"memberId": fault.MemberUnknown, "operatorId": fault.MemberUnknown, "personId": fault.MemberUnknown, "keyId": fault.APIKeyUnknown,
	"invitationId": fault.InvitationUnknown, "operatorLinkId": fault.InvitationUnknown, "inviteToken": fault.InvitationUnknown, "resetToken": fault.ResetUnknown,
	"sessionId": fault.SessionUnknown, "factorId": fault.FactorUnknown,
}

// deny tries every id that is not the caller's at a place of a route: each is answered
// as an id is that nobody has.
func (w *walls) deny(t *testing.T, name string, r route, role core.Role, place string) {
	t.Helper()
	nobody := stranger()
	if place == "host" && strings.HasPrefix(name, "PUT ") {
		return // it names what is to be bound, and whoever may binds any
	}
	base, others, foreign := w.mine(role).own.over(w.own.own), []cell{}, w.theirs(role)
	add := func(what string, i ids) {
		if i[place] != "" {
			others = append(others, cell{what, i, i[place]})
		}
	}
	if strings.HasSuffix(strings.ToLower(place), "token") { // whoever has a link may use it, and is told what became of it
		if place != "resetToken" { // which is a person's, wherever they belong
			add("of a tenant that was destroyed", base.with(place, w.destroyed.own[place]))
		}
		w.compare(t, name, r, role, place, "", nil, base.with(place, nobody[place]), others)
		return
	}
	everywhere := role.OfPlatform() || slices.Contains(ofPlatform, place) // all tenants are its own
	if place == "tenantId" {
		if !everywhere {
			add("foreign, all else own", base.with(place, w.foreign.own[place]))
			add("foreign, with all else", w.foreign.own)
		}
		add("of a tenant that was destroyed, with all else", w.destroyed.own)
	} else {
		if place != "host" && !slices.Contains(ofPlatform, place) || !everywhere {
			add("foreign", base.with(place, foreign[place]))
		}
		if place == "appId" && len(r.more) == 0 {
			add("foreign, with all else but the tenant", w.foreign.own.with("tenantId", base["tenantId"]))
			add("deleted, with all else", w.own.gone.over(base))
		}
		for what, of := range map[string]ids{"deleted": w.mine(role).gone.over(w.own.gone), "deleted, of another tenant": w.foreign.gone} {
			if of[place] != "" {
				add(what, base.with(place, of[place]))
			}
		}
	}
	if !slices.Contains(ofPlatform, place) { // the people of the platform outlive tenants
		add("of a tenant that was destroyed", base.with(place, w.destroyed.own[place]))
	}
	few := len(others) // with which each form is tried, and with the first the ids of other kinds too
	for _, kind := range []string{"tenantId", "appId", "domainId", "linkId", "memberId", "operatorId", "invitationId", "operatorLinkId", "keyId"} {
		if !r.counted && kind != place && place != "secretVersion" && place != "host" && !(place == "personId" && (kind == "memberId" || kind == "operatorId")) {
			add("own "+kind, base.with(place, w.own.own[kind]))
		}
	}
	forms := []string{""}
	if r.match {
		forms = []string{"*", "", `"1"`, `"1", "2"`}
	}
	for _, query := range r.queries() {
		for _, form := range forms {
			headers := []string{}
			if form != "" {
				headers = []string{"If-Match", form}
			}
			reference := base.with(place, nobody[place])
			w.compare(t, name, r, role, place, query, headers, reference, others)
			others = others[:few]
		}
	}
}

// compare holds the answers to some ids to the answer to an id that nobody has, with the
// number of statements that each has cost.
func (w *walls) compare(t *testing.T, name string, r route, role core.Role, place, query string, headers []string, reference ids, others []cell) {
	t.Helper()
	ask := func(i ids) (reply, int64) {
		before := w.server.ConsoleStatements()
		a := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, i, w.own, query), headers...)
		return a, w.server.ConsoleStatements() - before
	}
	due, cost := ask(reference)
	w.tally.cells++
	where := fmt.Sprintf("%s ?%s %v as %q, %s", name, query, headers, role, place)
	if want := w.dueCode(name, r, role, place, headers); due.status < 400 || want != "" && !strings.HasPrefix(name, "HEAD") && due.code() != string(want) {
		w.hole("%s random: %d %s, not %s", where, due.status, due.code(), want)
		return
	}
	w.tally.denied++
	for _, c := range others {
		w.tally.cells++
		got, statements := ask(c.ids)
		if got.without(c.named) != due.without(reference[place]) {
			w.hole("%s %s: told from one that nobody has: %s", where, c.what, got.unlike(due))
			continue
		}
		for tries := 0; statements != cost && tries < 5; tries++ { // the node's own chores ask too, now and then
			_, cost = ask(reference)
			_, statements = ask(c.ids)
		}
		if statements != cost {
			w.hole("%s %s: %d statements, and %d for one that nobody has", where, c.what, statements, cost)
			continue
		}
		w.tally.denied++
	}
}

// dueCode is the code that an id has to be answered with that nobody has.
func (w *walls) dueCode(name string, r route, role core.Role, place string, headers []string) fault.Code {
	inTenant := strings.Contains(name, ":tenantId")
	switch {
	case r.members != "" && role == revokedKey:
		return fault.SessionRequired // who brings a token must bring a good one
	case r.needs == nobodys:
		return unknownCode[place]
	case isStranger(role):
		return fault.SessionRequired
	case r.needs == belongs && isKey(role):
		return fault.PermissionDenied
	case r.match && strings.HasPrefix(name, "PATCH") && len(headers) == 0:
		return fault.IfMatchMissing
	case inTenant && !role.OfPlatform() && (place == "tenantId" || isElsewhere(role)):
		return fault.TenantUnknown
	case r.told != "" && place == "tenantId":
		return fault.TenantUnknown
	case !r.allows(role) && r.looks(role) && strings.Contains(strings.Join(headers, ""), ","):
		return unknownCode[place] // of several versions the current one is looked up first
	case !r.allows(role):
		return fault.PermissionDenied
	}
	if place == "tenantId" && r.inside != "" && !strings.Contains(strings.Join(headers, ""), ",") {
		return r.inside
	}
	return unknownCode[place]
}

// isElsewhere tells who is nothing to the tenant.
func isElsewhere(role core.Role) bool { return role == "" || role == foreignKey }

// ofPlatform are the ids of the platform's own people, which are no tenant's.
var ofPlatform = []string{"operatorId", "personId", "operatorLinkId"}

// misspelt are spellings of an id that is somebody's, by which a server that is
// lenient would find it.
func misspelt(id string) []string {
	return []string{strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), id + " ", "raw:%20" + id, "raw:" + id + "%00"}
}

// malformed are texts that are no id, made of one that is somebody's and of another.
func malformed(place, id, other string) []string {
	switch place {
	case "secretVersion":
		return []string{"0", "-1", "+" + id, "0" + id, id + ".0", id + " ", "1e0", "2147483648", "99999999999999999999", "٣", "raw:", "raw:..", "raw:%00", "raw:" + id + "%00", "raw:" + id + "%2f..", "a"}
	case "host":
		return []string{"raw:", "raw:..", "raw:%00", "127.0.0.1", "localhost", "com", "raw:%2e%2e%2f" + id, strings.Repeat("a.", 200) + "example.com", "'"}
	case "token", "inviteToken", "resetToken":
		return []string{"", id + "A", id[1:], strings.Repeat("A", 86), strings.Repeat("A", 5000), id[:43] + other[43:], other[:22] + id[22:], id + "=", " " + id, "\u0000"}
	}
	return append(misspelt(id),
		id+"\t", id[:35], id+"0", "0", "-1", "1e3", "null", "undefined", "*", "%", "me",
		"' OR '1'='1", id+"'--", id+","+other, other+","+id, strings.Repeat("a", 3000), "٣"+id[1:], "raw:", "raw:..", "raw:.", "raw:%2e%2e", "raw:%00", "raw:"+id+"%00",
		"raw:"+id+"%2f", "raw:"+id+"/../"+other, "raw:"+id+";"+other, "raw:"+id+"%252e", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
}

// misspell tries malformed ids of the caller's own and of another's at a place. What
// still leads to the route is answered as an id is that nobody has; all is refused.
func (w *walls) misspell(t *testing.T, name string, r route, role core.Role, place string) {
	t.Helper()
	if place == "host" && strings.HasPrefix(name, "PUT ") || r.counted {
		return
	}
	nobody, query := stranger(), r.queries()[0]
	var headers []string
	if r.match {
		headers = []string{"If-Match", "*"}
	}
	own, foreign := w.mine(role).own.over(w.own.own), w.theirs(role)
	reference := own.with(place, nobody[place])
	due := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, reference, w.own, query), headers...)
	spellings := malformed(place, own[place], foreign[place])
	if strings.HasSuffix(place, "Id") {
		spellings = append(spellings, misspelt(foreign[place])...)
	}
	for _, spelling := range spellings {
		w.tally.cells++
		got := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, own.with(place, spelling), w.own, query), headers...)
		refused := got.status >= 400 && got.status < 500
		same := strings.HasPrefix(spelling, "raw:") || got.without(spelling) == due.without(reference[place]) || got.code() == string(fault.RequestInvalid) ||
			strings.Contains(got.text, "no version ? of")
		if !refused || !same {
			w.hole("%s as %q, %s spelt %.60q: %s", name, role, place, spelling, got.unlike(due))
			continue
		}
		w.tally.denied++
	}
}

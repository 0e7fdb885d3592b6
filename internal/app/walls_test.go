package app_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// TestEveryRouteHasARowInTheWalls holds the rows to the apps that run: a route without
// a row is one that nobody has thought about.
func TestEveryRouteHasARowInTheWalls(t *testing.T) {
	t.Parallel()
	public, console := startNode(t, wecomtest.Config{}).server.Routes()
	slices.Sort(public)
	slices.Sort(console)
	require.Equal(t, slices.Sorted(maps.Keys(publicRoutes)), public)
	require.Equal(t, slices.Sorted(maps.Keys(ofHead(consoleRoutes))), console)
	t.Logf("rows: %d, routes: %d", len(publicRoutes)+len(ofHead(consoleRoutes)), len(public)+len(console))
}

// run goes through the whole matrix of the console's routes: first what must be denied,
// after which the database is what it was, then what must be done. Malformed ids, which
// come as far as no wall, are tried in the roles that are named.
func (w *walls) run(t *testing.T, misspelling ...core.Role) tally {
	t.Helper()
	w.denyAll(t, misspelling)
	for _, name := range w.inOrder() {
		w.people.renew(t, w.node)
		for _, role := range w.roles {
			w.admit(t, name, w.routes[name], role)
		}
	}
	return w.tally
}

func (w *walls) denyAll(t *testing.T, misspelling []core.Role) {
	t.Helper()
	for _, name := range w.inOrder() {
		r := w.routes[name]
		w.tally.routes++
		w.people.renew(t, w.node)
		var moving []string
		if r.counted {
			moving = []string{"signet.tries"}
		}
		before, calls := w.db.Contents(t, moving...), len(w.weCom.Calls())
		for _, role := range w.roles {
			if role == foreignKey || role == pagesKey || strings.HasPrefix(name, "HEAD ") && role.OfPlatform() {
				continue // HEAD is GET; what is foreign to the others is its own, and the other may ask for nothing
			}
			for _, place := range r.places(name) {
				w.deny(t, name, r, role, place)
				if !strings.HasPrefix(name, "HEAD ") && slices.Contains(misspelling, role) {
					w.misspell(t, name, r, role, place)
				}
			}
		}
		if after := w.db.Contents(t, moving...); after != before {
			w.hole("%s: what must be denied has changed something:\n%s\n%s", name, before, after)
		}
		if len(w.weCom.Calls()) != calls {
			w.hole("%s: what must be denied has called WeCom", name)
		}
	}
}

// inOrder lists the routes, those first that end nothing.
func (w *walls) inOrder() []string {
	methods := []string{"GET", "HEAD", "PATCH", "PUT", "POST", "DELETE"}
	return slices.SortedFunc(maps.Keys(w.routes), func(a, b string) int {
		ofA, _, _ := strings.Cut(a, " ")
		ofB, _, _ := strings.Cut(b, " ")
		return cmp.Or(cmp.Compare(slices.Index(methods, ofA), slices.Index(methods, ofB)), cmp.Compare(a, b))
	})
}

// admit tries a route on the caller's own ids: who may is answered well, who may not is
// told so, and nobody hears of another tenant.
func (w *walls) admit(t *testing.T, name string, r route, role core.Role) {
	t.Helper()
	if w.brief && r.mine && !slices.Contains([]core.Role{core.TenantOwner, noSession, fullKey}, role) {
		return
	}
	own := w.own
	if r.write && r.allows(role) && !r.mine {
		w.worlds++
		own = newWorld(t, w.node, fmt.Sprintf("%04d", w.worlds), 2)
		w.people.join(t, w.node, own)
		w.show(own)
		defer w.show(w.own)
	}
	who := w.mine(role)
	if r.mine && r.allows(role) {
		who = w.people.newPerson(t, w.node, role)
		w.people.enter(t, w.node, own, role, who)
		if token, ok := w.people.tokens[role]; ok {
			w.people.tokens[role] = who.token
			defer func() { w.people.tokens[role] = token }()
		}
	}
	if r.with != nil {
		own.cookie, own.step = newCookie(t, w.node), newStep(t, w.node)
	}
	i := who.own.over(own.own)
	if r.ready != nil && r.allows(role) {
		r.ready(t, w.node, who, i)
	}
	if strings.HasSuffix(name, "/destroy") {
		i = i.with("secretVersion", "2") // a retired one
	}
	if strings.HasPrefix(name, "PUT /api/v1/legacy-hosts") {
		i = i.with("host", "new."+own.host)
	}
	var headers []string
	if r.match {
		headers = []string{"If-Match", "*"}
	}
	a := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, i, own, r.queries()[0]), headers...)
	w.tally.cells++
	inTenant := strings.Contains(name, ":tenantId")
	_, member := w.people.of[role]
	want, code := r.done, r.code
	switch {
	case r.members != "" && member:
		want, code = 409, r.members
	case r.members != "" && role == revokedKey:
		want, code = 401, fault.SessionRequired
	case r.needs == nobodys:
	case isStranger(role):
		want, code = 401, fault.SessionRequired
	case r.needs == belongs && isKey(role):
		want, code = 403, fault.PermissionDenied
	case inTenant && isElsewhere(role):
		want, code = 404, fault.TenantUnknown
	case !r.allows(role) && r.told != "":
		want, code = 404, r.told
	case !r.allows(role):
		want, code = 403, fault.PermissionDenied
	}
	if a.status != want || a.code() != string(code) && !strings.HasPrefix(name, "HEAD ") {
		w.hole("%s as %q on their own: %d, not %d\n%s", name, role, a.status, want, a.text)
		return
	}
	if inTenant || !role.OfPlatform() && r.needs != nobodys {
		other := w.foreign
		if role == foreignKey {
			other = w.own
		}
		if marks := other.marksIn(a.text); len(marks) > 0 {
			w.hole("%s as %q on their own tells of another tenant: %s\n%s", name, role, marks, a.text)
			return
		}
	}
	w.tally.denied += boolToInt(want >= 400)
	w.tally.cells -= boolToInt(want < 400)
}

func boolToInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// requireClosed fails where a cell is not as it must be.
func (got tally) requireClosed(t *testing.T) {
	t.Helper()
	t.Logf("routes: %d, cells: %d, denied: %d", got.routes, got.cells, got.denied)
	const shown = 4000
	for i, hole := range got.holes {
		if i == shown {
			t.Logf("and %d more", len(got.holes)-i)
			break
		}
		t.Errorf("%s", hole)
	}
	require.Equal(t, got.cells, got.denied)
	require.Equal(t, len(ofHead(consoleRoutes)), got.routes)
}

// TestWalls goes through the matrix with both walls, and with each by itself. make test
// runs it without the race detector: for races, what runs beside it does.
func TestWalls(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		newWalls(t, startNode(t, wecomtest.Config{})).run(t, core.PlatformOwner, core.TenantOwner, core.TenantViewer, noSession, fullKey).requireClosed(t)
	})
	t.Run("row security alone", func(t *testing.T) {
		t.Parallel()
		newBriefWalls(t, startBehind(t, storetest.WithoutTenant)).run(t, core.TenantOwner).requireClosed(t)
	})
	t.Run("the statements alone", func(t *testing.T) {
		t.Parallel()
		n := startNode(t, wecomtest.Config{})
		takeDownRowSecurity(t, n.db, "%")
		newBriefWalls(t, n).run(t, core.TenantOwner).requireClosed(t)
	})
}

// skipUnderRace leaves a test of tens of thousands of requests to the run without the
// race detector.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("make test runs it once more, without the race detector")
	}
}

// newBriefWalls are walls of which one has been taken down: that of the table of roles
// stands as it did, so few roles go through.
func newBriefWalls(t *testing.T, n *node) *walls {
	t.Helper()
	w := newWalls(t, n)
	w.brief, w.roles = true, []core.Role{core.PlatformOwner, core.TenantOwner, core.TenantViewer, "", noSession, fullKey, foreignKey}
	return w
}

// TestWallsAreSeenToFall takes from under each wall's test that very wall: of all
// tables, or of one.
func TestWallsAreSeenToFall(t *testing.T) {
	t.Parallel()
	ofApps := func(statement string) string {
		if strings.Contains(statement, "signet.apps\n") {
			return storetest.WithoutTenant(statement)
		}
		return statement
	}
	for name, c := range map[string]struct {
		rewrite func(string) string
		tables  string
	}{
		"row security alone, without it":                    {storetest.WithoutTenant, "%"},
		"row security alone, without it on one table":       {storetest.WithoutTenant, "apps"},
		"the statements alone, without theirs of one table": {ofApps, "%"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalls(t, startBehind(t, c.rewrite))
			takeDownRowSecurity(t, w.db, c.tables)
			w.roles = []core.Role{core.TenantOwner}
			maps.DeleteFunc(w.routes, func(name string, _ route) bool { return !strings.Contains(name, ofApp) })
			w.denyAll(t, nil)
			got := w.tally
			t.Logf("cells: %d, denied: %d, holes: %d, such as %.200q", got.cells, got.denied, len(got.holes), got.holes)
			require.NotEmpty(t, got.holes)
			require.Less(t, got.denied, got.cells)
			if c.tables == "%" && strings.HasPrefix(name, "row") {
				return // nothing is found any more: each tenant is one of several
			}
			told := func(route, what string) bool {
				return slices.ContainsFunc(got.holes, func(hole string) bool { return strings.HasPrefix(hole, route) && strings.Contains(hole, what) })
			}
			require.True(t, told("GET "+ofApp+" ", "foreign: told from one that nobody has"), "another tenant's app can be read")
			require.True(t, told("PATCH "+ofApp+":", "has changed something"), "another tenant's app can be changed")
		})
	}
}

// startBehind starts a node whose statements for tenants are rewritten on their way.
func startBehind(t *testing.T, rewrite func(string) string) *node {
	t.Helper()
	n := newNode(t, wecomtest.Config{})
	wire := storetest.NewWire(t, n.db.TenantURL, rewrite)
	n.cfg.DatabaseURL = core.NewSecret(wire.URL(n.db.TenantURL))
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	return n
}

// takeDownRowSecurity takes it from the tables whose names are like a pattern.
func takeDownRowSecurity(t *testing.T, db storetest.DB, like string) {
	t.Helper()
	tables := db.List(t, `SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity AND relname LIKE $1`, like)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		db.Exec(t, `ALTER TABLE `+table+` DISABLE ROW LEVEL SECURITY`)
	}
}

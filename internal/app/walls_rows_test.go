package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
)

// Who may ask for a route, besides those who hold a permission.
const (
	signedIn core.Permission = "(whoever is signed in)"
	anybodys core.Permission = "(whoever is signed in, and API keys)"
	nobodys  core.Permission = "(nobody has to be signed in)"
	belongs  core.Permission = "(who has a role in the tenant)"
)

// route is the row of one route of the running node in the matrix of the walls.
type route struct {
	needs core.Permission             // which the table of roles gives to some
	in    string                      // the place of the ids that are not in its path: "body" or "query"
	more  []string                    // those ids
	query []string                    // forms of the query, each tried; the first is the one that succeeds
	body  func(ids, world) string     // JSON; nil: none
	match bool                        // it takes If-Match
	done  int                         // how it answers who may, on their own ids
	write bool                        // it changes something when it succeeds
	with  func(world) (more []string) // headers that it needs besides

	as      map[string]string // which of the ids stands in a part of the path that goes by another name
	code    fault.Code        // how it is refused to everybody
	lookup  core.Permission   // to look at what If-Match speaks of, where it is not core.TenantRead
	mine    bool              // it changes what is the asking person's own
	ready   prepare           // what must be done before, by the asking person
	counted bool              // tries of it are counted by the member, so that few are made
	inside  fault.Code        // what is said of another's tenant to who works in all: what it holds is not looked for there
	timed   bool              // it says what time it is
	members fault.Code        // how it is refused to members, though it asks for nobody
	told    fault.Code        // by whom it is not let in, "": permission.denied
}

// ids are what is named in a request: of the path by the name that it has there.
type ids map[string]string

func (i ids) with(name, value string) ids {
	changed := maps.Clone(i)
	changed[name] = value
	return changed
}

// over gives these ids, and those of others where there are none.
func (i ids) over(others ids) ids {
	all := maps.Clone(others)
	maps.Copy(all, i)
	return all
}

func body(format string, names ...string) func(ids, world) string {
	return func(i ids, _ world) string {
		values := make([]any, len(names))
		for n, name := range names {
			values[n] = i[name]
		}
		return fmt.Sprintf(format, values...)
	}
}

func newSecret(_ ids, w world) string { return fmt.Sprintf(`{"secret":%q}`, w.next) }

func inAnHour(ids, world) string {
	return fmt.Sprintf(`{"activateAt":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

const (
	ofTenant = "/api/v1/tenants/:tenantId"
	ofApp    = ofTenant + "/apps/:appId"
	ofSecret = ofApp + "/secrets/:secretVersion"
)

// consoleRoutes are the rows of both files.
var consoleRoutes = func() map[string]route {
	all := maps.Clone(peopleRoutes)
	maps.Copy(all, tenantRoutes)
	return all
}()

// tenantRoutes, with peopleRoutes, has a row for every route of the console listener but those for HEAD,
// which are the rows of GET.
var tenantRoutes = map[string]route{
	"POST /api/v1/session": {needs: nobodys, done: 200, write: true, body: func(ids, world) string {
		return fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, ownerPassword)
	}},
	"GET /api/v1/session":          {needs: signedIn, done: 200},
	"DELETE /api/v1/session":       {needs: nobodys, done: 204, write: true, with: fromOurPage},
	"POST /api/v1/session/refresh": {needs: nobodys, done: 200, write: true, with: fromOurPage},
	"GET /api/v1/openapi.json":     {needs: nobodys, done: 200},

	"GET /api/v1/tenants": {needs: anybodys, done: 200, query: []string{"", "status=active"}},
	"POST /api/v1/tenants": {needs: core.TenantsCreate, done: 201, write: true, body: func(_ ids, w world) string {
		return fmt.Sprintf(`{"name":"新企业","corpId":"wwnew%s"}`, strings.ReplaceAll(w.number, "-", ""))
	}},
	"GET " + ofTenant:    {needs: core.TenantRead, done: 200},
	"PATCH " + ofTenant:  {needs: core.TenantUpdate, done: 200, write: true, match: true, body: body(`{"name":"改了名的企业"}`)},
	"DELETE " + ofTenant: {needs: core.TenantDelete, done: 204, write: true, match: true, query: []string{"", "now=true"}},

	"GET " + ofTenant + "/apps": {needs: core.TenantRead, done: 200},
	"POST " + ofTenant + "/apps": {needs: core.AppsWrite, done: 201, write: true, query: []string{"", "check=skip", "secret=later"}, body: func(_ ids, w world) string {
		return fmt.Sprintf(`{"name":"新应用","agentId":%q,"secret":%q}`, freshAgent, w.fresh)
	}},
	"GET " + ofApp:    {needs: core.TenantRead, done: 200},
	"PATCH " + ofApp:  {needs: core.AppsWrite, done: 200, write: true, match: true, body: body(`{"name":"改了名的应用","strict":true}`)},
	"DELETE " + ofApp: {needs: core.AppsDelete, done: 204, write: true, match: true},

	"GET " + ofApp + "/secrets":        {needs: core.TenantRead, done: 200},
	"POST " + ofApp + "/secrets":       {needs: core.SecretsWrite, done: 201, write: true, query: []string{"", "check=skip"}, body: newSecret},
	"POST " + ofSecret + "/try":        {needs: core.SecretsWrite, done: 200, write: true},
	"POST " + ofSecret + "/activate":   {needs: core.SecretsWrite, done: 200, write: true, query: []string{"", "check=skip"}},
	"POST " + ofSecret + "/retire":     {needs: core.SecretsWrite, done: 200, write: true},
	"POST " + ofSecret + "/destroy":    {needs: core.SecretsWrite, done: 200, write: true},
	"PUT " + ofSecret + "/schedule":    {needs: core.SecretsWrite, done: 200, write: true, body: inAnHour},
	"DELETE " + ofSecret + "/schedule": {needs: core.SecretsWrite, done: 200, write: true},

	"GET " + ofApp + "/intake-links":            {needs: core.TenantRead, done: 200},
	"POST " + ofApp + "/intake-links":           {needs: core.SecretsWrite, done: 201, write: true},
	"DELETE " + ofApp + "/intake-links/:linkId": {needs: core.SecretsWrite, done: 204, write: true},
	"POST /api/v1/intake":                       {needs: nobodys, done: 200, in: "body", more: []string{"token"}, body: body(`{"token":%q}`, "token")},
	"POST /api/v1/intake/secret": {needs: nobodys, done: 201, write: true, in: "body", more: []string{"token"}, body: func(i ids, w world) string {
		return fmt.Sprintf(`{"token":%q,"secret":%q}`, i["token"], w.next)
	}},

	"GET " + ofApp + "/domains":              {needs: core.TenantRead, done: 200},
	"POST " + ofApp + "/domains":             {needs: core.DomainsWrite, done: 201, write: true, body: body(`{"host":"new.example.com"}`)},
	"DELETE " + ofApp + "/domains/:domainId": {needs: core.DomainsWrite, done: 204, write: true},

	"POST /api/v1/session/wecom":                      {needs: nobodys, done: 200, write: true, body: ownApp},
	"GET /api/v1/session/wecom/return":                {needs: nobodys, done: 303, query: []string{"", "state=a&code=b"}},
	"POST /api/v1/session/wecom/second-factor":        {needs: nobodys, done: 200, write: true, with: afterWeCom},
	"GET /api/v1/account/wecom":                       {needs: signedIn, done: 200},
	"POST /api/v1/account/wecom":                      {needs: belongs, done: 200, write: true, told: fault.AppUnknown, body: ownApp},
	"DELETE /api/v1/account/wecom/:tenantId":          {needs: belongs, done: 204, write: true, told: fault.TenantUnknown},
	"DELETE " + ofTenant + "/members/:memberId/wecom": {needs: core.MembersWrite, done: 204, write: true},

	"GET " + ofTenant + "/audit":            {needs: core.AuditRead, done: 200},
	"GET " + ofTenant + "/audit/export":     {needs: core.AuditRead, done: 200, query: []string{"", "format=csv"}},
	"GET " + ofTenant + "/audit/checkpoint": {needs: core.AuditRead, done: 200, timed: true},
	"GET /api/v1/audit":                     {needs: core.PlatformAudit, done: 200},
	"GET /api/v1/audit/export":              {needs: core.PlatformAudit, done: 200, query: []string{"", "format=csv"}},

	"GET " + ofTenant + "/budget":         {needs: core.TenantRead, done: 200},
	"GET " + ofTenant + "/key":            {needs: core.TenantRead, done: 200},
	"POST " + ofTenant + "/key/rotations": {needs: core.KeysRotate, done: 202, write: true},

	"GET /api/v1/legacy-hosts": {needs: core.LegacyHosts, done: 200},
	"PUT /api/v1/legacy-hosts/:host": {needs: core.LegacyHosts, done: 200, write: true, in: "body", more: []string{"tenantId", "appId"},
		body: body(`{"tenantId":%q,"appId":%q}`, "tenantId", "appId")},
	"DELETE /api/v1/legacy-hosts/:host":  {needs: core.LegacyHosts, done: 204, write: true},
	"GET /api/v1/platform/refused-calls": {needs: core.CallsRead, done: 200},
	"GET /api/v1/platform/troubles":      {needs: core.CallsRead, done: 200},
	"GET /api/v1/platform/secrets-due":   {needs: core.SecretsDue, done: 200},
}

// publicRoutes has a row for every route of the public listener. An app's key is public,
// so that another tenant's is nobody's secret: what is denied there is a page that the
// named app does not trust, and a key that is not there (any more).
var publicRoutes = map[string]route{
	"GET /v1/signatures":     {done: 200, in: "query", more: []string{"app"}},
	"POST /v1/signatures":    {done: 200, in: "body", more: []string{"app"}},
	"GET /wxapi/wxQyAuth":    {done: 200, in: "query", more: []string{"app"}},
	"GET /wxapi/wxAppAuth":   {done: 200, in: "query", more: []string{"app"}},
	"OPTIONS /v1/signatures": {done: 204}, "OPTIONS /wxapi/wxQyAuth": {done: 204}, "OPTIONS /wxapi/wxAppAuth": {done: 204},
}

// fromOurPage is what the console's own pages send to the routes of the cookie.
func fromOurPage(w world) []string {
	return []string{"Cookie", "__Host-signet_refresh=" + w.cookie, "Sec-Fetch-Site", "same-origin"}
}

// fromConsole is what the console's own pages send to a route of a cookie that they do not
// have.
func fromConsole(world) []string { return []string{"Sec-Fetch-Site", "same-origin"} }

// ownApp names the app that the people of a world sign in through. Its key is public.
func ownApp(_ ids, w world) string { return fmt.Sprintf(`{"app":%q}`, w.key) }

// afterWeCom is what the console's own pages send where a second factor is asked for.
func afterWeCom(w world) []string {
	return []string{"Cookie", "__Host-signet_wecom=" + w.step, "Sec-Fetch-Site", "same-origin"}
}

var namedParts = regexp.MustCompile(`:(\w+)`)

// places lists the names of the ids of a route, those of the path first.
func (r route) places(name string) (list []string) {
	for _, found := range namedParts.FindAllStringSubmatch(name, -1) {
		list = append(list, r.named(found[1]))
	}
	return append(list, r.more...)
}

// allows tells whether a role may ask for the route about its own tenant.
func (r route) allows(role core.Role) bool {
	switch {
	case r.needs == nobodys:
		return true
	case isStranger(role):
		return false
	case r.needs == anybodys:
		return true
	case r.needs == signedIn:
		return !isKey(role)
	case r.needs == belongs:
		return role.Valid() && !role.OfPlatform()
	}
	return holds(role, r.needs)
}

// named gives the id that stands in a part of the path.
func (r route) named(part string) string {
	if other := r.as[part]; other != "" {
		return other
	}
	return part
}

// looks tells whether a role may look at what If-Match speaks of.
func (r route) looks(role core.Role) bool {
	if r.lookup != "" {
		return holds(role, r.lookup)
	}
	return holds(role, core.TenantRead)
}

// request is a request as it goes out, byte for byte.
type request struct {
	method, target, body string
	headers              []string
}

func (r route) request(name string, i ids, w world, query string) request {
	method, path, _ := strings.Cut(name, " ")
	path = namedParts.ReplaceAllStringFunc(path, func(part string) string { return escaped(i[r.named(part[1:])]) })
	if query != "" {
		path += "?" + query
	}
	made := request{method: method, target: path}
	if r.body != nil && method != http.MethodHead {
		made.body, made.headers = r.body(i, w), []string{"Content-Type", "application/json"}
	}
	if r.with != nil {
		made.headers = append(made.headers, r.with(w)...)
	}
	return made
}

// escaped writes an id into a path. What begins with "raw:" is written as it is.
func escaped(id string) string {
	if raw, ok := strings.CutPrefix(id, "raw:"); ok {
		return raw
	}
	return url.PathEscape(id)
}

// ofHead gives the rows for HEAD that fiber makes of those for GET.
func ofHead(rows map[string]route) map[string]route {
	all := map[string]route{}
	for name, r := range rows {
		all[name] = r
		if path, ok := strings.CutPrefix(name, "GET "); ok {
			all["HEAD "+path] = r
		}
	}
	return all
}

// queries gives the forms of a row's query, at least the empty one.
func (r route) queries() []string { return slices.Concat(r.query, []string{""})[:max(1, len(r.query))] }

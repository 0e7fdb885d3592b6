package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// columnNames lists the names of all columns of all tables, as SQL writes them and as
// JSON would, with some that other programs have been caught with.
func columnNames(t *testing.T, db storetest.DB) []string {
	t.Helper()
	columns := db.List(t, `SELECT DISTINCT column_name::text FROM information_schema.columns WHERE table_schema IN ('signet', 'signet_keys') ORDER BY 1`)
	require.Greater(t, len(columns), 80)
	names := map[string]bool{
		"__proto__": true, "constructor": true, "prototype": true, "role": true, "isPlatformAdmin": true, "is_admin": true, "tenant": true, "tenants": true, "actor": true,
		"grants": true, "permissions": true, "scopes": true, "platformRole": true, "id": true, "_method": true, "": true, " name": true, "name\u0000": true,
	}
	for _, column := range columns {
		camel := ""
		for i, part := range strings.Split(column, "_") {
			if i > 0 && part != "" {
				part = strings.ToUpper(part[:1]) + part[1:]
			}
			camel += part
		}
		names[column], names[camel], names[strings.ToUpper(column)] = true, true, true
	}
	return slices.Sorted(maps.Keys(names))
}

// sent gives the members of a body, in order of their names.
func sent(t *testing.T, body string) (members map[string]json.RawMessage) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &members), body)
	return members
}

// described lists the members that the document gives to the body of an operation.
func described(t *testing.T, document map[string]any, name string) []string {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	path = namedParts.ReplaceAllString(strings.TrimPrefix(path, "/api/v1"), "{$1}")
	at := func(value any, path ...string) any {
		for _, part := range path {
			object, ok := value.(map[string]any)
			require.True(t, ok, "%s has no %s", name, path)
			value = object[part]
		}
		return value
	}
	schema := at(document, "paths", path, strings.ToLower(method), "requestBody", "content", "application/json", "schema", "$ref")
	reference, ok := schema.(string)
	require.True(t, ok, name)
	properties, ok := at(document, "components", "schemas", reference[strings.LastIndex(reference, "/")+1:], "properties").(map[string]any)
	require.True(t, ok, name)
	return slices.Collect(maps.Keys(properties))
}

// TestNoColumnCanBeWrittenByItsName adds the name of every column to the body of every
// route that takes one: it is refused by that name, and nothing is changed.
func TestNoColumnCanBeWrittenByItsName(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	w := newWalls(t, startNode(t, wecomtest.Config{}))
	document, names := w.call(t, http.MethodGet, "/openapi.json", "").json(t), columnNames(t, w.db)
	before := w.db.Contents(t)
	tried := 0
	refused := func(name, address string, r request, text, pointer string) {
		r.body = text
		a := w.ask(t, address, core.PlatformOwner, r, "If-Match", "*")
		require.Equal(t, http.StatusBadRequest, a.status, "%s with %.200s: %s", name, text, a.body)
		require.Equal(t, string(fault.RequestInvalid), a.code(), "%s with %.200s", name, text)
		if pointer != "" {
			require.Contains(t, a.body, fmt.Sprintf(`"pointer":%s`, jsonText(t, pointer)), "%s with %.200s: %s", name, text, a.body)
		}
		tried++
	}
	for name, r := range consoleRoutes {
		if r.body == nil {
			continue
		}
		address, made, known := w.server.ConsoleAddr(), r.request(name, w.mine(core.PlatformOwner).own.over(w.own.own).with("host", "new.example.com"), w.own, ""), described(t, document, name)
		for _, column := range names {
			if !slices.Contains(known, column) {
				for _, value := range []string{jsonText(t, w.foreign.own["tenantId"]), `{"tenant_id":1}`} {
					refused(name, address, made, strings.Replace(made.body, "{", "{"+jsonText(t, column)+":"+value+",", 1), "/"+column)
				}
				refused(name, address, made, strings.TrimSuffix(made.body, "}")+","+jsonText(t, column)+":null}", "")
			}
		}
		for member, value := range sent(t, made.body) {
			if member == "passkey" {
				continue // it is what a browser says, in its own words
			}
			refused(name, address, made, strings.Replace(made.body, "{", "{"+jsonText(t, member)+":"+string(value)+",", 1), "/"+member)
			refused(name, address, made, strings.Replace(made.body, string(value), `{"tenant_id":`+string(value)+`}`, 1), "")
			refused(name, address, made, strings.Replace(made.body, string(value), `[`+string(value)+`]`, 1), "")
			refused(name, address, made, strings.Replace(made.body, jsonText(t, member), jsonText(t, strings.ToUpper(member)), 1), "")
		}
		refused(name, address, made, "["+made.body+"]", "")
		refused(name, address, made, made.body+made.body, "")
	}
	signed := publicRequest("POST /v1/signatures", w.own.key, "https://"+w.own.host+"/")
	for _, column := range names {
		refused("POST /v1/signatures", w.server.PublicAddr(), signed, strings.Replace(signed.body, "{", "{"+jsonText(t, column)+`:"a",`, 1), "/"+column)
	}
	require.Equal(t, before, w.db.Contents(t), "nothing is changed")
	require.Empty(t, w.weCom.Calls())
	t.Logf("bodies refused: %d, with %d names", tried, len(names))
}

func jsonText(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	require.NoError(t, err)
	return string(b)
}

// TestATenantIsNamedByThePathAlone sends another tenant's id, and other roles, where
// some servers would look for them: the answer is the same to the byte.
func TestATenantIsNamedByThePathAlone(t *testing.T) {
	t.Parallel()
	w := newWalls(t, startNode(t, wecomtest.Config{}))
	foreign := w.foreign.own
	var headers []string
	for _, name := range []string{"X-Tenant-Id", "X-Tenant", "Tenant-Id", "Tenant", "X-Tenant-ID", "X-App-Id", "X-Organization-Id"} {
		headers = append(headers, name, foreign["tenantId"])
	}
	for name, value := range map[string]string{
		"X-Role": "platform_owner", "X-Roles": "platform_owner", "X-User": ownerEmail, "X-Forwarded-User": ownerEmail, "X-Remote-User": ownerEmail, "X-Member-Id": w.people.of[core.PlatformOwner].id,
		"X-Original-Url": "/api/v1/tenants/" + foreign["tenantId"], "X-Rewrite-Url": "/api/v1/tenants/" + foreign["tenantId"], "X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "https",
		"X-Http-Method-Override": "DELETE", "X-Method-Override": "DELETE", "X-Http-Method": "DELETE", "Forwarded": "for=127.0.0.1;host=localhost",
	} {
		headers = append(headers, name, value)
	}
	query := fmt.Sprintf("tenantId=%[1]s&tenant_id=%[1]s&tenant=%[1]s&appId=%[2]s&app_id=%[2]s&role=platform_owner&_method=DELETE", foreign["tenantId"], foreign["appId"])
	before, asked := w.db.Contents(t), 0
	for name, r := range consoleRoutes {
		if r.write || r.timed {
			continue
		}
		for _, role := range []core.Role{core.TenantOwner, core.TenantViewer, "", noSession} {
			for _, i := range []ids{w.own.own, w.own.own.with("tenantId", foreign["tenantId"])} {
				plain := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, i, w.own, ""))
				dressed := w.ask(t, w.server.ConsoleAddr(), role, r.request(name, i, w.own, query), headers...)
				require.Equal(t, plain.text, dressed.text, "%s as %q", name, role)
				asked++
			}
		}
	}
	require.Equal(t, before, w.db.Contents(t))
	require.Greater(t, asked, 8*10)
}

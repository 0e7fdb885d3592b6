package consoleapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"signet/docs/openapi"
	"signet/internal/fault"
)

// contract reads a document with the parser of another project.
func contract(t testing.TB, text []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	return doc
}

// operation is one operation of the contract, with what it takes to ask for it.
type operation struct {
	*openapi3.Operation
	method, path string
}

func operationsOf(t testing.TB) []operation {
	t.Helper()
	var list []operation
	for path, item := range contract(t, openapi.Console()).Paths.Map() {
		for method, op := range item.Operations() {
			list = append(list, operation{op, method, path})
		}
	}
	slices.SortFunc(list, func(x, y operation) int { return strings.Compare(x.OperationID, y.OperationID) })
	require.NotEmpty(t, list)
	return list
}

// target fills the path with ids that exist.
func (o operation) target() string {
	return strings.NewReplacer("{tenantId}", tenantID.String(), "{appId}", appID.String(),
		"{domainId}", domainID.String(), "{secretVersion}", "2", "{linkId}", linkID.String(), "{sessionId}", sessionID.String(), "{factorId}", factorID.String(), "{memberId}", memberID.String(), "{invitationId}", invitationID.String(), "{keyId}", keyID.String(), "{host}", "crm.example.com").Replace(o.path)
}

func (o operation) hasBody() bool { return o.RequestBody != nil }

// bodyExample is the contract's own example, with what the fakes know put in.
func (o operation) bodyExample(t testing.TB) string {
	t.Helper()
	if !o.hasBody() {
		return ""
	}
	text, err := json.Marshal(o.RequestBody.Value.Content["application/json"].Example)
	require.NoError(t, err)
	return strings.NewReplacer("correct horse battery staple", goodPassword,
		"3f1b8a5e-6f0c-4d57-9d3c-0f6a2b1c7d10", tenantID.String(),
		"7c2d9e40-1a7b-4f6e-8a55-51c0e3b9a2f4", appID.String()).Replace(string(text))
}

// goodHeaders are those with which the operation does its work.
func (o operation) goodHeaders() []string {
	headers := []string{"Sec-Fetch-Site", "same-origin", "Cookie", refreshCookie + "=" + goodRefresh + "; " + oidcCookie + "=" + goodLeaving + "; " + weComCookie + "=" + goodBrowser, "If-Match", "*", "Authorization", "Bearer " + goodToken}
	if o.hasBody() {
		headers = append(headers, "Content-Type", "application/json")
	}
	return headers
}

// success is the one answer of the contract that is no problem.
func (o operation) success(t testing.TB) (int, *openapi3.Response) {
	t.Helper()
	answers := o.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(answers)) { // where there are two, the first is the whole way
		if code, err := strconv.Atoi(status); err == nil {
			return code, answers[status].Value
		}
	}
	t.Fatalf("%s has no answer", o.OperationID)
	return 0, nil
}

var schemas = sync.OnceValue(func() *jsonschema.Compiler {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Console()))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("console.json", doc); err != nil {
		panic(err)
	}
	return compiler
})

var schemasMu sync.Mutex // a compiler is not for several at once

// requireSchema holds a body against a schema of the contract, read as what
// OpenAPI 3.1 says it is: JSON Schema 2020-12.
func requireSchema(t testing.TB, name string, body []byte) {
	t.Helper()
	schemasMu.Lock()
	schema, err := schemas().Compile("console.json#/components/schemas/" + name)
	schemasMu.Unlock()
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, "%s", body)
	require.NoError(t, schema.Validate(value), "%s", body)
}

func TestTheDocumentsAreValidAndSoAreTheirExamples(t *testing.T) {
	t.Parallel()
	for _, text := range [][]byte{openapi.Console(), openapi.Public()} {
		doc := contract(t, text)
		require.Equal(t, "3.1.0", doc.OpenAPI)
		require.NoError(t, doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()))
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				name := method + " " + path
				require.NotEmpty(t, op.Summary, name)
				require.NotNil(t, op.Responses.Default(), "%s: problems", name)
				if op.RequestBody != nil {
					media := op.RequestBody.Value.Content["application/json"]
					require.NotNil(t, media.Example, "%s: an example of the body", name)
					require.False(t, *media.Schema.Value.AdditionalProperties.Has, "%s: the body is closed", name)
				}
				for status, response := range op.Responses.Map() {
					for kind, media := range response.Value.Content {
						require.NotNil(t, media.Example, "%s: an example of %s %s", name, status, kind)
					}
				}
				if codes, ok := op.Extensions["x-problem-codes"].([]any); ok {
					for _, code := range codes {
						require.Contains(t, fault.Codes(), fault.Code(code.(string)), name)
					}
				}
			}
		}
	}
}

func TestEveryRouteIsInTheContractAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var routes, described []string
	for _, route := range b.app.GetRoutes(true) {
		if route.Method == http.MethodHead {
			continue // comes with each GET
		}
		routes = append(routes, route.Method+" "+route.Path)
	}
	for _, o := range operationsOf(t) {
		path := strings.NewReplacer("{", ":", "}", "").Replace(o.path)
		described = append(described, o.method+" "+apiPath+path)
	}
	require.ElementsMatch(t, described, routes)
}

func TestEveryOperationDoesAsTheContractSays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, o := range operationsOf(t) {
		t.Run(o.OperationID, func(t *testing.T) {
			t.Parallel()
			a := b.ask(t, o.method, apiPath+o.target(), o.bodyExample(t), o.goodHeaders()...)
			status, response := o.success(t)
			require.Equal(t, status, a.StatusCode, "%s", a.Text)
			for name := range response.Headers {
				require.NotEmpty(t, a.Header.Get(name), name)
			}
			media := response.Content["application/json"]
			if file := response.Content["application/jsonl"]; file != nil {
				require.Equal(t, "application/jsonl", a.Header.Get("Content-Type"))
				return
			}
			if media == nil {
				require.Empty(t, a.Text)
				return
			}
			require.Equal(t, "application/json", a.Header.Get("Content-Type"))
			if ref := media.Schema.Ref; ref != "" {
				requireSchema(t, strings.TrimPrefix(ref, "#/components/schemas/"), a.Text)
			}
			for _, secret := range []string{agentSecret, goodPassword, goodRefresh, nextRefresh} {
				require.NotContains(t, string(a.Text), secret)
			}
		})
	}
}

func TestEveryOperationAsksForASessionUnlessTheContractSaysOtherwise(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, o := range operationsOf(t) {
		isOpen := o.Security != nil // the document's own default is the access token
		require.Equal(t, isOpen, entries[o.OperationID] != withToken, o.OperationID)
		if isOpen {
			continue
		}
		for name, headers := range map[string][]string{
			"none":           nil,
			"another scheme": {"Authorization", "Basic " + goodToken},
			"no token":       {"Authorization", "Bearer "},
			"a wrong token":  {"Authorization", "Bearer x"},
			"two":            {"Authorization", "Bearer " + goodToken, "Authorization", "Bearer " + goodToken},
			"a cookie":       {"Cookie", refreshCookie + "=" + goodRefresh, "Sec-Fetch-Site", "same-origin"},
			"a huge token":   {"Authorization", "Bearer " + strings.Repeat("a", 5000)},
		} {
			headers = append(headers, "Content-Type", "text/plain") // looked at later
			a := b.ask(t, o.method, apiPath+o.target()+"?access_token="+goodToken, "not JSON", headers...)
			a.requireProblem(t, 401, "session.required")
			require.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"), name)
		}
	}
	require.Zero(t, b.admin.count())
}

func TestTheDocumentIsGivenOut(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.ask(t, "GET", apiPath+"/openapi.json", "")
	require.Equal(t, 200, a.StatusCode)
	require.Equal(t, string(openapi.Console()), string(a.Text))
	require.NotContains(t, string(a.Text), "x-go-")
}

func TestABadBodyIsAProblemOnEveryRouteAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, o := range operationsOf(t) {
		if !o.hasBody() {
			continue
		}
		good := o.bodyExample(t)
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(good), &members))
		bad := map[string]string{
			"nothing":                  "",
			"no JSON":                  "name=a&secret=b",
			"half":                     good[:len(good)-1],
			"a list":                   "[" + good + "]",
			"a string":                 `"a"`,
			"null":                     "null",
			"more behind it":           good + good,
			"an unknown member":        good[:len(good)-1] + `,"isPlatformOwner":true}`,
			"a member of the database": good[:len(good)-1] + `,"tenant_id":"` + tenantID.String() + `"}`,
			"invalid UTF-8":            good[:len(good)-1] + ",\"x\":\"\xff\"}",
			"deep":                     good[:len(good)-1] + `,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}",
			"very deep":                strings.Repeat(`{"a":`, 100_000),
			"NUL":                      good + "\x00",
		}
		for name := range members {
			for kind, value := range map[string]string{"null": "null", "an object": "{}", "a list": `["a"]`, "a number": "-1.5e3", "a huge number": strings.Repeat("9", 5000), "NUL": `"\u0000"`} {
				bad[kind+" for "+name] = replaceMember(t, members, name, value)
			}
			bad[name+" twice"] = good[:len(good)-1] + fmt.Sprintf(",%q:1}", name)
			bad[name+" in another case"] = strings.Replace(good, `"`+name+`"`, `"`+strings.ToUpper(name)+`"`, 1)
			bad["without "+name] = withoutMember(t, members, name)
		}
		for kind, body := range bad {
			if kind == "without corpId" && o.OperationID == "CreateApp" || kind == "without password" && o.OperationID == "AcceptInvitation" {
				continue // it may be missing there
			}
			a := b.ask(t, o.method, apiPath+o.target(), body, o.goodHeaders()...)
			isChecked := strings.HasPrefix(kind, "NUL for ") // well formed: what is in it, admin and identity check
			if isChecked && a.StatusCode < 400 {
				continue
			}
			if isChecked && a.StatusCode == 401 {
				require.Regexp(t, `"code":"(session\.refused|oidc\.refused|ceremony\.over|second_factor\.refused|passkey\.refused)"`, string(a.Text))
				continue
			}
			if isChecked && strings.HasSuffix(o.path, "/wecom") {
				a.requireProblem(t, 404, "app.unknown") // a key that is none is nobody's
				continue
			}
			p := a.requireProblem(t, 400, "request.invalid")
			require.NotEmpty(t, p.Errors, "%s: %s", o.OperationID, kind)
		}
		a := b.ask(t, o.method, apiPath+o.target(), `{"name":"`+strings.Repeat("a", 2<<20)+`"}`, o.goodHeaders()...)
		a.requireProblem(t, 413, "request.too_large")
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=gbk", "application/merge-patch+json"} {
			headers := append(o.goodHeaders()[:len(o.goodHeaders())-2], "Content-Type", kind)
			b.ask(t, o.method, apiPath+o.target(), good, headers...).requireProblem(t, 415, "request.not_json")
		}
	}
	for _, line := range strings.Split(b.log.String(), "\n") {
		require.NotContains(t, line, "panic")
	}
}

func replaceMember(t *testing.T, members map[string]any, name, value string) string {
	t.Helper()
	changed := map[string]any{}
	for k, v := range members {
		changed[k] = v
	}
	changed[name] = json.RawMessage(value)
	text, err := json.Marshal(changed)
	require.NoError(t, err)
	return string(text)
}

func withoutMember(t *testing.T, members map[string]any, name string) string {
	t.Helper()
	changed := map[string]any{}
	for k, v := range members {
		if k != name {
			changed[k] = v
		}
	}
	text, err := json.Marshal(changed)
	require.NoError(t, err)
	return string(text)
}

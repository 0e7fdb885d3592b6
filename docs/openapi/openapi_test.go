package openapi_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signet/docs/openapi"
)

func TestTheJSONFormSaysWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	for name, given := range map[string][]byte{"console.yaml": openapi.Console(), "public.yaml": openapi.Public()} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var document any
		require.NoError(t, yaml.Unmarshal(text, &document))
		plain, err := json.Marshal(withoutGo(document))
		require.NoError(t, err)
		var want, got any
		require.NoError(t, json.Unmarshal(plain, &want))
		require.NoError(t, json.Unmarshal(given, &got))
		require.Empty(t, cmp.Diff(want, got), "%s: run go generate ./docs/openapi", name)
	}
}

// What stands in an address lies in histories, logs of proxies and headers of others: no
// parameter of ours but those that are listed here stands in one, and none is secret.
// WeCom's own way back brings a code in the address; it is good once, with a cookie.
func TestNoParameterOfAnAddressIsSecret(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range strings.Fields("limit cursor check secret now status format from to days overlapHours state code app url") {
		known["query "+name] = true
	}
	for _, name := range strings.Fields("tenantId appId domainId secretVersion linkId memberId sessionId factorId invitationId keyId host") {
		known["path "+name] = true
	}
	found := map[string]bool{}
	for _, given := range [][]byte{openapi.Console(), openapi.Public()} {
		var document any
		require.NoError(t, json.Unmarshal(given, &document))
		for _, p := range parametersIn(document) {
			require.True(t, known[p], "%s is no parameter that anybody has thought about", p)
			found[p] = true
		}
	}
	require.Equal(t, known, found)
	require.Regexp(t, `"name": "secret",\s*"in": "query",[^{}]*"schema": \{\s*"type": "string",\s*"enum": \[\s*"later"\s*\]`, string(openapi.Console()), "?secret= takes a word and no secret")
}

// parametersIn lists where each parameter of a document stands, and its name.
func parametersIn(value any) (found []string) {
	switch v := value.(type) {
	case map[string]any:
		in, _ := v["in"].(string)
		name, isText := v["name"].(string)
		if isText && (in == "query" || in == "path") {
			found = append(found, in+" "+name)
		}
		for _, member := range v {
			found = append(found, parametersIn(member)...)
		}
	case []any:
		for _, member := range v {
			found = append(found, parametersIn(member)...)
		}
	}
	return found
}

// withoutGo leaves out what is between the document and the generator.
func withoutGo(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if strings.HasPrefix(key, "x-go-") {
				delete(v, key)
				continue
			}
			v[key] = withoutGo(member)
		}
	case []any:
		for i, item := range v {
			v[i] = withoutGo(item)
		}
	}
	return value
}

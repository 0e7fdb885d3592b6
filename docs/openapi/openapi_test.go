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

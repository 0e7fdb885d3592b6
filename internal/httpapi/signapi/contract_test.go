package signapi

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"signet/docs/openapi"
)

func TestAnswersAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Public()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("public.json", doc))
	b := setup(t, nil)
	good := "app=" + knownKey + "&url=" + page
	for _, row := range []struct {
		schema string
		answer answer
	}{
		{"Signatures", b.ask(t, "GET", signaturesPath+"?"+good, "")},
		{"Signatures", b.post(t, `{"app":"`+knownKey+`","url":"`+page+`"}`)},
		{"Problem", b.ask(t, "GET", signaturesPath, "")},
		{"Problem", b.post(t, `{"app":"`+knownKey+`","x":1}`)},
		{"Problem", b.ask(t, "GET", "/nothing", "")},
		{"LegacySignature", b.ask(t, "GET", configPath+"?"+good, "")},
		{"LegacySignature", b.ask(t, "GET", agentConfigPath+"?"+good, "")},
		{"LegacyProblem", b.ask(t, "GET", configPath, "")},
		{"LegacyProblem", b.ask(t, "PUT", agentConfigPath, "")},
	} {
		schema, err := compiler.Compile("public.json#/components/schemas/" + row.schema)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(row.answer.Text))
		require.NoError(t, err, "%s", row.answer.Text)
		require.NoError(t, schema.Validate(value), "%s", row.answer.Text)
	}
}

package signapi

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheOriginalRoutesAnswerInTheirOwnShape(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for path, signature := range map[string]string{configPath: configHex, agentConfigPath: agentHex} {
		a := b.ask(t, "GET", path+"?url="+page, "")
		require.Equal(t, 200, a.StatusCode)
		require.JSONEq(t, `{"code":"0","data":{"signature":"`+signature+`","timestamp":1763787600,"nonceStr":"`+nonceText+
			`","corpid":"wwexamplecorp00001","agentid":"1000247"},"message":"success"}`, string(a.Text))
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		require.Empty(t, b.signer.last(t).AppKey, "the host stands for the app")
	}
}

func TestErrorsOfTheOriginalRoutesKeepTheirShape(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, row := range []struct {
		query, code string
		status      int
	}{
		{"", "url.missing", 400},
		{"url=", "url.missing", 400},
		{"url=https://other.example.com/", "app.missing", 400},
		{"app=x&url=" + page, "app.unknown", 404},
		{"app=" + knownKey + "&url=nothing", "url.invalid", 400},
		{"app=" + knownKey + "&url=%zz", "url.invalid", 400},
		{"app=" + knownKey + "&url=https://other.example.com/", "url.untrusted", 403},
		{"app=a&app=b&url=" + page, "request.invalid", 400},
	} {
		for _, path := range []string{configPath, agentConfigPath} {
			a := b.ask(t, "GET", path+"?"+row.query, "", "Accept-Language", "en")
			a.requireProblem(t, row.status, row.code)
			require.Equal(t, "application/json", a.Header.Get("Content-Type"))
			var body map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(a.Text, &body))
			require.Len(t, body, 3)
			require.Equal(t, "{}", string(body["data"]))
			require.NotEmpty(t, body["message"])
		}
	}
	post := b.ask(t, "POST", configPath, "")
	require.Contains(t, post.requireProblem(t, 405, "method.refused")["message"].(string), "Allow")
}

func TestAnAddressThatIsNotEncodedRunsToTheEndOfTheQuery(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, row := range []struct{ name, query, app, page string }{
		{"with an ampersand", "url=https://crm.example.com/a?b=1&c=2", "", "https://crm.example.com/a?b=1&c=2"},
		{"http too", "url=http://crm.example.com/a&b", "", "http://crm.example.com/a&b"},
		{"app before it", "app=" + knownKey + "&url=https://crm.example.com/a?b=1&c=2", knownKey, "https://crm.example.com/a?b=1&c=2"},
		{"app behind it is its own", "url=https://crm.example.com/a?b=1&app=" + knownKey, "", "https://crm.example.com/a?b=1&app=" + knownKey},
		{"app on both sides", "app=" + knownKey + "&url=https://crm.example.com/a?app=x", knownKey, "https://crm.example.com/a?app=x"},
		{"url in it", "url=https://crm.example.com/a?url=https://other.example.com/", "", "https://crm.example.com/a?url=https://other.example.com/"},
		{"url in it, behind an ampersand", "url=https://crm.example.com/a?b=1&url=x", "", "https://crm.example.com/a?b=1&url=x"},
		{"an escape stays", "url=https://crm.example.com/%E4%BD%A0%2F", "", "https://crm.example.com/%E4%BD%A0%2F"},
		{"a broken escape stays", "url=https://crm.example.com/%zz", "", "https://crm.example.com/%zz"},
		{"a plus stays", "url=https://crm.example.com/a+b", "", "https://crm.example.com/a+b"},
		{"encoded once", "url=" + url.QueryEscape("https://crm.example.com/a?b=1&c=2"), "", "https://crm.example.com/a?b=1&c=2"},
		{"encoded, app behind it", "url=" + url.QueryEscape("https://crm.example.com/a") + "&app=" + knownKey, knownKey, "https://crm.example.com/a"},
		{"encoded, with a plus", "url=https%3A%2F%2Fcrm.example.com%2Fa+b", "", "https://crm.example.com/a+b"},
		{"half encoded", "url=https:%2F%2Fcrm.example.com%2Fa&b=1", "", "https://crm.example.com/a"},
		{"an encoded name is not literal", "%75rl=https://crm.example.com/a&b=1", "", "https://crm.example.com/a"},
		{"a name that ends so", "xurl=https://other.example.com/&url=https://crm.example.com/a", "", "https://crm.example.com/a"},
		{"other things before it", "_=1&url=https://crm.example.com/a&b", "", "https://crm.example.com/a&b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, path := range []string{configPath, agentConfigPath} {
				b.ask(t, "GET", path+"?"+row.query, "")
				require.Equal(t, row.page, b.signer.last(t).Page)
				require.Equal(t, row.app, b.signer.last(t).AppKey)
			}
		})
	}
	calls := b.signer.calls()
	b.ask(t, "GET", configPath+"?url=x&url=https://crm.example.com/", "").requireProblem(t, 400, "request.invalid")
	require.Equal(t, calls, b.signer.calls())
}

func TestAHugeOrBrokenRequestKeepsTheShapeToo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	big := make([]byte, 64<<10)
	for i := range big {
		big[i] = 'a'
	}
	a := b.ask(t, "GET", configPath+"?url="+page, string(big))
	require.Contains(t, a.requireProblem(t, 413, "request.too_large"), "message")
}

package signapi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func routesWithPage() []string {
	return []string{
		signaturesPath + "?app=" + knownKey + "&url=" + page,
		configPath + "?app=" + knownKey + "&url=" + page,
		agentConfigPath + "?url=" + page,
	}
}

func TestAPreflightIsAnsweredForEverybody(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for path, methods := range map[string]string{signaturesPath: "GET, POST", configPath: "GET", agentConfigPath: "GET"} {
		for _, row := range []struct{ asked, want string }{
			{"", ""},
			{"content-type", "content-type"},
			{"Content-Type, X-Request-ID,accept-language", "content-type, x-request-id, accept-language"},
			{"content-type,authorization,x-evil", "content-type"},
			{"authorization", ""},
			{"content-type,content-type,content-type,content-type,x-request-id", "content-type, content-type, content-type"},
		} {
			headers := []string{"Origin", "https://anybody.example.net", "Access-Control-Request-Method", "POST"}
			if row.asked != "" {
				headers = append(headers, "Access-Control-Request-Headers", row.asked)
			}
			a := b.ask(t, "OPTIONS", path, "", headers...)
			require.Equal(t, 204, a.StatusCode)
			require.Empty(t, a.Text)
			require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, methods, a.Header.Get("Access-Control-Allow-Methods"))
			require.Equal(t, "600", a.Header.Get("Access-Control-Max-Age"))
			require.Equal(t, row.want, a.Header.Get("Access-Control-Allow-Headers"))
			require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
		}
	}
	require.Zero(t, b.signer.calls())
}

// T-COR-1, as far as it is HTTP's: what the Signer is handed, and what the
// answer lets whom see.
func TestOnlyThePagesOwnOriginSeesASignature(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, route := range routesWithPage() {
		a := b.ask(t, "GET", route, "", "Origin", pageOrigin)
		require.Equal(t, 200, a.StatusCode)
		require.Equal(t, pageOrigin, a.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, a.Header.Values("Vary"), "Origin")
		require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))

		none := b.ask(t, "GET", route, "")
		require.Equal(t, 200, none.StatusCode)
		require.Empty(t, none.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, none.Header.Values("Vary"), "Origin")

		for _, foreign := range []string{
			"null", "", "*", "https://crm.example.com.evil.net", "https://evil-crm.example.com", "https://xcrm.example.com",
			"http://crm.example.com", "https://crm.example.com:8443", "https://crm.example.com:443", "HTTPS://crm.example.com",
			"https://CRM.example.com", "https://crm.example.com/", "https://crm.example.com.", "https://user@crm.example.com",
			"https://crm.example.com https://evil.net", "https://evil.net, https://crm.example.com", "https://crm.example.com, https://crm.example.com",
			"//crm.example.com", "crm.example.com", "https://example.com", "file://", "https://crm.example.com#", "https://crm.example.com?",
			"https://127.0.0.1", "https://[::1]", "https://crm%2eexample.com", "https://crm.example.co", "chrome-extension://crm.example.com",
		} {
			a := b.ask(t, "GET", route, "", "Origin", foreign)
			a.requireProblem(t, 403, "origin.untrusted")
			require.True(t, b.signer.last(t).HasOrigin)
			require.Equal(t, foreign, b.signer.last(t).Origin)
		}
		for _, two := range [][2]string{{pageOrigin, pageOrigin}, {pageOrigin, "https://evil.net"}, {"https://evil.net", pageOrigin}, {pageOrigin, ""}} {
			b.ask(t, "GET", route, "", "Origin", two[0], "Origin", two[1]).requireProblem(t, 403, "origin.untrusted")
		}
	}
}

package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	fakeCorp   = "ww1111111111111111"
	fakeSecret = "a-secret-of-WeComs-form-0123456789abcdefghi"
	appFlag    = fakeCorp + ",1000002," + fakeSecret + ",crm.example.com"
)

var fakeSays = regexp.MustCompile(`fake WeCom on (http://\S+),`)

// fetch asks the fake for a token of the app.
func fetch(t *testing.T, weCom string) (token string, life float64) {
	t.Helper()
	status, answer := request(t, http.MethodGet, weCom+"/cgi-bin/gettoken?corpid="+fakeCorp+"&corpsecret="+fakeSecret, "", nil)
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 0, answer["errcode"], answer)
	return answer["access_token"].(string), answer["expires_in"].(float64)
}

func holds(t *testing.T, weCom, token string) bool {
	t.Helper()
	_, answer := request(t, http.MethodGet, weCom+"/cgi-bin/agent/list?access_token="+url.QueryEscape(token), "", nil)
	return answer["errcode"] == float64(0)
}

func TestTheFakeWeComIsSetUpByItsFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode                string
		sameToken, fullLife bool
		firstLives          bool
	}{
		{"same", true, false, true},
		{"same_7200", true, true, true},
		{"new", false, true, true},
		{"new_voids", false, true, false},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			weCom := program{}.start(t, fakeSays, "fakewecom", "--addr", "127.0.0.1:0", "--app", appFlag, "--mode", c.mode)[1]
			first, life := fetch(t, weCom)
			require.EqualValues(t, 7200, life)
			second, life := fetch(t, weCom)
			require.Equal(t, c.sameToken, first == second)
			require.Equal(t, c.fullLife, life == 7200, life) // what remains is less than what began
			require.True(t, holds(t, weCom, second))
			require.Equal(t, c.firstLives, holds(t, weCom, first))
		})
	}

	t.Run("a seed keeps its tokens over a restart", func(t *testing.T) {
		t.Parallel()
		args := []string{"fakewecom", "--addr", "127.0.0.1:0", "--app", appFlag, "--seed", "one"}
		token, _ := fetch(t, program{}.start(t, fakeSays, args...)[1])
		require.True(t, holds(t, program{}.start(t, fakeSays, args...)[1], token))
		args[len(args)-1] = "another"
		require.False(t, holds(t, program{}.start(t, fakeSays, args...)[1], token))
	})

	t.Run("a state file keeps apps and tokens over a restart", func(t *testing.T) {
		t.Parallel()
		state := filepath.Join(t.TempDir(), "fake.json")
		args := []string{"fakewecom", "--addr", "127.0.0.1:0", "--state", state}
		weCom := program{}.start(t, fakeSays, args...)[1]
		post(t, weCom+"/_fake/apps", "", map[string]any{"corp": fakeCorp, "agent": "1000002", "name": "app", "secret": fakeSecret})
		token, _ := fetch(t, weCom)
		again := program{}.start(t, fakeSays, args...)[1]
		require.True(t, holds(t, again, token))
		info, err := os.Stat(state)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

		args[len(args)-1] = filepath.Join(t.TempDir(), "fake.json")
		token, _ = fetch(t, program{}.start(t, fakeSays, append(args, "--app", appFlag)...)[1])
		require.True(t, holds(t, program{}.start(t, fakeSays, args...)[1], token), "apps of the command line too")
	})
}

func TestTheFakeWeComSaysWhatIsWrongWithItsFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"no address", []string{"--addr", "nonsense"}, exitWrongUse, []string{"--addr", `"nonsense"`, "HOST:PORT"}},
		{"no IP address", []string{"--addr", "300.1.1.1:99"}, exitWrongUse, []string{"--addr", "300.1.1.1"}},
		{"no port", []string{"--addr", "127.0.0.1:99999"}, exitWrongUse, []string{"--addr", "0 to 65535"}},
		{"no address of this machine", []string{"--addr", "192.0.2.1:1"}, exitFailed, []string{"--addr", "no address of this machine"}},
		{"no mode", []string{"--addr", ":0", "--mode", "newest"}, exitWrongUse, []string{"--mode", `"newest"`, "same, same_7200, new or new_voids"}},
		{"an empty app", []string{"--addr", ":0", "--app", ""}, exitWrongUse, []string{"--app", "CORP,AGENT,SECRET,HOST"}},
		{"an app without a host", []string{"--addr", ":0", "--app", "ww1,1000002," + fakeSecret}, exitWrongUse, []string{"--app", "CORP,AGENT,SECRET,HOST"}},
		{"a corp that is none", []string{"--addr", ":0", "--app", strings.Replace(appFlag, fakeCorp, "w!", 1)}, exitWrongUse, []string{"--app", "CORP"}},
		{"an agent that is none", []string{"--addr", ":0", "--app", strings.Replace(appFlag, "1000002", "one", 1)}, exitWrongUse, []string{"--app", "AGENT"}},
		{"a secret that is none", []string{"--addr", ":0", "--app", strings.Replace(appFlag, fakeSecret, "short!!", 1)}, exitWrongUse, []string{"--app", "SECRET"}},
		{"a host that is none", []string{"--addr", ":0", "--app", strings.Replace(appFlag, "crm.", "https://crm.", 1)}, exitWrongUse, []string{"--app", "HOST"}},
		{"a host that WeCom does not know", []string{"--addr", ":0", "--app", strings.Replace(appFlag, "crm.", "*.", 1)}, exitWrongUse, []string{"--app", "HOST"}},
		{"a state that is none", []string{"--addr", "127.0.0.1:0", "--state", "/dev/null/x"}, exitFailed, []string{"--state", "/dev/null/x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := program{}.refuse(t, append([]string{"fakewecom"}, c.args...)...)
			require.Equal(t, c.status, r.status, r.lines)
			requireLines(t, r, c.want)
			require.NotContains(t, r.lines[0], fakeSecret)
			require.NotContains(t, r.lines[0], "short!!")
		})
	}
}

// The fake of docker-compose.yml has no shell beside it and publishes nothing:
// all that it is told, its command says.
func TestTheFakeWeComOfTheComposeFileKnowsItsApp(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	command := regexp.MustCompile(`command: \[(fakewecom.*)\]`).FindSubmatch(text)
	require.NotNil(t, command)
	var args []string
	for part := range strings.SplitSeq(string(command[1]), ", ") {
		part = strings.Replace(strings.Trim(part, `"`), ":8883", ":0", 1)
		args = append(args, strings.Replace(part, "${FAKE_APP:-}", appFlag, 1))
	}
	token, _ := fetch(t, program{}.start(t, fakeSays, args...)[1])
	require.True(t, holds(t, program{}.start(t, fakeSays, args...)[1], token), "a container that was made anew knows what the former gave")
}

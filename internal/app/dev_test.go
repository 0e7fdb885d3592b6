package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/devdb"
	"signet/internal/httpapi/httpapitest"
)

// devDir is a folder for dev. As root the cluster lies elsewhere and would
// outlive it.
func devDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".signet")
	t.Cleanup(func() { require.NoError(t, devdb.Drop(context.Background(), filepath.Join(dir, "postgres"))) })
	return dir
}

func devConfig(dir string, fresh bool) app.DevConfig {
	return app.DevConfig{
		Dir: dir, Fresh: fresh, LogLevel: slog.LevelWarn, PostgresBinDir: os.Getenv("SIGNET_POSTGRES_BIN_DIR"),
		DeletionGrace: apptest.DeletionGrace, KeyBackupDays: apptest.KeyBackupDays,
		PublicAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0", WeComAddr: "127.0.0.1:0",
	}
}

// runningDev is `signet dev` after its welcome, until stop.
type runningDev struct {
	printed, console, weCom string
	notes                   devNotes
	token                   string // of the owner
	stop                    func()
}

// devNotes is what a test looks at in dev.json.
type devNotes struct {
	OwnerEmail, OwnerPassword string
	Tenants                   []struct{ Name, CorpID, AgentID, Secret, TenantID, AppID string }
}

func readDevNotes(t *testing.T, dir string) (n devNotes) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "dev.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &n))
	return n
}

// startDev runs dev until it has printed its welcome, and signs in.
func startDev(t *testing.T, dir string, fresh bool) *runningDev {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	out := &httpapitest.LogBook{}
	ended := make(chan error, 1)
	go func() {
		ended <- app.Dev(ctx, devConfig(dir, fresh), out, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	}()
	stopped := false
	d := &runningDev{stop: func() {
		if cancel(); !stopped {
			stopped = true
			require.NoError(t, <-ended)
		}
	}}
	t.Cleanup(d.stop)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C stops") || len(ended) > 0 }, time.Minute, 20*time.Millisecond)
	d.printed = out.String()
	at := func(name string) string {
		found := regexp.MustCompile(`(?m)^  ` + name + ` +http://localhost(:\d+)`).FindStringSubmatch(d.printed)
		require.NotNil(t, found, d.printed)
		return "http://127.0.0.1" + found[1]
	}
	d.console, d.weCom, d.notes = at("console")+"/api/v1", at("fake WeCom")+"/_fake", readDevNotes(t, dir)
	status, session := d.ask(t, http.MethodPost, d.console+"/session", map[string]any{"email": d.notes.OwnerEmail, "password": d.notes.OwnerPassword})
	require.Equal(t, http.StatusOK, status, session)
	d.token, _ = session["accessToken"].(string)
	return d
}

// ask sends a request as the console would; If-Match is *.
func (d *runningDev) ask(t *testing.T, method, address string, body map[string]any) (status int, answer map[string]any) {
	t.Helper()
	sent, err := json.Marshal(body)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(sent))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", "*")
	if d.token != "" && strings.HasPrefix(address, d.console) {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	_ = json.NewDecoder(response.Body).Decode(&answer) // some answers are empty
	return response.StatusCode, answer
}

// must is ask where nothing but success will do.
func (d *runningDev) must(t *testing.T, method, address string, body map[string]any) map[string]any {
	t.Helper()
	status, answer := d.ask(t, method, address, body)
	require.Less(t, status, 300, "%s %s: %v", method, address, answer)
	return answer
}

// line is the line of the welcome that is about a demo tenant.
func (d *runningDev) line(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(name)+`  .*$`).FindAllString(d.printed, -1)
	require.Len(t, found, 1, d.printed)
	return found[0]
}

func (d *runningDev) key(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`app_\w+`).FindString(d.line(t, name))
	require.NotEmpty(t, found, d.printed)
	return found
}

// runCurl runs the line that a person would copy.
func (d *runningDev) runCurl(t *testing.T) string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^  (curl .*)$`).FindStringSubmatch(d.printed)
	require.NotNil(t, match, d.printed)
	content, err := exec.CommandContext(t.Context(), "sh", "-c", match[1]).Output() //nolint:gosec // the line that was printed
	require.NoError(t, err)
	return string(content)
}

func TestDevSignsFromOneCommandAndKeepsItsData(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: the printed line cannot be run")
	}
	dir := devDir(t)
	first := startDev(t, dir, false)
	require.Regexp(t, `"signature":"[0-9a-f]{40}".*"signature":"[0-9a-f]{40}"`, first.runCurl(t))
	for _, want := range []string{"console    http://localhost:", "login      ", "password   ", "signing    http://localhost:"} {
		require.Contains(t, first.printed, want)
	}
	require.Contains(t, first.line(t, "蓝湖科技（演示）"), "signs pages on crm.example.com")
	require.Contains(t, first.line(t, "北辰物流（演示）"), "has no trusted domain yet")
	require.NotContains(t, first.printed, "WARN")
	for _, file := range []string{"dev.json", "fakewecom.json", "identity.txt", "recovery.txt"} {
		info, err := os.Stat(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), file)
	}
	own := first.notes.Tenants[0]
	link := first.must(t, http.MethodPost, first.console+"/tenants/"+own.TenantID+"/apps/"+own.AppID+"/intake-links", nil)
	console := regexp.MustCompile(`console +(http://localhost:\d+)\n`).FindStringSubmatch(first.printed)[1]
	require.Contains(t, link["address"], console+"/intake", "the port that is listened on stands in links")
	first.must(t, http.MethodPost, first.weCom+"/apps", map[string]any{"corp": "ww1111111111111111", "agent": "1000009", "secret": madeUpSecret("a")})
	first.stop()

	second := startDev(t, dir, false)
	require.Contains(t, second.runCurl(t), `"signature"`)
	require.Equal(t, first.line(t, "蓝湖科技（演示）"), second.line(t, "蓝湖科技（演示）"), "the data survives a restart")
	second.stop()

	third := startDev(t, dir, true)
	require.Contains(t, third.runCurl(t), `"signature"`)
	require.NotEqual(t, first.key(t, "蓝湖科技（演示）"), third.key(t, "蓝湖科技（演示）"), "--fresh drops it")
	require.NotEqual(t, first.notes.OwnerPassword, third.notes.OwnerPassword)
	apps, _ := third.must(t, http.MethodGet, third.weCom+"/apps", nil)["items"].([]any)
	require.Len(t, apps, 2, "and the apps of the fake WeCom")
}

// madeUpSecret has the form of WeCom's secrets.
func madeUpSecret(letter string) string { return strings.Repeat(letter, 43) }

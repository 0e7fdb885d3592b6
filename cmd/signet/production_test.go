package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
)

// program is this test binary as signet, with its environment.
type program struct{ env []string }

func (p program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...) //nolint:gosec // the test binary itself
	cmd.Env = append([]string{asSignet + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, p.env...)
	return cmd
}

// run runs a command to its end and gives what it printed.
func (p program) run(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := p.command(t.Context(), args...)
	cmd.Stdin = strings.NewReader(in)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Run(), "signet %s: %s", args, errOut.String())
	return out.String()
}

// start starts a command that stays, and gives the first match of want in what
// it says. It is stopped with SIGTERM when the test ends, and must end with 0.
func (p program) start(t *testing.T, want *regexp.Regexp, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := p.command(ctx, args...)
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	found := make(chan []string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		lines := bufio.NewScanner(reader)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if match := want.FindStringSubmatch(lines.Text()); match != nil {
				select {
				case found <- match:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		defer cancel()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		require.NoError(t, cmd.Wait(), "%s ends with 0 after SIGTERM", args)
		_ = writer.Close()
		<-drained
	})
	select {
	case match := <-found:
		return match
	case <-ctx.Done():
		t.Fatalf("signet %s did not say %s", args, want)
		return nil
	}
}

// TestProductionFromTheCommandLine goes the way of docs/deploy with processes:
// migrate, make the keys, create an owner, serve; then a tenant, an app, a
// domain and a signature over HTTP, which the fake WeCom checks as the client
// would.
func TestProductionFromTheCommandLine(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	identity := filepath.Join(t.TempDir(), "identity.txt")
	p := program{env: []string{
		"SIGNET_MIGRATE_DATABASE_URL=" + db.OwnerURL, "SIGNET_DATABASE_URL=" + db.TenantURL, "SIGNET_SYSTEM_DATABASE_URL=" + db.SystemURL,
		"SIGNET_IDENTITY_FILE=" + identity,
		"SIGNET_PUBLIC_ADDR=127.0.0.1:0", "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=127.0.0.1:0",
	}}
	require.Contains(t, p.run(t, "", "migrate", "status"), "no schema")
	require.Contains(t, p.run(t, "", "migrate", "up"), "up to date")
	require.Contains(t, p.run(t, "", "keys", "init", "--out", identity), "RECOVERY SHEET")
	require.Contains(t, p.run(t, "", "keys", "status"), "no root key yet")
	require.Contains(t, p.run(t, "a password of this test\n", "admin", "create", "--email", "Owner@Test.example", "--password-stdin"), "owner@test.example")

	weCom := p.start(t, regexp.MustCompile(`fake WeCom on (http://\S+),`), "fakewecom", "--addr", "127.0.0.1:0")[1]
	p.env = append(p.env, "SIGNET_WECOM_URL="+weCom)
	at := p.start(t, regexp.MustCompile(`"msg":"serving","public":"([^"]+)","console":"([^"]+)","metrics":"([^"]+)"`), "serve")
	public, console, metrics := "http://"+at[1], "http://"+at[2]+"/api/v1", at[3]
	healthy := program{env: []string{"SIGNET_METRICS_ADDR=" + metrics}}
	require.Equal(t, "ready\n", healthy.run(t, "", "health"))

	const corp, secret, host = "ww1111111111111111", "a-secret-of-WeComs-form-0123456789abcdefghi", "crm.example.com"
	post(t, weCom+"/_fake/apps", "", map[string]any{"corp": corp, "agent": "1000002", "name": "app", "secret": secret, "domains": []string{host}})
	session := post(t, console+"/session", "", map[string]any{"email": "owner@test.example", "password": "a password of this test"})
	token := fmt.Sprint(session["accessToken"])
	tenant := post(t, console+"/tenants", token, map[string]any{"name": "蓝湖科技", "corpId": corp})
	apps := fmt.Sprintf("%s/tenants/%s/apps", console, tenant["id"])
	app := post(t, apps, token, map[string]any{"name": "侧边栏", "agentId": "1000002", "secret": secret})
	post(t, fmt.Sprintf("%s/%s/domains", apps, app["id"]), token, map[string]any{"host": host})

	page := "https://" + host + "/sidebar?x=1&y=2"
	var signed map[string]any
	require.Eventually(t, func() bool {
		status, body := request(t, http.MethodGet, public+"/v1/signatures?app="+fmt.Sprint(app["key"])+"&url="+url.QueryEscape(page), "", nil)
		signed = body
		return status == http.StatusOK
	}, 5*time.Second, 20*time.Millisecond)
	for member, kind := range map[string]string{"config": "config", "agentConfig": "agent_config"} {
		part, ok := signed[member].(map[string]any)
		require.True(t, ok)
		checked := post(t, weCom+"/_fake/check", "", map[string]any{"kind": kind, "corp": corp, "agent": "1000002", "pageUrl": page,
			"timestamp": part["timestamp"], "nonceStr": part["nonceStr"], "signature": part["signature"]})
		require.Equal(t, true, checked["ok"], "%s: %v", member, checked["errMsg"]) // the status is 200 either way
	}
	require.Contains(t, p.run(t, "", "keys", "status"), "root key epoch 1")
}

func TestMigrateDownTakesTheSchemaAway(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := program{env: []string{"SIGNET_MIGRATE_DATABASE_URL=" + db.OwnerURL}}
	require.Contains(t, p.run(t, "", "migrate", "down"), "no schema")
	require.Contains(t, p.run(t, "", "migrate", "up"), "up to date")
}

func post(t *testing.T, address, token string, body map[string]any) map[string]any {
	t.Helper()
	status, answer := request(t, http.MethodPost, address, token, body)
	require.Less(t, status, 300, "%s: %v", address, answer)
	return answer
}

func request(t *testing.T, method, address, token string, body map[string]any) (int, map[string]any) {
	t.Helper()
	var sent io.Reader
	if body != nil {
		content, err := json.Marshal(body)
		require.NoError(t, err)
		sent = bytes.NewReader(content)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, sent)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var answer map[string]any
	_ = json.NewDecoder(response.Body).Decode(&answer) // a control answer may be empty
	return response.StatusCode, answer
}

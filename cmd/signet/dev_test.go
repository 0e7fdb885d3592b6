package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/devdb"
)

func TestDevTakesTheEnvironmentWhereNoFlagIsGiven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		dev    devCommand
		env    []string
		want   app.DevConfig
		unused []string
	}{
		{"nothing said", devCommand{}, nil, app.DevConfig{
			PublicAddr: "127.0.0.1:8880", ConsoleAddr: "127.0.0.1:8881", MetricsAddr: "127.0.0.1:8882", WeComAddr: "127.0.0.1:8883",
			DeletionGrace: 7 * 24 * time.Hour, KeyBackupDays: 7, LogLevel: slog.LevelWarn,
		}, nil},
		{"variables", devCommand{}, []string{
			"SIGNET_PUBLIC_ADDR=127.0.0.1:1", "SIGNET_CONSOLE_ADDR=127.0.0.1:2", "SIGNET_METRICS_ADDR=127.0.0.1:3", "SIGNET_LOG_LEVEL=debug",
			"SIGNET_PUBLIC_URL=https://sign.test.example", "SIGNET_CONSOLE_URL=https://console.test.example",
			"SIGNET_TRUSTED_PROXIES=10.0.0.0/8", "SIGNET_POSTGRES_BIN_DIR=/opt/postgres",
			"SIGNET_DELETION_GRACE=1h", "SIGNET_KEY_BACKUP_DAYS=30",
		}, app.DevConfig{
			PublicAddr: "127.0.0.1:1", ConsoleAddr: "127.0.0.1:2", MetricsAddr: "127.0.0.1:3", WeComAddr: "127.0.0.1:8883",
			PublicURL: "https://sign.test.example", ConsoleURL: "https://console.test.example",
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			DeletionGrace:  time.Hour, KeyBackupDays: 30, PostgresBinDir: "/opt/postgres", LogLevel: slog.LevelDebug,
		}, nil},
		{"flags before variables", devCommand{PublicAddr: "127.0.0.1:5", LogLevel: "error"},
			[]string{"SIGNET_PUBLIC_ADDR=127.0.0.1:1", "SIGNET_LOG_LEVEL=debug"}, app.DevConfig{
				PublicAddr: "127.0.0.1:5", ConsoleAddr: "127.0.0.1:8881", MetricsAddr: "127.0.0.1:8882", WeComAddr: "127.0.0.1:8883",
				DeletionGrace: 7 * 24 * time.Hour, KeyBackupDays: 7, LogLevel: slog.LevelError,
			}, nil},
		{"what it brings itself", devCommand{}, []string{
			"SIGNET_DATABASE_URL=postgres://a:b@c/d", "SIGNET_MIGRATE_DATABASE_URL=postgres://a:b@c/d", "SIGNET_IDENTITY_FILE=x",
			"SIGNET_RECOVERY_RECIPIENT=age1", "SIGNET_WECOM_URL=https://qyapi.weixin.qq.com", "SIGNET_WECOM_LOGIN_URL=https://login.work.weixin.qq.com",
		}, app.DevConfig{
			PublicAddr: "127.0.0.1:8880", ConsoleAddr: "127.0.0.1:8881", MetricsAddr: "127.0.0.1:8882", WeComAddr: "127.0.0.1:8883",
			DeletionGrace: 7 * 24 * time.Hour, KeyBackupDays: 7, LogLevel: slog.LevelWarn,
		}, []string{config.DatabaseURL, config.MigrateDatabaseURL, config.IdentityFile, config.RecoveryRecipient, config.WeComURL, config.WeComLoginURL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.dev.WecomAddr = "127.0.0.1:8883"
			got, unused, err := c.dev.read(config.Source{Environ: c.env})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.ElementsMatch(t, c.unused, unused)
		})
	}
}

// devFolder is a folder for dev. As root the cluster lies elsewhere, and would
// outlive it.
func devFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".signet")
	t.Cleanup(func() { require.NoError(t, devdb.Drop(context.Background(), filepath.Join(dir, "postgres"))) })
	return dir
}

func TestDevRefusesWhatServeRefuses(t *testing.T) {
	t.Parallel()
	dir := devFolder(t)
	p := program{env: []string{"SIGNET_LOG_LEVEL=loud", "SIGNET_PUBLIC_ADDR=nonsense"}}
	r := p.refuse(t, "dev", "--dir", dir)
	require.Equal(t, exitFailed, r.status)
	requireLines(t, r, []string{"SIGNET_PUBLIC_ADDR", `"nonsense"`}, []string{"SIGNET_LOG_LEVEL", `"loud"`})

	r = program{}.refuse(t, "dev", "--dir", dir, "--wecom-addr", "nonsense")
	require.Equal(t, exitWrongUse, r.status)
	requireLines(t, r, []string{"--wecom-addr", `"nonsense"`, "HOST:PORT"})

	r = program{env: []string{"SIGNET_CONSOLE_ADDR=:8883"}}.refuse(t, "dev", "--dir", dir)
	require.Equal(t, exitWrongUse, r.status)
	requireLines(t, r, []string{"--wecom-addr", "SIGNET_CONSOLE_ADDR", ":8883"})
	require.NoDirExists(t, dir)
}

func TestDevListensWhereTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	dir := devFolder(t)
	public, console, metrics := closedPort(t), closedPort(t), closedPort(t)
	p := program{env: []string{
		"SIGNET_PUBLIC_ADDR=127.0.0.1:" + public, "SIGNET_CONSOLE_ADDR=127.0.0.1:" + console, "SIGNET_METRICS_ADDR=127.0.0.1:" + metrics,
		"SIGNET_CONSOLE_URL=https://console.test.example", "SIGNET_POSTGRES_BIN_DIR=" + os.Getenv("SIGNET_POSTGRES_BIN_DIR"),
	}}
	at := p.start(t, regexp.MustCompile(`curl -sG http://localhost:(\d+)/v1/signatures`), "dev", "--dir", dir, "--wecom-addr", "127.0.0.1:0")
	require.Equal(t, public, at[1])
	require.Contains(t, program{env: []string{"SIGNET_METRICS_ADDR=127.0.0.1:" + metrics}}.run(t, "", "health"), "ready")

	content, err := os.ReadFile(filepath.Join(dir, "dev.json"))
	require.NoError(t, err)
	var kept struct{ OwnerEmail, OwnerPassword string }
	require.NoError(t, json.Unmarshal(content, &kept))
	session := post(t, "http://127.0.0.1:"+console+"/api/v1/session", "", map[string]any{"email": kept.OwnerEmail, "password": kept.OwnerPassword})
	token, ok := session["accessToken"].(string)
	require.True(t, ok)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(claims), `"https://console.test.example"`, "the issuer is the console as the outside sees it")
}

func TestDevSaysWhichKeysItDoesNotUse(t *testing.T) {
	t.Parallel()
	p := program{env: []string{"SIGNET_DATABASE_URL=postgres://app:hunter2@db/signet", "SIGNET_WECOM_URL=https://qyapi.weixin.qq.com"}}
	r := p.refuse(t, "dev", "--dir", "/dev/null/x") // where it cannot go on
	require.Len(t, r.lines, 2)
	require.Contains(t, r.lines[0], `"level":"WARN"`)
	require.Contains(t, r.lines[0], "SIGNET_DATABASE_URL SIGNET_WECOM_URL")
	require.NotContains(t, r.lines[0], "hunter2")
}

// interrupt starts a command, sends SIGINT as soon as it says what is wanted,
// and gives what it wrote to standard error.
func (p program) interrupt(t *testing.T, when string, args ...string) (errOut string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := p.command(ctx, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, lines := false, bufio.NewScanner(out)
	for lines.Scan() {
		if !said && strings.Contains(lines.Text(), when) {
			said = true
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		}
	}
	require.NoError(t, cmd.Wait(), "%s after %q: %s", args, when, complaint.String())
	require.True(t, said, "%s said %q", args, when)
	return complaint.String()
}

func TestDevIsQuietWhenItIsInterruptedWhileItStarts(t *testing.T) {
	t.Parallel()
	dir := devFolder(t)
	weCom := closedPort(t)
	p := program{env: []string{
		"SIGNET_PUBLIC_ADDR=127.0.0.1:0", "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=127.0.0.1:0",
		"SIGNET_POSTGRES_BIN_DIR=" + os.Getenv("SIGNET_POSTGRES_BIN_DIR"),
	}}
	for _, c := range []struct {
		when  string
		flags []string
	}{
		{"starting Postgres", nil}, // which makes a cluster
		{"Signet is running", nil},
		{"starting Postgres", nil},
		{"starting Postgres", []string{"--fresh"}}, // which has dropped one
		{"Signet is running", []string{"--fresh"}},
		{"Ctrl-C stops", nil},
	} {
		args := append([]string{"dev", "--dir", dir, "--wecom-addr", "127.0.0.1:" + weCom}, c.flags...)
		require.Empty(t, p.interrupt(t, c.when, args...), "%s, %s", c.when, c.flags)
		requireNoPostgres(t, filepath.Join(dir, "postgres"))
	}
}

// requireNoPostgres looks for the file that a server keeps while it lives.
func requireNoPostgres(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "signet-postgres.json"))
	require.NoError(t, err)
	var mark struct{ Cluster string }
	require.NoError(t, json.Unmarshal(content, &mark))
	if mark.Cluster != "" {
		dir = mark.Cluster
	}
	require.NoFileExists(t, filepath.Join(dir, "data", "postmaster.pid"))
}

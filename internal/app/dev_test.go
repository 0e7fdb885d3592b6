package app_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/devdb"
)

// runDev runs `signet dev` until it has printed its curl line, runs the line,
// and stops it.
func runDev(t *testing.T, dir string, fresh bool) (printed, signed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out := &logBuffer{}
	ended := make(chan error, 1)
	go func() {
		ended <- app.Dev(ctx, app.DevConfig{
			Dir: dir, Fresh: fresh, LogLevel: slog.LevelWarn,
			PublicAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0", WeComAddr: "127.0.0.1:0",
		}, out, slog.New(slog.NewTextHandler(out, nil)))
	}()
	line := regexp.MustCompile(`(?m)^  (curl .*)$`)
	require.Eventually(t, func() bool { return line.MatchString(out.String()) || len(ended) > 0 }, time.Minute, 50*time.Millisecond)
	match := line.FindStringSubmatch(out.String())
	require.NotNil(t, match, "%s %v", out.String(), ended)
	content, err := exec.CommandContext(ctx, "sh", "-c", match[1]).Output() //nolint:gosec // the line that a person would copy
	require.NoError(t, err)
	cancel()
	require.NoError(t, <-ended)
	return out.String(), string(content)
}

func TestDevSignsFromOneCommandAndKeepsItsData(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: the printed line cannot be run")
	}
	dir := filepath.Join(t.TempDir(), ".signet")
	// As root the cluster lies elsewhere and would outlive the folder.
	t.Cleanup(func() { require.NoError(t, devdb.Drop(context.Background(), filepath.Join(dir, "postgres"))) })
	key := func(printed string) string { return regexp.MustCompile(`app=(app_\w+)`).FindStringSubmatch(printed)[1] }

	first, signed := runDev(t, dir, false)
	require.Regexp(t, `"signature":"[0-9a-f]{40}".*"signature":"[0-9a-f]{40}"`, signed)
	for _, want := range []string{"console    http://localhost:", "login      ", "password   ", "signing    http://localhost:", "蓝湖科技", "北辰物流"} {
		require.Contains(t, first, want)
	}
	require.NotContains(t, first, "WARN")
	for _, file := range []string{"dev.json", "identity.txt", "recovery.txt"} {
		info, err := os.Stat(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), file)
	}

	second, signed := runDev(t, dir, false)
	require.Contains(t, signed, `"signature"`)
	require.Equal(t, key(first), key(second), "the data survives a restart")

	third, signed := runDev(t, dir, true)
	require.Contains(t, signed, `"signature"`)
	require.NotEqual(t, key(first), key(third), "--fresh drops it")
	require.NotEqual(t, strings.Split(first, "password")[1][:40], strings.Split(third, "password")[1][:40])
}

package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
)

func TestCheckAddrTakesWhatCanBeListenedOn(t *testing.T) {
	t.Parallel()
	for _, good := range []string{":0", ":8880", "127.0.0.1:65535", "[::1]:1", "[::]:1", "[fe80::1%eth0]:1", "localhost:1", "node-1.internal.:80", "a1:1"} {
		require.NoError(t, config.CheckAddr(good), good)
	}
	for bad, want := range map[string]string{
		"":                 "HOST:PORT",
		"localhost":        "HOST:PORT",
		"::1:80":           "HOST:PORT",
		"http://x:80":      "HOST:PORT",
		":70000":           "0 to 65535",
		":-1":              "0 to 65535",
		":+80":             "0 to 65535",
		":http":            "0 to 65535",
		"localhost:":       "0 to 65535",
		"300.1.1.1:99":     `"300.1.1.1" is neither`,
		"10.1:99":          "neither",
		"0x7f000001:99":    "neither",
		"a..b:99":          "neither",
		"a b:99":           "neither",
		"[fe80::1::2]:99":  "neither",
		"node.internal/:1": "neither",
	} {
		require.ErrorContains(t, config.CheckAddr(bad), want, bad)
	}
}

func TestCollideFindsTwoListenersOnOneAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{":1", ":1", true},
		{":1", "127.0.0.1:1", true},
		{"0.0.0.0:1", "[::1]:1", true}, // Go listens on both families
		{"[::]:1", "10.0.0.1:1", true},
		{"localhost:1", "127.0.0.1:1", true},
		{"[::ffff:127.0.0.1]:1", "127.0.0.1:1", true},
		{"Node:1", "node:1", true},
		{":1", ":2", false},
		{":0", ":0", false}, // a free port each
		{"127.0.0.1:1", "127.0.0.2:1", false},
		{"[::1]:1", "127.0.0.1:1", false},
	} {
		require.Equal(t, c.want, config.Collide(c.a, c.b), "%s %s", c.a, c.b)
		require.Equal(t, c.want, config.Collide(c.b, c.a), "%s %s", c.b, c.a)
	}
}

func TestReadNamesBothOfTwoListenersOnOneAddress(t *testing.T) {
	t.Parallel()
	cfg, err := config.Read(source("SIGNET_CONSOLE_ADDR=:8880", "SIGNET_METRICS_ADDR=0.0.0.0:8880"))
	require.EqualError(t, err,
		`SIGNET_CONSOLE_ADDR is ":8880", where SIGNET_PUBLIC_ADDR (":8880") listens already: give each a port of its own`+"\n"+
			`SIGNET_METRICS_ADDR is "0.0.0.0:8880", where SIGNET_PUBLIC_ADDR (":8880") listens already: give each a port of its own`)
	require.Equal(t, ":8880", cfg.PublicAddr)
	require.Empty(t, cfg.ConsoleAddr)
	require.Empty(t, cfg.MetricsAddr)
}

func TestReadTakesOriginsOnly(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://a.example.com/":     "https://a.example.com",
		"https://a.example.com:8443": "https://a.example.com:8443",
		"http://[::1]:1":             "http://[::1]:1",
	} {
		cfg, err := config.Read(source("SIGNET_CONSOLE_URL=" + given))
		require.NoError(t, err)
		require.Equal(t, want, cfg.ConsoleURL)
	}
	for bad, want := range map[string]string{
		"a.example.com":            "scheme and host",
		"ftp://a.example.com":      "scheme and host",
		"https://":                 "scheme and host",
		"https://:443":             "scheme and host",
		"https://a.example.com//":  "scheme and host",
		"https://a.example.com/?":  "scheme and host",
		"https://a.example.com#":   "scheme and host",
		"https://300.1.1.1":        `"300.1.1.1" is neither`,
		"https://a.example.com:":   "1 to 65535",
		"https://a.example.com:0":  "1 to 65535",
		"https://x:99999":          "1 to 65535",
		"https://u:hunter2@a.test": "scheme and host",
	} {
		for _, key := range []string{config.ConsoleURL, config.PublicURL, config.WeComURL} {
			_, err := config.Read(source(key + "=" + bad))
			require.ErrorContains(t, err, key+" is ", bad)
			require.ErrorContains(t, err, want, bad)
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}

func TestReadGivesWhatIsRightBesideWhatIsWrong(t *testing.T) {
	t.Parallel()
	from := source(database, "SIGNET_SYSTEM_DATABASE_URL=nonsense", "SIGNET_LOG_LEVEL=loud", "SIGNET_TRUSTED_PROXIES=10.0.0.0/8,x", "SIGNET_IDENTITY_FILE=id")
	from.Defaults = map[string]string{config.PublicAddr: "127.0.0.1:1", config.ConsoleURL: ""}
	cfg, err := config.Read(from)
	require.Error(t, err)
	require.False(t, cfg.DatabaseURL.IsZero())
	require.True(t, cfg.SystemDatabaseURL.IsZero(), "one that was refused is not made up for")
	require.Empty(t, cfg.TrustedProxies)
	require.Equal(t, "id", cfg.IdentityFile)
	require.Equal(t, "127.0.0.1:1", cfg.PublicAddr)
	require.Empty(t, cfg.ConsoleURL)
	require.Equal(t, []string{config.DatabaseURL, config.SystemDatabaseURL, config.IdentityFile, config.TrustedProxies, config.LogLevel}, cfg.Given)

	for _, bad := range []string{"postgres://a:b@db:99999/signet", "postgres://a:b@db:/signet"} {
		_, err = config.Read(source("SIGNET_DATABASE_URL=" + bad))
		require.ErrorContains(t, err, "SIGNET_DATABASE_URL is not a Postgres address", bad)
	}
}

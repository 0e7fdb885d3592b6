package config_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
)

func source(environ ...string) config.Source {
	return config.Source{Environ: environ, ReadFile: func(path string) ([]byte, error) {
		if path == "/run/secrets/db" {
			return []byte("postgres://signet_app:from-file@db/signet\n"), nil
		}
		return nil, os.ErrNotExist
	}}
}

const database = "SIGNET_DATABASE_URL=postgres://signet_app:pw@db:5432/signet?sslmode=require"

func TestRead(t *testing.T) {
	t.Parallel()

	t.Run("gives the contract's defaults", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source())
		require.NoError(t, err)
		require.Equal(t, ":8880", cfg.PublicAddr)
		require.Equal(t, "127.0.0.1:8881", cfg.ConsoleAddr)
		require.Equal(t, "127.0.0.1:8882", cfg.MetricsAddr)
		require.Equal(t, "http://localhost:8880", cfg.PublicURL)
		require.Equal(t, "http://localhost:8881", cfg.ConsoleURL)
		require.Equal(t, "https://qyapi.weixin.qq.com", cfg.WeComURL)
		require.Equal(t, slog.LevelInfo, cfg.LogLevel)
		require.Empty(t, cfg.TrustedProxies)
		require.Equal(t, 7*24*time.Hour, cfg.DeletionGrace)
		require.Equal(t, 7, cfg.KeyBackupDays)
	})

	t.Run("takes a deletion without a grace time, and backups that are not kept", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source("SIGNET_DELETION_GRACE=0", "SIGNET_KEY_BACKUP_DAYS=0"))
		require.NoError(t, err)
		require.Zero(t, cfg.DeletionGrace)
		require.Zero(t, cfg.KeyBackupDays)
		cfg, err = config.Read(source("SIGNET_DELETION_GRACE=2160h", "SIGNET_KEY_BACKUP_DAYS=3650"))
		require.NoError(t, err)
		require.Equal(t, 90*24*time.Hour, cfg.DeletionGrace)
		require.Equal(t, 3650, cfg.KeyBackupDays)
	})

	t.Run("derives the system address by its role", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source(database))
		require.NoError(t, err)
		require.Equal(t, "postgres://signet_system:pw@db:5432/signet?sslmode=require", cfg.SystemDatabaseURL.Expose())
	})

	t.Run("keeps a system address that is given", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source(database, "SIGNET_SYSTEM_DATABASE_URL=postgres://other:pw2@db/signet"))
		require.NoError(t, err)
		require.Equal(t, "postgres://other:pw2@db/signet", cfg.SystemDatabaseURL.Expose())
	})

	t.Run("reads a value from the file that NAME_FILE names", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source("SIGNET_DATABASE_URL_FILE=/run/secrets/db"))
		require.NoError(t, err)
		require.Equal(t, "postgres://signet_app:from-file@db/signet", cfg.DatabaseURL.Expose())
	})

	t.Run("lets a flag win over the environment", func(t *testing.T) {
		t.Parallel()
		from := source("SIGNET_PUBLIC_ADDR=:1")
		from.Flags = map[string]string{config.PublicAddr: ":2"}
		cfg, err := config.Read(from)
		require.NoError(t, err)
		require.Equal(t, ":2", cfg.PublicAddr)
	})

	t.Run("reads networks and single addresses", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source("SIGNET_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,fd00::/8"))
		require.NoError(t, err)
		require.Equal(t, "10.0.0.0/8", cfg.TrustedProxies[0].String())
		require.Equal(t, "192.0.2.7/32", cfg.TrustedProxies[1].String())
		require.Equal(t, "fd00::/8", cfg.TrustedProxies[2].String())
	})
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, entry, want string }{
		{"an unknown key, and suggests the near one", "SIGNET_DATABSE_URL=x", "did you mean SIGNET_DATABASE_URL?"},
		{"an unknown key, also an empty one", "SIGNET_NOPE=", "SIGNET_NOPE is no key"},
		{"an address that is no Postgres address", "SIGNET_DATABASE_URL=mysql://a:hunter2secret@b/c", "SIGNET_DATABASE_URL is not a Postgres address"},
		{"an address without a role", "SIGNET_DATABASE_URL=postgres://db/signet", "SIGNET_DATABASE_URL is not a Postgres address"},
		{"a listening address without a port", "SIGNET_CONSOLE_ADDR=localhost", "write HOST:PORT"},
		{"a port beyond the last", "SIGNET_CONSOLE_ADDR=:70000", "0 to 65535"},
		{"plain http to WeCom beyond loopback", "SIGNET_WECOM_URL=http://wecom.example.com", "must be https://"},
		{"a public URL with a path", "SIGNET_PUBLIC_URL=https://a.example.com/signet", "scheme and host"},
		{"a network that is none", "SIGNET_TRUSTED_PROXIES=10.0.0.0/8,banana", `"banana"`},
		{"a grace time without a unit", "SIGNET_DELETION_GRACE=7", "SIGNET_DELETION_GRACE is \"7\": it should be a time from 0s to 2160h"},
		{"a grace time that never ends", "SIGNET_DELETION_GRACE=2160h1s", "0s to 2160h"},
		{"a grace time before the deletion", "SIGNET_DELETION_GRACE=-1s", "0s to 2160h"},
		{"days that are no number", "SIGNET_KEY_BACKUP_DAYS=7d", "SIGNET_KEY_BACKUP_DAYS is \"7d\": it should be a number of days from 0 to 3650"},
		{"more days than ten years have", "SIGNET_KEY_BACKUP_DAYS=3651", "0 to 3650"},
		{"fewer days than none", "SIGNET_KEY_BACKUP_DAYS=-1", "0 to 3650"},
		{"a log level that is none", "SIGNET_LOG_LEVEL=loud", "debug, info, warn or error"},
		{"a file that is not there", "SIGNET_DATABASE_URL_FILE=/nowhere", "/nowhere"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Read(source(c.entry))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2secret")
		})
	}

	t.Run("a value given twice", func(t *testing.T) {
		t.Parallel()
		_, err := config.Read(source(database, "SIGNET_DATABASE_URL_FILE=/run/secrets/db"))
		require.ErrorContains(t, err, "is given twice")
	})

	t.Run("three mistakes at once, one line for each", func(t *testing.T) {
		t.Parallel()
		_, err := config.Read(source("SIGNET_LOG_LEVEL=loud", "SIGNET_PUBLIC_ADDR=x", "SIGNET_TYPO=1"), config.DatabaseURL)
		require.Error(t, err)
		require.Len(t, strings.Split(err.Error(), "\n"), 4)
		for _, name := range []string{"SIGNET_LOG_LEVEL", "SIGNET_PUBLIC_ADDR", "SIGNET_TYPO", "SIGNET_DATABASE_URL is missing"} {
			require.ErrorContains(t, err, name)
		}
	})

	t.Run("an empty key as if it were not there", func(t *testing.T) {
		t.Parallel()
		cfg, err := config.Read(source("SIGNET_LOG_LEVEL="))
		require.NoError(t, err)
		require.Equal(t, slog.LevelInfo, cfg.LogLevel)
	})
}

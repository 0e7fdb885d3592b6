package app_test

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store/storetest"
)

// TestServeRefusesToStart puts one thing wrong at a time. Each is found within
// a second, told in one line that names the thing and the mend, and nothing has
// been written.
func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	good := newConfig(t, db, "http://127.0.0.1:1")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	file := func(content string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "identity.txt")
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	identity, err := os.ReadFile(good.IdentityFile)
	require.NoError(t, err)
	newer := storetest.New(t)
	newer.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES (9999)`)
	older := storetest.New(t)
	older.Exec(t, `DELETE FROM signet.migration_marks WHERE version = (SELECT max(version) FROM signet.migration_marks)`)
	empty := storetest.NewEmpty(t)
	foreign := sealedByAnother(t)

	cases := []struct {
		name   string
		change func(*config.Config)
		want   []string
	}{
		{"missing identity file", func(c *config.Config) { c.IdentityFile = "/nowhere/identity.txt" },
			[]string{"SIGNET_IDENTITY_FILE", "/nowhere/identity.txt", "keys init"}},
		{"identity file that others may read", func(c *config.Config) { c.IdentityFile = file(string(identity), 0o644) },
			[]string{"SIGNET_IDENTITY_FILE", "chmod 600"}},
		{"identity file behind a passphrase that nobody gave", func(c *config.Config) { c.IdentityFile = file("age-encryption.org/v1\n", 0o600) },
			[]string{"SIGNET_IDENTITY_FILE", "is encrypted", "set SIGNET_IDENTITY_PASSPHRASE_FILE"}},
		{"two identical identities", func(c *config.Config) { c.IdentityFile = file(string(identity)+string(identity), 0o600) },
			[]string{"SIGNET_IDENTITY_FILE", "repeats an identity"}},
		{"passphrase that others may read", func(c *config.Config) { c.PassphraseFile = file("a passphrase\n", 0o644) },
			[]string{"SIGNET_IDENTITY_FILE", "passphrase file", "chmod 600"}},
		{"wrong passphrase", func(c *config.Config) {
			c.IdentityFile, c.PassphraseFile = file("age-encryption.org/v1\n", 0o600), file("a passphrase\n", 0o600)
		}, []string{"SIGNET_IDENTITY_FILE", "does not open with the passphrase in"}},
		{"file that holds no identity", func(c *config.Config) { c.IdentityFile = file("hello\n", 0o600) },
			[]string{"SIGNET_IDENTITY_FILE"}},
		{"identity of another platform", func(c *config.Config) {
			c.DatabaseURL, c.SystemDatabaseURL = foreign.DatabaseURL, foreign.SystemDatabaseURL
		},
			[]string{"SIGNET_IDENTITY_FILE", "age1"}},
		{"recovery recipient that is none", func(c *config.Config) { c.RecoveryRecipient = "age1nonsense" },
			[]string{"SIGNET_RECOVERY_RECIPIENT"}},
		{"list of breached passwords that is not there", func(c *config.Config) { c.BreachedPasswords = "/nowhere/list.txt" },
			[]string{"SIGNET_BREACHED_PASSWORDS_FILE", "/nowhere/list.txt"}},
		{"list of breached passwords that is none", func(c *config.Config) { c.BreachedPasswords = file("password\n", 0o600) },
			[]string{"SIGNET_BREACHED_PASSWORDS_FILE", "ordered by hash"}},
		{"port that is taken", func(c *config.Config) { c.ConsoleAddr = taken.Addr().String() },
			[]string{"SIGNET_CONSOLE_ADDR", taken.Addr().String(), "another program"}},
		{"address of another machine", func(c *config.Config) { c.PublicAddr = "192.0.2.1:1" },
			[]string{"SIGNET_PUBLIC_ADDR", "192.0.2.1:1"}},
		{"superuser", func(c *config.Config) { c.DatabaseURL = core.NewSecret(db.SuperuserURL()) },
			[]string{"SIGNET_DATABASE_URL", "superuser", "row security"}},
		{"superuser as the system role", func(c *config.Config) { c.SystemDatabaseURL = core.NewSecret(db.SuperuserURL()) },
			[]string{"SIGNET_SYSTEM_DATABASE_URL", "superuser", "row security"}},
		{"owner of the tables", func(c *config.Config) { c.DatabaseURL = core.NewSecret(db.OwnerURL) },
			[]string{"SIGNET_DATABASE_URL", "owns", "SIGNET_MIGRATE_DATABASE_URL"}},
		{"database without the schema", func(c *config.Config) {
			c.DatabaseURL, c.SystemDatabaseURL = core.NewSecret(empty.TenantURL), core.NewSecret(empty.SystemURL)
		}, []string{"SIGNET_DATABASE_URL", "no Signet schema", "signet migrate up"}},
		{"database that is not there", func(c *config.Config) {
			c.DatabaseURL = core.NewSecret(strings.Replace(db.TenantURL, "/"+db.Name, "/nothing_here", 1))
		}, []string{"SIGNET_DATABASE_URL", "no such database"}},
		{"newer schema than the binary", func(c *config.Config) {
			c.DatabaseURL, c.SystemDatabaseURL = core.NewSecret(newer.TenantURL), core.NewSecret(newer.SystemURL)
		}, []string{"9999", "newer binary"}},
		{"older schema than the binary", func(c *config.Config) {
			c.DatabaseURL, c.SystemDatabaseURL = core.NewSecret(older.TenantURL), core.NewSecret(older.SystemURL)
		}, []string{"signet migrate up"}},
		{"wrong password", func(c *config.Config) {
			c.DatabaseURL = core.NewSecret(strings.Replace(db.TenantURL, "signet_app_of_a_test", "hunter2secret", 1))
		}, []string{"SIGNET_DATABASE_URL", "password"}},
		{"Postgres that is not there", func(c *config.Config) {
			c.DatabaseURL = core.NewSecret("postgres://signet_app:hunter2secret@127.0.0.1:1/signet")
		},
			[]string{"SIGNET_DATABASE_URL", "127.0.0.1:1", "does not answer"}},
	}
	cases = append(cases, struct {
		name   string
		change func(*config.Config)
		want   []string
	}{"data restored without its keys", func(c *config.Config) { *c = restoredWithoutKeys(t) }, []string{"no root key", "signet_keys"}})
	before := rowCounts(t, db)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			begin := time.Now()
			_, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
			took := time.Since(begin)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "hunter2secret")
			require.NotRegexp(t, `AGE-SECRET-KEY-1[0-9A-Z]`, err.Error())
			require.Less(t, took, 5*time.Second, "a second is the promise; a busy machine gets more")
		})
	}
	require.Equal(t, before, rowCounts(t, db))
}

// sealedByAnother is a configuration whose database was sealed by another
// identity.
func sealedByAnother(t *testing.T) config.Config {
	t.Helper()
	other := newConfig(t, storetest.New(t), "http://127.0.0.1:1")
	server, err := app.NewServer(t.Context(), other, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	server.Close()
	return other
}

// restoredWithoutKeys is a configuration whose database has lost its key schema,
// and another identity: what a slip in a restore looks like.
func restoredWithoutKeys(t *testing.T) config.Config {
	t.Helper()
	db := storetest.New(t)
	cfg := newConfig(t, db, "http://127.0.0.1:1")
	server, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	server.Close()
	db.Exec(t, `TRUNCATE signet_keys.root_keys, signet_keys.root_key_wraps, signet_keys.platform_keys, signet_keys.tenant_keys`)
	cfg.IdentityFile = newConfig(t, db, "http://127.0.0.1:1").IdentityFile
	counts := rowCounts(t, db)
	t.Cleanup(func() {
		require.Equal(t, counts, rowCounts(t, db), "nothing was written")
	})
	return cfg
}

// rowCounts counts the rows of every table of the schema.
func rowCounts(t *testing.T, db storetest.DB) map[string]int64 {
	t.Helper()
	return db.RowCounts(t)
}

func TestARecoveryRecipientThatComesLaterIsCovered(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t, storetest.New(t), "http://127.0.0.1:1")
	open := func() string {
		server, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		server.Close()
		var out strings.Builder
		require.NoError(t, app.KeyStatus(t.Context(), cfg, &out))
		return out.String()
	}
	require.Contains(t, open(), "none set")
	recovery, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	cfg.RecoveryRecipient = recovery.Recipients()[0]
	require.Contains(t, open(), "recovery recipient: covered at every epoch")

	// One that was exchanged, before a node has started with it.
	another, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	cfg.RecoveryRecipient = another.Recipients()[0]
	var out strings.Builder
	require.NoError(t, app.KeyStatus(t.Context(), cfg, &out))
	require.Contains(t, out.String(), "recovery recipient: NOT covered at epochs [1]")
	require.Contains(t, open(), "recovery recipient: covered at every epoch")
}

func TestInitKeysPrintsTheSheetAndKeepsAnExistingFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity.txt")
	var out strings.Builder
	require.NoError(t, app.InitKeys(config.Config{}, path, false, &out))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	master, err := seal.ReadMaster(path)
	require.NoError(t, err)
	require.Contains(t, out.String(), master.Recipients()[0])
	fingerprint, err := master.FirstRootFingerprint()
	require.NoError(t, err)
	require.Contains(t, out.String(), fingerprint.String())
	require.NotRegexp(t, `AGE-SECRET-KEY-1[0-9A-Z]`, out.String())
	require.Error(t, app.InitKeys(config.Config{}, path, false, io.Discard))
}

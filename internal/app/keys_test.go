package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store/storetest"
)

// The recovery identity of these tests.
var (
	lockedRecovery   = apptest.MarkedOffline.Locked
	lockedRecipient  = apptest.MarkedOffline.Recipient
	lockedPassphrase = apptest.MarkedOffline.Passphrase
)

func privateFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// servedOnce is the configuration of a platform whose first node was started, and
// ended, so that its keys are there and nothing else.
func servedOnce(t *testing.T, recipient string) config.Config {
	t.Helper()
	cfg := newConfig(t, storetest.New(t), "http://127.0.0.1:1")
	cfg.RecoveryRecipient = recipient
	server, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	server.Close()
	return cfg
}

func printed(t *testing.T, command func(context.Context, *bytes.Buffer) error) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, command(t.Context(), &out))
	return out.String()
}

func TestTheKeyCommandsSayWhatThereIs(t *testing.T) {
	t.Parallel()
	cfg := servedOnce(t, "")
	status := func() string {
		return printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, cfg, out) })
	}
	check := func() string {
		return printed(t, func(ctx context.Context, out *bytes.Buffer) error {
			return app.CheckKeys(ctx, cfg, app.RecoveryFile{}, nil, out)
		})
	}
	said := status()
	require.Contains(t, said, "\n  keys that hang on it: 1 (tenants 0, platform 1)\n"+
		"  sealed values below those: 1 (app secrets 0, tokens and tickets 0, fetched by trials 0, answers to repeat 0, the platform's own 1)\n")
	require.NotContains(t, said, "being turned")
	require.Contains(t, check(), "all of it opens: 1 root key, 1 key of tenants and the platform, 1 value of 0 tenants and the platform\n")

	rotated := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.RotatePlatformKey(ctx, cfg, out) })
	require.Equal(t, "version 2 of the platform's own key seals from now on\n"+
		"under it: 1 value, turned by this run: 1; nothing lies under an older one, and those are destroyed\n", rotated)
	require.Equal(t, said, status())
	require.Contains(t, check(), "all of it opens: 1 root key, 1 key of")
	rotated = printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.RotateKeys(ctx, cfg, out) })
	require.Contains(t, rotated, "wrapped anew by this run: 1 key; nothing lies under an older root key, and those are deleted\n")
}

// A key that was lost is told by the status, with how many values it is missed for.
func TestTheStatusTellsOfValuesWithoutTheirKey(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	cfg := newConfig(t, db, "http://127.0.0.1:1")
	server, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	server.Close()
	db.Exec(t, `UPDATE signet.session_keys SET key_version = 7`)
	said := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, cfg, out) })
	require.Contains(t, said, "\n1 sealed value cannot be opened, because the key of the tenant or of the platform is not there")
	require.Contains(t, said, "the platform's own 1): restore the schema signet_keys")
}

// The offline identity may be kept behind a passphrase, as the identity file may.
func TestARecoveryIdentityBehindAPassphrase(t *testing.T) {
	t.Parallel()
	cfg := servedOnce(t, lockedRecipient)
	said := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, cfg, out) })
	fingerprint := regexp.MustCompile(`fingerprint ([0-9a-f ]+)  made`).FindStringSubmatch(said)[1]
	sheet, err := app.ParseSheet([]string{"1=" + fingerprint})
	require.NoError(t, err)
	locked, right := privateFile(t, lockedRecovery), privateFile(t, lockedPassphrase+"\n")

	commands := map[string]func(app.RecoveryFile) (string, error){
		"check": func(file app.RecoveryFile) (string, error) {
			var out strings.Builder
			err := app.CheckKeys(t.Context(), cfg, file, sheet, &out)
			return out.String(), err
		},
		"recover": func(file app.RecoveryFile) (string, error) {
			lost := cfg
			lost.IdentityFile = filepath.Join(t.TempDir(), "next.txt")
			_, content, err := seal.GenerateMaster(seal.X25519)
			require.NoError(t, err)
			require.NoError(t, seal.WriteMaster(lost.IdentityFile, content))
			var out strings.Builder
			err = app.RecoverKeys(t.Context(), lost, file, sheet, &out)
			return out.String(), err
		},
	}
	for name, command := range commands {
		_, err := command(app.RecoveryFile{Path: locked})
		require.ErrorContains(t, err, "protected by a passphrase", name)
		require.ErrorContains(t, err, "--recovery-passphrase-file", name)
		_, err = command(app.RecoveryFile{Path: locked, Passphrase: privateFile(t, "another\n")})
		require.ErrorContains(t, err, "--recovery: identity file "+locked+" does not open with the passphrase in", name)
		require.NotContains(t, err.Error(), "another passphrase")
	}
	checked, err := commands["check"](app.RecoveryFile{Path: locked, Passphrase: right})
	require.NoError(t, err)
	require.Contains(t, checked, "as on the recovery sheet\nall of it opens: 1 root key,")
	recovered, err := commands["recover"](app.RecoveryFile{Path: locked, Passphrase: right})
	require.NoError(t, err)
	require.Contains(t, recovered, "every root key has the fingerprint of its sheet")
}

// fullAt is a standard output that takes so many writes and then no more, as one does
// whose disk is full.
type fullAt struct {
	left int
	said strings.Builder
}

var errFull = errors.New("no space left on device")

func (w *fullAt) Write(p []byte) (int, error) {
	if w.left == 0 {
		return 0, errFull
	}
	w.left--
	return w.said.Write(p)
}

// nextMaster puts a new first identity above the one of a configuration.
func nextMaster(t *testing.T, cfg config.Config) config.Config {
	t.Helper()
	_, content, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	was, err := os.ReadFile(cfg.IdentityFile)
	require.NoError(t, err)
	cfg.IdentityFile = privateFile(t, content.Expose()+string(was))
	return cfg
}

// A key that is stored without its sheet on paper is one that nobody recovers: the
// command fails, with how to come by the sheet.
func TestASheetThatCannotBePrintedFailsTheCommandWithItsMend(t *testing.T) {
	t.Parallel()
	recovery, content, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	cfg := servedOnce(t, recovery.Recipients()[0])
	requireMend := func(err error, done string) {
		require.ErrorIs(t, err, errFull)
		require.ErrorContains(t, err, done+", but its recovery sheet could not be printed")
		require.ErrorContains(t, err, "print it with `signet keys sheet`")
	}
	requireMend(app.RotateKeys(t.Context(), cfg, &fullAt{}), "root key 2 is stored and seals from now on")
	said := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, cfg, out) })
	require.NotContains(t, said, "epoch 1", "the turning was done to its end")

	sheet := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.PrintSheets(ctx, cfg, out) })
	fingerprint := regexp.MustCompile(`epoch 2  fingerprint ([0-9a-f ]+)  made`).FindStringSubmatch(said)[1]
	require.Contains(t, sheet, "Root key           2\n")
	require.Contains(t, sheet, fingerprint)
	require.Contains(t, sheet, recovery.Recipients()[0][:12])
	unset := cfg
	unset.RecoveryRecipient = ""
	require.Equal(t, sheet, printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.PrintSheets(ctx, unset, out) }),
		"it names the recovery recipient also where that is not set")

	turned := nextMaster(t, cfg)
	requireMend(app.RotateMaster(t.Context(), turned, &fullAt{left: 4}), "the first identity of the file holds every root key")
	sheets, err := app.ParseSheet([]string{"2=" + fingerprint})
	require.NoError(t, err)
	requireMend(app.RecoverKeys(t.Context(), turned, app.RecoveryFile{Path: privateFile(t, content.Expose())}, sheets, &fullAt{left: 1}), "the identity file holds every root key")
	path := filepath.Join(t.TempDir(), "new.txt")
	requireMend(app.InitKeys(cfg, path, false, &fullAt{}), path+" is written")
	require.FileExists(t, path)
}

// What older backups need is not thrown away on the word of a command.
func TestTheTurningsSayWhatOlderBackupsNeed(t *testing.T) {
	t.Parallel()
	cfg := servedOnce(t, lockedRecipient)
	cfg.KeyBackupDays = 9
	said := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.RotateKeys(ctx, cfg, out) })
	require.Contains(t, said, "Print this sheet, and keep the one of the root key before until the last backup of the keys\n"+
		"from before now is deleted (SIGNET_KEY_BACKUP_DAYS, 9 days): that backup is recovered with its own sheet alone.\n")
	said = printed(t, func(ctx context.Context, out *bytes.Buffer) error {
		return app.RotateMaster(ctx, nextMaster(t, cfg), out)
	})
	require.Contains(t, said, "  4. If it was not: keep it, away from the nodes, until the last backup of the keys from\n"+
		"     before now is deleted (SIGNET_KEY_BACKUP_DAYS, 9 days). That one opens with the\n"+
		"     old identity alone, or is recovered with the recovery identity and its own sheet.\n")
}

// Nothing is said to be lost that somebody can recover.
func TestTheStatusWithoutTheRecoveryRecipientSet(t *testing.T) {
	t.Parallel()
	cfg := servedOnce(t, lockedRecipient)
	cfg.RecoveryRecipient = ""
	said := printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, cfg, out) })
	require.Contains(t, said, "\nrecovery recipient: SIGNET_RECOVERY_RECIPIENT is not set here; besides the identity file the root keys are sealed to "+lockedRecipient+"\n")
	require.NotContains(t, said, "is lost")
	alone := servedOnce(t, "")
	said = printed(t, func(ctx context.Context, out *bytes.Buffer) error { return app.KeyStatus(ctx, alone, out) })
	require.Contains(t, said, "\nrecovery recipient: none set. If the identity file is lost, every secret is lost")
}

// meanwhile does something beside a command, when that says its first word.
type meanwhile struct {
	strings.Builder
	work func()
}

func (m *meanwhile) Write(p []byte) (int, error) {
	if m.work != nil {
		m.work()
		m.work = nil
	}
	return m.Builder.Write(p)
}

// The monthly proof goes on over a turning, and says which key was not on a sheet.
func TestTheProofTellsOfARootKeyThatComesMeanwhile(t *testing.T) {
	t.Parallel()
	recovery, content, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	cfg := servedOnce(t, recovery.Recipients()[0])
	out := meanwhile{work: func() { require.NoError(t, app.RotateKeys(t.Context(), cfg, io.Discard)) }}
	require.NoError(t, app.CheckKeys(t.Context(), cfg, app.RecoveryFile{Path: privateFile(t, content.Expose())}, nil, &out))
	require.Regexp(t, `^root key 1  fingerprint [^\n]*\nthe root key was turned meanwhile\n`+
		`root key 2  fingerprint [^\n]*NOT compared with a recovery sheet; to do so give --sheet 2=FINGERPRINT\nall of it opens: 1 root key, 1 key of`, out.String())
}

func TestTheKeyCommandsSayWhatHelpsWhereTheyAreUsed(t *testing.T) {
	t.Parallel()
	cfg := servedOnce(t, "")
	tenant, err := core.ParseTenantID("46bb8b72-06a7-4c44-9c18-5c90fbd46d79")
	require.NoError(t, err)
	require.EqualError(t, app.RotateTenantKey(t.Context(), cfg, tenant, io.Discard),
		"--tenant 46bb8b72-06a7-4c44-9c18-5c90fbd46d79: there is no such tenant in this database; the console shows the id of each")
	missing := filepath.Join(t.TempDir(), "recovery.txt")
	for _, file := range []app.RecoveryFile{{Path: missing}, {Path: missing, Passphrase: privateFile(t, lockedPassphrase)}} {
		require.EqualError(t, app.CheckKeys(t.Context(), cfg, file, nil, io.Discard),
			"--recovery: there is no file "+missing+": give the path of the offline recovery identity, or bring that here")
	}
	err = app.CheckKeys(t.Context(), cfg, app.RecoveryFile{Path: privateFile(t, lockedRecovery), Passphrase: missing}, nil, io.Discard)
	require.ErrorContains(t, err, "passphrase file "+missing+" does not exist")
}

package app_test

import (
	"bytes"
	"context"
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
		"  sealed values below those: 1 (app secrets 0, tokens and tickets 0, fetched by trials 0, the platform's own 1)\n")
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

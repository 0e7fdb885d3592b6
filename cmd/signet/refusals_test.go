package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
)

// refusal is how a command ended that did not do its work.
type refusal struct {
	status int
	lines  []string // of standard error
	took   time.Duration
}

// refuse runs a command that must not do its work, and must say why on standard
// error alone.
func (p program) refuse(t *testing.T, args ...string) refusal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := p.command(ctx, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	var ended *exec.ExitError
	require.True(t, errors.As(err, &ended), "%v: %s", err, out.String())
	require.Empty(t, out.String())
	return refusal{status: ended.ExitCode(), lines: strings.Split(strings.TrimSpace(errOut.String()), "\n"), took: took}
}

// requireLines holds the lines against what they must hold, one by one and in
// that order.
func requireLines(t *testing.T, r refusal, want ...[]string) {
	t.Helper()
	require.Len(t, r.lines, len(want), strings.Join(r.lines, "\n"))
	for i, parts := range want {
		for _, part := range append(parts, "signet: ") {
			require.Contains(t, r.lines[i], part)
		}
	}
}

// takenAddr is an address on which this test listens.
func takenAddr(t *testing.T) string {
	t.Helper()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	return taken.Addr().String()
}

// closedPort is a port of this machine that was free a moment ago.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func TestEveryProblemOfAConfigurationComesInOneStart(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "identity.txt")

	t.Run("values that are wrong, the identity file and the recipient", func(t *testing.T) {
		t.Parallel()
		p := program{env: []string{
			"SIGNET_LOG_LEVEL=loud", "SIGNET_PUBLIC_ADDR=300.1.1.1:99", "SIGNET_WECOM_URL=https://x:99999", "SIGNET_TYPO=1",
			"SIGNET_IDENTITY_FILE=" + missing, "SIGNET_RECOVERY_RECIPIENT=age1nonsense",
			"SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=127.0.0.1:0",
		}}
		r := p.refuse(t, "serve")
		require.Equal(t, exitFailed, r.status)
		requireLines(t, r,
			[]string{"SIGNET_TYPO"}, []string{"SIGNET_DATABASE_URL is missing"},
			[]string{"SIGNET_PUBLIC_ADDR", "300.1.1.1"}, []string{"SIGNET_WECOM_URL", "99999", "1 to 65535"},
			[]string{"SIGNET_LOG_LEVEL", "loud"},
			[]string{"SIGNET_IDENTITY_FILE", missing, "keys init"}, []string{"SIGNET_RECOVERY_RECIPIENT"})
	})

	t.Run("values that are right and lead to nothing", func(t *testing.T) {
		t.Parallel()
		public, metrics := takenAddr(t), takenAddr(t)
		p := program{env: []string{
			"SIGNET_DATABASE_URL=postgres://signet_app:hunter2secret@127.0.0.1:" + closedPort(t) + "/signet",
			"SIGNET_IDENTITY_FILE=" + missing, "SIGNET_RECOVERY_RECIPIENT=age1nonsense",
			"SIGNET_PUBLIC_ADDR=" + public, "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=" + metrics,
		}}
		r := p.refuse(t, "serve")
		require.Equal(t, exitFailed, r.status)
		requireLines(t, r,
			[]string{"SIGNET_IDENTITY_FILE", missing}, []string{"SIGNET_RECOVERY_RECIPIENT"},
			[]string{"SIGNET_PUBLIC_ADDR", public}, []string{"SIGNET_METRICS_ADDR", metrics},
			[]string{"SIGNET_DATABASE_URL", "does not answer"})
		require.NotContains(t, strings.Join(r.lines, "\n"), "hunter2secret")
	})

	t.Run("three taken ports, the identity file and a superuser", func(t *testing.T) {
		t.Parallel()
		public, console, metrics := takenAddr(t), takenAddr(t), takenAddr(t)
		p := program{env: []string{
			"SIGNET_DATABASE_URL=" + storetest.New(t).SuperuserURL(), "SIGNET_IDENTITY_FILE=/dev/null",
			"SIGNET_PUBLIC_ADDR=" + public, "SIGNET_CONSOLE_ADDR=" + console, "SIGNET_METRICS_ADDR=" + metrics,
			"SIGNET_LOG_LEVEL=error", // without the warning about recovery
		}}
		r := p.refuse(t, "serve")
		require.Equal(t, exitFailed, r.status)
		requireLines(t, r,
			[]string{"SIGNET_IDENTITY_FILE", "/dev/null"},
			[]string{"SIGNET_PUBLIC_ADDR", public, "another program"}, []string{"SIGNET_CONSOLE_ADDR", console, "another program"},
			[]string{"SIGNET_METRICS_ADDR", metrics, "another program"},
			[]string{"SIGNET_DATABASE_URL", "superuser"})
	})

	t.Run("of the commands about keys too", func(t *testing.T) {
		t.Parallel()
		p := program{env: []string{
			"SIGNET_DATABASE_URL=postgres://signet_app:pw@127.0.0.1:1/signet",
			"SIGNET_IDENTITY_FILE=" + missing, "SIGNET_RECOVERY_RECIPIENT=age1nonsense",
		}}
		requireLines(t, p.refuse(t, "keys", "status"),
			[]string{"SIGNET_IDENTITY_FILE", missing}, []string{"SIGNET_RECOVERY_RECIPIENT"})
	})
}

func TestAWrongStartIsRefusedWithinASecond(t *testing.T) {
	db, newer := storetest.New(t), storetest.New(t)
	newer.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES (9999)`)
	identity := filepath.Join(t.TempDir(), "identity.txt")
	program{}.run(t, "", "keys", "init", "--out", identity)
	good := []string{
		"SIGNET_DATABASE_URL=" + db.TenantURL, "SIGNET_SYSTEM_DATABASE_URL=" + db.SystemURL, "SIGNET_IDENTITY_FILE=" + identity,
		"SIGNET_PUBLIC_ADDR=127.0.0.1:0", "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=127.0.0.1:0",
	}
	before := db.RowCounts(t)
	for _, c := range []struct {
		name string
		env  []string // in place of the good ones
		want string
	}{
		{"a missing identity file", []string{"SIGNET_IDENTITY_FILE=" + identity + ".gone"}, "keys init"},
		{"a file that is no identity", []string{"SIGNET_IDENTITY_FILE=/dev/null"}, "SIGNET_IDENTITY_FILE"},
		{"a database that is not there", []string{"SIGNET_DATABASE_URL=" + strings.Replace(db.TenantURL, "/"+db.Name, "/nothing_here", 1)}, "no such database"},
		{"a superuser", []string{"SIGNET_DATABASE_URL=" + db.SuperuserURL()}, "row security"},
		{"a newer schema", []string{"SIGNET_DATABASE_URL=" + newer.TenantURL, "SIGNET_SYSTEM_DATABASE_URL=" + newer.SystemURL}, "9999"},
		{"an occupied port", []string{"SIGNET_CONSOLE_ADDR=" + takenAddr(t)}, "another program"},
		{"three mistakes", []string{"SIGNET_LOG_LEVEL=loud", "SIGNET_PUBLIC_ADDR=x", "SIGNET_TYPO=1"}, "SIGNET_TYPO"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program{env: append(append([]string{}, good...), c.env...)} // the last of two wins
			fastest := time.Minute
			for range 3 { // a machine that is busy with other tests is slow now and then, a slow check always
				r := p.refuse(t, "serve")
				require.Equal(t, exitFailed, r.status)
				require.Contains(t, strings.Join(r.lines, "\n"), c.want)
				if fastest = min(fastest, r.took); fastest < time.Second {
					break
				}
			}
			t.Logf("refused after %s", fastest.Round(time.Millisecond))
			require.Less(t, fastest, time.Second)
		})
	}
	require.Equal(t, before, db.RowCounts(t), "nothing was written")
}

func TestAWrongFlagIsWrongUseAndNamedAsItWasTyped(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"serve"}, {"dev", "--dir", "/dev/null/x"}} {
		r := program{env: []string{"SIGNET_TYPO=1"}}.refuse(t, append(command, "--public-addr", "nope", "--metrics-addr", "127.0.0.1:0", "--console-addr", "127.0.0.1:0")...)
		require.Equal(t, exitWrongUse, r.status)
		require.Contains(t, r.lines, `signet: --public-addr is "nope", which is no address to listen on: write HOST:PORT or :PORT`)
		require.Contains(t, r.lines[0], "SIGNET_TYPO", "beside the rest")
		require.NotContains(t, strings.Join(r.lines, "\n"), "SIGNET_PUBLIC_ADDR")
	}
}

func TestTheStatusOfANewerSchemaIsARefusalThatSaysTheMend(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES (9999)`)
	p := program{env: []string{"SIGNET_MIGRATE_DATABASE_URL=" + db.OwnerURL}}
	r := p.refuse(t, "migrate", "status")
	require.Equal(t, exitFailed, r.status)
	requireLines(t, r, []string{"SIGNET_MIGRATE_DATABASE_URL", "newer than this binary", "9999", "use the newer binary"})
}

func TestAWrongAddressOfPostgresIsAnsweredWithAWholeExample(t *testing.T) {
	t.Parallel()
	const example = "it should look like postgres://USER:PASSWORD@HOST:5432/DATABASE"
	for _, wrong := range []string{"mysql://root:hunter2secret@db/signet", "host=db user=app password=hunter2secret", "nonsense"} {
		r := program{env: []string{"SIGNET_DATABASE_URL=" + wrong}}.refuse(t, "admin", "create", "--email", "a@test.example", "--password-stdin")
		requireLines(t, r, []string{"SIGNET_DATABASE_URL is not a Postgres address: " + example})
		require.NotContains(t, r.lines[0], "hunter2secret")
	}
	r := program{env: []string{"SIGNET_PUBLIC_ADDR=POSTGRES://app:hunter2 secret@db/signet"}}.refuse(t, "migrate", "status")
	require.NotContains(t, strings.Join(r.lines, "\n"), "hunter2")
	require.NotContains(t, strings.Join(r.lines, "\n"), "secret")
}

func TestTwoListenersOnOneAddressAreToldApart(t *testing.T) {
	t.Parallel()
	port := closedPort(t)
	p := program{env: []string{
		"SIGNET_DATABASE_URL=postgres://signet_app:pw@127.0.0.1:" + closedPort(t) + "/signet", "SIGNET_IDENTITY_FILE=/nowhere",
		"SIGNET_PUBLIC_ADDR=:" + port, "SIGNET_CONSOLE_ADDR=127.0.0.1:" + port, "SIGNET_METRICS_ADDR=127.0.0.1:0",
	}}
	r := p.refuse(t, "serve")
	require.Contains(t, r.lines[0], "SIGNET_CONSOLE_ADDR")
	require.Contains(t, r.lines[0], "SIGNET_PUBLIC_ADDR")
	require.NotContains(t, strings.Join(r.lines, "\n"), "another program")
}

func TestMigrateTakesEachAddressByItself(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	p := program{env: []string{
		"SIGNET_MIGRATE_DATABASE_URL=" + db.OwnerURL,
		// The role that the other address has when it is not given.
		"SIGNET_SYSTEM_DATABASE_URL=" + db.TenantURL,
	}}
	requireLines(t, p.refuse(t, "migrate", "up"), []string{"SIGNET_SYSTEM_DATABASE_URL", "different roles"})
}

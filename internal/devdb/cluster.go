package devdb

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"signet/internal/core"
)

// ErrOtherVersion says that the data was made by another major version of
// Postgres than the programs are.
var ErrOtherVersion = errors.New("made by another version of Postgres")

// superuser is the name of the cluster's superuser.
const superuser = "postgres"

const (
	// orphanGrace is how long a server whose owner is gone is left to its shell,
	// which is stopping it, before we stop it ourselves.
	orphanGrace = 3 * time.Second
	// strayGrace is the same after the shell has ended: then what is left of the
	// server, if anything, goes at once or stays.
	strayGrace = time.Second
	// orphanPatience is how long it may take then to write everything down.
	orphanPatience = 30 * time.Second
)

// waitIdle waits until no process of the server lives and gives the lock that
// proves it. The process id that Postgres wrote down proves nothing: after a
// crash it may be anybody's.
func (h *home) waitIdle(ctx context.Context, grace time.Duration) (*os.File, error) {
	patient, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	lock, err := lockWait(patient, h.entry(serverName))
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return lock, err
	}
	pid := readPID(h.postmasterFile())
	if pid != 0 {
		// The signal is sent by the server's own user: it can hit nothing that
		// the server could not, whatever stands in a file that user may write.
		kill := exec.CommandContext(ctx, shell, "-c", `kill -s INT "$1"`, "sh", strconv.Itoa(pid))
		kill.Dir = "/"
		runAs(kill, h.account)
		_ = kill.Run() // what counts is the lock
	}
	ctx, cancel = context.WithTimeout(ctx, orphanPatience)
	defer cancel()
	if lock, err = lockWait(ctx, h.entry(serverName)); err != nil {
		return nil, fmt.Errorf("a Postgres of %s whose owner is gone still runs as process %d; stop it: %w", h.dir, pid, err)
	}
	return lock, nil
}

func (h *home) postmasterFile() string { return filepath.Join(h.dir, dataName, "postmaster.pid") }

// ensure makes the cluster where there is none, checks the one that is there,
// and gives the superuser's password. The caller holds idle, the lock of a
// home without a server; initdb inherits it.
func (h *home) ensure(ctx context.Context, p Programs, idle *os.File) (core.Secret, error) {
	_, err := os.Lstat(h.entry(dataName))
	switch {
	case err == nil:
		return h.check(p)
	case errors.Is(err, fs.ErrNotExist):
		return h.initialise(ctx, p, idle)
	default:
		return core.Secret{}, err
	}
}

func (h *home) check(p Programs) (core.Secret, error) {
	text, err := os.ReadFile(filepath.Join(h.dir, dataName, "PG_VERSION"))
	if err != nil {
		return core.Secret{}, fmt.Errorf("the Postgres data in %s is not whole: %w; drop it with --fresh", h.dir, err)
	}
	if version := strings.TrimSpace(string(text)); version != strconv.Itoa(p.Version) {
		return core.Secret{}, fmt.Errorf("the data in %s was %w: %s, and the programs are %s; set %s to a Postgres %s, or drop the data with --fresh",
			h.dir, ErrOtherVersion, version, p, SourceEnvironment, version)
	}
	password, err := os.ReadFile(h.entry(passwordName))
	if err != nil {
		return core.Secret{}, fmt.Errorf("the Postgres data in %s is not whole: %w; drop it with --fresh", h.dir, err)
	}
	// No server lives, so this is of one that crashed; were its process id in
	// use again by chance, Postgres would take it for the server and not start.
	if err := os.Remove(h.postmasterFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return core.Secret{}, err
	}
	return core.NewSecret(strings.TrimSpace(string(password))), nil
}

// initialise fills a folder beside the data folder and moves it there in one
// step, so that what stands under the final name is whole.
func (h *home) initialise(ctx context.Context, p Programs, idle *os.File) (core.Secret, error) {
	fresh := h.entry(newDataName)
	if err := os.RemoveAll(fresh); err != nil {
		return core.Secret{}, err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return core.Secret{}, err
	}
	password := core.NewSecret(rand.Text())
	if err := os.WriteFile(h.entry(passwordName), []byte(password.Expose()+"\n"), 0o600); err != nil {
		return core.Secret{}, err
	}
	if h.account.other {
		for _, path := range []string{fresh, h.entry(passwordName)} {
			if err := os.Lchown(path, h.account.uid, h.account.gid); err != nil {
				return core.Secret{}, fmt.Errorf("hand %s to user %s: %w", path, h.account.name, err)
			}
		}
	}

	args := []string{
		"--pgdata=" + fresh, "--username=" + superuser, "--pwfile=" + h.entry(passwordName),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions",
	}
	if h.throwaway {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.BinDir, "initdb"), args...)
	cmd.Dir = h.dir
	cmd.Env = serverEnvironment()
	cmd.ExtraFiles = []*os.File{idle}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it cleans up after itself
	cmd.WaitDelay = 5 * time.Second
	runAs(cmd, h.account)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return core.Secret{}, fmt.Errorf("make a cluster in %s: %w", h.dir, ctx.Err())
		}
		return core.Secret{}, fmt.Errorf("make a cluster in %s with %s: %w%s", h.dir, p, err, lastLines(said.String()))
	}
	return password, os.Rename(fresh, h.entry(dataName))
}

// serverEnvironment is what programs of Postgres get to see of our environment:
// none of our secrets, and no PG… variable that would steer them elsewhere.
func serverEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// lastLines makes of the last few lines the end of a one-line error.
func lastLines(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 4 {
		lines = lines[len(lines)-4:]
	}
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.Join(lines, "; ")
}

package devdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"signet/internal/core"
)

// Config says which server to start.
type Config struct {
	Programs  Programs          // from Find or FindAll
	Dir       string            // the folder of a persistent cluster, such as .signet/postgres; "" for a throwaway
	Throwaway bool              // says so aloud; with a Dir it is an error
	Settings  map[string]string // settings of Postgres beyond or instead of ours
}

// Server is a running Postgres, ours until Stop or Destroy.
type Server struct {
	home       *home
	supervisor *supervisor
	port       int
	password   core.Secret

	mu       sync.Mutex
	finished bool  // guarded by mu
	err      error // what finishing gave; guarded by mu
}

const portAttempts = 5

// errPortTaken says that another program took the port between our asking for
// a free one and the server's taking it.
var errPortTaken = errors.New("its port is taken")

// Start makes the cluster if there is none and starts its server; it returns
// when connections are accepted. ctx bounds the start, not the server's life.
// The caller must Stop it. Errors: ErrForeign, ErrInUse, ErrOtherVersion, and
// others of the operating system or Postgres with the end of its log.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Dir != "" && cfg.Throwaway {
		return nil, fmt.Errorf("a throwaway Postgres chooses its own folder; do not name %s", cfg.Dir)
	}
	if err := checkSettings(cfg.Settings); err != nil {
		return nil, err
	}
	a, err := serverAccount()
	if err != nil {
		return nil, err
	}
	h, err := claimFor(cfg.Dir, a)
	if err != nil {
		return nil, err
	}
	s, err := h.start(ctx, cfg, freePort)
	if err != nil {
		if h.throwaway {
			if left := h.remove(); left != nil {
				err = fmt.Errorf("%w; %w", err, left)
			}
		}
		h.release()
		return nil, err
	}
	return s, nil
}

func claimFor(dir string, a account) (*home, error) {
	if dir != "" {
		return claim(dir, a)
	}
	sweep(a)
	return claimThrowaway(a)
}

func (h *home) start(ctx context.Context, cfg Config, nextPort func() (int, error)) (*Server, error) {
	idle, err := h.waitIdle(ctx, orphanGrace)
	if err != nil {
		return nil, err
	}
	defer idle.Close() // from then on the server's processes alone hold it
	password, err := h.ensure(ctx, cfg.Programs, idle)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		port, err := nextPort()
		if err != nil {
			return nil, err
		}
		s, err := h.startOn(ctx, cfg, port, idle)
		if err == nil {
			s.password = password
			return s, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return nil, err
		}
	}
}

func (h *home) startOn(ctx context.Context, cfg Config, port int, idle *os.File) (*Server, error) {
	var logged int64
	if info, err := os.Stat(h.entry(logName)); err == nil {
		logged = info.Size()
	}
	program := filepath.Join(cfg.Programs.BinDir, "postgres")
	super, err := h.supervise(program, serverArguments(h.entry(dataName), port, h.throwaway, cfg.Settings), idle)
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, supervisor: super, port: port}
	if err := s.waitReady(ctx); err != nil {
		super.halt(ctx, stopImmediate)
		said := logSince(h.entry(logName), logged)
		if strings.Contains(said, "could not create any TCP/IP sockets") {
			err = errPortTaken
		}
		return nil, fmt.Errorf("start Postgres in %s: %w%s", h.dir, err, lastLines(said))
	}
	return s, nil
}

// waitReady waits for the word that the server writes into its pid file when it
// accepts connections.
func (s *Server) waitReady(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		text, err := os.ReadFile(s.home.postmasterFile())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Line 8 is the state since Postgres 10.
		if lines := strings.Split(string(text), "\n"); len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
		select {
		case <-s.supervisor.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// URL gives the address of a database for a role. It carries the password: it
// is for drivers, not for logs.
func (s *Server) URL(role string, password core.Secret, database string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, password.Expose()),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}).String()
}

// SuperuserURL gives the address of a database for the superuser, with the
// password. The databases of a new cluster are postgres and template1.
func (s *Server) SuperuserURL(database string) string {
	return s.URL(superuser, s.password, database)
}

// Dir gives the data folder. What was written lies there in files for certain
// only after a CHECKPOINT or a Stop of a persistent server.
func (s *Server) Dir() string { return s.home.entry(dataName) }

// LogFile gives the file with what the server said.
func (s *Server) LogFile() string { return s.home.entry(logName) }

// Port gives the port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.supervisor.done }

// Stop stops the server. A persistent one ends its connections and writes
// everything down; when ctx ends before it has, it is stopped as by a crash,
// from which the next start recovers. A throwaway one is stopped at once and
// removed. A second Stop gives what the first gave.
func (s *Server) Stop(ctx context.Context) error {
	return s.finish(ctx, s.home.throwaway)
}

// Destroy stops the server and removes the cluster. It does nothing after a
// Stop; Drop removes what that left.
func (s *Server) Destroy(ctx context.Context) error {
	return s.finish(ctx, true)
}

func (s *Server) finish(ctx context.Context, remove bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return s.err
	}
	s.finished = true
	how := stopFast
	if remove {
		how = stopImmediate
	}
	s.err = s.end(ctx, how)
	if s.err == nil && remove {
		s.err = s.home.remove()
	}
	s.home.release()
	return s.err
}

// end stops the server by the given signal and returns when no process of it
// lives.
func (s *Server) end(ctx context.Context, signal string) error {
	s.supervisor.halt(ctx, signal)
	// The shell may have been killed from outside, and not the server with it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killGrace)
	defer cancel()
	lock, err := s.home.waitIdle(ctx, strayGrace)
	if err != nil {
		return fmt.Errorf("stop Postgres: %w", err)
	}
	return lock.Close()
}

// Drop removes the persistent cluster of a folder, made by whichever version,
// and the folder with it if nothing else is there. Where there is no such
// folder it does nothing. It fails with ErrForeign or ErrInUse and then has
// changed nothing.
func Drop(ctx context.Context, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	a, err := serverAccount()
	if err != nil {
		return err
	}
	h, err := claim(dir, a)
	if err != nil {
		return err
	}
	defer h.release()
	lock, err := h.waitIdle(ctx, orphanGrace)
	if err != nil {
		return err
	}
	defer lock.Close()
	return h.remove()
}

// freePort asks the system for a port that is free now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

func logSince(path string, offset int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, offset, 64<<10))
	if err != nil {
		return ""
	}
	return string(text)
}

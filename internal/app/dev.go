package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/wecom/wecomtest"
)

// DevConfig says where `signet dev` lives and listens.
type DevConfig struct {
	Dir   string // such as .signet
	Fresh bool   // begin anew: drop the data

	PublicAddr, ConsoleAddr, MetricsAddr, WeComAddr string
	PublicURL, ConsoleURL                           string // "": localhost with the port that is listened on
	TrustedProxies                                  []netip.Prefix
	DeletionGrace                                   time.Duration
	KeyBackupDays                                   int
	PostgresBinDir                                  string
	LogLevel                                        slog.Level
}

// Dev is the whole product on one machine, until ctx ends: a Postgres of its
// own, the fake WeCom, the schema, an owner, and two tenants made through the
// same routes as real ones. It prints to out what a person needs to go on. When
// ctx ends, at whatever moment, Dev stops what it has started and gives nil.
func Dev(ctx context.Context, dev DevConfig, out io.Writer, log *slog.Logger) error {
	started := time.Now()
	var h devHouse
	defer func() { h.close(ctx, log) }()
	if err := h.open(ctx, dev, out, log); err != nil {
		if ctx.Err() != nil {
			return nil // what failed was told to stop, and its words would accuse something else
		}
		return err
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return h.fake.Serve(running, h.fakeListener) })
	group.Go(func() error { return h.node.Run(running) })
	group.Go(func() error {
		select {
		case <-h.postgres.Done():
			return errors.New("the private Postgres ended; its log is " + h.postgres.LogFile())
		case <-running.Done():
			return nil
		}
	})
	// The owner and the demo, through the console's own routes.
	group.Go(func() error {
		demos, err := seedDemo(running, h.node, h.notes)
		switch {
		case running.Err() != nil: // stopped meanwhile, which is no failure
			return nil //nolint:nilerr // see above
		case err != nil:
			return fmt.Errorf("make the demo tenants: %w", err)
		}
		return h.welcome(out, demos, time.Since(started))
	})
	return group.Wait()
}

// devHouse is what dev runs. One part after the other is opened; close takes
// down what is there.
type devHouse struct {
	postgres     *devdb.Server
	notes        *notes
	fake         *wecomtest.Server
	fakeListener net.Listener
	node         *Server
}

func (h *devHouse) open(ctx context.Context, dev DevConfig, out io.Writer, log *slog.Logger) (err error) {
	// 1. A folder of its own, with what must survive a restart.
	if err := os.MkdirAll(dev.Dir, 0o750); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	// 2. Postgres, private and in the background.
	if h.postgres, err = startPostgres(ctx, dev, out); err != nil {
		return err
	}
	if h.notes, err = readNotes(filepath.Join(dev.Dir, notesName)); err != nil {
		return err
	}
	// 3. The fake WeCom, with what it was told in earlier runs, then the node, both
	// in this process.
	h.fake = wecomtest.New(wecomtest.Config{Seed: []byte(h.notes.WeComSeed), StateFile: filepath.Join(dev.Dir, weComName)})
	if err := h.fake.LoadApps(); err != nil {
		return fmt.Errorf("%w; `signet dev --fresh` begins anew", err)
	}
	h.notes.setUp(h.fake)
	if err := h.fake.SaveApps(); err != nil {
		return err
	}
	if h.fakeListener, err = listenOn(ctx, "--wecom-addr", dev.WeComAddr); err != nil {
		return err
	}
	cfg, err := devServeConfig(ctx, dev, h.postgres, h.notes, h.fakeListener.Addr().String())
	if err != nil {
		return err
	}
	h.node, err = NewServer(ctx, cfg, log)
	return err
}

func (h *devHouse) close(ctx context.Context, log *slog.Logger) {
	if h.node != nil {
		h.node.Close()
	}
	if h.fakeListener != nil {
		_ = h.fakeListener.Close()
	}
	if h.postgres == nil {
		return
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if err := h.postgres.Stop(stop); err != nil {
		log.Error("Postgres did not stop cleanly", "error", err)
	}
}

func startPostgres(ctx context.Context, dev DevConfig, out io.Writer) (*devdb.Server, error) {
	programs, err := devdb.Find(ctx, dev.PostgresBinDir, out)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(dev.Dir, "postgres")
	if dev.Fresh {
		if err := devdb.Drop(ctx, dir); err != nil {
			return nil, err
		}
		for _, name := range []string{notesName, weComName, identityName, recoveryName} {
			if err := os.Remove(filepath.Join(dev.Dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
	}
	_, _ = fmt.Fprintf(out, "starting Postgres %d (%s) in %s\n", programs.Version, programs.Source, dir)
	return devdb.Start(ctx, devdb.Config{Programs: programs, Dir: dir})
}

// The identity, the recovery identity, which in production is on no machine of
// the platform, and the apps of the fake WeCom.
const (
	identityName = "identity.txt"
	recoveryName = "recovery.txt"
	weComName    = "fakewecom.json"
)

// devServeConfig makes the database, the roles, the schema and the identity
// where they are not there yet, and says how to serve from them.
func devServeConfig(ctx context.Context, dev DevConfig, server *devdb.Server, notes *notes, weComAddr string) (config.Config, error) {
	const database = "signet"
	owner := store.LoginRole{Name: "signet_owner", Password: core.NewSecret(notes.DatabasePassword)}
	if err := store.CreateDatabase(ctx, server.SuperuserURL("postgres"), owner, database); err != nil {
		return config.Config{}, err
	}
	cfg := config.Config{
		DatabaseURL:        core.NewSecret(server.URL("signet_app", owner.Password, database)),
		SystemDatabaseURL:  core.NewSecret(server.URL("signet_system", owner.Password, database)),
		MigrateDatabaseURL: core.NewSecret(server.URL(owner.Name, owner.Password, database)),
		IdentityFile:       filepath.Join(dev.Dir, identityName),
		PublicAddr:         dev.PublicAddr, ConsoleAddr: dev.ConsoleAddr, MetricsAddr: dev.MetricsAddr,
		PublicURL: dev.PublicURL, ConsoleURL: dev.ConsoleURL,
		WeComURL: "http://" + weComAddr, WeComLoginURL: asLocalhost(weComAddr), TrustedProxies: dev.TrustedProxies,
		DeletionGrace: dev.DeletionGrace, KeyBackupDays: dev.KeyBackupDays,
		LogLevel: dev.LogLevel,
	}
	m, err := migration(cfg)
	if err != nil {
		return cfg, err
	}
	if err := store.MigrateUp(ctx, m); err != nil {
		return cfg, err
	}
	if _, err := ensureIdentity(cfg.IdentityFile); err != nil {
		return cfg, err
	}
	recovery, err := ensureIdentity(filepath.Join(dev.Dir, recoveryName))
	if err != nil {
		return cfg, err
	}
	cfg.RecoveryRecipient = recovery.Recipients()[0]
	return cfg, nil
}

// ensureIdentity reads an identity file, or makes it.
func ensureIdentity(path string) (*seal.Master, error) {
	if _, err := os.Stat(path); err == nil {
		return seal.ReadMaster(path)
	}
	master, content, err := seal.GenerateMaster(seal.X25519)
	if err != nil {
		return nil, err
	}
	return master, seal.WriteMaster(path, content)
}

// asLocalhost is an address as a browser on this machine writes it: by name,
// because passkeys want one.
func asLocalhost(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://localhost"
	}
	return "http://localhost:" + port
}

func (h *devHouse) welcome(out io.Writer, demos []demo, took time.Duration) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("Signet is running (%s).", took.Round(100*time.Millisecond))
	line("")
	line("  console    %s", asLocalhost(h.node.ConsoleAddr()))
	line("  sign in    %s/signin", asLocalhost(h.node.ConsoleAddr()))
	line("  login      %s", h.notes.OwnerEmail)
	line("  password   %s", h.notes.OwnerPassword)
	line("  signing    %s", asLocalhost(h.node.PublicAddr()))
	line("  metrics    %s/metrics", asLocalhost(h.node.MetricsAddr()))
	line("  fake WeCom %s/_fake/", asLocalhost(h.fakeListener.Addr().String()))
	line("  Postgres   %s", h.postgres.Dir())
	line("")
	for _, d := range demos {
		app := ""
		if d.key != "" {
			app = "app " + d.key + "  "
		}
		line("  %s  %s%s", d.name, app, d.state)
	}
	line("")
	if d, ok := toAsk(demos); ok {
		if d.signs {
			line("Ask for a signature:")
		} else {
			line("Ask for a signature, once what is said above is mended:")
		}
		line("")
		line("  %s", d.curl(asLocalhost(h.node.PublicAddr())))
		line("")
	}
	line("Ctrl-C stops everything. The data stays; `signet dev --fresh` begins anew.")
	_, err := io.WriteString(out, b.String())
	return err
}

// toAsk gives the first demo that signs, or else the first that has an app.
func toAsk(demos []demo) (demo, bool) {
	for _, fits := range []func(demo) bool{
		func(d demo) bool { return d.signs },
		func(d demo) bool { return d.key != "" },
	} {
		if i := slices.IndexFunc(demos, fits); i >= 0 {
			return demos[i], true
		}
	}
	return demo{}, false
}

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
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
	PublicURL, ConsoleURL                           string // "": localhost with the port of the address
	TrustedProxies                                  []netip.Prefix
	PostgresBinDir                                  string
	LogLevel                                        slog.Level
}

// Dev is the whole product on one machine, until ctx ends: a Postgres of its
// own, the fake WeCom, the schema, an owner, and two tenants made through the
// same routes as real ones. It prints to out what a person needs to go on.
func Dev(ctx context.Context, dev DevConfig, out io.Writer, log *slog.Logger) error {
	started := time.Now()
	// 1. A folder of its own, with what must survive a restart.
	if err := os.MkdirAll(dev.Dir, 0o750); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	// 2. Postgres, private and in the background.
	server, err := startPostgres(ctx, dev, out)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		if err := server.Stop(stop); err != nil {
			log.Error("Postgres did not stop cleanly", "error", err)
		}
	}()
	notes, err := readNotes(filepath.Join(dev.Dir, notesName))
	if err != nil {
		return err
	}
	// 3. The fake WeCom, then the node, both in this process.
	fakeListener, err := listenOn(ctx, "--wecom-addr", dev.WeComAddr)
	if err != nil {
		return err
	}
	fake := wecomtest.New(wecomtest.Config{Seed: []byte(notes.WeComSeed)})
	for _, tenant := range notes.demoTenants() {
		fake.AddApp(tenant.weComApp())
	}
	cfg, err := devServeConfig(ctx, dev, server, notes, fakeListener.Addr().String())
	if err != nil {
		_ = fakeListener.Close()
		return err
	}
	node, err := NewServer(ctx, cfg, log)
	if err != nil {
		_ = fakeListener.Close()
		return err
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return fake.Serve(running, fakeListener) })
	group.Go(func() error { return node.Run(running) })
	group.Go(func() error {
		select {
		case <-server.Done():
			return errors.New("the private Postgres ended; its log is " + server.LogFile())
		case <-running.Done():
			return nil
		}
	})
	// 4. The owner and the demo, through the console's own routes.
	group.Go(func() error {
		made, err := seedDemo(running, node, notes, dev.Dir)
		switch {
		case running.Err() != nil: // stopped meanwhile, which is no failure
			return nil //nolint:nilerr // see above
		case err != nil:
			return fmt.Errorf("make the demo tenants: %w", err)
		}
		return welcome(out, node, fakeListener.Addr(), server, notes, made, time.Since(started))
	})
	return group.Wait()
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
		for _, name := range []string{notesName, identityName, recoveryName} {
			if err := os.Remove(filepath.Join(dev.Dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
	}
	_, _ = fmt.Fprintf(out, "starting Postgres %d (%s) in %s\n", programs.Version, programs.Source, dir)
	return devdb.Start(ctx, devdb.Config{Programs: programs, Dir: dir})
}

// The identity, and the recovery identity, which in production is on no machine
// of the platform.
const (
	identityName = "identity.txt"
	recoveryName = "recovery.txt"
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
		PublicURL: cmp.Or(dev.PublicURL, asLocalhost(dev.PublicAddr)), ConsoleURL: cmp.Or(dev.ConsoleURL, asLocalhost(dev.ConsoleAddr)),
		WeComURL: "http://" + weComAddr, TrustedProxies: dev.TrustedProxies,
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

func welcome(out io.Writer, node *Server, weCom net.Addr, postgres *devdb.Server, n *notes, made []demoResult, took time.Duration) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("Signet is running (%s).", took.Round(100*time.Millisecond))
	line("")
	line("  console    %s", asLocalhost(node.ConsoleAddr()))
	line("  login      %s", n.OwnerEmail)
	line("  password   %s", n.OwnerPassword)
	line("  signing    %s", asLocalhost(node.PublicAddr()))
	line("  metrics    %s/metrics", asLocalhost(node.MetricsAddr()))
	line("  fake WeCom %s/_fake/", asLocalhost(weCom.String()))
	line("  Postgres   %s", postgres.Dir())
	line("")
	for _, d := range made {
		line("  %s  app %s  %s", d.name, d.key, d.state)
	}
	line("")
	line("Ask for a signature:")
	line("")
	line("  %s", made[0].curl(asLocalhost(node.PublicAddr())))
	line("")
	line("Ctrl-C stops everything. The data stays; `signet dev --fresh` begins anew.")
	_, err := io.WriteString(out, b.String())
	return err
}

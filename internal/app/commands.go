package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/identity"
	"signet/internal/store"
)

// Serve runs a node until ctx ends, and returns nil after a clean end. Where ctx
// ends while the node is still being put together, the error is context.Canceled.
// Where nothing is wrong but that Postgres does not answer, it waits for it.
func Serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	for {
		server, err := NewServer(ctx, cfg, log)
		switch {
		case err == nil:
			return server.Run(ctx)
		case !isOnly(err, store.ErrNoAnswer):
			return err
		}
		if err := awaitPostgres(ctx, cfg, log, err); err != nil {
			return err
		}
	}
}

// migration names the login roles by the two addresses that serve uses, each by
// itself. Where one is not given, its role has its usual name and must be there
// already, because nobody has said with which password to make it.
func migration(cfg config.Config) (store.MigrateConfig, error) {
	m := store.MigrateConfig{
		OwnerURL: cfg.MigrateDatabaseURL.Expose(),
		Tenant:   store.LoginRole{Name: "signet_app"},
		System:   store.LoginRole{Name: "signet_system"},
	}
	var problems []error
	for _, from := range []struct {
		key string
		url core.Secret
		to  *store.LoginRole
	}{
		{config.DatabaseURL, cfg.DatabaseURL, &m.Tenant},
		{config.SystemDatabaseURL, cfg.SystemDatabaseURL, &m.System},
	} {
		if from.url.IsZero() {
			continue
		}
		role, err := store.RoleOf(from.url.Expose())
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", from.key, err))
		}
		*from.to = role
	}
	return m, errors.Join(problems...)
}

// MigrateUp brings the schema to this binary's version.
func MigrateUp(ctx context.Context, cfg config.Config, out io.Writer) error {
	m, err := migration(cfg)
	if err != nil {
		return err
	}
	if err := store.MigrateUp(ctx, m); err != nil {
		return err
	}
	return MigrateStatus(ctx, cfg, out)
}

// MigrateDown takes the schema away, with everything in it.
func MigrateDown(ctx context.Context, cfg config.Config, out io.Writer) error {
	m, err := migration(cfg)
	if err != nil {
		return err
	}
	if err := store.MigrateDown(ctx, m); err != nil {
		return err
	}
	return MigrateStatus(ctx, cfg, out)
}

// MigrateStatus prints where the schema stands, in one line. It fails, and prints
// nothing, where the schema is newer than this binary, which can neither serve
// nor migrate it.
func MigrateStatus(ctx context.Context, cfg config.Config, out io.Writer) error {
	m, err := migration(cfg)
	if err != nil {
		return err
	}
	status, err := store.ReadMigrationStatus(ctx, m)
	if err != nil {
		return err
	}
	if status.Version > status.Newest {
		return fmt.Errorf("%s: the schema is newer than this binary: it is at version %d and this binary knows %d; use the newer binary",
			config.MigrateDatabaseURL, status.Version, status.Newest)
	}
	word := "up to date"
	switch {
	case status.Dirty:
		word = "cut short; `signet migrate up` mends it"
	case status.Version == 0:
		word = "no schema; `signet migrate up` makes it"
	case status.Version < status.Newest:
		word = "behind; run `signet migrate up`"
	}
	_, err = fmt.Fprintf(out, "schema version %d of %d: %s\n", status.Version, status.Newest, word)
	return err
}

func openStore(ctx context.Context, cfg config.Config) (*store.Store, error) {
	return store.Open(ctx, store.Config{
		TenantURL: cfg.DatabaseURL.Expose(), SystemURL: cfg.SystemDatabaseURL.Expose(), MaxConns: 2,
	})
}

// vouchIfPossible has the audit rows of a command that needs no identity file vouched
// for, where there is one and the keys open. Where not, its rows have no mac, and
// `audit verify` names them.
func vouchIfPossible(ctx context.Context, cfg config.Config, st *store.Store) {
	if cfg.IdentityFile == "" {
		return
	}
	master, err := readMaster(cfg)
	if err != nil {
		return
	}
	keys, err := custody.Read(ctx, custody.Config{Store: st, Master: master})
	if err == nil && keys.Audit == nil {
		st.SignAudit(func(core.AuditChain, []byte) ([]byte, string, error) { return nil, "", nil })
	}
}

// openBreached opens the list of passwords that nobody may choose, where one is set.
func openBreached(cfg config.Config) (*identity.Breached, error) {
	if cfg.BreachedPasswords == "" {
		return nil, nil
	}
	list, err := identity.OpenBreached(cfg.BreachedPasswords)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.BreachedPasswords, err)
	}
	return list, nil
}

// CreateOwner makes a member who owns the platform. The password has no
// default.
func CreateOwner(ctx context.Context, cfg config.Config, email string, password core.Secret, out io.Writer) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	vouchIfPossible(ctx, cfg, st)
	list, err := openBreached(cfg)
	if err != nil {
		return err
	}
	defer list.Close()
	member, err := identity.CreateOwner(ctx, st, list, email, password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "created %s, owner of the platform (%s)\n", member.Email, member.ID)
	return err
}

// Health asks the node on this machine whether it is ready, at the address of
// its metrics listener.
func Health(ctx context.Context, cfg config.Config, out io.Writer) error {
	host, port, err := net.SplitHostPort(cfg.MetricsAddr)
	if err != nil {
		return fmt.Errorf("%s: %w", config.MetricsAddr, err)
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
	}
	address := "http://" + net.JoinHostPort(host, port) + "/readyz"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return fmt.Errorf("no answer from %s; is the node running, and %s the same?", address, config.MetricsAddr)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d: the node is not ready; its log says why", address, response.StatusCode)
	}
	_, err = fmt.Fprintln(out, "ready")
	return err
}

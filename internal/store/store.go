package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says where Postgres is. The zero value of every other field works.
type Config struct {
	TenantURL string // as the role of the tenants' work (SIGNET_DATABASE_URL)
	SystemURL string // as the role of the reads across tenants

	MaxConns int32         // of the tenant pool; default 16. The system pool has a quarter, at least 2
	Patience time.Duration // longest wait for a connection; default 2 s
}

// Store holds the two pools.
type Store struct {
	tenants  *pgxpool.Pool
	system   *pgxpool.Pool
	patience time.Duration

	auditSigner *auditHand // shared with every Store beside this one
}

const (
	defaultMaxConns = 16
	defaultPatience = 2 * time.Second
)

// Open connects both pools and checks what is behind them: that the roles
// cannot walk through row security and that the schema is the binary's. It
// fails with one sentence that names the mend, and writes nothing. Close the
// Store when done.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	tenants, err := openPool(ctx, cfg.TenantURL, cfg.MaxConns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tenantKey, err)
	}
	system, err := openPool(ctx, cfg.SystemURL, systemConns(cfg.MaxConns))
	if err != nil {
		tenants.Close()
		return nil, fmt.Errorf("%s: %w", systemKey, err)
	}
	s := &Store{tenants: tenants, system: system, patience: cfg.Patience, auditSigner: &auditHand{}}
	if err := s.check(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Beside gives a Store over the same database with pools of its own, so that what
// takes all connections of one leaves the other its own, and with a patience of its
// own for getting one. It is as far checked as this one, and closed by itself.
func (s *Store) Beside(ctx context.Context, maxConns int32, patience time.Duration) (*Store, error) {
	tenants, err := poolLike(ctx, s.tenants, maxConns)
	if err != nil {
		return nil, err
	}
	system, err := poolLike(ctx, s.system, systemConns(maxConns))
	if err != nil {
		tenants.Close()
		return nil, err
	}
	return &Store{tenants: tenants, system: system, patience: patience, auditSigner: s.auditSigner}, nil
}

// systemConns is how many connections of the system's pool go with so many of
// the tenants'.
func systemConns(tenants int32) int32 { return max(2, tenants/4) }

func poolLike(ctx context.Context, pool *pgxpool.Pool, maxConns int32) (*pgxpool.Pool, error) {
	cfg := pool.Config()
	setSize(cfg, maxConns)
	return pgxpool.NewWithConfig(ctx, cfg)
}

// setSize gives a configuration so many places, and what is each pool's own.
func setSize(cfg *pgxpool.Config, maxConns int32) {
	own := newConnects(maxConns)
	cfg.MaxConns = maxConns
	cfg.ConnConfig.DialFunc = own.dial // the driver dials to cancel, too
	cfg.ConnConfig.Tracer = &tracer{connects: own}
}

// Close gives all connections back and waits for those in use.
func (s *Store) Close() {
	s.tenants.Close()
	s.system.Close()
}

// Ping tells whether Postgres answers on both pools.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for _, pool := range []*pgxpool.Pool{s.tenants, s.system} {
		if err := pool.Ping(ctx); err != nil {
			return unreachable(err)
		}
	}
	return nil
}

// Statements counts the statements that have been sent to Postgres since the
// Store was opened. Benchmarks use it to show that a warm signature sends none.
func (s *Store) Statements() int64 {
	return s.tenants.Config().ConnConfig.Tracer.(*tracer).sent.Load() +
		s.system.Config().ConnConfig.Tracer.(*tracer).sent.Load()
}

// errAddress stands for the driver's text, which may repeat the address and so
// the password.
var errAddress = errors.New("not a Postgres address; it should look like postgres://USER:PASSWORD@HOST:5432/DATABASE")

// leavePatience is how long the server has for taking leave of a connection.
const leavePatience = time.Second

// leaveSoon bounds the driver's leave-taking. It waits up to 15 seconds for the
// server to hang up, and the place in the pool is taken meanwhile: after a host
// has died the pool would be full of connections to it.
func leaveSoon(conn *pgx.Conn) {
	socket := conn.PgConn().Conn()
	time.AfterFunc(leavePatience, func() { _ = socket.Close() })
}

func openPool(ctx context.Context, url string, maxConns int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errAddress
	}
	if err := checkEncryption(&cfg.ConnConfig.Config); err != nil {
		return nil, err
	}
	setSize(cfg, maxConns)
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.MaxConnLifetime = time.Hour
	cfg.MaxConnLifetimeJitter = 10 * time.Minute
	cfg.ConnConfig.ConnectTimeout = connectPatience
	cfg.BeforeClose = leaveSoon
	for name, value := range map[string]string{
		"application_name":                    "signet",
		"search_path":                         "pg_catalog", // every statement names its schema
		"timezone":                            "UTC",
		"statement_timeout":                   "10s",
		"lock_timeout":                        "3s",
		"idle_in_transaction_session_timeout": "10s",
	} {
		cfg.ConnConfig.RuntimeParams[name] = value
	}
	return pgxpool.NewWithConfig(ctx, cfg)
}

var _ pgx.QueryTracer = (*counter)(nil)

package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/store"
)

// DB is the database of one test.
type DB struct {
	Name      string
	OwnerURL  string // the schema's owner, no superuser
	TenantURL string // the login role of the tenants' work
	SystemURL string // the login role of the reads across tenants
	Cluster   *Cluster
}

// The roles of every test cluster. They log in with made-up passwords of a
// server that listens on the loopback address and lives as long as the test.
const (
	ownerRole  = "signet_owner"
	tenantRole = "signet_app"
	systemRole = "signet_system"
	template   = "signet_template"
)

// Cluster is a throwaway server with the migrated template in it.
type Cluster struct {
	Server    *devdb.Server
	Programs  devdb.Programs
	passwords map[string]core.Secret
	databases atomic.Int64
}

var (
	clustersMu sync.Mutex
	clusters   = map[string]*Cluster{} // by folder of the programs
)

// New gives a test a migrated database of its own, gone when the test ends.
func New(t testing.TB) DB {
	t.Helper()
	programs, err := devdb.Find(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR"), os.Stderr)
	require.NoError(t, err)
	return newDB(t, programs, template)
}

// NewEmpty gives a test a database without a schema, owned by the owner.
func NewEmpty(t testing.TB) DB {
	t.Helper()
	programs, err := devdb.Find(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR"), os.Stderr)
	require.NoError(t, err)
	return newDB(t, programs, "template0")
}

// Each runs a test on every version of Postgres that is at hand, the pinned
// package always among them.
func Each(t *testing.T, test func(*testing.T, DB)) {
	t.Helper()
	each(t, template, test)
}

// EachEmpty does so with databases that hold no schema, as NewEmpty gives them.
func EachEmpty(t *testing.T, test func(*testing.T, DB)) {
	t.Helper()
	each(t, "template0", test)
}

func each(t *testing.T, from string, test func(*testing.T, DB)) {
	t.Helper()
	_, err := devdb.Find(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR"), os.Stderr) // FindAll does not fetch it
	require.NoError(t, err)
	for _, programs := range devdb.FindAll(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR")) {
		t.Run(fmt.Sprintf("postgres %d", programs.Version), func(t *testing.T) {
			t.Parallel()
			test(t, newDB(t, programs, from))
		})
	}
}

// New gives another migrated database on the same server.
func (c *Cluster) New(t testing.TB) DB {
	t.Helper()
	return c.newDB(t, template)
}

// Open gives a test a Store on a database of its own.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return New(t).Open(t)
}

// Open opens a Store on the database and closes it when the test ends.
func (db DB) Open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: db.SystemURL, MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	return st
}

// Migration is the configuration with which the database is migrated.
func (db DB) Migration(t testing.TB) store.MigrateConfig {
	t.Helper()
	cfg, err := migration(db.OwnerURL, db.TenantURL, db.SystemURL)
	require.NoError(t, err)
	return cfg
}

// Main runs a package's tests, stops the clusters and fails on goroutines that
// were left, but for those that the options know of.
func Main(m *testing.M, known ...goleak.Option) {
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range clusters {
		if err := c.Server.Destroy(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "storetest:", err)
			code = max(code, 1)
		}
	}
	if err := goleak.Find(known...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "storetest:", err)
		code = 1
	}
	os.Exit(code)
}

func newDB(t testing.TB, programs devdb.Programs, from string) DB {
	t.Helper()
	c, err := clusterOf(t.Context(), programs)
	require.NoError(t, err)
	return c.newDB(t, from)
}

func (c *Cluster) newDB(t testing.TB, from string) DB {
	t.Helper()
	db := DB{Name: fmt.Sprintf("test_%d", c.databases.Add(1)), Cluster: c}
	db.OwnerURL, db.TenantURL, db.SystemURL = c.url(ownerRole, db.Name), c.url(tenantRole, db.Name), c.url(systemRole, db.Name)
	require.NoError(t, c.asSuperuser(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", db.Name, from, ownerRole)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = c.asSuperuser(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", db.Name))
	})
	return db
}

func clusterOf(ctx context.Context, programs devdb.Programs) (*Cluster, error) {
	clustersMu.Lock()
	defer clustersMu.Unlock()
	if c := clusters[programs.BinDir]; c != nil {
		return c, nil
	}
	server, err := devdb.Start(context.WithoutCancel(ctx), devdb.Config{Programs: programs, Throwaway: true})
	if err != nil {
		return nil, err
	}
	c := &Cluster{Server: server, Programs: programs, passwords: map[string]core.Secret{}}
	if err := c.makeTemplate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make the template database: %w", err), server.Destroy(context.WithoutCancel(ctx)))
	}
	clusters[programs.BinDir] = c
	return c, nil
}

// makeTemplate makes the owner, and lets the product's own migrations make the
// login roles and the schema.
func (c *Cluster) makeTemplate(ctx context.Context) error {
	for _, role := range []string{ownerRole, tenantRole, systemRole} {
		c.passwords[role] = core.NewSecret(role + "_of_a_test")
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN CREATEROLE PASSWORD '%s'", ownerRole, c.passwords[ownerRole].Expose()),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", template, ownerRole),
	} {
		if err := c.asSuperuser(ctx, statement); err != nil {
			return err
		}
	}
	cfg, err := migration(c.url(ownerRole, template), c.url(tenantRole, template), c.url(systemRole, template))
	if err != nil {
		return err
	}
	return store.MigrateUp(ctx, cfg)
}

// Contents tells of every table, but for those named, how many rows it has and the
// hash of them all, so that two equal contents are a database in which nothing
// happened.
func (db DB) Contents(t testing.TB, except ...string) string {
	t.Helper()
	tables := db.List(t, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('signet', 'signet_keys') ORDER BY 1`)
	var hashes []string
	for _, table := range tables {
		if !slices.Contains(except, table) {
			hashes = append(hashes, fmt.Sprintf(`SELECT '%[1]s: ' || count(*) || ' rows ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '-') FROM %[1]s t`, table))
		}
	}
	require.Greater(t, len(hashes), 15)
	return strings.Join(db.List(t, strings.Join(hashes, " UNION ALL ")+" ORDER BY 1"), "\n")
}

func migration(owner, tenant, system string) (store.MigrateConfig, error) {
	cfg := store.MigrateConfig{OwnerURL: owner}
	var err error
	if cfg.Tenant, err = store.RoleOf(tenant); err != nil {
		return cfg, err
	}
	cfg.System, err = store.RoleOf(system)
	return cfg, err
}

func (c *Cluster) url(role, database string) string {
	return c.Server.URL(role, c.passwords[role], database)
}

func (c *Cluster) asSuperuser(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.Server.SuperuserURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

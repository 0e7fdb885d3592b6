package store

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"signet/internal/core"
	"signet/migrations"
)

// The login roles as the migration files write them.
const (
	tenantRole = "signet_app"
	systemRole = "signet_system"
)

// LoginRole is a role that serve logs in as, and its password.
type LoginRole struct {
	Name     string
	Password core.Secret
}

// RoleOf reads the login role out of a Postgres address. Its error never
// repeats the address.
func RoleOf(url string) (LoginRole, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return LoginRole{}, errAddress
	}
	return LoginRole{Name: cfg.User, Password: core.NewSecret(cfg.Password)}, nil
}

func ensureRoles(ctx context.Context, conn *pgx.Conn, cfg MigrateConfig) error {
	if cfg.Tenant.Name == cfg.System.Name {
		return fmt.Errorf("%s and %s both log in as %s; the two need different roles", tenantKey, systemKey, cfg.Tenant.Name)
	}
	var owner string
	if err := conn.QueryRow(ctx, `SELECT current_user::text`).Scan(&owner); err != nil {
		return translate(err)
	}
	for _, role := range []struct {
		key string
		LoginRole
	}{{tenantKey, cfg.Tenant}, {systemKey, cfg.System}} {
		if role.Name == owner {
			return fmt.Errorf("%s logs in as %s, the owner of the schema; give it a role of its own, `signet migrate up` makes it", role.key, owner)
		}
		if err := checkRoleName(role.key, role.Name); err != nil {
			return err
		}
		if err := ensureRole(ctx, conn, role.key, role.LoginRole); err != nil {
			return err
		}
	}
	return nil
}

// maxNameBytes is where Postgres cuts a name (NAMEDATALEN - 1).
const maxNameBytes = 63

// checkRoleName refuses names that Postgres would cut short and those that
// could end a comment line of a migration file, where names are put in as well.
func checkRoleName(key, name string) error {
	if name == "" || len(name) > maxNameBytes || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%s: the name of its role should be 1 to %d bytes without control characters", key, maxNameBytes)
	}
	return nil
}

func ensureRole(ctx context.Context, conn *pgx.Conn, key string, role LoginRole) error {
	var exists bool
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)`, role.Name).Scan(&exists)
	if err != nil || exists {
		return translate(err)
	}
	if role.Password.IsZero() {
		return fmt.Errorf("role %s does not exist and %s gives no password to make it with; put the password in that address", role.Name, key)
	}
	verifier, err := scramVerifier(role.Password)
	if err != nil {
		return err
	}
	// CREATE ROLE takes no parameters, so the server itself quotes the values.
	var statement string
	err = conn.QueryRow(ctx,
		`SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS PASSWORD %L', $1::text, $2::text)`,
		role.Name, verifier).Scan(&statement)
	if err != nil {
		return translate(err)
	}
	_, err = conn.Exec(ctx, statement)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && (pg.Code == duplicateObject || pg.Code == uniqueViolation):
		return nil // the migration of another database of this server was quicker
	case errors.As(err, &pg) && pg.Code == insufficientPrivilege:
		return fmt.Errorf("role %s does not exist and the role of %s may not make it; give that CREATEROLE, or make the role by hand", role.Name, migrateKey)
	}
	return fmt.Errorf("make role %s: %w", role.Name, translate(err))
}

// scramIterations is what Postgres itself takes.
const scramIterations = 4096

// scramVerifier gives what Postgres keeps instead of a password (RFC 5803), so
// that the password gets into no log of the server, where statements that fail
// are written whole. Passwords that are not plain ASCII would have to be
// prepared as the server does it (RFC 4013); those it gets as they are.
func scramVerifier(password core.Secret) (string, error) {
	if strings.ContainsFunc(password.Expose(), func(r rune) bool { return r < ' ' || r > '~' }) {
		return password.Expose(), nil
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // crypto/rand never fails (it stops the program instead)
	salted, err := pbkdf2.Key(sha256.New, password.Expose(), salt, scramIterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive the password verifier: %w", err)
	}
	storedKey := sha256.Sum256(hmacSHA256(salted, "Client Key"))
	base := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, base(salt), base(storedKey[:]), base(hmacSHA256(salted, "Server Key"))), nil
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// roleSource is the embedded files with the configured role names in place of
// the default ones.
type roleSource struct {
	source.Driver
	names *strings.Replacer
}

func newRoleSource(cfg MigrateConfig) (source.Driver, error) {
	files, err := iofs.New(migrations.Files, ".")
	if err != nil {
		return nil, err
	}
	return &roleSource{Driver: files, names: strings.NewReplacer(
		tenantRole, pgx.Identifier{cfg.Tenant.Name}.Sanitize(),
		systemRole, pgx.Identifier{cfg.System.Name}.Sanitize(),
	)}, nil
}

// ReadUp implements source.Driver.
func (s *roleSource) ReadUp(version uint) (io.ReadCloser, string, error) {
	return s.renamed(s.Driver.ReadUp(version))
}

// ReadDown implements source.Driver.
func (s *roleSource) ReadDown(version uint) (io.ReadCloser, string, error) {
	return s.renamed(s.Driver.ReadDown(version))
}

func (s *roleSource) renamed(r io.ReadCloser, identifier string, err error) (io.ReadCloser, string, error) {
	if err != nil {
		return nil, identifier, err
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, identifier, err
	}
	return io.NopCloser(strings.NewReader(s.names.Replace(string(text)))), identifier, nil
}

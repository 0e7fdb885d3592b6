package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase makes the owner role and the database on a server of our own
// (package devdb), where they are not there yet. The owner may make roles and
// is no superuser, as it should be in production.
func CreateDatabase(ctx context.Context, superuserURL string, owner LoginRole, database string) error {
	conn, err := pgx.Connect(ctx, superuserURL)
	if err != nil {
		return fmt.Errorf("connect to make the database: %w", translate(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = makeMissing(ctx, conn,
		`SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)`,
		`SELECT format('CREATE ROLE %I LOGIN CREATEROLE PASSWORD %L', $1::text, $2::text)`,
		owner.Name, owner.Password.Expose())
	if err != nil {
		return err
	}
	return makeMissing(ctx, conn,
		`SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)`,
		`SELECT format('CREATE DATABASE %I OWNER %I', $1::text, $2::text)`,
		database, owner.Name)
}

// makeMissing runs the statement that the server has written out with its own
// quoting, unless the thing exists. CREATE ROLE and CREATE DATABASE take no
// parameters.
func makeMissing(ctx context.Context, conn *pgx.Conn, exists, write, name, second string) error {
	var found bool
	if err := conn.QueryRow(ctx, exists, name).Scan(&found); err != nil || found {
		return translate(err)
	}
	var statement string
	if err := conn.QueryRow(ctx, write, name, second).Scan(&statement); err != nil {
		return translate(err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("make %s: %w", name, translate(err))
	}
	return nil
}

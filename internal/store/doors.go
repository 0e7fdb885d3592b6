package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet/internal/core"
	"signet/internal/tracing"
)

// TenantTx is a transaction among the rows of one tenant, by one actor. It
// lives as long as the function it was handed to.
type TenantTx struct {
	tx       pgx.Tx
	tenantID core.TenantID
	actor    core.Actor
	signer   *auditHand
}

// PlatformTx is a transaction among the rows that belong to no tenant.
type PlatformTx struct {
	tx     pgx.Tx
	actor  core.Actor
	signer *auditHand
}

// KeysTx is a transaction among the wrapped keys of all scopes.
type KeysTx struct {
	tx     pgx.Tx
	actor  core.Actor
	signer *auditHand
}

// SystemTx reads across tenants: in System all of it in one snapshot, in
// FollowChanges each statement in one of its own. It sees no sealed column.
type SystemTx struct{ tx querier }

// Tenant runs work in one transaction among the rows of one tenant and commits
// if it returns nil. The actor is who the audit rows of it will name. Nothing
// but Postgres may be called within work.
//
// It fails with what work returns, or with fault.StoreUnavailable.
func (s *Store) Tenant(ctx context.Context, actor core.Actor, tenant core.TenantID, work func(*TenantTx) error) (err error) {
	// The id is a UUID by its type, so its text can stand in the statement. One
	// round trip begins the transaction and sets the tenant, for it alone.
	begin := "BEGIN; SELECT set_config('signet.tenant', '" + tenant.String() + "', true)"
	ctx, span := beginSpan(ctx, "tenant")
	if span.On() {
		span.Note(tracing.Tenant(tenant))
	}
	defer func() { span.End(err) }()
	return s.within(ctx, s.tenants, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		return work(&TenantTx{tx: tx, tenantID: tenant, actor: actor, signer: s.auditSigner})
	})
}

// Platform runs work in one transaction among the platform's own rows and
// commits if it returns nil. It fails as Tenant does.
func (s *Store) Platform(ctx context.Context, actor core.Actor, work func(*PlatformTx) error) (err error) {
	ctx, span := beginSpan(ctx, "platform")
	defer func() { span.End(err) }()
	const begin = "BEGIN; SELECT set_config('signet.platform', 'on', true)"
	return s.within(ctx, s.tenants, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		return work(&PlatformTx{tx: tx, actor: actor, signer: s.auditSigner})
	})
}

// Keys runs work in one transaction among the wrapped keys of every scope, for the
// turning of what lies above them. It sees no other row of a tenant. It fails as
// Tenant does.
func (s *Store) Keys(ctx context.Context, actor core.Actor, work func(*KeysTx) error) (err error) {
	ctx, span := beginSpan(ctx, "keys")
	defer func() { span.End(err) }()
	const begin = "BEGIN; SELECT set_config('signet.platform', 'on', true), set_config('signet.keys', 'on', true)"
	return s.within(ctx, s.tenants, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		return work(&KeysTx{tx: tx, actor: actor, signer: s.auditSigner})
	})
}

// System runs work in one read-only snapshot across tenants. It fails as
// Tenant does.
func (s *Store) System(ctx context.Context, work func(*SystemTx) error) (err error) {
	ctx, span := beginSpan(ctx, "system")
	defer func() { span.End(err) }()
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return s.within(ctx, s.system, options, func(tx pgx.Tx) error {
		return work(&SystemTx{tx: tx})
	})
}

// within has the one place where a transaction begins and ends. A panic in
// work rolls back and goes on up.
func (s *Store) within(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions, work func(pgx.Tx) error) error {
	conn, tx, err := s.begin(ctx, pool, options)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Release()
	defer func() { _ = tx.Rollback(ctx) }() // nothing is left to roll back after a commit
	if err := work(tx); err != nil {
		return translate(err)
	}
	return translate(tx.Commit(ctx))
}

// begin waits for a connection and begins on it, both within the patience, so
// that a server that has fallen silent is found out here. After a restart of
// Postgres the pool is full of dead connections: each is thrown away and the
// next taken, since nothing has happened on it yet.
func (s *Store) begin(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions) (*pgxpool.Conn, pgx.Tx, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		tx, err := conn.BeginTx(ctx, options)
		if err == nil {
			return conn, tx, nil
		}
		dead := conn.Conn().IsClosed()
		conn.Release()
		if !dead || ctx.Err() != nil {
			return nil, nil, err
		}
	}
}

package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// What the tests of the outer package account for or measure against.
var ConstraintCodes = constraintCodes

const (
	PollEvery     = pollEvery
	ChangeChannel = changeChannel
)

// Translate is translate.
func Translate(err error) error { return translate(err) }

// ScramVerifier is scramVerifier.
func ScramVerifier(password core.Secret) (string, error) { return scramVerifier(password) }

// SnapshotOf gives the snapshot of a position, as text.
func SnapshotOf(p FeedPosition) string { return p.snapshot }

// PositionAt makes a position of any database.
func PositionAt(snapshot, history string) FeedPosition {
	return FeedPosition{snapshot: snapshot, history: history}
}

// HistoryOf tells which database a position is of.
func HistoryOf(p FeedPosition) string { return p.history }

// Naked runs a query on the tenants' pool outside every door.
func Naked(ctx context.Context, s *Store, query string) ([]string, error) {
	return all(ctx, s.tenants, pgx.RowTo[string], query)
}

// NakedSystem is Naked on the pool of the reads across tenants.
func NakedSystem(ctx context.Context, s *Store, query string) ([]string, error) {
	return all(ctx, s.system, pgx.RowTo[string], query)
}

// ExecIn runs a statement of a test's own inside a door.
func ExecIn(ctx context.Context, tx any, statement string) error {
	var inner pgx.Tx
	switch tx := tx.(type) {
	case *TenantTx:
		inner = tx.tx
	case *PlatformTx:
		inner = tx.tx
	case *KeysTx:
		inner = tx.tx
	case *SystemTx:
		inner = tx.tx.(pgx.Tx)
	}
	_, err := inner.Exec(ctx, statement)
	return translate(err)
}

// TrimLock is the statement by which one node at a time trims.
const TrimLock = trimLock

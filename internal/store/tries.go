package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/fault"
)

// Allowance is how often something may happen on all nodes together: Burst times at
// once, then once in every Interval.
type Allowance struct {
	Burst    int
	Interval time.Duration
}

// TryKey names what is counted: a kind of try, and whose it is.
func TryKey(kind string, parts ...string) [32]byte {
	text := []byte("signet tries 1 " + kind)
	for _, part := range parts {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
	}
	return sha256.Sum256(text)
}

// The count of an allowance is one number: the moment at which the whole burst will
// be there again.
const takeTry = `
INSERT INTO signet.tries AS t (key_hash, full_at)
VALUES ($1, now() + $2::interval)
ON CONFLICT (key_hash) DO UPDATE
SET full_at = greatest(t.full_at, now()) + $2::interval
WHERE t.full_at <= now() + $3::interval
RETURNING full_at`

const waitForTry = `
SELECT greatest(full_at - now() - $2::interval, interval '0')
FROM signet.tries
WHERE key_hash = $1`

// TakeTry uses an allowance once, or tells how long to wait for the next time. It
// holds the allowance until the transaction ends.
func (tx *PlatformTx) TakeTry(ctx context.Context, key [32]byte, a Allowance) (wait time.Duration, err error) {
	rest := time.Duration(a.Burst-1) * a.Interval
	_, taken, err := find(ctx, tx.tx, pgx.RowTo[time.Time], takeTry, key[:], a.Interval, rest)
	if err != nil || taken {
		return 0, err
	}
	wait, err = one(ctx, tx.tx, fault.InternalError, pgx.RowTo[time.Duration], waitForTry, key[:], rest)
	return max(wait, time.Second), err
}

const giveTryBack = `
UPDATE signet.tries
SET full_at = full_at - $2::interval
WHERE key_hash = $1`

// GiveTryBack undoes one TakeTry.
func (tx *PlatformTx) GiveTryBack(ctx context.Context, key [32]byte, a Allowance) error {
	_, err := tx.tx.Exec(ctx, giveTryBack, key[:], a.Interval)
	return translate(err)
}

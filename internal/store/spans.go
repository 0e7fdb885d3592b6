package store

import (
	"context"

	"signet/internal/tracing"
)

// beginSpan begins the span of a transaction. It names the door and no
// statement.
func beginSpan(ctx context.Context, door string) (context.Context, tracing.Span) {
	return tracing.Begin(ctx, "postgres "+door, tracing.Client)
}

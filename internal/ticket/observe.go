package ticket

import (
	"context"

	"signet/internal/core"
	"signet/internal/tracing"
)

// Source is where a value was loaded from.
type Source string

// The sources.
const (
	FromMemory Source = "memory" // somebody's flight had just landed
	FromRow    Source = "row"
	FromWeCom  Source = "wecom"
	FromNobody Source = "none" // it failed
)

// Sources lists every source.
func Sources() []Source { return []Source{FromMemory, FromRow, FromWeCom, FromNobody} }

// TurnEvent is what happened to a turn to fetch.
type TurnEvent string

// The events of turns.
const (
	TurnTaken      TurnEvent = "taken"
	TurnWaited     TurnEvent = "waited"      // for another node's turn
	TurnThrownAway TurnEvent = "thrown_away" // what it brought came after it
)

// TurnEvents lists every event.
func TurnEvents() []TurnEvent { return []TurnEvent{TurnTaken, TurnWaited, TurnThrownAway} }

// Observer is told what a Cache does. All that it is told comes from small fixed
// sets. It is called by many goroutines at once and must not wait.
type Observer interface {
	Loaded(kind core.TicketKind, from Source)
	Turned(event TurnEvent)
}

// nobody is the Observer where none was given.
type nobody struct{}

func (nobody) Loaded(core.TicketKind, Source) {}
func (nobody) Turned(TurnEvent)               {}

// beginSpan begins the span of a load.
func beginSpan(ctx context.Context, e errand) (context.Context, tracing.Span) {
	ctx, span := tracing.Begin(ctx, "ticket "+string(e.key.kind), tracing.Inside)
	if span.On() {
		span.Note(tracing.Ticket(e.key.kind), tracing.Tenant(e.app.TenantID), tracing.App(e.app.AppID))
	}
	return ctx, span
}

// Holdings tells how many values of each kind are in memory. It looks at every one,
// which takes some milliseconds for a hundred thousand apps.
func (c *Cache) Holdings() map[core.TicketKind]int {
	held := map[core.TicketKind]int{}
	c.memory.Range(func(k key, _ *entry) bool {
		held[k.kind]++
		return true
	})
	return held
}

package httpapi

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/tracing"
)

// Event is what one request came to. It is filled on the way and written to the
// log once, at the end. It belongs to the goroutine of its request, and ends with
// it: nobody may keep it.
type Event struct {
	RequestID string
	Client    netip.Addr // of the client; behind trusted proxies, the one they name
	Operation string     // name of the route's operation, "" until a route was found

	method   string
	began    time.Time
	failure  *fault.Error // nil if it went well
	panicked *core.Panic  // nil if it did not
	notes    []slog.Attr
	room     [4]slog.Attr // for the first notes
	context  *deadline
	span     tracing.Span // none where traces are off
}

// events lends Events. What may outlive a request, its context, is made anew for
// each.
var events = sync.Pool{New: func() any { return &Event{} }}

// giveBack ends the life of an Event.
func (e *Event) giveBack() {
	*e = Event{}
	events.Put(e)
}

type eventKey struct{}

// EventOf gives the event of a request under way.
func EventOf(c *fiber.Ctx) *Event { return eventOf(c.Context()) }

func eventOf(fctx *fasthttp.RequestCtx) *Event {
	e, _ := fctx.UserValue(eventKey{}).(*Event)
	return e
}

// Context gives the context of the request: it ends at the request's deadline,
// or when the answer is there.
func (e *Event) Context() context.Context { return e.context }

// Note adds a fact to the log line of the request. It takes no secret and of a
// page's address the host alone.
func (e *Event) Note(fact slog.Attr) {
	if e.notes == nil {
		e.notes = e.room[:0]
	}
	e.notes = append(e.notes, fact)
}

package httpapi

import (
	"bytes"
	"errors"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/core"
	"signet/internal/fault"
)

// edge stands between fasthttp and fiber. It is below fiber on purpose: what
// fiber answers by itself, and what fasthttp refuses before fiber sees it,
// passes here as well.
type edge struct {
	cfg     Config
	lines   lineWriter // nil: every line goes through slog
	headers []rawHeader
	next    fasthttp.RequestHandler // fiber
	crowded func() bool             // more than half of the connections are taken
}

// rawHeader is a header whose name is in its canonical form already.
type rawHeader struct{ name, value []byte }

func newEdge(cfg Config) *edge {
	e := &edge{cfg: cfg, lines: linesOf(cfg.Log)}
	for _, h := range append([]Header{
		{fiber.HeaderCacheControl, "no-store"},
		{fiber.HeaderXContentTypeOptions, "nosniff"},
		{fiber.HeaderReferrerPolicy, "no-referrer"},
	}, cfg.Headers...) {
		e.headers = append(e.headers, rawHeader{fasthttp.AppendNormalizedHeaderKey(nil, h.Name), []byte(h.Value)})
	}
	return e
}

// serve takes one request from its header to its log line.
func (e *edge) serve(fctx *fasthttp.RequestCtx) {
	event := e.begin(fctx, fctx.Time())
	defer e.finish(fctx, event)
	if e.crowded() || e.cfg.Leaving != nil && e.cfg.Leaving() {
		fctx.SetConnectionClose()
	}
	if err := checkFraming(&fctx.Request.Header); err != nil {
		fctx.SetConnectionClose() // where this request ends, nobody can tell
		e.refuse(fctx, event, err)
		return
	}
	if answer := e.routeOf(fctx); answer != nil {
		if err := answer(fctx, event); err != nil {
			e.refuse(fctx, event, err)
		}
		return
	}
	if !isKnownMethod(fctx.Method()) {
		// Fiber answers such a method in a text of its own. TRACE has no route,
		// so that it leads to the same problem and to the right Allow header.
		fctx.Request.Header.SetMethod(fiber.MethodTrace)
	}
	e.next(fctx)
}

// routeOf finds the route that needs no fiber, nil if there is none.
func (e *edge) routeOf(fctx *fasthttp.RequestCtx) func(*fasthttp.RequestCtx, *Event) error {
	for i := range e.cfg.Routes {
		r := &e.cfg.Routes[i]
		if string(fctx.Method()) == r.Method && string(fctx.URI().PathOriginal()) == r.Path {
			return r.Answer
		}
	}
	return nil
}

// begin makes the event and sets the headers that every answer has.
func (e *edge) begin(fctx *fasthttp.RequestCtx, now time.Time) *Event {
	event := events.Get().(*Event)
	event.RequestID = requestID(fctx.Request.Header.Peek(requestIDHeader))
	event.Client = clientAddress(fctx, e.cfg.TrustedProxies)
	event.method = methodName(fctx.Method())
	event.began = now
	event.context = &deadline{at: now.Add(e.cfg.Timeout)}
	e.enter(event)
	fctx.SetUserValue(eventKey{}, event)
	e.setHeaders(fctx, event)
	return event
}

func (e *edge) setHeaders(fctx *fasthttp.RequestCtx, event *Event) {
	h := &fctx.Response.Header
	h.SetCanonical(requestIDName, []byte(event.RequestID))
	for _, header := range e.headers {
		h.SetCanonical(header.name, header.value)
	}
}

// finish turns a panic into an answer, and writes the log line.
func (e *edge) finish(fctx *fasthttp.RequestCtx, event *Event) {
	if event.panicked = core.Recovered(recover()); event.panicked != nil {
		fctx.Response.Reset()
		fctx.SetConnectionClose()
		e.setHeaders(fctx, event)
		e.refuse(fctx, event, fault.New(fault.InternalError, nil))
	}
	event.context.end()
	status, took := fctx.Response.StatusCode(), time.Since(event.began)
	event.write(event.context, e, status, took)
	event.endSpan(&e.cfg, status)
	if e.cfg.Observe != nil {
		o := Observation{Listener: e.cfg.Name, Operation: event.Operation, Status: status, Duration: took}
		if event.failure != nil {
			o.Code = string(event.failure.Code)
		}
		e.cfg.Observe(o)
	}
	event.giveBack()
}

// refuseRoute is fiber's error handler: an error of a route, or fiber's own for
// an unknown route or method.
func (e *edge) refuseRoute(c *fiber.Ctx, err error) error {
	e.refuse(c.Context(), EventOf(c), err)
	return nil
}

// refuseUnread is fasthttp's error handler: the request could not be read, so
// that no handler ever saw it. The connection is closed afterwards.
func (e *edge) refuseUnread(fctx *fasthttp.RequestCtx, err error) {
	event := e.begin(fctx, time.Now())
	defer e.finish(fctx, event)
	e.refuse(fctx, event, faultOfReading(err))
	if errors.Is(err, fasthttp.ErrBodyTooLarge) || errors.As(err, new(*fasthttp.ErrSmallBuffer)) {
		drain(fctx.Conn())
	}
}

// refuse renders err as a problem.
func (e *edge) refuse(fctx *fasthttp.RequestCtx, event *Event, err error) {
	f := faultOf(err)
	event.failure = f
	h := &fctx.Response.Header
	for _, name := range []string{fiber.HeaderETag, fiber.HeaderLocation, fiber.HeaderContentEncoding} {
		h.Del(name)
	}
	h.Set(fiber.HeaderCacheControl, "no-store")
	e.cfg.WriteProblem(fctx, Problem{
		Fault:     f,
		Status:    Status(f.Kind()),
		Language:  chooseLanguage(fctx.Request.Header.Peek(fiber.HeaderAcceptLanguage)),
		RequestID: event.RequestID,
	})
}

// drain reads on while more comes, for a second at most, because closing a
// connection with unread bytes in it resets it, and the answer is lost on its
// way to the client.
func drain(conn net.Conn) {
	const pause, most, size = 100 * time.Millisecond, time.Second, 32 << 10
	buffer := make([]byte, size)
	for end := time.Now().Add(most); time.Now().Before(end); {
		if conn.SetReadDeadline(time.Now().Add(pause)) != nil {
			return
		}
		if _, err := conn.Read(buffer); err != nil {
			return // whatever it is, the connection is closed next
		}
	}
}

func isKnownMethod(method []byte) bool {
	for _, known := range fiber.DefaultMethods {
		if string(method) == known {
			return true
		}
	}
	return false
}

// methodName is the method for the log: a stranger's own words stay out of it.
func methodName(method []byte) string {
	for _, known := range fiber.DefaultMethods {
		if string(method) == known {
			return known
		}
	}
	if len(bytes.TrimSpace(method)) == 0 {
		return ""
	}
	return "other"
}

package httpapi

import (
	"bytes"
	"errors"
	"net"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

// edge stands between fasthttp and fiber. It is below fiber on purpose: what
// fiber answers by itself, and what fasthttp refuses before fiber sees it,
// passes here as well.
type edge struct {
	cfg  Config
	next fasthttp.RequestHandler // fiber
}

// serve takes one request from its header to its log line.
func (e *edge) serve(fctx *fasthttp.RequestCtx) {
	event := e.begin(fctx)
	defer e.finish(fctx, event)
	if e.cfg.Leaving != nil && e.cfg.Leaving() {
		fctx.SetConnectionClose()
	}
	if err := checkFraming(&fctx.Request.Header); err != nil {
		fctx.SetConnectionClose() // where this request ends, nobody can tell
		e.refuse(fctx, event, err)
		return
	}
	if !isKnownMethod(fctx.Method()) {
		// Fiber answers such a method in a text of its own. TRACE has no route,
		// so that it leads to the same problem and to the right Allow header.
		fctx.Request.Header.SetMethod(fiber.MethodTrace)
	}
	e.next(fctx)
}

// begin makes the event and sets the headers that every answer has.
func (e *edge) begin(fctx *fasthttp.RequestCtx) *Event {
	now := time.Now()
	event := &Event{
		RequestID: requestID(fctx.Request.Header.Peek(requestIDHeader)),
		Client:    clientAddress(fctx, e.cfg.TrustedProxies),
		method:    methodName(fctx.Method()),
		began:     now,
		context:   deadline{at: now.Add(e.cfg.Timeout)},
	}
	e.enter(event)
	fctx.SetUserValue(eventKey{}, event)
	e.setHeaders(fctx, event)
	return event
}

func (e *edge) setHeaders(fctx *fasthttp.RequestCtx, event *Event) {
	h := &fctx.Response.Header
	h.Set(requestIDHeader, event.RequestID)
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	h.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	for _, header := range e.cfg.Headers {
		h.Set(header.Name, header.Value)
	}
}

// finish turns a panic into an answer, and writes the log line.
func (e *edge) finish(fctx *fasthttp.RequestCtx, event *Event) {
	if v := recover(); v != nil {
		event.panicked, event.stack = v, debug.Stack()
		fctx.Response.Reset()
		fctx.SetConnectionClose()
		e.setHeaders(fctx, event)
		e.refuse(fctx, event, fault.New(fault.InternalError, nil))
	}
	event.context.end()
	status := fctx.Response.StatusCode()
	event.endSpan(&e.cfg, status)
	event.write(&event.context, &e.cfg, status)
	if e.cfg.Observe != nil {
		o := Observation{Listener: e.cfg.Name, Operation: event.Operation, Status: status, Duration: time.Since(event.began)}
		if event.failure != nil {
			o.Code = string(event.failure.Code)
		}
		e.cfg.Observe(o)
	}
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
	event := e.begin(fctx)
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

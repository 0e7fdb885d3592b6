package httpapi

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
	"signet/internal/tracing"
)

// The limits that hold on every listener. The body limit is each slice's own.
const (
	readTimeout  = 5 * time.Second  // for a whole request, body included
	writeTimeout = 10 * time.Second // for a whole answer
	idleTimeout  = time.Minute

	// One read buffer holds the request line and the whole header. Two addresses
	// of 2048 bytes, percent-encoded three times their length, fit in it.
	headerLimit      = 16 << 10
	headerLinesLimit = 128

	defaultTimeout     = 15 * time.Second
	defaultConcurrency = 8192 // connections, about 20 KiB each
)

// Header is a header that stands in every answer of a listener.
type Header struct{ Name, Value string }

// Config is what one listener needs of the kit.
type Config struct {
	Name           string // of the listener, in the log: "public", "console", "metrics"
	Log            *slog.Logger
	BodyLimit      int            // bytes
	Timeout        time.Duration  // deadline of the context of a request; 0: 15 s
	Concurrency    int            // connections at a time; 0: 8192
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed
	Headers        []Header       // set on every answer, problems included
	Quiet          bool           // requests that went well are logged at level debug

	// Routes are those that the edge finds by itself, for what must be fast. Fiber
	// has them as well, so that it knows which methods a path takes.
	Routes []Route

	// WriteProblem renders a failure; nil means Problem.Write.
	WriteProblem func(*fasthttp.RequestCtx, Problem)
	// Leaving tells whether this process is about to stop, so that a connection
	// ends with the answer and its client goes elsewhere; nil: never.
	Leaving func() bool
	// Observe is told of every request that came as far as an answer; nil: nobody.
	Observe func(Observation)
	// Tracer begins the span of a request; the zero one begins none.
	Tracer tracing.Tracer
}

// Route answers requests of one method for one path, byte for byte. Answer copies
// out of the request all that it keeps: fasthttp uses its memory again.
type Route struct {
	Method, Path string
	Answer       func(*fasthttp.RequestCtx, *Event) error
}

// Observation is what a metric may know of a request. All of its texts come from
// small fixed sets.
type Observation struct {
	Listener  string
	Operation string // "" where no route was found
	Status    int
	Code      string // "" if it went well
	Duration  time.Duration
}

// New makes a fiber app with the limits, behind the edge that every request
// passes. Routes are added by the caller; a route's error is rendered as a
// problem.
func New(cfg Config) *fiber.App {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.WriteProblem == nil {
		cfg.WriteProblem = func(fctx *fasthttp.RequestCtx, p Problem) { p.Write(&fctx.Response) }
	}
	e := newEdge(cfg)
	app := fiber.New(fiber.Config{
		AppName:                      "signet " + cfg.Name,
		Immutable:                    true,
		StrictRouting:                true,
		CaseSensitive:                true,
		BodyLimit:                    cfg.BodyLimit,
		Concurrency:                  cfg.Concurrency,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		ReadBufferSize:               headerLimit,
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true, // it would write what a stranger sends to files
		JSONDecoder:                  DecodeJSON,
		JSONEncoder:                  encodeJSON,
		ErrorHandler:                 e.refuseRoute,
	})
	for _, r := range cfg.Routes {
		app.Add(r.Method, r.Path, func(c *fiber.Ctx) error { return r.Answer(c.Context(), EventOf(c)) })
	}
	e.next = app.Handler()
	server := app.Server()
	// Connections that only wait for their next request never take all places:
	// from half of them on each ends with its answer.
	e.crowded = func() bool { return server.GetCurrentConcurrency() > uint32(cfg.Concurrency/2) }
	server.Handler = e.serve
	server.ErrorHandler = e.refuseUnread
	server.SecureErrorLogMessage = true // its errors would quote the request
	server.CloseOnShutdown = true
	return app
}

// Closed makes a fiber app that has one answer to everything: why.
func Closed(cfg Config, why *fault.Error) *fiber.App {
	app := New(cfg)
	app.Use(func(*fiber.Ctx) error { return why })
	return app
}

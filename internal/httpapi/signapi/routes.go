package signapi

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/httpapi"
	"signet/internal/signing"
	"signet/internal/tracing"
)

const bodyLimit = 32 << 10

// The paths (contract, section 3). The last two are the original program's.
const (
	signaturesPath  = "/v1/signatures"
	configPath      = "/wxapi/wxQyAuth"
	agentConfigPath = "/wxapi/wxAppAuth"
)

// Signer signs pages. *signing.Signer is the one outside of tests.
type Signer interface {
	Sign(ctx context.Context, r signing.Request) (signing.Answer, error)
	SignConfig(ctx context.Context, r signing.Request) (signing.Answer, error)
	SignAgentConfig(ctx context.Context, r signing.Request) (signing.Answer, error)
}

var _ Signer = (*signing.Signer)(nil)

// Config is what the public listener needs.
type Config struct {
	Signer         Signer
	Log            *slog.Logger
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed
	PublicURL      string         // the listener as the outside sees it: scheme://host[:port]; "": not by https
	PerAddress     httpapi.Rate   // of one client address; zero: 1000 a second, 5000 at once
	PerApp         httpapi.Rate   // of one app key; zero: 5000 a second, 20000 at once
	Leaving        func() bool    // see httpapi.Config
	Observe        func(httpapi.Observation)
	Tracer         tracing.Tracer   // of the spans of requests; the zero one: none
	Now            func() time.Time // nil: time.Now
}

// New makes the fiber app of the public listener.
func New(cfg Config) *fiber.App {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &api{signer: cfg.Signer, rates: newRates(cfg.PerAddress, cfg.PerApp), now: cfg.Now}
	app := httpapi.New(httpapi.Config{
		Name:           "public",
		Log:            cfg.Log,
		BodyLimit:      bodyLimit,
		TrustedProxies: cfg.TrustedProxies,
		Headers: append([]httpapi.Header{
			{Name: fiber.HeaderContentSecurityPolicy, Value: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
			{Name: fiber.HeaderVary, Value: fiber.HeaderOrigin},
		}, httpapi.InsistOnHTTPS(cfg.PublicURL)...),
		Routes: []httpapi.Route{
			{Method: fiber.MethodGet, Path: signaturesPath, Answer: a.signQuery},
			{Method: fiber.MethodGet, Path: configPath, Answer: a.signConfig},
			{Method: fiber.MethodGet, Path: agentConfigPath, Answer: a.signAgentConfig},
		},
		WriteProblem: writeProblem,
		Leaving:      cfg.Leaving,
		Observe:      cfg.Observe,
		Tracer:       cfg.Tracer,
	})

	// Add and not Get or Post, which may take other methods as well.
	app.Add(fiber.MethodPost, signaturesPath, a.signBody)
	app.Add(fiber.MethodOptions, signaturesPath, allow("GET, POST"))
	app.Add(fiber.MethodOptions, configPath, allow("GET"))
	app.Add(fiber.MethodOptions, agentConfigPath, allow("GET"))
	return app
}

type api struct {
	signer Signer
	rates  *rates
	now    func() time.Time
}

func (a *api) signQuery(fctx *fasthttp.RequestCtx, event *httpapi.Event) error {
	event.Operation = "signatures.get"
	now := a.now()
	if err := a.rates.takeAddress(fctx, event.Client, now); err != nil {
		return err
	}
	q, err := readQuery(fctx.URI().QueryString())
	if err != nil {
		return err
	}
	return a.sign(fctx, event, q, now)
}

func (a *api) signBody(c *fiber.Ctx) error {
	event := httpapi.EventOf(c)
	event.Operation = "signatures.post"
	now := a.now()
	if err := a.rates.takeAddress(c.Context(), event.Client, now); err != nil {
		return err
	}
	// "omitempty", because the order of the checks says which of the two is told
	// to be missing.
	var body struct {
		App string `json:"app,omitempty"`
		URL string `json:"url,omitempty"`
	}
	if err := httpapi.DecodeBody(c, &body); err != nil {
		return err
	}
	return a.sign(c.Context(), event, query{app: body.App, page: body.URL}, now)
}

// sign answers on the two forms of /v1/signatures. There an app is always named.
func (a *api) sign(fctx *fasthttp.RequestCtx, event *httpapi.Event, q query, now time.Time) error {
	if err := q.checkNamed(); err != nil {
		return err
	}
	request := q.request(fctx, event.Client)
	if err := a.rates.takeApp(fctx, request.AppKey, now); err != nil {
		return err
	}
	answer, err := a.signer.Sign(event.Context(), request)
	if err != nil {
		return q.explain(err)
	}
	allowOrigin(fctx, request)
	note(event, &answer)
	send(fctx, func(b []byte) []byte { return AppendAnswer(b, &answer) })
	return nil
}

func (a *api) signConfig(fctx *fasthttp.RequestCtx, event *httpapi.Event) error {
	event.Operation = "legacy.wxQyAuth"
	return a.signLegacy(fctx, event, a.signer.SignConfig, appendLegacyConfig)
}

func (a *api) signAgentConfig(fctx *fasthttp.RequestCtx, event *httpapi.Event) error {
	event.Operation = "legacy.wxAppAuth"
	return a.signLegacy(fctx, event, a.signer.SignAgentConfig, appendLegacyAgentConfig)
}

func (a *api) signLegacy(fctx *fasthttp.RequestCtx, event *httpapi.Event,
	sign func(context.Context, signing.Request) (signing.Answer, error),
	appendTo func([]byte, *signing.Answer) []byte,
) error {
	now := a.now()
	if err := a.rates.takeAddress(fctx, event.Client, now); err != nil {
		return err
	}
	q, err := readLegacyQuery(fctx.URI().QueryString())
	if err != nil {
		return err
	}
	request := q.request(fctx, event.Client)
	if err := a.rates.takeApp(fctx, request.AppKey, now); err != nil {
		return err
	}
	answer, err := sign(event.Context(), request)
	if err != nil {
		return q.explain(err)
	}
	allowOrigin(fctx, request)
	note(event, &answer)
	send(fctx, func(b []byte) []byte { return appendTo(b, &answer) })
	return nil
}

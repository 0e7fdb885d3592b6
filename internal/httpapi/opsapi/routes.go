package opsapi

import (
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"signet/internal/httpapi"
)

const bodyLimit = 1 << 10

// Config is what the metrics listener needs.
type Config struct {
	Log     *slog.Logger
	Ready   func() bool // whether the process may be sent requests
	Metrics http.Handler
}

// New makes the fiber app of the metrics listener. /livez is 200 as long as the
// process runs; /readyz is 200 or 503.
func New(cfg Config) *fiber.App {
	app := httpapi.New(httpapi.Config{
		Name:      "metrics",
		Log:       cfg.Log,
		BodyLimit: bodyLimit,
		Headers: []httpapi.Header{
			{Name: fiber.HeaderContentSecurityPolicy, Value: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		},
		Quiet: true, // probes come every few seconds
	})
	app.Get("/livez", func(c *fiber.Ctx) error {
		httpapi.EventOf(c).Operation = "livez"
		return tell(c, fiber.StatusOK, "alive")
	})
	app.Get("/readyz", func(c *fiber.Ctx) error {
		httpapi.EventOf(c).Operation = "readyz"
		if !cfg.Ready() {
			return tell(c, fiber.StatusServiceUnavailable, "not ready")
		}
		return tell(c, fiber.StatusOK, "ready")
	})
	metrics := fasthttpadaptor.NewFastHTTPHandler(cfg.Metrics)
	app.Get("/metrics", func(c *fiber.Ctx) error {
		httpapi.EventOf(c).Operation = "metrics"
		metrics(c.Context())
		return nil
	})
	return app
}

func tell(c *fiber.Ctx, status int, state string) error {
	return c.Status(status).JSON(struct {
		Status string `json:"status"`
	}{state})
}

package signapi

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/httpapi"
	"signet/internal/signing"
)

const (
	preflightAge   = "600"
	exposedHeaders = "Retry-After, RateLimit, X-Request-Id"
)

// allowedHeaders are the headers a page may send, in lower case as browsers ask.
var allowedHeaders = []string{"content-type", "accept-language", "x-request-id"}

// allow answers a preflight. Anybody may ask, because asking gives nothing away
// and no cookie is ever looked at; whether an origin gets a signature is decided
// with the page's address at hand.
func allow(methods string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		httpapi.EventOf(c).Operation = "preflight"
		h := &c.Response().Header
		h.Set(fiber.HeaderAllow, methods+", OPTIONS")
		h.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		h.Set(fiber.HeaderAccessControlAllowMethods, methods)
		h.Set(fiber.HeaderAccessControlMaxAge, preflightAge)
		if known := knownHeaders(string(c.Request().Header.Peek(fiber.HeaderAccessControlRequestHeaders))); known != "" {
			h.Set(fiber.HeaderAccessControlAllowHeaders, known)
		}
		h.Add(fiber.HeaderVary, fiber.HeaderAccessControlRequestHeaders)
		c.Status(fiber.StatusNoContent)
		return nil
	}
}

// knownHeaders gives those of the headers asked for that a page may send.
func knownHeaders(asked string) string {
	var known []string
	for name := range strings.SplitSeq(asked, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		for _, allowed := range allowedHeaders {
			if name == allowed && len(known) < len(allowedHeaders) {
				known = append(known, allowed)
			}
		}
	}
	return strings.Join(known, ", ")
}

// allowOrigin lets the origin see its signature. The Signer found it to be the
// page's own and trusted.
func allowOrigin(fctx *fasthttp.RequestCtx, r signing.Request) {
	if r.HasOrigin {
		h := &fctx.Response.Header
		h.SetCanonical(allowOriginName, []byte(r.Origin))
		h.SetCanonical(exposeHeadersName, exposedHeadersValue)
	}
}

// As bytes, and in their canonical form already.
var (
	allowOriginName     = []byte(fiber.HeaderAccessControlAllowOrigin)
	exposeHeadersName   = []byte(fiber.HeaderAccessControlExposeHeaders)
	exposedHeadersValue = []byte(exposedHeaders)
)

// writeProblem lets every page see what went wrong, so that it can explain
// itself; the original program's routes tell it in the form they had.
func writeProblem(fctx *fasthttp.RequestCtx, p httpapi.Problem) {
	h := &fctx.Response.Header
	h.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	h.Set(fiber.HeaderAccessControlExposeHeaders, exposedHeaders)
	switch string(fctx.Request.URI().PathOriginal()) {
	case configPath, agentConfigPath:
		writeLegacyProblem(&fctx.Response, p)
	default:
		p.Write(&fctx.Response)
	}
}

package signapi

import (
	"bytes"
	"net/netip"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/core"
	"signet/internal/httpapi"
	"signet/internal/signing"
)

var bearer = []byte("Bearer ")

// showKey puts the API key that a request shows into the Signer's request, and from
// where it comes. What stands behind "Bearer " and is no key, or one of two headers,
// is a key that nobody has; another scheme shows none.
func showKey(r *signing.Request, fctx *fasthttp.RequestCtx, client netip.Addr) {
	h := &fctx.Request.Header
	line := h.Peek(fiber.HeaderAuthorization)
	if len(line) < len(bearer) || !bytes.EqualFold(line[:len(bearer)], bearer) {
		return
	}
	r.HasAPIKey = true
	r.Network = httpapi.NetworkOf(client)
	if len(h.PeekAll(fiber.HeaderAuthorization)) == 1 {
		r.APIKey, _ = core.ParseAPIKeyToken(line[len(bearer):])
	}
}

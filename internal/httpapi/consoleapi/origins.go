package consoleapi

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

// checkOrigin refuses a request that a page of another site made the browser
// send (cross-site request forgery). Browsers say where a request comes from in
// Sec-Fetch-Site or, older ones, in Origin; scripts can set neither. With
// mustSay, a request that says nothing is refused as well. It fails with
// fault.RequestForeign.
func (a *api) checkOrigin(c *fiber.Ctx, mustSay bool) error {
	h := &c.Request().Header
	site, sites := onlyLine(h, "Sec-Fetch-Site")
	origin, origins := onlyLine(h, fiber.HeaderOrigin)
	isForeign := sites > 1 || origins > 1 ||
		sites == 1 && site != "same-origin" ||
		origins == 1 && !a.isOwnOrigin(origin, string(h.Host())) ||
		mustSay && sites+origins == 0
	if isForeign {
		return fault.New(fault.RequestForeign, nil)
	}
	return nil
}

// onlyLine gives the first line of a header, and how many there are. PeekAll
// lends one list for all headers, so that each must be copied before the next.
func onlyLine(h *fasthttp.RequestHeader, name string) (text string, lines int) {
	all := h.PeekAll(name)
	if len(all) == 0 {
		return "", 0
	}
	return string(all[0]), len(all)
}

// isOwnOrigin tells whether origin is the console's: as it is configured, or as
// the browser came to it just now.
func (a *api) isOwnOrigin(origin, host string) bool {
	return origin != "" && (origin == a.consoleURL || origin == "https://"+host || origin == "http://"+host)
}

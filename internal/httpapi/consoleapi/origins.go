package consoleapi

import (
	"github.com/gofiber/fiber/v2"

	"signet/internal/fault"
)

// checkOrigin refuses a request that a page of another site made the browser
// send (cross-site request forgery). Browsers say where a request comes from in
// Sec-Fetch-Site or, older ones, in Origin; scripts can set neither. With
// mustSay, a request that says nothing is refused as well. It fails with
// fault.RequestForeign.
func (a *api) checkOrigin(c *fiber.Ctx, mustSay bool) error {
	h := &c.Request().Header
	sites, origins := h.PeekAll("Sec-Fetch-Site"), h.PeekAll(fiber.HeaderOrigin)
	isForeign := len(sites) > 1 || len(origins) > 1 ||
		len(sites) == 1 && string(sites[0]) != "same-origin" ||
		len(origins) == 1 && !a.isOwnOrigin(string(origins[0]), string(h.Host())) ||
		mustSay && len(sites)+len(origins) == 0
	if isForeign {
		return fault.New(fault.RequestForeign, nil)
	}
	return nil
}

// isOwnOrigin tells whether origin is the console's: as it is configured, or as
// the browser came to it just now.
func (a *api) isOwnOrigin(origin, host string) bool {
	return origin != "" && (origin == a.consoleURL || origin == "https://"+host || origin == "http://"+host)
}

package httpapi

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// InsistOnHTTPS gives the header by which a browser that came by https comes by
// nothing else for a year, to the host of url and to those below it (RFC 6797). It
// gives nothing where url, which is the listener as the outside sees it, is not https.
func InsistOnHTTPS(url string) []Header {
	if !strings.HasPrefix(url, "https://") {
		return nil
	}
	return []Header{{fiber.HeaderStrictTransportSecurity, "max-age=31536000; includeSubDomains"}}
}

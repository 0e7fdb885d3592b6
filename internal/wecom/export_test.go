package wecom

import (
	"context"
	"net"
	"net/http"
)

// Transport gives the client's transport to look at.
func (c *Client) Transport() *http.Transport { return c.http.Transport.(*http.Transport) }

// DialWith makes the client dial in another way.
func (c *Client) DialWith(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.Transport().DialContext = dial
}

// The guard of addresses and the reader of Retry-After, for tables.
var (
	Guard           = guard
	ParseRetryAfter = parseRetryAfter
)

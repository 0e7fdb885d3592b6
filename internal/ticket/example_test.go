package ticket_test

import (
	"context"
	"fmt"
	"time"

	"signet/internal/fault"
	"signet/internal/ticket"
)

// What signing does with a Cache.
func Example() {
	var (
		ctx     context.Context
		tickets *ticket.Cache // made by ticket.New
		app     ticket.App    // of the page that is to be signed
	)
	pair, err := tickets.Tickets(ctx, time.Now(), app)
	if err != nil {
		fmt.Println(fault.Find(err).Code, fault.Find(err).RetryAfter)
		return
	}
	fmt.Println(pair.Corp, pair.Agent) // [redacted] [redacted]
}

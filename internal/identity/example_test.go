package identity_test

import (
	"context"
	"fmt"
	"net/netip"

	"signet/internal/core"
	"signet/internal/identity"
)

// What the console's listener does with an Identity.
func Example() {
	var (
		ctx context.Context
		who *identity.Identity // made by identity.New

		client netip.Prefix // httpapi.NetworkOf of the client's address
	)
	visit := identity.Visit{Client: client, RequestID: "request id"}
	entry, err := who.SignIn(ctx, visit, "owner@example.com", core.NewSecret("from the request"))
	if err != nil {
		return // fault.SessionRefused, fault.RateLimitedCode, fault.StoreUnavailable
	}
	session := entry.Session
	if entry.Waiting != nil { // for a second factor
		answer := identity.Answer{Code: core.NewSecret("123456")}
		if session, err = who.FinishSignIn(ctx, visit, entry.Waiting.Token, answer); err != nil {
			return // fault.SecondFactorRefused, fault.CeremonyOver
		}
	}
	// session.AccessToken goes into the answer, session.Refresh into a cookie
	// that no script can read.
	actor, err := who.Authenticate(ctx, session.AccessToken.Expose(), "next request id")
	if err != nil {
		return // fault.SessionRequired, fault.StoreUnavailable
	}
	fmt.Println(actor.Name, actor.May(core.TenantsCreate) == nil)

	session, err = who.Refresh(ctx, visit, session.Refresh)
	if err != nil {
		return // sign in again
	}
	_ = who.SignOut(ctx, session.Refresh, "request id")
}

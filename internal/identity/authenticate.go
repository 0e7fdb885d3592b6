package identity

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Authenticate tells who carries an access token (what stands behind "Bearer "
// in the header) and what they may do at this moment: the session and the roles
// are read from the store each time. It fails with fault.SessionRequired for
// everything that is wrong with the token or its session, without saying what,
// and with fault.StoreUnavailable.
func (i *Identity) Authenticate(ctx context.Context, bearer string, requestID string) (core.Actor, error) {
	c, err := i.readToken(ctx, bearer)
	if err != nil {
		return core.Actor{}, fault.New(fault.SessionRequired, nil)
	}
	var s store.LiveSession
	err = i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) (err error) {
		s, err = tx.GetSession(ctx, c.Session)
		return err
	})
	if err != nil {
		return core.Actor{}, err
	}
	if s.ID != c.Member {
		return core.Actor{}, fault.New(fault.SessionRequired, nil)
	}
	grants, err := i.grantsOf(ctx, s.Member, s.SecondFactor, s.OnlyTenant)
	if err != nil {
		return core.Actor{}, err
	}
	actor := actorOf(s.Member, grants, requestID)
	actor.SessionID, actor.Proved, actor.OnlyTenant = c.Session, s.Proved, s.OnlyTenant
	return actor, nil
}

package ticket

import (
	"context"
	"errors"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// UserOf tells which person of the app's corp has confirmed the sign-in that WeCom
// gave the code for; "" where it was nobody of that corp. A token that WeCom disowns
// is fetched anew, and the code shown once more: WeCom did not look at it the first
// time.
//
// It fails with fault.CeremonyOver where the code is used, too old or another app's,
// and else as Tickets does.
func (c *Cache) UserOf(ctx context.Context, tenant core.TenantID, app core.AppID, corp core.CorpID, code core.Secret) (core.WeComUserID, error) {
	ctx, cancel := context.WithTimeout(ctx, c.FlightTime)
	defer cancel()
	e := errand{app: App{TenantID: tenant, AppID: app, CorpID: corp}}
	e.key = keyOf(e.app, core.AccessToken)
	e.beyond = c.disownedGeneration(e.key)
	e.forced = e.beyond > 0
	token, err := c.share(ctx, e)
	if err != nil {
		return "", err
	}
	user, err := c.askUser(ctx, e, token, code)
	if isDisowned(err) {
		c.disown(e.key, token.generation)
		e.beyond, e.forced = token.generation, true
		if token, err = c.share(ctx, e); err != nil {
			return "", err
		}
		user, err = c.askUser(ctx, e, token, code)
	}
	var failed *wecom.Error
	if errors.As(err, &failed) && failed.BadCode() {
		return "", fault.Wrap(err, fault.CeremonyOver, nil)
	}
	return user.ID, named(err)
}

func (c *Cache) askUser(ctx context.Context, e errand, token *entry, code core.Secret) (wecom.User, error) {
	return c.Gate.User(ctx, c.caller(e, upstream.KnownGood, token.version, &turn{}), token.value, code)
}

package ticket

import (
	"cmp"
	"context"
	"slices"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// origin notes by what a value was fetched.
type origin struct {
	app     core.AppID
	version int32 // of the secret, for an access token
}

// maxStandIns bounds how many other apps are asked for a corp ticket when the
// one that wants it is refused.
const maxStandIns = 3

func (c *Cache) fetch(ctx context.Context, e errand, mine *turn) (wecom.Grant, origin, error) {
	switch e.key.kind {
	case core.AccessToken:
		return c.fetchToken(ctx, e, mine)
	case core.AgentTicket:
		return c.fetchTicket(ctx, e, mine)
	default:
		return c.fetchCorpTicket(ctx, e, mine)
	}
}

// fetchCorpTicket asks with the app that wants the ticket. Any app of a corp may
// fetch it (protocol notes 1.3), so where this one is refused the tenant's next
// healthy app of that corp does, and never one of another tenant.
func (c *Cache) fetchCorpTicket(ctx context.Context, e errand, mine *turn) (wecom.Grant, origin, error) {
	grant, by, err := c.fetchTicket(ctx, e, mine)
	if e.alone || !isAppRefused(err) {
		return grant, by, err
	}
	others, listErr := c.standIns(ctx, e.app)
	if listErr != nil {
		return grant, by, err
	}
	for _, other := range others {
		e.app = other
		theirs, by, theirErr := c.fetchTicket(ctx, e, mine)
		if theirErr == nil {
			return theirs, by, nil
		}
		if !isAppRefused(theirErr) {
			break
		}
	}
	return grant, by, err
}

// isAppRefused tells whether the fault lies with the app that asked, so that
// another one may fare better: not so when WeCom is away, or a limit of the
// corp is reached.
func isAppRefused(err error) bool {
	if err == nil {
		return false
	}
	f := fault.Find(err)
	return f.Code == fault.AppNotReady || (&wecom.Error{Errcode: f.Errcode}).Refused() || f.Code == fault.SecretRejected
}

// standIns lists other active apps of the same tenant and corp whose secret
// WeCom has accepted and not refused since, the latest accepted first.
func (c *Cache) standIns(ctx context.Context, app App) ([]App, error) {
	var healthy []core.SecretVersion
	err := c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		var ids []core.AppID
		for p := (core.Page{Limit: core.MaxPageLimit}); ; {
			list, err := tx.ListApps(ctx, p)
			if err != nil {
				return err
			}
			for _, a := range list.Items {
				if a.CorpID == app.CorpID && a.ID != app.AppID && a.Status == core.Active {
					ids = append(ids, a.ID)
				}
			}
			if p.Cursor = list.NextCursor; p.Cursor == "" {
				break
			}
		}
		current, err := tx.CurrentSecretVersions(ctx, ids...)
		for _, v := range current {
			if v.CheckedAt != nil && v.Problem == "" {
				healthy = append(healthy, v)
			}
		}
		return err
	})
	slices.SortFunc(healthy, func(a, b core.SecretVersion) int {
		return cmp.Or(b.CheckedAt.Compare(*a.CheckedAt), cmp.Compare(a.AppID.String(), b.AppID.String()))
	})
	others := make([]App, 0, maxStandIns)
	for _, v := range healthy[:min(len(healthy), maxStandIns)] {
		others = append(others, App{TenantID: app.TenantID, AppID: v.AppID, CorpID: app.CorpID})
	}
	return others, err
}

// fetchTicket fetches a ticket with the app's access token. If WeCom disowns
// the token before its end, it is fetched anew, and the ticket asked for once
// more. A newer token that somebody else has fetched meanwhile serves as well.
func (c *Cache) fetchTicket(ctx context.Context, e errand, mine *turn) (wecom.Grant, origin, error) {
	by := origin{app: e.app.AppID}
	forToken := errand{app: e.app, key: keyOf(e.app, core.AccessToken), ahead: e.ahead, alone: e.alone}
	forToken.beyond = c.disownedGeneration(forToken.key)
	forToken.forced = forToken.beyond > 0
	token, err := c.share(ctx, forToken)
	if err != nil {
		return wecom.Grant{}, by, err
	}
	grant, err := c.callForTicket(ctx, e, token, mine)
	if isDisowned(err) {
		c.disown(forToken.key, token.generation)
		forToken.beyond, forToken.forced = token.generation, true
		if token, err = c.share(ctx, forToken); err != nil {
			return wecom.Grant{}, by, err
		}
		grant, err = c.callForTicket(ctx, e, token, mine)
	}
	err = named(err)
	c.noteTicketOutcome(ctx, e, token.version, err)
	return grant, by, err
}

func (c *Cache) callForTicket(ctx context.Context, e errand, token *entry, mine *turn) (wecom.Grant, error) {
	who := c.caller(e, upstream.KnownGood, token.version, mine) // WeCom has accepted a secret for which it gave a token
	if e.key.kind == core.CorpTicket {
		return c.Gate.CorpTicket(ctx, who, token.value)
	}
	return c.Gate.AgentTicket(ctx, who, token.value)
}

// caller names who calls, in a turn that must last for the call when it is made.
func (c *Cache) caller(e errand, standing upstream.Standing, version int32, mine *turn) upstream.Caller {
	return upstream.Caller{
		TenantID: e.app.TenantID, CorpID: e.app.CorpID, AppID: e.app.AppID,
		Standing: standing, Version: version, Ahead: e.ahead, Alone: e.alone,
		Begin: func(ctx context.Context) error { return c.renew(ctx, e.key, mine) },
	}
}

// fetchToken trades the app's current secret for an access token. Where WeCom
// refuses one that has just become current, the one before it takes its place again
// and is asked with in the same turn.
func (c *Cache) fetchToken(ctx context.Context, e errand, mine *turn) (wecom.Grant, origin, error) {
	grant, by, err := c.fetchTokenWith(ctx, e, mine)
	if c.fallBack(ctx, e, by.sealed, err) {
		grant, by, err = c.fetchTokenWith(ctx, e, mine)
	}
	return grant, by.origin, err
}

// fetchedWith is by which secret a token was asked for.
type fetchedWith struct {
	origin
	sealed store.SealedSecret
}

// fetchTokenWith opens the current secret and asks with it. A secret that WeCom has
// refused once is not tried a second time.
func (c *Cache) fetchTokenWith(ctx context.Context, e errand, mine *turn) (wecom.Grant, fetchedWith, error) {
	secret, spare, err := c.openSecret(ctx, e)
	if err != nil {
		return wecom.Grant{}, fetchedWith{}, err
	}
	sealed := spare.secret
	by := fetchedWith{origin{app: e.app.AppID, version: sealed.Version}, sealed}
	if sealed.Problem == string(fault.SecretRejected) || c.diedUnnoted(ctx, e, sealed.Version) {
		return wecom.Grant{}, by, fault.New(fault.SecretRejected, nil).WithRetryAfter(deadSecretWait)
	}
	if err := c.mayReplace(ctx, e, mine); err != nil {
		return wecom.Grant{}, by, err
	}
	standing := upstream.Untried
	if sealed.Checked {
		standing = upstream.KnownGood
	}
	grant, err := c.Gate.AccessToken(ctx, c.caller(e, standing, sealed.Version, mine), secret)
	err = named(err)
	c.noteSecretOutcome(ctx, e, sealed, err)
	if err == nil {
		spare.secret.Checked, spare.secret.Problem = true, ""
		c.noteSpare(e.app, spare)
	}
	return grant, by, err
}

// deadSecretWait is what a page is told while a person has to mend something;
// the pages of an app whose secret was rotated go on within it.
const deadSecretWait = time.Minute

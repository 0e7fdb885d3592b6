package identity

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// The brakes on codes of WeCom's. Anybody can come back with a code that is none, and
// WeCom counts each against the platform's one address. Far below the limits at which
// calls for pages stop (upstream: 60 an hour for a tenant, 1,000 for all), sign-ins
// stop. A code that was good does not count.
var (
	codesPerPair   = store.Allowance{Burst: 5, Interval: 10 * time.Minute}   // of one network at one tenant
	codesPerTenant = store.Allowance{Burst: 10, Interval: 6 * time.Minute}   // at most 20 in an hour
	codesOfAll     = store.Allowance{Burst: 100, Interval: 36 * time.Second} // at most 200 in an hour
)

// askWeCom asks WeCom who the code was given for.
func (i *Identity) askWeCom(ctx context.Context, v Visit, round weComRound, code core.Secret) (core.WeComUserID, error) {
	if _, err := i.signInApp(ctx, round.Tenant, round.App); err != nil {
		return "", err
	}
	brakes := []brake{{store.TryKey("wecom tenant", round.Tenant.String()), codesPerTenant}, {store.TryKey("wecom"), codesOfAll}}
	if !isEverybody(v.Client) {
		brakes = append([]brake{{store.TryKey("wecom pair", v.Client.String(), round.Tenant.String()), codesPerPair}}, brakes...)
	}
	if err := i.takeBrakes(ctx, brakes...); err != nil {
		return "", err
	}
	user, err := i.weCom.UserOf(ctx, round.Tenant, round.App, round.Corp, code)
	if fault.Has(err, fault.CeremonyOver) {
		return "", err
	}
	giving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = i.store.Platform(giving, system(""), func(tx *store.PlatformTx) error { // else there is one less
		for _, b := range brakes {
			if err := tx.GiveTryBack(giving, b.key, b.most); err != nil {
				return err
			}
		}
		return nil
	})
	return user, err
}

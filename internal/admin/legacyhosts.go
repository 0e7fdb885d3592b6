package admin

import (
	"context"
	"strings"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// BindLegacyHost binds a host to an app, so that pages written against the
// original program need not name one. Only an operator may, and a host is bound
// once on the whole platform: a tenant who merely adds a host must not be able
// to disturb another's pages. Binding it to the same app again changes nothing.
// It fails with fault.LegacyHostTaken, fault.TenantUnknown, fault.TenantLeaving,
// fault.AppUnknown or fault.RequestInvalid (/host).
func (a *Actions) BindLegacyHost(ctx context.Context, actor core.Actor, text string, tenant core.TenantID, app core.AppID) (core.LegacyHost, error) {
	if err := actor.May(core.LegacyHosts); err != nil {
		return core.LegacyHost{}, err
	}
	host, err := parseLegacyHost(text)
	if err != nil {
		return core.LegacyHost{}, err
	}
	_, err = read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.App, error) {
		found, err := tx.GetTenant(ctx)
		if err != nil {
			return core.App{}, err
		}
		if err := refuseLeaving(found); err != nil {
			return core.App{}, err
		}
		return tx.GetApp(ctx, app)
	})
	if err != nil {
		return core.LegacyHost{}, err
	}
	var bound core.LegacyHost
	err = a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		var made bool
		bound, made, err = tx.BindLegacyHost(ctx, core.LegacyHost{Host: host, TenantID: tenant, AppID: app})
		if err != nil || !made {
			return err
		}
		return a.recordLegacyHost(ctx, tx, "legacy_host.bind", bound)
	})
	return bound, err
}

// UnbindLegacyHost takes a binding away. It fails with fault.LegacyHostUnknown.
func (a *Actions) UnbindLegacyHost(ctx context.Context, actor core.Actor, text string) error {
	if err := actor.May(core.LegacyHosts); err != nil {
		return err
	}
	host, err := parseLegacyHost(text)
	if err != nil {
		return err
	}
	return a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		gone, err := tx.UnbindLegacyHost(ctx, host)
		if err != nil {
			return err
		}
		return a.recordLegacyHost(ctx, tx, "legacy_host.unbind", gone)
	})
}

// ListLegacyHosts gives the bound hosts, newest first.
func (a *Actions) ListLegacyHosts(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.LegacyHost], error) {
	var list core.List[core.LegacyHost]
	if err := actor.May(core.LegacyHosts); err != nil {
		return list, err
	}
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		var err error
		list, err = tx.ListLegacyHosts(ctx, p)
		return err
	})
	return list, err
}

// parseLegacyHost reads one host. A wildcard would bind hosts that nobody has
// named.
func parseLegacyHost(text string) (core.Host, error) {
	host, err := core.ParseHost("/host", text)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(string(host), "*") {
		return "", fault.InvalidField("/host", fault.ReasonNoWildcard, nil)
	}
	return host, nil
}

func (a *Actions) recordLegacyHost(ctx context.Context, tx *store.PlatformTx, action string, h core.LegacyHost) error {
	if err := tx.Announce(ctx, store.Change{TenantID: h.TenantID, Kind: store.LegacyHostChanged, Host: h.Host}); err != nil {
		return err
	}
	return tx.Audit(ctx, core.AuditEntry{Action: action, SubjectKind: "legacy_host", Subject: string(h.Host),
		Detail: map[string]string{"tenant_id": h.TenantID.String(), "app_id": h.AppID.String()}})
}

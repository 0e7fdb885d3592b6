package admin

import (
	"context"
	"strconv"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// maxDomains bounds the trusted domains of one app: WeCom takes ten, a wider
// bound leaves room for change, and memory stays what it was planned for.
const maxDomains = 100

// CreateDomain adds a trusted domain to an app. It fails with
// fault.RequestInvalid (/host, with what is wrong with it) or
// fault.DomainExists.
func (a *Actions) CreateDomain(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, text string) (core.TrustedDomain, error) {
	if err := actor.MayIn(tenant, core.DomainsWrite); err != nil {
		return core.TrustedDomain{}, err
	}
	host, err := core.ParseHost("/host", text)
	if err != nil {
		return core.TrustedDomain{}, err
	}
	domain := core.TrustedDomain{ID: core.NewDomainID(), AppID: app, Host: host}
	entry := core.AuditEntry{Action: "domain.create", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"host": string(host)}}
	err = a.changeDomains(ctx, actor, tenant, app, nil, entry, func(tx *store.TenantTx) error {
		count, err := tx.CountDomains(ctx, app)
		if err != nil {
			return err
		}
		if count >= maxDomains {
			return fault.InvalidField("/host", fault.ReasonTooMany, fault.Args{"max": strconv.Itoa(maxDomains)})
		}
		domain, err = tx.CreateDomain(ctx, domain)
		return err
	})
	return domain, err
}

// ListDomains gives the trusted domains of an app, newest first.
func (a *Actions) ListDomains(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.TrustedDomain], error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.List[core.TrustedDomain], error) {
		if _, err := tx.GetApp(ctx, app); err != nil {
			return core.List[core.TrustedDomain]{}, err
		}
		return tx.ListDomains(ctx, app, p)
	})
}

// DeleteDomain takes a trusted domain from an app; no node signs for it after
// two seconds. It fails with fault.DomainUnknown, or with fault.IfMatchConflict
// if the app, which has the version of its domains, is no longer at ifVersion.
func (a *Actions) DeleteDomain(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, domain core.DomainID, ifVersion *int64) error {
	if err := actor.MayIn(tenant, core.DomainsWrite); err != nil {
		return err
	}
	entry := core.AuditEntry{Action: "domain.delete", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{}}
	return a.changeDomains(ctx, actor, tenant, app, ifVersion, entry, func(tx *store.TenantTx) error {
		gone, err := tx.DeleteDomain(ctx, app, domain)
		entry.Detail["host"] = string(gone.Host)
		return err
	})
}

// changeDomains runs a change of an app's domains with the app held, counts the
// app's version up and tells the nodes.
func (a *Actions) changeDomains(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64, entry core.AuditEntry, work func(*store.TenantTx) error) error {
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		locked, err := lockApp(ctx, tx, app)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, locked.Version); err != nil {
			return err
		}
		if err := work(tx); err != nil {
			return err
		}
		if err := tx.TouchApp(ctx, app); err != nil {
			return err
		}
		return tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: app, AppKey: locked.Key})
	})
}

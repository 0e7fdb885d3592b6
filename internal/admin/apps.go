package admin

import (
	"context"
	"slices"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// NewApp is what an app is made of, as it was typed.
type NewApp struct {
	Name       string
	AgentID    string
	CorpID     string // "": the tenant's first corp
	Secret     core.Secret
	Strict     bool // sign for it only where changes are heard of
	ServerOnly bool // sign for who shows an API key, and for nobody else
	SkipCheck  bool // store the secret without trying it at WeCom

	SecretLater bool // make it without a secret; it signs nothing until it has one
}

// CreateApp makes an app with its first secret, or without one. The secret is
// tried at WeCom before anything is stored: refused, it fails with
// fault.SecretRefused, which carries WeCom's number and what to do; WeCom away,
// with one of the wecom codes. It fails with fault.AppExists, fault.CorpUnknown or
// fault.RequestInvalid (/name, /agentId, /corpId, /secret) besides.
func (a *Actions) CreateApp(ctx context.Context, actor core.Actor, tenant core.TenantID, n NewApp) (core.App, error) {
	// 1. May the actor, and is the input right?
	if err := actor.MayIn(tenant, core.AppsWrite); err != nil {
		return core.App{}, err
	}
	app, secret, err := parseApp(n)
	if err != nil {
		return core.App{}, err
	}
	// 2. Which corp? And would the app be a second one of its kind?
	if app.CorpID, err = a.corpOf(ctx, actor, tenant, app); err != nil {
		return core.App{}, err
	}
	// 3. What does WeCom say? No transaction is open meanwhile.
	app.TenantID = tenant
	proof, err := a.try(ctx, app, secret, n.SkipCheck || secret.IsZero())
	if err != nil {
		return core.App{}, err
	}
	// 4. The app and its secret, in one transaction.
	entry := core.AuditEntry{Action: "app.create", SubjectKind: "app", Subject: app.ID.String(),
		Detail: map[string]string{"name": app.Name, "corp_id": string(app.CorpID), "agent_id": string(app.AgentID), "tried": triedWord(proof)}}
	if app.Strict {
		entry.Detail["strict"] = boolWord(true)
	}
	if app.ServerOnly {
		entry.Detail["server_only"] = boolWord(true)
	}
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		made, err := tx.CreateApp(ctx, app)
		if err != nil {
			return err
		}
		app = made
		if !secret.IsZero() {
			version, err := a.storeSecret(ctx, tx, made, secret, core.SecretCurrent, nil, proof)
			if err != nil {
				return err
			}
			if err := a.takeUp(ctx, tx, made, version.Version, proof); err != nil {
				return err
			}
			app.Secret = &version
			noteVersion(entry.Detail, version)
		}
		return tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: app.ID, AppKey: app.Key})
	})
	return app, err
}

func parseApp(n NewApp) (core.App, core.Secret, error) {
	var wrong fields
	app := core.App{ID: core.NewAppID(), Key: core.NewAppKey(), Kind: core.SelfBuilt, Strict: n.Strict, ServerOnly: n.ServerOnly}
	name, err := core.ParseName("/name", n.Name)
	app.Name = check(&wrong, name, err)
	agent, err := core.ParseAgentID("/agentId", n.AgentID)
	app.AgentID = check(&wrong, agent, err)
	if n.CorpID != "" {
		corp, err := core.ParseCorpID("/corpId", n.CorpID)
		app.CorpID = check(&wrong, corp, err)
	}
	if n.SecretLater && n.Secret.IsZero() {
		return app, core.Secret{}, wrong.err()
	}
	secret, err := core.ParseAppSecret("/secret", n.Secret.Expose())
	secret = check(&wrong, secret, err)
	return app, secret, wrong.err()
}

// corpOf gives the corp that the new app belongs to, and fails early with
// fault.AppExists or fault.TenantLeaving, so that no trial is spent on an app that
// cannot be made.
func (a *Actions) corpOf(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.App) (core.CorpID, error) {
	corp := app.CorpID
	err := a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		t, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		if err := refuseChange(actor, t); err != nil {
			return err
		}
		if corp == "" && len(t.Corps) > 0 {
			corp = t.Corps[0]
		}
		if !slices.Contains(t.Corps, corp) {
			return fault.New(fault.CorpUnknown, nil)
		}
		taken, err := tx.HasApp(ctx, corp, app.AgentID)
		if err != nil {
			return err
		}
		if taken {
			return fault.New(fault.AppExists, nil)
		}
		return nil
	})
	return corp, err
}

// GetApp gives an app with what may be known of its current secret. It fails
// with fault.TenantUnknown or fault.AppUnknown.
func (a *Actions) GetApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID) (core.App, error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.App, error) {
		found, err := tx.GetApp(ctx, app)
		if err != nil {
			return core.App{}, err
		}
		return withSecret(ctx, tx, found)
	})
}

func withSecret(ctx context.Context, tx *store.TenantTx, app core.App) (core.App, error) {
	current, err := tx.CurrentSecretVersions(ctx, app.ID)
	if v, ok := current[app.ID]; ok {
		app.Secret = &v
	}
	return app, err
}

// ListApps gives a tenant's apps, newest first.
func (a *Actions) ListApps(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.App], error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.List[core.App], error) {
		list, err := tx.ListApps(ctx, p)
		if err != nil {
			return list, err
		}
		ids := make([]core.AppID, len(list.Items))
		for i, app := range list.Items {
			ids[i] = app.ID
		}
		current, err := tx.CurrentSecretVersions(ctx, ids...)
		for i := range list.Items {
			if v, ok := current[list.Items[i].ID]; ok {
				list.Items[i].Secret = &v
			}
		}
		return list, err
	})
}

// AppChange is what is to change of an app; nil leaves a member as it is.
type AppChange struct {
	Name, Status                  *string
	AllowHTTP, Strict, ServerOnly *bool
	SignIn                        *bool
}

// UpdateApp renames, suspends or resumes an app, lets it sign pages on http://, makes
// it strict, or one for servers only, or lets the tenant's people sign in through it.
// It fails as UpdateTenant does, and with fault.SignInAppExists where they do through
// another.
func (a *Actions) UpdateApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64, c AppChange) (core.App, error) {
	if err := actor.MayIn(tenant, core.AppsWrite); err != nil {
		return core.App{}, err
	}
	change, err := parseAppChange(c)
	if err != nil {
		return core.App{}, err
	}
	var changed core.App
	entry := core.AuditEntry{Action: "app.update", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{}}
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		before, err := lockApp(ctx, tx, app)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, before.Version); err != nil {
			return err
		}
		after := change(before, entry.Detail)
		if len(entry.Detail) == 0 {
			if changed, err = withSecret(ctx, tx, before); err != nil {
				return err
			}
			return errUnchanged
		}
		if changed, err = tx.UpdateApp(ctx, after); err != nil {
			return err
		}
		if changed, err = withSecret(ctx, tx, changed); err != nil {
			return err
		}
		return tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: changed.ID, AppKey: changed.Key})
	})
	return changed, err
}

// parseAppChange checks a change and gives the function that carries it out,
// noting in detail what was and is.
func parseAppChange(c AppChange) (func(app core.App, detail map[string]string) core.App, error) {
	var wrong fields
	if c.Name == nil && c.Status == nil && c.AllowHTTP == nil && c.Strict == nil && c.ServerOnly == nil && c.SignIn == nil {
		wrong.list = append(wrong.list, fault.Field{Pointer: "", Reason: fault.ReasonEmpty})
	}
	var name string
	var status core.Status
	var err error
	if c.Name != nil {
		name, err = core.ParseName("/name", *c.Name)
		name = check(&wrong, name, err)
	}
	if c.Status != nil {
		status, err = core.ParseStatus("/status", *c.Status)
		status = check(&wrong, status, err)
	}
	return func(app core.App, detail map[string]string) core.App {
		if c.Name != nil {
			noteChange(detail, "name", app.Name, name)
			app.Name = name
		}
		if c.Status != nil {
			noteChange(detail, "status", string(app.Status), string(status))
			app.Status = status
		}
		if c.AllowHTTP != nil {
			noteChange(detail, "allow_http", boolWord(app.AllowHTTP), boolWord(*c.AllowHTTP))
			app.AllowHTTP = *c.AllowHTTP
		}
		if c.Strict != nil {
			noteChange(detail, "strict", boolWord(app.Strict), boolWord(*c.Strict))
			app.Strict = *c.Strict
		}
		if c.ServerOnly != nil {
			noteChange(detail, "server_only", boolWord(app.ServerOnly), boolWord(*c.ServerOnly))
			app.ServerOnly = *c.ServerOnly
		}
		if c.SignIn != nil {
			noteChange(detail, "sign_in", boolWord(app.SignIn), boolWord(*c.SignIn))
			app.SignIn = *c.SignIn
		}
		return app
	}, wrong.err()
}

func boolWord(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// lockApp holds the row of an app of this tenant, and tells a tenant that does
// not exist from an app that does not.
func lockApp(ctx context.Context, tx *store.TenantTx, app core.AppID) (core.App, error) {
	if _, err := tx.GetTenant(ctx); err != nil {
		return core.App{}, err
	}
	return tx.LockApp(ctx, app)
}

// DeleteApp takes an app away with its secrets, domains, tickets and bound
// hosts.
func (a *Actions) DeleteApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64) error {
	if err := actor.MayIn(tenant, core.AppsDelete); err != nil {
		return err
	}
	entry := core.AuditEntry{Action: "app.delete", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{}}
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		gone, err := lockApp(ctx, tx, app)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, gone.Version); err != nil {
			return err
		}
		entry.Detail["name"], entry.Detail["agent_id"] = gone.Name, string(gone.AgentID)
		if err := tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: gone.ID, AppKey: gone.Key}); err != nil {
			return err
		}
		return tx.DeleteApp(ctx, app)
	})
}

package admin_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

// Bounds of a model's tenant, so that reading all of it stays quick.
const (
	modelApps    = 3
	modelDomains = 5
	modelLinks   = 5
	modelSecrets = 8
)

// step does one operation and has the model say what must come of it. It gives what was
// done and the tenant that was named.
func (m *models) step(t *testing.T) (what string, touched *modelTenant) {
	t.Helper()
	who, tenant := m.somebody(), m.someTenant()
	kind := m.random.IntN(len(modelSteppers))
	var due fault.Code
	var err error
	what, due, err = modelSteppers[kind](m, t, who, tenant)
	what = fmt.Sprintf("%s in %s by %v", what, tenant.id, who.Grants)
	code := fault.Code("")
	if err != nil {
		code = fault.Find(err).Code
	}
	require.Equal(t, due, code, "%s: %v", what, err)
	m.outcomes[string(code)]++
	return what, m.tenantNow(tenant)
}

// tenantNow gives the tenant, or the one that has taken its place.
func (m *models) tenantNow(tenant *modelTenant) *modelTenant {
	if slices.Contains(m.tenants[:], tenant) {
		return tenant
	}
	return m.tenants[0]
}

type stepper func(m *models, t *testing.T, who core.Actor, in *modelTenant) (what string, due fault.Code, err error)

// change says what must come of a change of an app, and gives the model of it.
func (m *modelTenant) change(who core.Actor, app core.AppID) (*modelApp, fault.Code) {
	due := may(who, m.id, false, false)
	found := m.find(app)
	switch {
	case due != "":
		return nil, due
	case m.leaving:
		return nil, fault.TenantLeaving
	case m.shut(who):
		return nil, fault.TenantSuspended
	case found == nil:
		return nil, fault.AppUnknown
	}
	return found, ""
}

// shut tells whether the tenant is suspended, and its own people change nothing.
func (m *modelTenant) shut(who core.Actor) bool {
	return m.status == core.Suspended && !who.Grants.Works()
}

var modelSteppers = []stepper{
	renameTenant, suspendTenant, leaveTenant, restoreTenant, restoreTenant, replaceTenant,
	createApp, createApp, updateApp, deleteApp, readApp, readApp, readTenants,
	createDomain, createDomain, deleteDomain, createLink, revokeLink, keepSecret, keepSecret, retireSecret, destroySecret, bindHost, unbindHost,
}

func renameTenant(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	name := fmt.Sprint("名字 ", m.random.IntN(1000))
	due := may(who, in.id, false, false)
	switch {
	case due != "":
	case in.leaving && name != in.name:
		due = fault.TenantLeaving
	case !in.leaving && in.shut(who):
		due = fault.TenantSuspended
	}
	_, err := m.Admin.UpdateTenant(t.Context(), who, in.id, nil, admin.TenantChange{Name: &name})
	if due == "" && name != in.name {
		in.name = name
		in.audited = append(in.audited, "tenant.update")
	}
	return "rename", due, err
}

func suspendTenant(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	status := []core.Status{core.Active, core.Suspended}[m.random.IntN(2)]
	text := string(status)
	due := may(who, in.id, false, true)
	_, err := m.Admin.UpdateTenant(t.Context(), who, in.id, nil, admin.TenantChange{Status: &text})
	switch {
	case due != "", status == in.status:
	case in.leaving:
		in.leaving, in.status = false, core.Active
		in.audited = append(in.audited, "tenant.restore")
	default:
		in.status = status
		in.audited = append(in.audited, "tenant.update")
	}
	return "make " + text, due, err
}

func leaveTenant(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	due := may(who, in.id, false, true)
	err := m.Admin.DeleteTenant(t.Context(), who, in.id, nil)
	if due == "" && !in.leaving {
		in.leaving, in.status = true, core.Suspended
		in.audited = append(in.audited, "tenant.leave")
	}
	return "leave", due, err
}

// restoreTenant is what an operator does of a tenant that is leaving, or they would
// all be at last.
func restoreTenant(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	if !in.leaving {
		return readApp(m, t, who, in)
	}
	active := string(core.Active)
	_, err := m.Admin.UpdateTenant(t.Context(), apptest.Operator(), in.id, nil, admin.TenantChange{Status: &active})
	in.leaving, in.status = false, core.Active
	in.audited = append(in.audited, "tenant.restore")
	return "restore", "", err
}

// replaceTenant destroys a tenant and makes another; the ids of the first stay in use
// by those who know them.
func replaceTenant(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	if m.random.IntN(20) > 0 {
		gone := core.NewTenantID()
		if len(m.gone) > 0 {
			gone = m.gone[m.random.IntN(len(m.gone))]
		}
		_, err := m.Admin.GetApp(t.Context(), who, gone, m.someApp(in))
		return "read what is gone", fault.TenantUnknown, err
	}
	due := may(who, in.id, false, true)
	err := m.Admin.DestroyTenant(t.Context(), who, in.id, nil)
	if due == "" {
		m.gone = append(m.gone, in.id)
		m.tenants[slices.Index(m.tenants[:], in)] = m.newTenant(t)
	}
	return "destroy", due, err
}

func createApp(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	agent := fmt.Sprint(1000000 + m.random.IntN(modelApps)) // the same in all tenants
	due := may(who, in.id, false, false)
	exists := slices.ContainsFunc(in.apps, func(a *modelApp) bool { return a.agent == agent })
	switch {
	case due != "":
	case in.leaving:
		due = fault.TenantLeaving
	case in.shut(who):
		due = fault.TenantSuspended
	case exists:
		due = fault.AppExists
	}
	made, err := m.Admin.CreateApp(t.Context(), who, in.id, newAppFor(agent, "应用 "+agent))
	if due == "" {
		in.apps = append(in.apps, &modelApp{id: made.ID, agent: agent, name: "应用 " + agent})
		in.audited = append(in.audited, "app.create")
	}
	return "create app", due, err
}

func updateApp(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, name, strict := m.someApp(in), fmt.Sprint("名字 ", m.random.IntN(1000)), m.random.IntN(2) == 0
	found, due := in.change(who, app)
	_, err := m.Admin.UpdateApp(t.Context(), who, in.id, app, nil, admin.AppChange{Name: &name, Strict: &strict})
	if due == "" && (name != found.name || strict != found.strict) {
		found.name, found.strict = name, strict
		in.audited = append(in.audited, "app.update")
	}
	return "update app " + app.String(), due, err
}

func deleteApp(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app := m.someApp(in)
	if m.random.IntN(3) > 0 {
		app = core.NewAppID() // or there would be few
	}
	found, due := in.change(who, app)
	err := m.Admin.DeleteApp(t.Context(), who, in.id, app, nil)
	if due == "" {
		in.apps = slices.DeleteFunc(in.apps, func(a *modelApp) bool { return a == found })
		in.audited = append(in.audited, "app.delete")
	}
	return "delete app " + app.String(), due, err
}

func readApp(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app := m.someApp(in)
	due := may(who, in.id, true, false)
	found := in.find(app)
	if due == "" && found == nil {
		due = fault.AppUnknown
	}
	got, err := m.Admin.GetApp(t.Context(), who, in.id, app)
	if due == "" && err == nil {
		require.Equal(t, fmt.Sprint(found.id, found.agent, found.name, found.strict), fmt.Sprint(got.ID, got.AgentID, got.Name, got.Strict))
	}
	return "read app " + app.String(), due, err
}

// readTenants lists the tenants that somebody sees.
func readTenants(m *models, t *testing.T, who core.Actor, _ *modelTenant) (string, fault.Code, error) {
	var due, seen []string
	for _, tenant := range m.tenants {
		if may(who, tenant.id, true, false) == "" {
			due = append(due, tenant.id.String()+tenant.name)
		}
	}
	list, err := m.Admin.ListTenants(t.Context(), who, core.EveryTenant, firstPage)
	for _, tenant := range list.Items {
		seen = append(seen, tenant.ID.String()+tenant.Name)
	}
	require.ElementsMatch(t, due, seen)
	return "list tenants", "", err
}

func createDomain(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, host := m.someApp(in), fmt.Sprintf("host%d.example.com", m.random.IntN(modelDomains)) // the same in all tenants
	found, due := in.change(who, app)
	if due == "" && slices.ContainsFunc(found.domains, func(d modelDomain) bool { return d.host == host }) {
		due = fault.DomainExists
	}
	made, err := m.Admin.CreateDomain(t.Context(), who, in.id, app, host)
	if due == "" {
		found.domains = append(found.domains, modelDomain{made.ID, host})
		in.audited = append(in.audited, "domain.create")
	}
	return "trust " + host + " in " + app.String(), due, err
}

func deleteDomain(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, domain := m.someApp(in), core.NewDomainID()
	if from := m.anyApp(app); len(from.domains) > 0 {
		domain = from.domains[m.random.IntN(len(from.domains))].id
	}
	found, due := in.change(who, app)
	at := -1
	if due == "" {
		if at = slices.IndexFunc(found.domains, func(d modelDomain) bool { return d.id == domain }); at < 0 {
			due = fault.DomainUnknown
		}
	}
	err := m.Admin.DeleteDomain(t.Context(), who, in.id, app, domain, nil)
	if due == "" {
		found.domains = slices.Delete(found.domains, at, at+1)
		in.audited = append(in.audited, "domain.delete")
	}
	return fmt.Sprintf("trust %s of %s no more", domain, app), due, err
}

func createLink(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app := m.someApp(in)
	found, due := in.change(who, app)
	if due == "" && len(found.links) == modelLinks {
		return readApp(m, t, who, in)
	}
	link, _, err := m.Admin.CreateIntakeLink(t.Context(), who, in.id, app)
	if due == "" {
		found.links = append(found.links, &modelLink{id: link.ID})
		in.audited = append(in.audited, "intake.create")
	}
	return "make a link of " + app.String(), due, err
}

func revokeLink(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, link := m.someApp(in), core.NewLinkID()
	if from := m.anyApp(app); len(from.links) > 0 {
		link = from.links[m.random.IntN(len(from.links))].id
	}
	found, due := in.change(who, app)
	at := -1
	if due == "" {
		if at = slices.IndexFunc(found.links, func(l *modelLink) bool { return l.id == link }); at < 0 {
			due = fault.IntakeUnknown
		}
	}
	err := m.Admin.RevokeIntakeLink(t.Context(), who, in.id, app, link)
	if due == "" && !found.links[at].revoked {
		found.links[at].revoked = true
		in.audited = append(in.audited, "intake.revoke")
	}
	return fmt.Sprintf("take link %s of %s back", link, app), due, err
}

func keepSecret(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app := m.someApp(in)
	found, due := in.change(who, app)
	if due == "" && len(found.secrets) == modelSecrets {
		return readApp(m, t, who, in)
	}
	m.made++
	_, err := m.Admin.KeepSecret(t.Context(), who, in.id, app, admin.KeptSecret{Secret: core.NewSecret(apptest.Secret(fmt.Sprint("model", m.made, "x")))})
	if due == "" {
		if at := slices.Index(found.secrets, core.SecretPending); at >= 0 {
			found.secrets[at] = core.SecretRetired
		}
		found.secrets = append(found.secrets, core.SecretPending)
		in.audited = append(in.audited, "secret.keep")
	}
	return "keep a secret of " + app.String(), due, err
}

// moveOf says what must come of a version's move out of one state into another.
func (m *models) moveOf(who core.Actor, in *modelTenant, from, to core.SecretState, action string) (app core.AppID, version int32, due fault.Code) {
	app, version = m.someApp(in), int32(1+m.random.IntN(modelSecrets))
	found, due := in.change(who, app)
	if due != "" {
		return app, version, due
	}
	if int(version) > len(found.secrets) {
		return app, version, fault.SecretUnknown
	}
	switch state := &found.secrets[version-1]; {
	case *state == to, *state == core.SecretDestroyed:
	case *state == from:
		*state = to
		in.audited = append(in.audited, action)
	default:
		due = fault.SecretState
	}
	return app, version, due
}

func retireSecret(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, version, due := m.moveOf(who, in, core.SecretPending, core.SecretRetired, "secret.retire")
	_, err := m.Admin.RetireSecret(t.Context(), who, in.id, app, version)
	return fmt.Sprintf("retire version %d of %s", version, app), due, err
}

func destroySecret(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, version, due := m.moveOf(who, in, core.SecretRetired, core.SecretDestroyed, "secret.destroy")
	_, err := m.Admin.DestroySecret(t.Context(), who, in.id, app, version)
	return fmt.Sprintf("destroy version %d of %s", version, app), due, err
}

func bindHost(m *models, t *testing.T, who core.Actor, in *modelTenant) (string, fault.Code, error) {
	app, host := m.someApp(in), fmt.Sprintf("bound%d.example.com", m.random.IntN(modelDomains))
	found, due := in.find(app), fault.Code("")
	switch holder := m.holderOf(host); {
	case who.Grants.Platform == "":
		due = fault.PermissionDenied
	case in.leaving:
		due = fault.TenantLeaving
	case found == nil:
		due = fault.AppUnknown
	case holder == nil:
		found.hosts = append(found.hosts, host)
	case holder != found:
		due = fault.LegacyHostTaken
	}
	_, err := m.Admin.BindLegacyHost(t.Context(), who, host, in.id, app)
	return "bind " + host + " to " + app.String(), due, err
}

func unbindHost(m *models, t *testing.T, who core.Actor, _ *modelTenant) (string, fault.Code, error) {
	host := fmt.Sprintf("bound%d.example.com", m.random.IntN(modelDomains))
	due := fault.Code("")
	switch holder := m.holderOf(host); {
	case who.Grants.Platform == "":
		due = fault.PermissionDenied
	case holder == nil:
		due = fault.LegacyHostUnknown
	default:
		holder.hosts = slices.DeleteFunc(holder.hosts, func(h string) bool { return h == host })
	}
	return "unbind " + host, due, m.Admin.UnbindLegacyHost(t.Context(), who, host)
}

// holderOf gives the app that a host is bound to, nil if there is none.
func (m *models) holderOf(host string) *modelApp {
	for _, tenant := range m.tenants {
		for _, a := range tenant.apps {
			if slices.Contains(a.hosts, host) {
				return a
			}
		}
	}
	return nil
}

package admin_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

var (
	modelSteps = flag.Int("model-steps", 2000, "how many operations of three tenants are held against three models (make walls: 10,000)")
	modelSeed  = flag.Uint64("model-seed", 0, "repeats the operations of a run (0: new ones)")
)

// TestThreeTenantsAndThreeModels does random operations of three tenants, by people of
// each and of the platform, on ids of their own, of each other's, and of nobody's. Three
// models, which know nothing of each other, say what must come of each; after every one
// the tenant that was named is what its model is, and now and then all three are.
func TestThreeTenantsAndThreeModels(t *testing.T) {
	t.Parallel()
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./internal/admin -run %s -model-steps=%d -model-seed=%d", t.Name(), *modelSteps, seed)
	m := &models{bundle: bundle{House: apptest.New(t, apptest.Config{})}, random: rand.New(rand.NewPCG(seed, seed)), outcomes: map[string]int{}}
	for slot := range m.tenants {
		m.tenants[slot] = m.newTenant(t)
	}
	const allEvery = 50
	for step := range *modelSteps {
		what, touched := m.step(t)
		where := fmt.Sprintf("step %d of seed %d: %s", step, seed, what)
		require.Equal(t, touched.text(), m.view(t, touched), where)
		if step%allEvery == 0 || step == *modelSteps-1 {
			for _, each := range m.tenants {
				require.Equal(t, each.text(), m.view(t, each), where)
				require.Equal(t, each.audited, m.DB.List(t, `SELECT action FROM signet.audit WHERE tenant_id = $1 ORDER BY seq`, each.id.String()), where)
			}
			m.requireHosts(t, where)
		}
	}
	t.Logf("what came of them: %v", m.outcomes)
	if *modelSteps < manySteps {
		return
	}
	for _, code := range []fault.Code{"", fault.TenantUnknown, fault.AppUnknown, fault.DomainUnknown, fault.IntakeUnknown, fault.SecretUnknown, fault.PermissionDenied, fault.TenantLeaving, fault.TenantSuspended} {
		require.Positive(t, m.outcomes[string(code)], "%q never came of anything", code)
	}
}

// manySteps are so many that everything must have come of some of them.
const manySteps = 10_000

// modelTenant is what one tenant must be. It holds nothing of another.
type modelTenant struct {
	id      core.TenantID
	name    string
	status  core.Status
	leaving bool
	apps    []*modelApp
	audited []string // the actions, in order
}

type modelApp struct {
	id      core.AppID
	agent   string
	name    string
	strict  bool
	domains []modelDomain
	links   []*modelLink
	secrets []core.SecretState // of version 1 and so on
	hosts   []string           // that may ask without naming it
}

type modelDomain struct {
	id   core.DomainID
	host string
}

type modelLink struct {
	id      core.LinkID
	revoked bool
}

// auditSeen is how much of the audit is looked at after every step; the whole of it is
// when all tenants are.
const auditSeen = 3

// text is all of a tenant, in a form that can be compared.
func (m *modelTenant) text() string {
	lines := []string{fmt.Sprintf("%s %s leaving %t, audited last %v", m.name, m.status, m.leaving, m.audited[max(0, len(m.audited)-auditSeen):])}
	for _, a := range m.apps {
		lines = append(lines, fmt.Sprintf("app %s %s %s strict %t secrets %v", a.id, a.agent, a.name, a.strict, a.secrets))
		for _, d := range a.domains {
			lines = append(lines, fmt.Sprintf("domain %s of %s: %s", d.id, a.id, d.host))
		}
		for _, l := range a.links {
			lines = append(lines, fmt.Sprintf("link %s of %s: revoked %t", l.id, a.id, l.revoked))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// find gives the model's app with an id, nil if it has none.
func (m *modelTenant) find(id core.AppID) *modelApp {
	for _, a := range m.apps {
		if a.id == id {
			return a
		}
	}
	return nil
}

// models are three tenants with what must have become of them.
type models struct {
	bundle
	random   *rand.Rand
	tenants  [3]*modelTenant
	gone     []core.TenantID
	made     int
	outcomes map[string]int // how often each code came of an operation
}

func (m *models) newTenant(t *testing.T) *modelTenant {
	t.Helper()
	m.made++
	made := &modelTenant{name: fmt.Sprint("企业 ", m.made), status: core.Active, audited: []string{"tenant.create"}}
	made.id = m.Tenant(t, made.name, fmt.Sprintf("wwmodel%08d", m.made%3)).ID // the same corp in several
	return made
}

// view reads all of a tenant through its own door, as text has it.
func (m *models) view(t *testing.T, of *modelTenant) string {
	t.Helper()
	seen := modelTenant{}
	everything := core.Page{Limit: core.MaxPageLimit}
	require.NoError(t, m.Store.Tenant(t.Context(), core.System("test"), of.id, func(tx *store.TenantTx) error {
		tenant, err := tx.GetTenant(t.Context())
		if err != nil {
			return err
		}
		seen.name, seen.status, seen.leaving = tenant.Name, tenant.Status, tenant.Deletion != nil
		apps, err := tx.ListApps(t.Context(), everything)
		if err != nil {
			return err
		}
		audit, err := tx.ListAudit(t.Context(), core.Page{Limit: auditSeen})
		if err != nil {
			return err
		}
		for _, row := range audit.Items {
			seen.audited = append([]string{row.Action}, seen.audited...)
		}
		for _, found := range apps.Items {
			a, err := viewApp(t.Context(), tx, found, everything)
			if err != nil {
				return err
			}
			seen.apps = append(seen.apps, a)
		}
		return nil
	}))
	return seen.text()
}

func viewApp(ctx context.Context, tx *store.TenantTx, found core.App, p core.Page) (*modelApp, error) {
	a := &modelApp{id: found.ID, agent: string(found.AgentID), name: found.Name, strict: found.Strict}
	domains, err := tx.ListDomains(ctx, found.ID, p)
	if err != nil {
		return nil, err
	}
	for _, d := range domains.Items {
		a.domains = append(a.domains, modelDomain{d.ID, string(d.Host)})
	}
	links, err := tx.ListIntakeLinks(ctx, found.ID, p)
	if err != nil {
		return nil, err
	}
	for _, l := range links.Items {
		a.links = append(a.links, &modelLink{l.ID, l.RevokedAt != nil})
	}
	versions, err := tx.ListSecretVersions(ctx, found.ID, p)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(versions.Items, func(a, b core.SecretVersion) int { return int(a.Version - b.Version) })
	for _, v := range versions.Items {
		a.secrets = append(a.secrets, v.State)
	}
	return a, nil
}

// requireHosts holds the bound hosts of the platform to those of the three models.
func (m *models) requireHosts(t *testing.T, where string) {
	t.Helper()
	var due []string
	for _, tenant := range m.tenants {
		for _, a := range tenant.apps {
			for _, h := range a.hosts {
				due = append(due, fmt.Sprintf("%s %s %s", h, tenant.id, a.id))
			}
		}
	}
	slices.Sort(due)
	require.Equal(t, due, append([]string(nil), m.DB.List(t, `SELECT host || ' ' || tenant_id || ' ' || app_id FROM signet.legacy_hosts ORDER BY 1`)...), where)
}

// somebody gives who acts: an operator, or a member of one tenant, or of two.
func (m *models) somebody() core.Actor {
	who := core.Actor{Kind: core.ActorMember, MemberID: core.NewMemberID(), Name: "model@test.example", Proved: true}
	one, other := m.tenants[m.random.IntN(3)], m.tenants[m.random.IntN(3)]
	switch roll := m.random.IntN(10); {
	case roll < 3:
		who.Grants.Platform = core.PlatformOwner
	case roll < 8:
		who.Grants.Tenants = map[core.TenantID]core.Role{one.id: core.TenantOwner}
	case roll < 9:
		who.Grants.Tenants = map[core.TenantID]core.Role{one.id: core.TenantViewer}
	default:
		who.Grants.Tenants = map[core.TenantID]core.Role{other.id: core.TenantViewer, one.id: core.TenantOwner}
	}
	return who
}

// may says what must come of an actor's asking for something in a tenant, "" where it
// is theirs to ask for.
func may(who core.Actor, tenant core.TenantID, reads, operatorsOnly bool) fault.Code {
	role, belongs := who.Grants.Tenants[tenant]
	switch {
	case who.Grants.Platform != "":
		return ""
	case !belongs:
		return fault.TenantUnknown
	case operatorsOnly, role == core.TenantViewer && !reads:
		return fault.PermissionDenied
	}
	return ""
}

// The ids that an operation names: mostly somebody's, and not always the right one's.

func (m *models) someTenant() *modelTenant { return m.tenants[m.random.IntN(3)] }

func (m *models) someApp(of *modelTenant) core.AppID {
	from := of
	switch roll := m.random.IntN(10); {
	case roll == 0:
		return core.NewAppID()
	case roll < 3:
		from = m.someTenant()
	}
	if len(from.apps) == 0 {
		return core.NewAppID()
	}
	return from.apps[m.random.IntN(len(from.apps))].id
}

// anyApp gives the model of an app of any tenant, to take ids below it from.
func (m *models) anyApp(id core.AppID) *modelApp {
	if m.random.IntN(4) > 0 {
		for _, tenant := range m.tenants {
			if a := tenant.find(id); a != nil {
				return a
			}
		}
	}
	tenant := m.someTenant()
	if len(tenant.apps) == 0 {
		return &modelApp{}
	}
	return tenant.apps[m.random.IntN(len(tenant.apps))]
}

// newAppFor is an app that can be made without asking WeCom.
func newAppFor(agent, name string) admin.NewApp {
	return admin.NewApp{Name: name, AgentID: agent, SecretLater: true}
}

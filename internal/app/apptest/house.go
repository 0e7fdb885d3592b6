package apptest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/signing"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/ticket"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// Config changes what a House is built of. The zero value is production's.
type Config struct {
	WeCom wecomtest.Config
	Now   func() time.Time // of tickets and signatures; default time.Now
	After func(time.Duration) <-chan time.Time
	Log   io.Writer // default: nowhere
	DB    *storetest.DB
}

// House is every room of a node.
type House struct {
	DB        storetest.DB
	Store     *store.Store
	Ring      *seal.Ring
	WeCom     *wecomtest.Server
	Tickets   *ticket.Cache
	Directory *signing.Directory
	Signer    *signing.Signer
	Admin     *admin.Actions
	Log       *slog.Logger

	config Config
	from   store.FeedPosition
}

// New builds a House on a database of its own.
func New(t testing.TB, cfg Config) *House {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &House{Log: slog.New(slog.NewJSONHandler(cfg.Log, &slog.HandlerOptions{Level: slog.LevelDebug})), config: cfg}
	if cfg.DB != nil {
		h.DB = *cfg.DB
	} else {
		h.DB = storetest.New(t)
	}
	h.Store = h.DB.Open(t)
	h.WeCom = wecomtest.Start(t, cfg.WeCom)
	h.openRing(t)
	h.assemble(t)
	return h
}

// Restart gives the House as it is after its process was ended and started
// again: the database and WeCom are the same, memory is empty.
func (h *House) Restart(t testing.TB) *House {
	t.Helper()
	again := *h
	again.Store = h.DB.Open(t)
	again.assemble(t)
	return &again
}

func (h *House) openRing(t testing.TB) {
	t.Helper()
	master, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	first, err := seal.FirstRootKey(master, nil)
	require.NoError(t, err)
	row := store.RootKeyRow{Epoch: first.Epoch, Fingerprint: first.Fingerprint}
	for _, w := range first.Wraps {
		row.Wraps = append(row.Wraps, store.RootKeyWrap(w))
	}
	require.NoError(t, h.Store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.CreateRootKey(t.Context(), row)
	}))
	h.Ring, err = seal.OpenRing(master, []seal.RootKeyRow{first})
	require.NoError(t, err)
}

func (h *House) assemble(t testing.TB) {
	t.Helper()
	client, err := wecom.New(wecom.Config{BaseURL: h.WeCom.URL()})
	require.NoError(t, err)
	gate := upstream.New(client, h.Store, h.Log)
	h.Tickets = ticket.New(ticket.Config{
		Store: h.Store, Gate: gate, Sealer: h.Ring.Sealer(), Log: h.Log, Now: h.config.Now, After: h.config.After,
		Opener: h.Ring.Opener(seal.AppSecret, seal.AccessToken, seal.CorpTicket, seal.AgentTicket),
	})
	h.Directory = signing.NewDirectory(h.Store)
	h.from, err = h.Directory.Load(t.Context())
	require.NoError(t, err)
	h.Signer = signing.NewSigner(h.Directory, h.Tickets, h.config.Now)
	h.Admin = admin.New(admin.Config{Store: h.Store, Gate: gate, Sealer: h.Ring.Sealer(), NewScopeKey: h.Ring.NewScopeKey})
}

// Catch applies what has changed since the House was built or caught up last,
// as the change feed does in a running node.
func (h *House) Catch(t testing.TB) {
	t.Helper()
	require.NoError(t, h.CatchUp(t.Context()))
}

// CatchUp is Catch for goroutines that may not end a test.
func (h *House) CatchUp(ctx context.Context) error {
	var changes []store.Change
	err := h.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		changes, h.from, err = tx.ReadChanges(ctx, h.from)
		return err
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	for _, c := range changes {
		if c.Kind == store.SecretChanged {
			h.Tickets.Forget(c.TenantID, c.AppID, core.AccessToken)
		}
	}
	return h.Directory.Apply(ctx, changes)
}

// Operator is an actor who may do everything on the platform.
func Operator() core.Actor {
	return core.Actor{Kind: core.ActorMember, MemberID: core.NewMemberID(), Name: "operator@test.example",
		Grants: core.Grants{Platform: core.PlatformOwner}}
}

// Secret makes a secret of WeCom's form out of a name.
func Secret(name string) string {
	const filler = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	return (name + filler)[:43]
}

// App is an app as a test knows it.
type App struct {
	core.App
	SecretText string
}

// Tenant makes a tenant with one corp.
func (h *House) Tenant(t testing.TB, name, corp string) core.Tenant {
	t.Helper()
	tenant, err := h.Admin.CreateTenant(t.Context(), Operator(), admin.NewTenant{Name: name, CorpID: corp})
	require.NoError(t, err)
	return tenant
}

// App makes an app of a tenant, known to the fake WeCom with the same secret,
// and trusting the hosts. The directory has caught up.
func (h *House) App(t testing.TB, tenant core.Tenant, agent, secret string, hosts ...string) App {
	t.Helper()
	h.WeCom.AddApp(wecomtest.App{Corp: tenant.Corps[0], Agent: core.AgentID(agent), Name: "app " + agent, Secret: secret, Domains: hosts})
	app, err := h.Admin.CreateApp(t.Context(), Operator(), tenant.ID, admin.NewApp{Name: "app " + agent, AgentID: agent, Secret: core.NewSecret(secret)})
	require.NoError(t, err)
	for _, host := range hosts {
		_, err := h.Admin.CreateDomain(t.Context(), Operator(), tenant.ID, app.ID, host)
		require.NoError(t, err)
	}
	h.Catch(t)
	return App{App: app, SecretText: secret}
}

// Sign signs a page of an app.
func (h *House) Sign(ctx context.Context, app App, page string) (signing.Answer, error) {
	return h.Signer.Sign(ctx, signing.Request{AppKey: app.Key.String(), Page: page})
}

// Verify checks both signatures as the WeCom client would, each against a
// ticket that was fetched with the app's own secret.
func (h *House) Verify(app App, page string, a signing.Answer) error {
	for _, one := range []struct {
		kind      wecomtest.CheckKind
		signature []byte
	}{{wecomtest.CheckConfig, a.Config[:]}, {wecomtest.CheckAgentConfig, a.AgentConfig[:]}} {
		err := h.WeCom.CheckSignature(wecomtest.Check{
			Kind: one.kind, Corp: app.CorpID, Agent: app.AgentID, PageURL: page, Secret: app.SecretText,
			Timestamp: a.Timestamp, Nonce: string(a.Nonce[:]), Signature: string(one.signature),
		})
		if err != nil {
			return fmt.Errorf("%s of %s: %w", one.kind, page, err)
		}
	}
	return nil
}

// Page is a page of a host with a query that must not be lost.
func Page(host, id string) string { return "https://" + host + "/sidebar?id=" + url.QueryEscape(id) + "&x=1" }

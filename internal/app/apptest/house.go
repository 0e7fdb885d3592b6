package apptest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/auditing"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/signing"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/ticket"
	"signet/internal/trial"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// Config changes what a House is built of. The zero value is production's.
type Config struct {
	WeCom       wecomtest.Config
	CallTime    time.Duration                        // of one call to WeCom; default the client's
	FlightTime  time.Duration                        // of one load of a ticket; default the cache's
	Now         func() time.Time                     // of tickets, signatures, pauses and the client; default time.Now
	After       func(time.Duration) <-chan time.Time // of waits for the end of a ticket; default time.After
	Log         io.Writer                            // default: nowhere
	DB          *storetest.DB                        // default: a new one
	WeComURL    string                               // default: the fake's
	LaneShut    time.Duration                        // of a tenant's breaker; default the gate's, or no time where Now is given
	RetryPauses bool                                 // between the client's tries; default none
	NoAuditKey  bool                                 // the first node has not run yet
}

// What a platform is set to that sets nothing.
const (
	DeletionGrace = 7 * 24 * time.Hour
	KeyBackupDays = 7
)

// House is every room of a node.
type House struct {
	DB        storetest.DB
	Store     *store.Store
	Ring      *seal.Ring
	Audit     *auditing.Keys // nil: none is made
	WeCom     *wecomtest.Server
	Gate      *upstream.Gate
	Tickets   *ticket.Cache
	Directory *signing.Directory
	Signer    *signing.Signer
	Alerts    *sealed.Alerts
	Trials    *trial.Trier
	Admin     *admin.Actions
	Log       *slog.Logger

	identity core.Secret // the text of the identity file
	config   Config
	feed     *feed
	clock    *store.Clock // nil: config.Now is right
	right    func() time.Time
}

// feed is how far the House has followed the change feed.
type feed struct {
	mu   sync.Mutex // guards from, and keeps two readers from overtaking each other
	from store.FeedPosition
}

// New builds a House on a database of its own.
func New(t testing.TB, cfg Config) *House {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	} else if cfg.LaneShut == 0 {
		cfg.LaneShut = time.Nanosecond // the breaker reads the real clock, and that does not move
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
	if h.Audit != nil {
		again.Store.SignAudit(h.Audit.Vouch)
	}
	again.assemble(t)
	return &again
}

// RestartBy is Restart for a node with a clock of its own, which goes by this
// House's where a node sets its clock by Postgres's.
func (h *House) RestartBy(t testing.TB, clock *store.Clock) *House {
	t.Helper()
	again := *h
	again.clock, again.right, again.config.Now = clock, h.config.Now, clock.Now
	return again.Restart(t)
}

// SetClock sets the node's own clock, and does what a node then does.
func (h *House) SetClock(context.Context, time.Time, time.Duration) (set bool) {
	if h.clock == nil {
		return false
	}
	_, moved := h.clock.Set(h.right(), 0)
	if moved < 0 {
		h.Signer.ForgetTimes()
	}
	return moved != 0
}

func (h *House) openRing(t testing.TB) {
	t.Helper()
	master, identity, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	h.identity = identity
	first, err := seal.FirstRootKey(master, nil)
	require.NoError(t, err)
	row := store.RootKeyRow{Epoch: first.Epoch, Fingerprint: first.Fingerprint}
	for _, w := range first.Wraps {
		row.Wraps = append(row.Wraps, store.RootKeyWrap(w))
	}
	require.NoError(t, h.Store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.CreateRootKey(t.Context(), row)
	}))
	keys, err := custody.Read(t.Context(), custody.Config{Store: h.Store, Master: master, Log: h.Log})
	require.NoError(t, err)
	h.Ring = keys.Ring
	if !h.config.NoAuditKey {
		h.Audit, err = auditing.Ensure(t.Context(), keys.Auditing())
		require.NoError(t, err)
		h.Store.SignAudit(h.Audit.Vouch)
	}
}

// WriteIdentity writes the identity file with which a node of a process of its
// own opens what the House has sealed, and gives its path.
func (h *House) WriteIdentity(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity.txt")
	require.NoError(t, seal.WriteMaster(path, h.identity))
	return path
}

// Keys gives the keys as another process with the same identity file opens them.
func (h *House) Keys(t testing.TB) *custody.Keys {
	t.Helper()
	master, err := seal.ReadMaster(h.WriteIdentity(t))
	require.NoError(t, err)
	keys, err := custody.Open(t.Context(), custody.Config{Store: h.DB.Open(t), Master: master})
	require.NoError(t, err)
	return keys
}

func (h *House) assemble(t testing.TB) {
	t.Helper()
	at := wecom.Config{BaseURL: h.WeCom.URL(), Timeout: h.config.CallTime, Now: h.config.Now}
	if h.config.WeComURL != "" {
		at.BaseURL = h.config.WeComURL
	}
	if !h.config.RetryPauses {
		at.Jitter = func(time.Duration) time.Duration { return 0 }
	}
	client, err := wecom.New(at)
	require.NoError(t, err)
	options := []upstream.Option{upstream.WithClock(h.config.Now)}
	if h.config.LaneShut > 0 {
		options = append(options, upstream.WithLaneShut(h.config.LaneShut))
	}
	h.Gate = upstream.New(client, h.Store, h.Log, options...)
	h.Alerts = sealed.NewAlerts(h.Log)
	h.Tickets = ticket.New(ticket.Config{
		Store: h.Store, Gate: h.Gate, Sealer: h.Ring.Sealer(), Log: h.Log, Alerts: h.Alerts,
		FlightTime: h.config.FlightTime, Now: h.config.Now, After: h.config.After, SetClock: h.SetClock,
		Opener: h.Ring.Opener(seal.AppSecret, seal.AccessToken, seal.CorpTicket, seal.AgentTicket),
	})
	h.Directory = signing.NewDirectory(h.Store)
	h.feed = &feed{}
	h.feed.from, err = h.Directory.Load(t.Context())
	require.NoError(t, err)
	h.Signer = signing.NewSigner(h.Directory, h.Tickets, h.config.Now)
	h.Trials = trial.New(trial.Config{Gate: h.Gate, Opener: h.Ring.Opener(seal.AppSecret, seal.AccessToken, seal.AgentTicket), Alerts: h.Alerts, Now: h.config.Now})
	h.Admin = admin.New(admin.Config{Store: h.Store, Trials: h.Trials, Sealer: h.Ring.Sealer(), NewScopeKey: h.Ring.NewScopeKey, RenewKeys: h.Ring.Renew, Checkpoint: h.Audit.Checkpoint, Log: h.Log, Alerts: h.Alerts,
		DeletionGrace: DeletionGrace, KeyBackupDays: KeyBackupDays})
}

// Catch applies what has changed since the House was built or caught up last,
// as the change feed does in a running node.
func (h *House) Catch(t testing.TB) {
	t.Helper()
	require.NoError(t, h.CatchUp(t.Context()))
}

// Follow follows the change feed as a running node does, until ctx ends.
func (h *House) Follow(ctx context.Context) error {
	return h.Signer.Follow(ctx, h.feed.from, func(error) {})
}

// CatchUp is Catch for goroutines that may not end a test.
func (h *House) CatchUp(ctx context.Context) error {
	h.feed.mu.Lock()
	defer h.feed.mu.Unlock()
	return h.Store.System(ctx, func(tx *store.SystemTx) error {
		changes, next, err := tx.ReadChanges(ctx, h.feed.from)
		if err == nil && len(changes) > 0 {
			err = h.Signer.Apply(ctx, tx, changes)
		}
		if err == nil {
			h.feed.from = next
		}
		return err
	})
}

// Operator is an actor who may do everything on the platform.
func Operator() core.Actor {
	return core.Actor{Kind: core.ActorMember, MemberID: core.NewMemberID(), Name: "operator@test.example",
		Proved: true, Grants: core.Grants{Platform: core.PlatformOwner}}
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
// and trusting the hosts. Its secret was tried, so its access token and agent
// ticket lie in their rows. The directory has caught up.
func (h *House) App(t testing.TB, tenant core.Tenant, agent, secret string, hosts ...string) App {
	t.Helper()
	return h.makeApp(t, tenant, agent, hosts, admin.NewApp{Secret: core.NewSecret(secret)})
}

// ColdApp is App with a secret that was not tried: nothing was fetched yet.
func (h *House) ColdApp(t testing.TB, tenant core.Tenant, agent, secret string, hosts ...string) App {
	t.Helper()
	return h.makeApp(t, tenant, agent, hosts, admin.NewApp{Secret: core.NewSecret(secret), SkipCheck: true})
}

func (h *House) makeApp(t testing.TB, tenant core.Tenant, agent string, hosts []string, n admin.NewApp) App {
	t.Helper()
	n.Name, n.AgentID = "app "+agent, agent
	h.WeCom.AddApp(wecomtest.App{Corp: tenant.Corps[0], Agent: core.AgentID(agent), Name: n.Name, Secret: n.Secret.Expose(), Domains: hosts})
	app, err := h.Admin.CreateApp(t.Context(), Operator(), tenant.ID, n)
	require.NoError(t, err)
	for _, host := range hosts {
		_, err := h.Admin.CreateDomain(t.Context(), Operator(), tenant.ID, app.ID, host)
		require.NoError(t, err)
	}
	h.Catch(t)
	return App{App: app, SecretText: n.Secret.Expose()}
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
func Page(host, id string) string {
	return "https://" + host + "/sidebar?id=" + url.QueryEscape(id) + "&x=1"
}

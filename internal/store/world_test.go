package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var someone = core.System("test")

// tenantRows is a tenant that has a row in every table of tenants.
type tenantRows struct {
	ID      core.TenantID
	Corp    core.CorpID
	App     core.App
	Domain  core.TrustedDomain
	Member  core.MemberID
	Legacy  core.Host
	Session core.SessionID
	Token   [32]byte
	Intake  core.LinkID
	APIKey  core.APIKeyID
	Answer  store.AnswerRow
	Invite  core.LinkID // of the tenant
	Calling core.LinkID // of the platform
	Reset   core.LinkID
	User    core.WeComUserID

	freeMember core.MemberID // a member without a tenant
}

// The values that all tenants have in common, so that whatever forgets the
// tenant finds the wrong row.
const (
	commonCorp  core.CorpID  = "ww0123456789abcdef"
	commonAgent core.AgentID = "1000002"
	commonHost  core.Host    = "crm.example.com"
)

func onTenant(t testing.TB, st *store.Store, id core.TenantID, work func(context.Context, *store.TenantTx) error) {
	t.Helper()
	require.NoError(t, st.Tenant(t.Context(), someone, id, func(tx *store.TenantTx) error { return work(t.Context(), tx) }))
}

func onPlatform(t testing.TB, st *store.Store, work func(context.Context, *store.PlatformTx) error) {
	t.Helper()
	require.NoError(t, st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error { return work(t.Context(), tx) }))
}

func onSystem(t testing.TB, st *store.Store, work func(context.Context, *store.SystemTx) error) {
	t.Helper()
	require.NoError(t, st.System(t.Context(), func(tx *store.SystemTx) error { return work(t.Context(), tx) }))
}

// steps runs calls until one fails.
func steps(calls ...func() error) error {
	for i, call := range calls {
		if err := call(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

var commonRootKey = store.RootKeyRow{Epoch: 1, Fingerprint: []byte("fingerprint"),
	Wraps: []store.RootKeyWrap{{Recipient: "age1test", Wrapped: []byte("wrapped"), SealedBy: "age1test", MAC: []byte("mac")}}}

// makeTenant makes a tenant with a row everywhere. marker stands in its values.
func makeTenant(t testing.TB, st *store.Store, marker string) tenantRows {
	t.Helper()
	r := tenantRows{ID: core.NewTenantID(), Corp: commonCorp, Member: core.NewMemberID(), freeMember: core.NewMemberID(), Session: core.NewSessionID(), Intake: core.NewLinkID(), APIKey: core.NewAPIKeyID(),
		Invite: core.NewLinkID(), Calling: core.NewLinkID(), Reset: core.NewLinkID(),
		Answer: store.AnswerRow{Answer: commonAnswer, Run: uuid.New()},
		User:   core.WeComUserID("user." + marker),
		Legacy: core.Host(marker + ".legacy.example.com"), Token: [32]byte([]byte(fmt.Sprintf("%-32s", marker)))}
	r.App = core.App{ID: core.NewAppID(), CorpID: commonCorp, AgentID: commonAgent, Key: core.NewAppKey(), Name: marker, Kind: core.SelfBuilt}
	onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
		return steps(
			func() error { return tx.CreateRootKey(ctx, commonRootKey) },
			func() error {
				return tx.CreateMember(ctx, store.MemberRow{Member: core.Member{ID: r.Member, Email: marker + "@example.com"}, PasswordHash: core.NewSecret("hash")})
			},
			func() error {
				return tx.CreateMember(ctx, store.MemberRow{Member: core.Member{ID: r.freeMember, Email: "free." + marker + "@example.com"}, PasswordHash: core.NewSecret("hash")})
			},
			func() error { return tx.CreateSession(ctx, r.session(r.Session)) },
			func() error { return tx.CreateRefreshToken(ctx, r.Token, r.Session, time.Now().Add(time.Hour)) },
			func() error {
				_, err := tx.Invitations().Create(ctx, r.Calling, marker+"@platform.example.com", core.PlatformAuditor, [32]byte{}, time.Hour)
				return err
			},
			func() error {
				_, err := tx.CreateReset(ctx, core.Reset{ID: r.Reset, Member: r.Member}, [32]byte{}, time.Hour)
				return err
			},
		)
	})
	onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
		return steps(
			func() error { return tx.CreateTenant(ctx, marker) },
			func() error { return tx.CreateCorp(ctx, r.Corp) },
			func() error {
				return tx.CreateTenantKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte(marker)})
			},
			func() error { r.App, err = tx.CreateApp(ctx, r.App); return err },
			func() error {
				r.Domain, err = tx.CreateDomain(ctx, core.TrustedDomain{ID: core.NewDomainID(), AppID: r.App.ID, Host: commonHost})
				return err
			},
			func() error { _, err = tx.CreateSecret(ctx, secretOf(r.App.ID, 1, marker)); return err },
			func() error {
				_, err := tx.CreateIntakeLink(ctx, r.Intake, r.App.ID, [32]byte{}, time.Hour)
				return err
			},
			func() error {
				return tx.PutTrialGrants(ctx, r.App.ID, 1, []store.TrialGrant{{Kind: core.AccessToken, Sealed: []byte(marker), KeyVersion: 1, FetchedAt: time.Now()}})
			},
			func() error {
				_, err = tx.PutTicket(ctx, core.AccessToken, r.appSubject(), r.ticket(1, marker))
				return err
			},
			func() error {
				_, err = tx.PutTicket(ctx, core.CorpTicket, r.corpSubject(), r.ticket(1, marker))
				return err
			},
			func() error {
				_, _, _, err = tx.TakeTurn(ctx, core.CorpTicket, r.corpSubject(), uuid.New(), time.Minute)
				return err
			},
			func() error { _, err := tx.CreateAPIKey(ctx, r.apiKey(r.APIKey, marker)); return err },
			func() error { _, err := tx.BeginAnswer(ctx, r.Answer); return err },
			func() error { _, err := tx.EndAnswer(ctx, r.keptAnswer(marker)); return err },
			func() error { return tx.CreateMembership(ctx, r.Member, core.TenantOwner) },
			func() error {
				_, err := tx.Invitations().Create(ctx, r.Invite, marker+"@guest.example.com", core.TenantViewer, [32]byte{}, time.Hour)
				return err
			},
			func() error { _, err := tx.BindWeComPerson(ctx, r.Corp, r.User, r.Member); return err },
			func() error { return tx.CountRefusedCalls(ctx, "gettoken", 40001, 1, 0) },
			func() error { _, err := tx.CountCalls(ctx, r.calls(), 1, 1, 0); return err },
			func() error { _, err := tx.CountFailure(ctx, r.pause(), "refused", 1, r.told(marker)); return err },
			func() error { return tx.HoldPause(ctx, r.pause(), time.Minute) },
			func() error {
				return tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: r.App.ID, AppKey: r.App.Key})
			},
			func() error {
				return tx.Audit(ctx, core.AuditEntry{Action: "tenant.create", SubjectKind: "tenant", Subject: marker})
			},
		)
	})
	onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
		_, made, err := tx.BindLegacyHost(ctx, core.LegacyHost{Host: r.Legacy, TenantID: r.ID, AppID: r.App.ID})
		require.True(t, made)
		return err
	})
	return r
}

func (r tenantRows) session(id core.SessionID) store.NewSession {
	return store.NewSession{ID: id, MemberID: r.Member, ExpiresAt: time.Now().Add(time.Hour), BegunWith: core.WithPassword}
}

func (r tenantRows) appSubject() store.TicketSubject  { return store.TicketSubject{AppID: r.App.ID} }
func (r tenantRows) corpSubject() store.TicketSubject { return store.TicketSubject{CorpID: r.Corp} }

func (r tenantRows) calls() store.CallKey {
	return store.CallKey{CorpID: r.Corp, AppID: r.App.ID, API: "gettoken"}
}

func (r tenantRows) pause() store.PauseKey {
	return store.PauseKey{CorpID: r.Corp, AppID: r.App.ID, API: "gettoken"}
}

func (r tenantRows) told(marker string) *fault.Error {
	return fault.New(fault.IPRefused, fault.Args{"ip": marker}).WithErrcode(60020)
}

// commonAnswer is the name of a call that every tenant has.
var commonAnswer = strings.Repeat("0", 64)

func (r tenantRows) apiKey(id core.APIKeyID, marker string) store.NewAPIKey {
	return store.NewAPIKey{APIKey: core.APIKey{ID: id, Name: marker, Prefix: "signet_12345678…", Scopes: []core.Permission{core.PagesSign}, AppID: r.App.ID},
		Hash: [32]byte([]byte(fmt.Sprintf("%-32s", marker))), SignHash: [32]byte([]byte(fmt.Sprintf("%-32s", marker))), Life: time.Hour}
}

func (r tenantRows) keptAnswer(marker string) store.AnswerRow {
	a := r.Answer
	a.State, a.Sealed, a.KeyVersion = store.AnswerKept, []byte(marker), 1
	return a
}

func (r tenantRows) ticket(generation int64, marker string) store.TicketRow {
	return store.TicketRow{Generation: generation, Sealed: []byte(marker), KeyVersion: 1, FetchedBy: r.App.ID, SecretVersion: 1,
		FetchedAt: time.Now(), ExpiresAt: time.Now().Add(2 * time.Hour)}
}

func secretOf(app core.AppID, version int32, marker string) store.NewSecret {
	return store.NewSecret{AppID: app, Version: version, State: core.SecretCurrent, Fingerprint: marker, Sealed: []byte(marker), KeyVersion: 1}
}

// connect opens a connection that is closed when the test ends.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// each runs a parallel test on every version of Postgres.
func each(t *testing.T, test func(*testing.T, storetest.DB)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, test)
}

// codeOf gives the code of a failure, "" for none.
func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Find(err).Code
}

// How long a test waits for the server, and how often it looks.
const (
	patience = 20 * time.Second
	poll     = 10 * time.Millisecond
)

package consoleapi

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/httpapi"
	"signet/internal/identity"
	"signet/internal/tracing"
	"signet/web-admin/console"
)

const (
	apiPath   = "/api/v1"
	bodyLimit = 1 << 20
)

// Identity says who is at the console. *identity.Identity is the one outside of
// tests.
type Identity interface {
	SignIn(ctx context.Context, v identity.Visit, email string, password core.Secret) (identity.Entry, error)
	FinishSignIn(ctx context.Context, v identity.Visit, token core.Secret, a identity.Answer) (identity.Session, error)
	BeginPasskeySignIn(ctx context.Context, v identity.Visit) (identity.Waiting, error)
	FinishPasskeySignIn(ctx context.Context, v identity.Visit, token core.Secret, answer json.RawMessage) (identity.Session, error)
	BeginStepUp(ctx context.Context, actor core.Actor) (identity.Waiting, bool, error)
	StepUp(ctx context.Context, actor core.Actor, v identity.Visit, token, password core.Secret, a identity.Answer) (time.Time, error)
	Ways(context.Context, identity.Visit, string) (identity.Ways, error)
	BeginOIDC(ctx context.Context, v identity.Visit) (identity.Leaving, error)
	FinishOIDC(ctx context.Context, v identity.Visit, r identity.Returned) (identity.Entry, error)
	BeginOIDCStepUp(ctx context.Context, actor core.Actor, v identity.Visit) (identity.Leaving, error)
	StepUpOIDC(ctx context.Context, actor core.Actor, v identity.Visit, r identity.Returned) (time.Time, error)
	UnbindOIDC(ctx context.Context, actor core.Actor, member core.MemberID) error
	Refresh(ctx context.Context, v identity.Visit, refresh core.Secret) (identity.Session, error)
	SignOut(ctx context.Context, refresh core.Secret, requestID string) error
	Authenticate(ctx context.Context, bearer string, requestID string) (core.Actor, error)
	AuthenticateAPIKey(ctx context.Context, client netip.Prefix, token core.APIKeyToken, requestID string) (core.Actor, error)

	ListSessions(ctx context.Context, actor core.Actor) ([]core.Session, error)
	EndOwnSession(ctx context.Context, actor core.Actor, session core.SessionID) error
	EndOtherSessions(ctx context.Context, actor core.Actor) (int64, error)
	EndSessionsOf(ctx context.Context, actor core.Actor, member core.MemberID) (int64, error)
	ChangePassword(ctx context.Context, actor core.Actor, v identity.Visit, present, next core.Secret) error

	BeginWeCom(ctx context.Context, v identity.Visit, key string) (identity.WeComRound, error)
	ReturnFromWeCom(ctx context.Context, v identity.Visit, browser core.Secret, state, code string) (identity.WeComReturn, error)
	AskFactorAfterWeCom(ctx context.Context, v identity.Visit, token core.Secret) (identity.Waiting, error)
	BeginWeComBinding(ctx context.Context, actor core.Actor, v identity.Visit, key string) (identity.WeComRound, error)
	ListWeComBindings(ctx context.Context, actor core.Actor) ([]core.WeComPerson, error)
	UnbindWeCom(ctx context.Context, actor core.Actor, tenant core.TenantID) error
	UnbindMemberWeCom(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) error

	ListFactors(ctx context.Context, actor core.Actor) (identity.Factors, error)
	BeginTOTP(ctx context.Context, actor core.Actor, name string) (identity.NewTOTP, error)
	ConfirmTOTP(ctx context.Context, actor core.Actor, factor core.FactorID, code core.Secret) ([]core.Secret, error)
	BeginPasskey(ctx context.Context, actor core.Actor) (identity.Waiting, error)
	AddPasskey(ctx context.Context, actor core.Actor, token core.Secret, name string, made json.RawMessage) (core.Factor, []core.Secret, error)
	RenewRecoveryCodes(ctx context.Context, actor core.Actor) ([]core.Secret, error)
	RemoveFactor(ctx context.Context, actor core.Actor, factor core.FactorID) error

	ReadInvitation(ctx context.Context, token string, requestID string) (identity.InvitationShown, error)
	AcceptInvitation(ctx context.Context, client netip.Prefix, token string, password core.Secret, actor core.Actor, requestID string) (core.Invitation, error)
	ReadReset(ctx context.Context, token string, requestID string) (identity.ResetShown, error)
	UseReset(ctx context.Context, client netip.Prefix, token string, password core.Secret, requestID string) error
	Forget(ctx context.Context, client netip.Prefix, email string, requestID string) error
}

// Admin does what administrators ask for. *admin.Actions is the one outside of
// tests.
type Admin interface {
	CreateTenant(ctx context.Context, actor core.Actor, n admin.NewTenant) (core.Tenant, error)
	GetTenant(ctx context.Context, actor core.Actor, tenant core.TenantID) (core.Tenant, error)
	ListTenants(ctx context.Context, actor core.Actor, filter core.TenantFilter, p core.Page) (core.List[core.Tenant], error)
	UpdateTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64, c admin.TenantChange) (core.Tenant, error)
	DeleteTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error
	DestroyTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error

	CreateApp(ctx context.Context, actor core.Actor, tenant core.TenantID, n admin.NewApp) (core.App, error)
	GetApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID) (core.App, error)
	ListApps(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.App], error)
	UpdateApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64, c admin.AppChange) (core.App, error)
	DeleteApp(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64) error

	CreateDomain(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, host string) (core.TrustedDomain, error)
	ListDomains(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.TrustedDomain], error)
	DeleteDomain(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, domain core.DomainID, ifVersion *int64) error

	RotateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, n admin.NewSecret) (core.SecretVersion, error)
	KeepSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, k admin.KeptSecret) (core.SecretVersion, error)
	TrySecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error)
	ActivateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, skipCheck bool) (core.SecretVersion, error)
	ScheduleSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, at *time.Time) (core.SecretVersion, error)
	RetireSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error)
	DestroySecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error)
	ListSecrets(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.SecretVersion], error)

	ListDueSecrets(ctx context.Context, actor core.Actor, within time.Duration, p core.Page) (core.List[core.DueSecret], error)

	CreateIntakeLink(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID) (core.IntakeLink, core.LinkToken, error)
	ListIntakeLinks(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.IntakeLink], error)
	RevokeIntakeLink(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, link core.LinkID) error
	ReadIntake(ctx context.Context, token string, requestID string) (admin.Intake, error)
	HandInSecret(ctx context.Context, token string, typed core.Secret, requestID string) (core.SecretVersion, error)
	CreateAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, n admin.NewAPIKey) (core.APIKey, core.APIKeyToken, error)
	GetAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID) (core.APIKey, error)
	ListAPIKeys(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.APIKey], error)
	RevokeAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID) error
	RotateAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID, overlap time.Duration) (core.APIKey, core.APIKeyToken, error)

	GetTenantKey(ctx context.Context, actor core.Actor, tenant core.TenantID) (admin.TenantKey, error)
	RotateTenantKey(ctx context.Context, actor core.Actor, tenant core.TenantID) (admin.TenantKey, error)

	ListMembers(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Membership], error)
	GetMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (core.Membership, error)
	UpdateMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64, role string) (core.Membership, error)
	DeleteMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64) error
	ListPlatformMembers(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.PlatformMember], error)
	GetPlatformMember(ctx context.Context, actor core.Actor, member core.MemberID) (core.PlatformMember, error)
	UpdatePlatformMember(ctx context.Context, actor core.Actor, member core.MemberID, ifVersion *int64, role string) (core.PlatformMember, error)
	DeletePlatformMember(ctx context.Context, actor core.Actor, member core.MemberID, ifVersion *int64) error

	CreateInvitation(ctx context.Context, actor core.Actor, tenant core.TenantID, n admin.NewInvitation) (admin.MadeInvitation, error)
	ListInvitations(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Invitation], error)
	RevokeInvitation(ctx context.Context, actor core.Actor, tenant core.TenantID, link core.LinkID) error
	CreatePlatformInvitation(ctx context.Context, actor core.Actor, n admin.NewInvitation) (admin.MadeInvitation, error)
	ListPlatformInvitations(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.Invitation], error)
	RevokePlatformInvitation(ctx context.Context, actor core.Actor, link core.LinkID) error
	CreateReset(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (admin.MadeReset, error)
	CreatePlatformReset(ctx context.Context, actor core.Actor, member core.MemberID, n admin.NewReset) (admin.MadeReset, error)

	BindLegacyHost(ctx context.Context, actor core.Actor, host string, tenant core.TenantID, app core.AppID) (core.LegacyHost, error)
	UnbindLegacyHost(ctx context.Context, actor core.Actor, host string) error
	ListLegacyHosts(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.LegacyHost], error)

	GetBudget(ctx context.Context, actor core.Actor, tenant core.TenantID) (admin.Budget, error)
	GetRefusedCalls(ctx context.Context, actor core.Actor) (admin.RefusedCalls, error)
	ListTroubles(ctx context.Context, actor core.Actor, limit int) ([]admin.Trouble, error)

	ListAudit(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.AuditRow], error)
	ExportAudit(ctx context.Context, actor core.Actor, tenant core.TenantID, x admin.AuditExtract) (*admin.AuditExport, error)
	SignAuditHead(ctx context.Context, actor core.Actor, tenant core.TenantID) ([]byte, error)
	ListPlatformAudit(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.AuditRow], error)
	ExportPlatformAudit(ctx context.Context, actor core.Actor, x admin.AuditExtract) (*admin.AuditExport, error)
}

var (
	_ Identity = (*identity.Identity)(nil)
	_ Admin    = (*admin.Actions)(nil)
)

// Config is what the console listener needs.
type Config struct {
	Identity       Identity
	Admin          Admin
	Answers        Answers
	Log            *slog.Logger
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed
	ConsoleURL     string         // the console as the outside sees it: scheme://host[:port]
	Files          fs.FS          // of the console; nil: those in the binary
	Leaving        func() bool    // see httpapi.Config
	Observe        func(httpapi.Observation)
	Tracer         tracing.Tracer   // of the spans of requests; the zero one: none
	Now            func() time.Time // nil: time.Now
}

// New makes the fiber app of the console listener. It reads all of cfg.Files,
// and panics if they cannot be read, because they are in the binary.
func New(cfg Config) *fiber.App {
	if cfg.Files == nil {
		cfg.Files = console.Files()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	app := httpapi.New(httpapi.Config{
		Name:           "console",
		Log:            cfg.Log,
		BodyLimit:      bodyLimit,
		Timeout:        30 * time.Second, // the trial of a secret is three calls to WeCom
		TrustedProxies: cfg.TrustedProxies,
		Headers:        Headers(cfg.ConsoleURL),
		Leaving:        cfg.Leaving,
		Observe:        cfg.Observe,
		Tracer:         cfg.Tracer,
	})
	a := &api{
		identity:   cfg.Identity,
		admin:      cfg.Admin,
		log:        cfg.Log,
		answers:    cfg.Answers,
		consoleURL: cfg.ConsoleURL,
		now:        cfg.Now,
		intakes:    httpapi.NewLimiter[netip.Prefix](intakePerClient, maxIntakeClients),
		keys:       httpapi.NewLimiter[netip.Prefix](keysPerClient, maxKeyClients),
	}
	registerRoutes(app, apiPath, &operations{a, a})
	// Use and not Get, so that these files are no route which a wrong method
	// under /api would be measured by.
	app.Use(newPages(cfg.Files).send)
	return app
}

// Headers gives the headers that every answer of this listener has, also while there
// is nothing behind it yet. A page of the console replaces the first with its own.
// consoleURL is the console as the outside sees it.
func Headers(consoleURL string) []httpapi.Header {
	return append([]httpapi.Header{
		{Name: fiber.HeaderContentSecurityPolicy, Value: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{Name: fiber.HeaderXFrameOptions, Value: "DENY"},
		{Name: "Cross-Origin-Opener-Policy", Value: "same-origin"},
		{Name: "Cross-Origin-Resource-Policy", Value: "same-origin"},
		{Name: fiber.HeaderPermissionsPolicy, Value: "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
	}, httpapi.InsistOnHTTPS(consoleURL)...)
}

// api implements the operations of the contract; each stands in its noun's file.
type api struct {
	identity   Identity
	admin      Admin
	log        *slog.Logger
	answers    Answers
	consoleURL string
	now        func() time.Time
	intakes    *httpapi.Limiter[netip.Prefix]
	keys       *httpapi.Limiter[netip.Prefix]
}

var (
	_ StrictServerInterface = (*api)(nil)
	_ door                  = (*api)(nil)
)

package signing

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/ticket"
)

// Request is what a page asks.
type Request struct {
	AppKey    string // "app_…"; "" asks for the app to which the page's host is bound
	Page      string // location.href; cut at the first "#"
	Origin    string // value of the Origin header
	HasOrigin bool   // whether there was one
}

// Answer holds the signatures. Nonce, Config and AgentConfig are ASCII text;
// a signature that was not asked for is zero.
type Answer struct {
	CorpID      core.CorpID
	AgentID     core.AgentID
	URL         string // byte for byte what was signed
	Timestamp   int64  // seconds
	Nonce       [nonceLength]byte
	Config      [signatureLength]byte // by the corp ticket, for wx.config
	AgentConfig [signatureLength]byte // by the agent ticket, for wx.agentConfig
}

const (
	nonceLength     = 16
	signatureLength = 40
)

// Signer signs pages.
type Signer struct {
	directory *Directory
	tickets   *ticket.Cache
	now       func() time.Time
}

// NewSigner makes a Signer. now is time.Now but in tests.
func NewSigner(directory *Directory, tickets *ticket.Cache, now func() time.Time) *Signer {
	return &Signer{directory: directory, tickets: tickets, now: now}
}

// Sign gives both signatures for a page of an app.
//
// It fails, in this order, with url.missing, app.missing, app.unknown,
// tenant.suspended, app.suspended, url.invalid, url.untrusted,
// origin.untrusted, app.not_ready, or a code of package ticket.
func (s *Signer) Sign(ctx context.Context, r Request) (Answer, error) {
	app, page, err := s.admit(r)
	if err != nil {
		return Answer{}, err
	}
	now := s.now()
	tickets, err := s.tickets.Tickets(ctx, now, &app.App, &app.held)
	if err != nil {
		return Answer{}, err
	}
	a := answer(app, page, now)
	nonce := string(a.Nonce[:])
	signature(&a.Config, tickets.Corp.Expose(), nonce, a.Timestamp, a.URL)
	signature(&a.AgentConfig, tickets.Agent.Expose(), nonce, a.Timestamp, a.URL)
	return a, nil
}

// SignConfig gives the signature for wx.config alone. It fails as Sign does.
func (s *Signer) SignConfig(ctx context.Context, r Request) (Answer, error) {
	app, page, err := s.admit(r)
	if err != nil {
		return Answer{}, err
	}
	now := s.now()
	corpTicket, err := s.tickets.CorpTicket(ctx, now, app.App)
	if err != nil {
		return Answer{}, err
	}
	a := answer(app, page, now)
	signature(&a.Config, corpTicket.Expose(), string(a.Nonce[:]), a.Timestamp, a.URL)
	return a, nil
}

// SignAgentConfig gives the signature for wx.agentConfig alone. It fails as
// Sign does.
func (s *Signer) SignAgentConfig(ctx context.Context, r Request) (Answer, error) {
	app, page, err := s.admit(r)
	if err != nil {
		return Answer{}, err
	}
	now := s.now()
	agentTicket, err := s.tickets.AgentTicket(ctx, now, app.App)
	if err != nil {
		return Answer{}, err
	}
	a := answer(app, page, now)
	signature(&a.AgentConfig, agentTicket.Expose(), string(a.Nonce[:]), a.Timestamp, a.URL)
	return a, nil
}

// admit finds the app and tells whether it may sign this page for this caller.
// The order of the checks is the contract's.
func (s *Signer) admit(r Request) (*app, Page, error) {
	if r.Page == "" {
		return nil, Page{}, fault.New(fault.URLMissing, nil)
	}
	app, err := s.find(r)
	if err != nil {
		return nil, Page{}, err
	}
	switch {
	case app.tenantSuspended:
		return nil, Page{}, fault.New(fault.TenantSuspended, nil)
	case app.appSuspended:
		return nil, Page{}, fault.New(fault.AppSuspended, nil)
	}
	page, err := ParsePage(r.Page, app.allowHTTP)
	if err != nil {
		return nil, Page{}, err
	}
	if !app.trusts(page.Host()) {
		return nil, Page{}, fault.New(fault.URLUntrusted, fault.Args{"host": page.Host()})
	}
	if r.HasOrigin && !page.HasOrigin(r.Origin) {
		return nil, Page{}, fault.New(fault.OriginUntrusted, nil)
	}
	if !app.ready {
		return nil, Page{}, fault.New(fault.AppNotReady, nil).WithRetryAfter(time.Minute)
	}
	return app, page, nil
}

// find names the app: by its key, or by the host that an operator has bound.
func (s *Signer) find(r Request) (*app, error) {
	if r.AppKey == "" {
		// Either scheme, since the app that would say whether http:// is allowed
		// is not known yet; the rule is applied once it is.
		page, err := ParsePage(r.Page, true)
		if err != nil {
			return nil, fault.Wrap(err, fault.AppMissing, nil)
		}
		app := s.directory.findLegacy(page.Host())
		if app == nil {
			return nil, fault.New(fault.AppMissing, nil)
		}
		return app, nil
	}
	key, ok := core.ParseAppKey(r.AppKey)
	if !ok {
		return nil, fault.New(fault.AppUnknown, nil)
	}
	app := s.directory.find(key)
	if app == nil {
		return nil, fault.New(fault.AppUnknown, nil)
	}
	return app, nil
}

func answer(app *app, page Page, now time.Time) Answer {
	a := Answer{CorpID: app.CorpID, AgentID: app.agentID, URL: page.String(), Timestamp: now.Unix()}
	nonce(&a.Nonce)
	return a
}

package signing

import (
	"context"
	"net/netip"
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

	APIKey    core.APIKeyToken // that was shown, for apps for servers; zero for what is none
	HasAPIKey bool             // whether anything was shown as one
	Network   netip.Prefix     // of who asks
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
	ahead     *ahead
	applied   applied
}

// NewSigner makes a Signer. now is time.Now but in tests.
func NewSigner(directory *Directory, tickets *ticket.Cache, now func() time.Time) *Signer {
	return &Signer{directory: directory, tickets: tickets, now: now, ahead: newAhead()}
}

// Sign gives both signatures for a page of an app.
//
// It fails, in this order, with url.missing, app.missing, app.unknown (or
// store.unavailable, while an app or a binding may have been made that is not known yet),
// tenant.suspended, app.suspended, api_key.required or api_key.refused (an app for
// servers), url.invalid, url.untrusted,
// origin.untrusted, app.not_ready, store.unavailable (a strict app, where the
// change feed was not read for 60 minutes), or a code of package ticket.
func (s *Signer) Sign(ctx context.Context, r Request) (Answer, error) {
	key, app, page, err := s.admit(r)
	if err != nil {
		return Answer{}, err
	}
	now := s.now()
	app.use(now)
	tickets := app.tickets
	if tickets == nil || !tickets.Usable(now) {
		pair, err := s.tickets.Tickets(ctx, now, app.ticketApp())
		if err != nil {
			return Answer{}, err
		}
		s.directory.keepTickets(key, app, pair)
		tickets = &pair
		now = s.now() // that may have taken a while
	}
	a := answer(app, page, now)
	nonce := string(a.Nonce[:])
	signature(&a.Config, tickets.Corp.Expose(), nonce, a.Timestamp, a.URL)
	signature(&a.AgentConfig, tickets.Agent.Expose(), nonce, a.Timestamp, a.URL)
	return a, nil
}

// SignConfig gives the signature for wx.config alone. It fails as Sign does.
func (s *Signer) SignConfig(ctx context.Context, r Request) (Answer, error) {
	a, digits, err := s.signOne(ctx, r, s.tickets.CorpTicket)
	a.Config = digits
	return a, err
}

// SignAgentConfig gives the signature for wx.agentConfig alone. It fails as
// Sign does.
func (s *Signer) SignAgentConfig(ctx context.Context, r Request) (Answer, error) {
	a, digits, err := s.signOne(ctx, r, s.tickets.AgentTicket)
	a.AgentConfig = digits
	return a, err
}

// signOne gives an answer and beside it the one signature that goes into it.
func (s *Signer) signOne(ctx context.Context, r Request, take func(context.Context, time.Time, ticket.App) (core.Secret, error)) (a Answer, digits [signatureLength]byte, err error) {
	_, app, page, err := s.admit(r)
	if err != nil {
		return a, digits, err
	}
	now := s.now()
	app.use(now)
	value, err := take(ctx, now, app.ticketApp())
	if err != nil {
		return a, digits, err
	}
	a = answer(app, page, s.now())
	signature(&digits, value.Expose(), string(a.Nonce[:]), a.Timestamp, a.URL)
	return a, digits, nil
}

// admit finds the app and tells whether it may sign this page for this caller.
// The order of the checks is the contract's.
func (s *Signer) admit(r Request) (key core.AppKey, app *app, page Page, err error) {
	if key, app, err = s.find(r); err == nil {
		err = app.refuseSuspended()
	}
	if err == nil && app.is(serverOnly) {
		err = s.directory.held.Load().checkKey(app, r, s.now())
	}
	if err == nil {
		page, err = app.judge(r)
	}
	if err == nil && app.is(strict) && s.Behind() > strictFor {
		err = fault.New(fault.StoreUnavailable, nil).WithReason(fault.ReasonBehind).WithRetryAfter(behindWait)
	}
	return key, app, page, err
}

func (a *app) refuseSuspended() error {
	switch {
	case a.is(tenantSuspended):
		return fault.New(fault.TenantSuspended, nil)
	case a.is(appSuspended):
		return fault.New(fault.AppSuspended, nil)
	}
	return nil
}

// judge tells whether an app that is not suspended may sign the page for whom asks.
func (a *app) judge(r Request) (Page, error) {
	page, err := ParsePage(r.Page, a.is(allowHTTP))
	switch {
	case err != nil:
		return Page{}, err
	case !a.trusts(page.Host()):
		return Page{}, fault.New(fault.URLUntrusted, fault.Args{"host": page.Host()})
	case r.HasOrigin && !page.HasOrigin(r.Origin):
		return Page{}, fault.New(fault.OriginUntrusted, nil)
	case !a.is(ready):
		return Page{}, fault.New(fault.AppNotReady, nil).WithRetryAfter(time.Minute)
	}
	return page, nil
}

// find names the app: by its key, or by the host that an operator has bound.
func (s *Signer) find(r Request) (key core.AppKey, found *app, err error) {
	if r.Page == "" {
		return key, nil, fault.New(fault.URLMissing, nil)
	}
	unknown := fault.AppMissing
	if r.AppKey == "" {
		key, found = s.directory.findLegacy(claimedHost(r.Page))
	} else {
		unknown = fault.AppUnknown
		var ok bool
		if key, ok = core.ParseAppKey(r.AppKey); !ok {
			return key, nil, fault.New(unknown, nil)
		}
		found = s.directory.find(key)
	}
	switch {
	case found != nil:
		return key, found, nil
	case !s.directory.IsCurrent():
		return key, nil, fault.New(fault.StoreUnavailable, nil).WithRetryAfter(behindWait)
	}
	return key, nil, fault.New(unknown, nil)
}

// behindWait is what the page of an app is told that another node may have made
// while this one does not hear of it.
const behindWait = 5 * time.Second

func answer(app *app, page Page, now time.Time) Answer {
	a := Answer{CorpID: app.corpID(), AgentID: app.agentID(), URL: page.String(), Timestamp: now.Unix()}
	nonce(&a.Nonce)
	return a
}

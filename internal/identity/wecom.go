package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// WeCom tells who has confirmed a sign-in (ADR 44). *ticket.Cache is the one outside
// of tests.
type WeCom interface {
	// UserOf tells which person of the corp the code was given for, "" where it was
	// nobody of that corp. It fails with fault.CeremonyOver where the code is not good.
	UserOf(ctx context.Context, tenant core.TenantID, app core.AppID, corp core.CorpID, code core.Secret) (core.WeComUserID, error)
}

// WeComReturnPath is where WeCom sends the browser back to, on the console's host.
const WeComReturnPath = "/api/v1/session/wecom/return"

// The kinds of ceremonies of WeCom: one that waits for the browser to come back, and
// one that waits for the console to ask for a second factor.
const (
	ofWeCom       = "wecom"
	ofWeComFactor = "wecom_factor"
)

// maxWeComCode bounds a code of WeCom's, in bytes (protocol notes 1.7).
const maxWeComCode = 512

// weComRound is what a round to WeCom is for.
type weComRound struct {
	Tenant core.TenantID
	App    core.AppID
	Corp   core.CorpID
	User   core.WeComUserID `json:",omitempty"` // once it is known
}

// WeComRound is a way to WeCom and back that waits for a browser.
type WeComRound struct {
	URL     string      // of WeCom's page
	Browser core.Secret // by which the browser is known when it comes back
	Until   time.Time
}

// WeComReturn is what a round came to.
type WeComReturn struct {
	Session Session     // zero: there is none
	Factor  core.Secret // not zero: a second factor is to be asked for, by this
	Bound   bool        // the member who began the round is bound
}

// BeginWeCom begins a sign-in through WeCom, by the app with that key. It fails with
// fault.AppUnknown, whether there is no such app, it is not for signing in, or its
// tenant or it is suspended; and with fault.RateLimitedCode.
func (i *Identity) BeginWeCom(ctx context.Context, v Visit, key string) (WeComRound, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return WeComRound{}, rateLimited(wait)
	}
	app, err := i.findSignInApp(ctx, key)
	if err != nil {
		return WeComRound{}, err
	}
	return i.sendToWeCom(ctx, app, core.MemberID{}, core.SessionID{})
}

// BeginWeComBinding begins a round that binds the actor to whoever they are in WeCom.
// It fails as BeginWeCom does, also for an app of a tenant that they do not belong to,
// and with fault.StepUpRequired.
func (i *Identity) BeginWeComBinding(ctx context.Context, actor core.Actor, v Visit, key string) (WeComRound, error) {
	if err := requireProof(actor); err != nil {
		return WeComRound{}, err
	}
	if wait := i.takeClient(v.Client); wait > 0 {
		return WeComRound{}, rateLimited(wait)
	}
	app, err := i.findSignInApp(ctx, key)
	if err != nil {
		return WeComRound{}, err
	}
	if _, belongs := actor.Grants.Tenants[app.TenantID]; !belongs {
		return WeComRound{}, fault.New(fault.AppUnknown, nil)
	}
	if err := actor.MayIn(app.TenantID, core.TenantRead); err != nil {
		return WeComRound{}, err
	}
	return i.sendToWeCom(ctx, app, actor.MemberID, actor.SessionID)
}

// findSignInApp gives the app with that key if people sign in through it.
func (i *Identity) findSignInApp(ctx context.Context, text string) (core.App, error) {
	key, ok := core.ParseAppKey(text)
	if !ok || i.weCom == nil {
		return core.App{}, fault.New(fault.AppUnknown, nil)
	}
	var tenant core.TenantID
	var app core.AppID
	err := i.store.System(ctx, func(tx *store.SystemTx) error {
		return tx.EachSigningAppNamed(ctx, []core.AppKey{key}, nil, func(a *store.SigningApp) { tenant, app = a.TenantID, a.AppID })
	})
	if err != nil {
		return core.App{}, err
	}
	return i.signInApp(ctx, tenant, app)
}

// signInApp gives an app if people sign in through it now, else fault.AppUnknown.
func (i *Identity) signInApp(ctx context.Context, tenant core.TenantID, id core.AppID) (app core.App, err error) {
	var t core.Tenant
	err = i.store.Tenant(ctx, system(""), tenant, func(tx *store.TenantTx) error {
		if t, err = tx.GetTenant(ctx); err != nil {
			return err
		}
		app, err = tx.GetApp(ctx, id)
		return err
	})
	switch {
	case fault.Has(err, fault.TenantUnknown):
	case err != nil:
		return core.App{}, err
	case t.Status == core.Active && app.Status == core.Active && app.SignIn:
		return app, nil
	}
	return core.App{}, fault.New(fault.AppUnknown, nil)
}

// sendToWeCom keeps a round and gives the address of WeCom's page for it.
func (i *Identity) sendToWeCom(ctx context.Context, app core.App, member core.MemberID, session core.SessionID) (WeComRound, error) {
	round := weComRound{Tenant: app.TenantID, App: app.ID, Corp: app.CorpID}
	w, err := i.wait(ctx, ofWeCom, member, session, ceremony{WeCom: &round})
	if err != nil {
		return WeComRound{}, err
	}
	query := url.Values{
		"login_type":   {"CorpApp"},
		"appid":        {string(app.CorpID)},
		"agentid":      {string(app.AgentID)},
		"redirect_uri": {i.consoleURL + WeComReturnPath},
		"state":        {stateOf(w.Token)},
		"lang":         {"zh"},
	}
	return WeComRound{URL: i.weComLoginURL + "/wwlogin/sso/login?" + query.Encode(), Browser: w.Token, Until: w.Until}, nil
}

// stateOf is what WeCom carries to and fro of a round (protocol notes 1.7: letters and
// digits, at most 128). It follows from what the browser holds, so that no other
// browser comes back with it, and tells nobody what that is.
func stateOf(browser core.Secret) string {
	sum := sha256.Sum256([]byte("signet wecom state 1 " + browser.Expose()))
	return hex.EncodeToString(sum[:])
}

// ReturnFromWeCom goes on with a browser that comes back from WeCom's page: it begins a
// session that holds in the app's tenant alone, or asks for the second factor of a
// member who has one, or binds the member who began the round. A round and its code
// are good once.
//
// It fails with fault.CeremonyOver where there is no such round of this browser or the
// code is not good, with fault.WeComCancelled where WeCom gave none, with
// fault.WeComUnbound where the person is nobody here, with fault.WeComBound where the
// one to be bound is somebody already, with fault.AppUnknown where people sign in
// through the app no more, with fault.RateLimitedCode, and as ticket.Cache.Tickets does.
func (i *Identity) ReturnFromWeCom(ctx context.Context, v Visit, browser core.Secret, state, code string) (WeComReturn, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return WeComReturn{}, rateLimited(wait)
	}
	// 1. Is it the browser that was sent, and for the first time?
	if browser.IsZero() || state != stateOf(browser) {
		return WeComReturn{}, fault.New(fault.CeremonyOver, nil)
	}
	round, held, m, err := i.useRound(ctx, ofWeCom, browser)
	switch {
	case err != nil:
		return WeComReturn{}, err
	case code == "":
		return WeComReturn{}, fault.New(fault.WeComCancelled, nil)
	case len(code) > maxWeComCode:
		return WeComReturn{}, fault.New(fault.CeremonyOver, nil)
	}
	// 2. Who does WeCom say that it is?
	if round.User, err = i.askWeCom(ctx, v, round, core.NewSecret(code)); err != nil {
		return WeComReturn{}, err
	}
	if round.User == "" {
		return WeComReturn{}, i.refuseWeCom(ctx, round, core.Member{}, v.RequestID)
	}
	// 3. Who is that here?
	if !held.SessionID.IsZero() {
		return i.bindWeCom(ctx, v, round, m.Member, held.SessionID)
	}
	return i.enterByWeCom(ctx, v, round)
}

// useRound uses a ceremony of WeCom's up. Of two who come with it at once one gets it.
func (i *Identity) useRound(ctx context.Context, kind string, token core.Secret) (weComRound, store.Ceremony, store.MemberRow, error) {
	c, held, m, err := i.takeCeremony(ctx, kind, token)
	if err == nil {
		err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error { return tx.UseCeremony(ctx, held.TokenHash) })
	}
	if err == nil && c.WeCom == nil {
		err = fault.New(fault.CeremonyOver, nil)
	}
	if err != nil {
		return weComRound{}, held, m, err
	}
	return *c.WeCom, held, m, nil
}

// enterByWeCom lets the member in whom a person is bound to.
func (i *Identity) enterByWeCom(ctx context.Context, v Visit, round weComRound) (WeComReturn, error) {
	m, err := i.memberOf(ctx, v, round)
	if err != nil {
		return WeComReturn{}, err
	}
	factors, err := i.confirmedFactors(ctx, m.ID)
	if err != nil {
		return WeComReturn{}, err
	}
	if len(factors) > 0 {
		w, err := i.wait(ctx, ofWeComFactor, m.ID, core.SessionID{}, ceremony{WeCom: &round})
		return WeComReturn{Factor: w.Token}, err
	}
	s, err := i.begin(ctx, v, m, begun{way: core.WithWeCom, onlyTenant: round.Tenant, detail: round.detail()}, nil)
	return WeComReturn{Session: s}, err
}

// memberOf gives the member whom a person is bound to, and who belongs to the tenant,
// now. A refusal is written down.
func (i *Identity) memberOf(ctx context.Context, v Visit, round weComRound) (core.Member, error) {
	if _, err := i.signInApp(ctx, round.Tenant, round.App); err != nil {
		return core.Member{}, err
	}
	var person core.WeComPerson
	var bound bool
	err := i.store.Tenant(ctx, system(v.RequestID), round.Tenant, func(tx *store.TenantTx) (err error) {
		person, bound, err = tx.FindWeComPerson(ctx, round.Corp, round.User)
		return err
	})
	if err != nil {
		return core.Member{}, err
	}
	if !bound {
		return core.Member{}, i.refuseWeCom(ctx, round, core.Member{}, v.RequestID)
	}
	var m store.MemberRow
	err = i.store.Platform(ctx, system(v.RequestID), func(tx *store.PlatformTx) (err error) {
		m, _, err = tx.FindMember(ctx, person.MemberID)
		return err
	})
	return m.Member, err
}

func (i *Identity) confirmedFactors(ctx context.Context, member core.MemberID) (factors []store.FactorRow, err error) {
	err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		factors, err = tx.ListFactors(ctx, member)
		return err
	})
	return counting(factors), err
}

// AskFactorAfterWeCom tells what a member who came from WeCom is to show besides, by
// what ReturnFromWeCom gave for it; FinishSignIn takes it. It fails with
// fault.CeremonyOver and fault.RateLimitedCode.
func (i *Identity) AskFactorAfterWeCom(ctx context.Context, v Visit, token core.Secret) (Waiting, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return Waiting{}, rateLimited(wait)
	}
	round, _, m, err := i.useRound(ctx, ofWeComFactor, token)
	if err != nil {
		return Waiting{}, err
	}
	factors, err := i.confirmedFactors(ctx, m.ID)
	if err != nil {
		return Waiting{}, err
	}
	w, err := i.askSecondFactor(ctx, m.Member, factors, ceremony{WeCom: &round})
	if err != nil {
		return Waiting{}, err
	}
	return *w, nil
}

// refuseWeCom gives the refusal of a person who is nobody here, once it stands in the
// audit.
func (i *Identity) refuseWeCom(ctx context.Context, round weComRound, m core.Member, requestID string) error {
	detail := round.detail()
	detail["with"] = string(core.WithWeCom)
	if err := i.noteRefusal(ctx, m, detail, requestID); err != nil {
		return err
	}
	return fault.New(fault.WeComUnbound, nil)
}

// detail is what the audit says of a round.
func (r weComRound) detail() map[string]string {
	d := map[string]string{"tenant": r.Tenant.String(), "corp_id": string(r.Corp)}
	if r.User != "" {
		d["user_id"] = string(r.User)
	}
	return d
}

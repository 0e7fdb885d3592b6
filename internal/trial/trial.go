package trial

import (
	"context"
	"errors"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// Config is what a Trier works with.
type Config struct {
	Gate   *upstream.Gate
	Opener *seal.Opener     // of app secrets, access tokens and agent tickets
	Alerts *sealed.Alerts   // about stored values that do not open
	Now    func() time.Time // by which the end of what was fetched is judged; default time.Now
}

// Trier tries secrets at WeCom.
type Trier struct{ Config }

// New makes a Trier.
func New(cfg Config) *Trier {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Trier{cfg}
}

// Proof is what WeCom gave when it accepted a secret: worth keeping, because it
// has been paid for with calls. The zero Proof is none.
type Proof struct {
	At     time.Time
	Token  wecom.Grant
	Ticket wecom.Grant // the agent ticket
}

// Tried tells whether there was a trial at all.
func (p Proof) Tried() bool { return !p.At.IsZero() }

// Try asks WeCom whether a secret opens just this app. It fails with
// fault.SecretRefused, which carries WeCom's number and the mend, or, where WeCom
// did not judge the secret at all, with one of the wecom codes or
// fault.TrialsPaused.
func (t *Trier) Try(ctx context.Context, app core.App, secret core.Secret) (Proof, error) {
	who := upstream.Caller{TenantID: app.TenantID, CorpID: app.CorpID, AppID: app.ID, Standing: upstream.Trial}
	token, err := t.Gate.AccessToken(ctx, who, secret)
	if err != nil {
		return Proof{}, Refusal(err)
	}
	known, err := t.Gate.Agent(ctx, who, token.Value, app.AgentID)
	if err != nil {
		return Proof{}, Refusal(err)
	}
	if known.Closed {
		return Proof{}, refused(nil, codeAppDisabled, fault.ReasonAppDisabled, nil)
	}
	ticket, err := t.Gate.AgentTicket(ctx, who, token.Value)
	if err != nil {
		return Proof{}, Refusal(err)
	}
	return Proof{At: time.Now(), Token: token, Ticket: ticket}, nil
}

// codeAppDisabled is WeCom's number for an app that is disabled (protocol
// notes, section 7); agent/get says so by a member and not by the number.
const codeAppDisabled = 50003

// Refusal tells a secret that WeCom judged and refused from a call on which it
// did not judge.
func Refusal(err error) error {
	var said *wecom.Error
	if !errors.As(err, &said) {
		return err // the ledger's word, or the store's
	}
	if !said.Refused() {
		return wecom.Fault(err)
	}
	return refused(said, said.Errcode, said.Reason(), fault.Args{"ip": said.IP})
}

func refused(said error, errcode int, reason fault.Reason, args fault.Args) error {
	all := fault.Args{"errcode": strconv.Itoa(errcode)}
	for name, value := range args {
		all[name] = value
	}
	return fault.Wrap(said, fault.SecretRefused, all).WithReason(reason).WithErrcode(errcode)
}

// Problem gives what the row of a secret is to say after a trial: "" where WeCom
// accepted it, else a code. judged is false where WeCom did not judge it.
func Problem(err error) (problem fault.Code, judged bool) {
	if err == nil {
		return "", true
	}
	if !fault.Has(err, fault.SecretRefused) {
		return "", false
	}
	var said *wecom.Error
	if errors.As(err, &said) {
		if code := wecom.Fault(said).Code; code == fault.SecretRejected || code == fault.IPRefused {
			return code, true
		}
	}
	return fault.SecretRefused, true
}

// Stored is a version of an app's secret as it lies in its row, with the key that
// opens it.
type Stored struct {
	Secret store.SealedSecret
	Key    store.WrappedKey
}

// TryStored is Try with a version that is stored. A value that does not open is
// logged as the alert seal_refused, and fails with fault.SecretDamaged.
func (t *Trier) TryStored(ctx context.Context, app core.App, s Stored) (Proof, error) {
	lies := s.Row(app)
	secret, err := t.Opener.Open(lies.Key, lies.Place, lies.Sealed)
	if err != nil {
		t.Alerts.Refused(ctx, lies, err, "a sealed app secret does not open", "app_id", app.ID, "version", s.Secret.Version)
		return Proof{}, fault.Wrap(err, fault.SecretDamaged, fault.Args{"version": strconv.Itoa(int(s.Secret.Version))})
	}
	t.Alerts.Opened(lies.Place, lies.Key)
	return t.Try(ctx, app, secret)
}

// Row is the version as alerts know it.
func (s Stored) Row(app core.App) sealed.Row {
	return sealed.Row{Tenant: app.TenantID, Place: seal.ForAppSecret(app.TenantID, app.ID, s.Secret.Version), Sealed: s.Secret.Sealed, Key: sealed.Key(app.TenantID, s.Key)}
}

// Grant is what an earlier trial has fetched, as it lies in its row, with the key
// that opens it.
type Grant struct {
	Row store.TrialGrant
	Key store.WrappedKey
}

// Reopen makes an earlier trial's proof of the version again. Where a part is
// missing, has ended or does not open there is none, and the secret is to be tried
// anew: WeCom may have given the last minutes of a value, and what ended since would
// take the place of a ticket that lives.
func (t *Trier) Reopen(ctx context.Context, app core.App, version int32, grants []Grant) (p Proof, ok bool) {
	var proof Proof
	for _, g := range grants {
		lies := sealed.Row{Tenant: app.TenantID, Place: seal.ForTrialGrant(app.TenantID, app.ID, version, g.Row.Kind, g.Row.FetchedAt), Sealed: g.Row.Sealed, Key: sealed.Key(app.TenantID, g.Key)}
		value, end, err := t.Opener.OpenUntil(lies.Key, lies.Place, lies.Sealed)
		if err != nil {
			t.Alerts.Refused(ctx, lies, err, "what a trial has fetched does not open", "app_id", app.ID, "version", version, "kind", g.Row.Kind)
			return Proof{}, false
		}
		t.Alerts.Opened(lies.Place, lies.Key)
		if !t.Now().Before(end) {
			return Proof{}, false
		}
		grant := wecom.Grant{Value: value, ExpiresIn: end.Sub(g.Row.FetchedAt), ReceivedAt: g.Row.FetchedAt}
		switch g.Row.Kind {
		case core.AccessToken:
			proof.Token, proof.At = grant, g.Row.FetchedAt
		case core.AgentTicket:
			proof.Ticket = grant
		case core.CorpTicket:
		}
	}
	return proof, !proof.Token.Value.IsZero() && !proof.Ticket.Value.IsZero()
}

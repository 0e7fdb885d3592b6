package admin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// proof is what WeCom gave when it accepted a secret: worth keeping, because it
// has been paid for with calls.
type proof struct {
	at     time.Time // zero: the secret was not tried
	token  wecom.Grant
	ticket wecom.Grant // the agent ticket
}

func (p proof) tried() bool { return !p.at.IsZero() }

func (p proof) word() string {
	if p.tried() {
		return "accepted"
	}
	return "skipped"
}

// try asks WeCom whether a secret opens just this app: an access token, then
// the app's own record, then its ticket. It fails with fault.SecretRefused,
// which carries WeCom's number and the mend, or, where WeCom did not judge the
// secret at all, with one of the wecom codes or fault.TrialsPaused.
func (a *Actions) try(ctx context.Context, tenant core.TenantID, app core.App, secret core.Secret, skip bool) (proof, error) {
	if skip {
		return proof{}, nil
	}
	who := upstream.Caller{TenantID: tenant, CorpID: app.CorpID, AppID: app.ID, Standing: upstream.Trial}
	token, err := a.Gate.AccessToken(ctx, who, secret)
	if err != nil {
		return proof{}, refusal(err)
	}
	known, err := a.Gate.Agent(ctx, who, token.Value, app.AgentID)
	if err != nil {
		return proof{}, refusal(err)
	}
	if known.Closed {
		return proof{}, secretRefused(codeAppDisabled, fault.ReasonAppDisabled, nil)
	}
	ticket, err := a.Gate.AgentTicket(ctx, who, token.Value)
	if err != nil {
		return proof{}, refusal(err)
	}
	return proof{at: time.Now(), token: token, ticket: ticket}, nil
}

// codeAppDisabled is WeCom's number for an app that is disabled (protocol
// notes, section 7); agent/get says so by a member and not by the number.
const codeAppDisabled = 50003

// refusal tells a secret that WeCom judged and refused from a call on which it
// did not judge.
func refusal(err error) error {
	var refused *wecom.Error
	if !errors.As(err, &refused) {
		return err // the ledger's word, or the store's
	}
	if !refused.Refused() {
		return wecom.Fault(err)
	}
	return secretRefused(refused.Errcode, refused.Reason(), fault.Args{"ip": refused.IP})
}

func secretRefused(errcode int, reason fault.Reason, args fault.Args) error {
	all := fault.Args{"errcode": strconv.Itoa(errcode)}
	for name, value := range args {
		all[name] = value
	}
	return fault.New(fault.SecretRefused, all).WithReason(reason).WithErrcode(errcode)
}

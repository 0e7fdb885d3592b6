package seal

import (
	"fmt"
	"time"

	"signet/internal/core"
)

// Purpose is what a sealed value is for. An Opener opens only those it was
// built for.
type Purpose string

// The purposes. They are part of what a value is bound to: none may change.
const (
	AppSecret   Purpose = "app_secret"
	AccessToken Purpose = "access_token"
	CorpTicket  Purpose = "corp_ticket"
	AgentTicket Purpose = "agent_ticket"
	SessionKey  Purpose = "session_key" // signs the console's access tokens
	Factor      Purpose = "factor"      // proves a member: the seed of a TOTP, the record of a passkey
	AuditKey    Purpose = "audit_key"   // vouches for audit rows and signs checkpoints

	IdempotentAnswer Purpose = "idempotent_answer" // to a call that may be repeated
)

// The kinds of subjects that values belong to. They too are bound.
const (
	subjectApp    = "app"
	subjectCorp   = "corp"
	subjectKey    = "key"
	subjectTrial  = "trial"
	subjectFactor = "factor"
	subjectCall   = "call"
)

// Binding names the one place that a sealed value belongs to. Every part is
// authenticated: with any other binding the value does not open. Make one with
// the For functions.
type Binding struct {
	Scope       Scope
	SubjectKind string // what the value belongs to, e.g. "app"
	Subject     string // which one of them: its id
	Purpose     Purpose
	Version     int64 // from 1; a version of a secret, a generation of a ticket
}

// ForAppSecret is the place of one version of an app's secret.
func ForAppSecret(tenant core.TenantID, app core.AppID, version int32) Binding {
	return Binding{Tenant(tenant), subjectApp, app.String(), AppSecret, int64(version)}
}

// ForAppTicket is the place of one generation of an app's access token or agent
// ticket. Any other kind gives a binding that is refused with ErrIncomplete: a
// corp ticket belongs to its corp.
func ForAppTicket(tenant core.TenantID, app core.AppID, kind core.TicketKind, generation int64) Binding {
	return Binding{Tenant(tenant), subjectApp, app.String(), purposeOf(kind), generation}
}

// ForTrialGrant is the place of what the trial of one version of an app's secret
// has fetched: an access token or an agent ticket, and no other kind. When it was
// fetched, to the microsecond that a row keeps, is part of the place: a trial is
// worth something for some minutes only, and nobody makes one younger.
func ForTrialGrant(tenant core.TenantID, app core.AppID, version int32, kind core.TicketKind, fetchedAt time.Time) Binding {
	trial := app.String() + " at " + fetchedAt.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	return Binding{Tenant(tenant), subjectTrial, trial, purposeOf(kind), int64(version)}
}

// purposeOf gives the purpose of an app's tickets; a corp ticket is not one.
func purposeOf(kind core.TicketKind) Purpose {
	switch kind {
	case core.AccessToken:
		return AccessToken
	case core.AgentTicket:
		return AgentTicket
	case core.CorpTicket:
	}
	return ""
}

// ForCorpTicket is the place of one generation of a corp's ticket. The corp id
// is bound byte for byte, and within its tenant.
func ForCorpTicket(tenant core.TenantID, corp core.CorpID, generation int64) Binding {
	return Binding{Tenant(tenant), subjectCorp, string(corp), CorpTicket, generation}
}

// ForSessionKey is the place of a key that signs the console's access tokens.
func ForSessionKey(keyID string) Binding {
	return Binding{Platform(), subjectKey, keyID, SessionKey, 1}
}

// ForFactor is the place of what proves a second factor or a passkey.
func ForFactor(factor core.FactorID) Binding {
	return Binding{Platform(), subjectFactor, factor.String(), Factor, 1}
}

// ForAuditKey is the place of a key that vouches for audit rows.
func ForAuditKey(keyID string) Binding {
	return Binding{Platform(), subjectKey, keyID, AuditKey, 1}
}

// ForIdempotentAnswer is the place of the answer to a call that may be repeated, by
// the name that is made of who called and of their key.
func ForIdempotentAnswer(tenant core.TenantID, answer string) Binding {
	return Binding{Tenant(tenant), subjectCall, answer, IdempotentAnswer, 1}
}

// ForPlatformAnswer is the place of an answer to a call that is about no tenant.
func ForPlatformAnswer(answer string) Binding {
	return Binding{Platform(), subjectCall, answer, IdempotentAnswer, 1}
}

// String names the place for a log.
func (b Binding) String() string {
	return fmt.Sprintf("%s %d of %s %q in %s", string(b.Purpose), b.Version, b.SubjectKind, b.Subject, b.Scope)
}

func (b Binding) complete() bool {
	return !b.Scope.IsZero() && b.SubjectKind != "" && b.Subject != "" && b.Purpose != "" && b.Version > 0
}

// associate writes the associated data of a value: each part with its length,
// so that no two bindings read alike.
func (b Binding) associate(text []byte, label string) []byte {
	text = appendPart(text, label)
	text = b.Scope.append(text)
	text = appendPart(text, b.SubjectKind)
	text = appendPart(text, b.Subject)
	text = appendPart(text, b.Purpose)
	return appendNumber(text, b.Version)
}

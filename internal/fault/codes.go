package fault

// The codes. Append only; each has its row in the catalogue (texts.go).
const (
	// What a page may be told (contract, section 3).
	AppUnknown       Code = "app.unknown"
	AppSuspended     Code = "app.suspended"
	AppMissing       Code = "app.missing"
	AppNotReady      Code = "app.not_ready"
	TenantSuspended  Code = "tenant.suspended"
	URLMissing       Code = "url.missing"
	URLInvalid       Code = "url.invalid"
	URLUntrusted     Code = "url.untrusted"
	OriginUntrusted  Code = "origin.untrusted"
	RateLimitedCode  Code = "rate.limited"
	SecretRejected   Code = "wecom.secret_rejected"
	IPRefused        Code = "wecom.ip_refused"
	WeComQuota       Code = "wecom.quota"
	WeComUnavailable Code = "wecom.unavailable"
	StoreUnavailable Code = "store.unavailable"

	// What any request may be told.
	InternalError     Code = "internal"
	RequestInvalid    Code = "request.invalid"
	RequestNotJSON    Code = "request.not_json"
	RequestTooLarge   Code = "request.too_large"
	HeaderTooLargeErr Code = "request.header_too_large"
	RouteUnknown      Code = "route.unknown"
	MethodRefused     Code = "method.refused"

	// The console.
	SecondFactorRequired Code = "second_factor.required"
	SecondFactorRefused  Code = "second_factor.refused"
	FactorUnknown        Code = "factor.unknown"
	FactorExists         Code = "factor.exists"
	FactorsFull          Code = "factor.too_many"
	CeremonyOver         Code = "ceremony.over"
	SignInAppExists      Code = "app.sign_in_exists"
	WeComBound           Code = "wecom.bound"
	WeComUnbound         Code = "wecom.unbound"
	WeComCancelled       Code = "wecom.cancelled"
	PasskeyRefused       Code = "passkey.refused"
	SessionUnknown       Code = "session.unknown"
	MemberUnknown        Code = "member.unknown"

	SessionRefused    Code = "session.refused"
	SessionRequired   Code = "session.required"
	PermissionDenied  Code = "permission.denied"
	StepUpRequired    Code = "session.step_up_required"
	TenantUnknown     Code = "tenant.unknown"
	CorpUnknown       Code = "corp.unknown"
	DomainUnknown     Code = "domain.unknown"
	LegacyHostUnknown Code = "legacy_host.unknown"
	AppExists         Code = "app.exists"
	DomainExists      Code = "domain.exists"
	MemberExists      Code = "member.exists"
	LegacyHostTaken   Code = "legacy_host.taken"
	SecretRefused     Code = "secret.refused"
	TrialsPaused      Code = "secret.trials_paused"
	SecretUnknown     Code = "secret.unknown"
	SecretUnchanged   Code = "secret.unchanged"
	SecretConflict    Code = "secret.conflict"
	SecretState       Code = "secret.state"
	SecretDamaged     Code = "secret.damaged"
	IntakeUnknown     Code = "intake.unknown"
	IntakeUsed        Code = "intake.used"
	IntakeExpired     Code = "intake.expired"
	IntakeRevoked     Code = "intake.revoked"
	TenantLeaving     Code = "tenant.leaving"
	IfMatchMissing    Code = "if_match.missing"
	IfMatchConflict   Code = "if_match.conflict"
)

// Kind gives the kind of a code; an unknown code is Internal.
func (c Code) Kind() Kind { return catalogue[c].kind }

// Codes lists every code of the catalogue, in no particular order.
func Codes() []Code {
	list := make([]Code, 0, len(catalogue))
	for c := range catalogue {
		list = append(list, c)
	}
	return list
}

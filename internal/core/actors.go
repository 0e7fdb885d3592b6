package core

// ActorKind tells who acts.
type ActorKind string

// The kinds of actors.
const (
	ActorMember ActorKind = "member"
	ActorSystem ActorKind = "system" // Signet itself: the refresher, the first owner's making
	ActorIntake ActorKind = "intake" // whoever has an intake link: nobody knows more of them
	ActorAPIKey ActorKind = "api_key"
)

// Actor is who does something, as the audit will name them. It is handed
// down as a parameter, never through a context.
type Actor struct {
	Kind      ActorKind
	MemberID  MemberID  // zero unless Kind is ActorMember
	SessionID SessionID // by which a member acts, zero if none
	APIKeyID  APIKeyID  // zero unless Kind is ActorAPIKey
	Name      string    // e-mail of a member, name of an API key, or the part of Signet that acts
	RequestID string    // of the request by which they act, "" if none
	Grants    Grants
	Proved    bool // a member has shown a moment ago who they are (Rule.StepUp)

	// OnlyTenant is the one tenant in which a member's session holds, zero where it
	// holds wherever they belong.
	OnlyTenant TenantID
}

// ID is the id of who acts as the audit keeps it, "" for what has none.
func (a Actor) ID() string {
	switch a.Kind {
	case ActorMember:
		return a.MemberID.String()
	case ActorAPIKey:
		return a.APIKeyID.String()
	case ActorSystem, ActorIntake:
	}
	return ""
}

// System is Signet itself acting through one of its parts. It holds every
// permission, because nobody asked it to act but its own code.
func System(part string) Actor {
	return Actor{Kind: ActorSystem, Name: part, Grants: Grants{Platform: PlatformOwner}}
}

// IntakeActor is whoever hands a secret in with an intake link. The link is all
// that they may use, and whose it is stands in the audit.
func IntakeActor(tenant TenantID, link LinkID, requestID string) Actor {
	return Actor{Kind: ActorIntake, Name: "intake link " + link.String(), RequestID: requestID,
		Grants: Grants{Tenants: map[TenantID]Role{tenant: TenantAdmin}}}
}

package core

// ActorKind tells who acts.
type ActorKind string

// The kinds of actors.
const (
	ActorMember ActorKind = "member"
	ActorSystem ActorKind = "system" // Signet itself: the refresher, the first owner's making
)

// Actor is who does something, as the audit will name them. It is handed
// down as a parameter, never through a context.
type Actor struct {
	Kind      ActorKind
	MemberID  MemberID // zero unless Kind is ActorMember
	Name      string   // e-mail of a member, or the part of Signet that acts
	RequestID string   // of the request by which they act, "" if none
	Grants    Grants
}

// System is Signet itself acting through one of its parts. It holds every
// permission, because nobody asked it to act but its own code.
func System(part string) Actor {
	return Actor{Kind: ActorSystem, Name: part, Grants: Grants{Platform: PlatformOwner}}
}

package core

import "time"

// SignInWay is what a session was begun with.
type SignInWay string

// The ways in.
const (
	WithPassword SignInWay = "password"
	WithPasskey  SignInWay = "passkey"
	WithOIDC     SignInWay = "oidc"
	WithWeCom    SignInWay = "wecom"
)

// ProofLife is how long it counts that a member has shown who they are, for what
// asks for it (Rule.StepUp). It is longer than an access token lives, so that whoever
// has just signed in is not asked again.
const ProofLife = 15 * time.Minute

// Session is a browser in which a member is signed in.
type Session struct {
	ID           SessionID
	BegunWith    SignInWay
	SecondFactor bool // it was shown
	Client       string
	Agent        string
	CreatedAt    time.Time
	RefreshedAt  time.Time
	EndsAt       time.Time // unless it is refreshed before
}

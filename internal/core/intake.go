package core

import "time"

// IntakeLife is how long an intake link can be used.
const IntakeLife = 72 * time.Hour

// IntakeRefusals is how many secrets that WeCom refuses may be handed in with a link
// before it is taken back. Each counts among the tenant's refused calls, which stop
// all trials at 30 an hour.
const IntakeRefusals = 10

// IntakeLink is a one-time address with which somebody outside hands the secret of
// an app in. What stands in the address is known to nobody but who has it.
type IntakeLink struct {
	ID     LinkID
	AppID  AppID
	MadeBy string // name of the actor
	LinkTimes
	UsedVersion int32 // of the app's secret that came of it; 0: none
	Refused     int32 // how many secrets WeCom refused, those under trial among them
}

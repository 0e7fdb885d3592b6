package ticket

import "time"

// LeaseTime is how long a turn lasts.
const LeaseTime = leaseTime

// LooksTake is the least time in which so many looks by oneself follow each other.
func LooksTake(looks int) time.Duration {
	var took, next time.Duration
	for range looks {
		next = min(max(2*next, firstLook), rarestLook)
		took += next
	}
	return took
}

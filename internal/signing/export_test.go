package signing

import "time"

// LookEvery makes KeepFresh look more often than every 15 s.
func (s *Signer) LookEvery(d time.Duration) { s.ahead.every = d }

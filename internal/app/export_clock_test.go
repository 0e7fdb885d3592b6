package app

import "time"

// PretendClockWrong lets a server that does not run yet think that its clock was
// wrong by so much when it was compared last.
func (s *Server) PretendClockWrong(off time.Duration) { s.clock.off.Store(int64(off)) }

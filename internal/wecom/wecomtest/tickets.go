package wecomtest

import (
	"time"

	"signet/internal/core"
)

// giveTicket answers a ticket fetch. The ticket is that of the token's own app
// and of no other: whoever asks with another app's token gets a ticket that
// fails the check of a signature.
func (s *Server) giveTicket(req *request, kind core.TicketKind) reply {
	if refusal := closedApp(req.by); refusal != errcodeOK {
		return reply{errcode: refusal}
	}
	if !s.takeTicket(req.by.app, req.now) {
		return reply{errcode: errcodeFrequency}
	}
	v, life := s.issue(req.by, kind, req.now)
	return reply{value: v.text, members: []member{{"ticket", v.text}, {"expires_in", int64(life / time.Second)}}}
}

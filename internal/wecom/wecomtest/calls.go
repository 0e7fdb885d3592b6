package wecomtest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"signet/internal/core"
	"signet/internal/wecom"
)

// maxCalls bounds the log; the oldest half goes when it is full.
const maxCalls = 200_000

// Call is one call as the log keeps it.
type Call struct {
	Time       time.Time    `json:"time"`
	API        wecom.API    `json:"api"`
	Corp       core.CorpID  `json:"corp,omitempty"`  // as given, also one that is not known
	Agent      core.AgentID `json:"agent,omitempty"` // of the credential; "" if there was none
	Credential string       `json:"credential,omitempty"`
	Errcode    int          `json:"errcode"`         // as answered
	Fault      string       `json:"fault,omitempty"` // name of the fault that was laid over it
	Caller     string       `json:"caller"`
	Value      string       `json:"value,omitempty"` // 8 hex digits of the hash of the token or ticket given
}

// Filter chooses calls; zero members choose all.
type Filter struct {
	API        wecom.API
	Corp       core.CorpID
	Agent      core.AgentID
	Credential string
	Errcode    *int // such as new(40001)
	Since      time.Time
}

func (f Filter) matches(c Call) bool {
	return (f.API == "" || f.API == c.API) &&
		(f.Corp == "" || f.Corp == c.Corp) &&
		(f.Agent == "" || f.Agent == c.Agent) &&
		(f.Credential == "" || f.Credential == c.Credential) &&
		(f.Errcode == nil || *f.Errcode == c.Errcode) &&
		!c.Time.Before(f.Since)
}

// Calls gives a copy of the log, the oldest first: the latest 100,000 calls at
// least.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Count counts the calls of the log that the filter chooses.
func (s *Server) Count(f Filter) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.log {
		if f.matches(c) {
			n++
		}
	}
	return n
}

// ForgetCalls empties the log. Quotas keep what they counted.
func (s *Server) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

func (s *Server) note(c Call) {
	if len(s.log) >= maxCalls {
		s.log = slices.Delete(s.log, 0, maxCalls/2)
	}
	s.log = append(s.log, c)
}

func shortHash(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

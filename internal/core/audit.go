package core

import "time"

// AuditEntry says what was done, without secrets. Who did it, when, and the
// place in the chain are added where it is written.
type AuditEntry struct {
	Action      string // noun.verb, such as "app.create"
	SubjectKind string
	Subject     string
	Detail      map[string]string
}

// AuditRow is an entry in its chain.
type AuditRow struct {
	AuditEntry
	Seq          int64 // 1, 2, 3 … within the chain
	At           time.Time
	ActorKind    ActorKind
	ActorID      string // of a member or an API key, else ""
	ActorName    string
	RequestID    string
	PreviousHash []byte
	Hash         []byte // SHA-256 over the row and PreviousHash
}

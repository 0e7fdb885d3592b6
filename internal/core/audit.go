package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

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
	MAC          []byte // over Hash, by a key that is not in the database; nil: the row has none
	MACKey       string // the id of that key
}

// AuditHead is the last row of a chain.
type AuditHead struct {
	Chain AuditChain
	Seq   int64
	Hash  []byte
}

// AuditChain names a chain of audit rows: the platform's or a tenant's. The name goes
// into every hash and every mac of it.
type AuditChain string

// PlatformChain is the platform's own chain.
const PlatformChain AuditChain = "platform"

const tenantChainPrefix = "tenant:"

// TenantChain is the chain of a tenant.
func TenantChain(tenant TenantID) AuditChain {
	return AuditChain(tenantChainPrefix + tenant.String())
}

// Tenant gives whose chain it is; ok is false for the platform's.
func (c AuditChain) Tenant() (tenant TenantID, ok bool) {
	text, ok := strings.CutPrefix(string(c), tenantChainPrefix)
	if !ok {
		return TenantID{}, false
	}
	tenant, err := ParseTenantID(text)
	return tenant, err == nil
}

// ParseAuditChain reads the name of a chain in its one spelling.
func ParseAuditChain(text string) (AuditChain, error) {
	c := AuditChain(text)
	if tenant, ok := c.Tenant(); c == PlatformChain || ok && TenantChain(tenant) == c {
		return c, nil
	}
	return "", errors.New(`not the name of a chain: "platform", or "tenant:" and the id of a tenant`)
}

// HashIn is the SHA-256 of the row behind the hash of the row before it, each part
// led by its length. JSON of a map has its keys in order, so the same detail gives
// the same bytes.
func (r AuditRow) HashIn(chain AuditChain) []byte {
	detail, _ := json.Marshal(r.Detail) // a map of strings cannot fail
	h := sha256.New()
	var length [8]byte
	for _, part := range []string{
		"signet audit 1", string(chain), string(r.PreviousHash), strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339Nano),
		string(r.ActorKind), r.ActorID, r.ActorName, r.Action, r.SubjectKind, r.Subject, string(detail), r.RequestID,
	} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

package core

import (
	"errors"

	"github.com/google/uuid"
)

// ID is the random identity (UUID version 4) of a row. K is the noun it
// belongs to, so that the id of one noun cannot be passed for another's.
// The zero ID is no row's. IDs are comparable and serve as map keys.
type ID[K any] struct{ uuid.UUID }

type (
	tenantNoun  struct{}
	appNoun     struct{}
	domainNoun  struct{}
	memberNoun  struct{}
	sessionNoun struct{}
	apiKeyNoun  struct{}
	linkNoun    struct{}
	factorNoun  struct{}
)

// The ids of the nouns that have rows of their own. A corp is known by its
// WeCom id (CorpID) and a secret by its app and version.
type (
	TenantID  = ID[tenantNoun]
	AppID     = ID[appNoun]
	DomainID  = ID[domainNoun]
	MemberID  = ID[memberNoun]
	SessionID = ID[sessionNoun]
	APIKeyID  = ID[apiKeyNoun]
	LinkID    = ID[linkNoun]   // of an intake, an invitation or a reset
	FactorID  = ID[factorNoun] // of a second factor or a passkey
)

// The makers of fresh random ids.
func NewTenantID() TenantID   { return TenantID{uuid.New()} }
func NewAppID() AppID         { return AppID{uuid.New()} }
func NewDomainID() DomainID   { return DomainID{uuid.New()} }
func NewMemberID() MemberID   { return MemberID{uuid.New()} }
func NewSessionID() SessionID { return SessionID{uuid.New()} }
func NewAPIKeyID() APIKeyID   { return APIKeyID{uuid.New()} }
func NewLinkID() LinkID       { return LinkID{uuid.New()} }
func NewFactorID() FactorID   { return FactorID{uuid.New()} }

var errID = errors.New("not a UUID in its lower-case form with hyphens")

// parseID reads the canonical lower-case form of a UUID and nothing else:
// one id has one spelling, in addresses as in logs.
func parseID[K any](text string) (ID[K], error) {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return ID[K]{}, errID
	}
	return ID[K]{id}, nil
}

// The readers of ids. They take the canonical form alone and fail with a plain
// error: the caller knows which part of a request it was.
func ParseTenantID(text string) (TenantID, error)   { return parseID[tenantNoun](text) }
func ParseAppID(text string) (AppID, error)         { return parseID[appNoun](text) }
func ParseDomainID(text string) (DomainID, error)   { return parseID[domainNoun](text) }
func ParseMemberID(text string) (MemberID, error)   { return parseID[memberNoun](text) }
func ParseSessionID(text string) (SessionID, error) { return parseID[sessionNoun](text) }
func ParseAPIKeyID(text string) (APIKeyID, error)   { return parseID[apiKeyNoun](text) }
func ParseLinkID(text string) (LinkID, error)       { return parseID[linkNoun](text) }
func ParseFactorID(text string) (FactorID, error)   { return parseID[factorNoun](text) }

// IsZero tells whether the id is no row's.
func (id ID[K]) IsZero() bool { return id.UUID == uuid.Nil }

package core

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/internal/fault"
)

// Tenant is one enterprise on the platform.
type Tenant struct {
	ID               TenantID
	Name             string
	Corps            []CorpID // oldest first; a tenant begins with one
	Status           Status
	Deletion         *Deletion // nil: it stays
	SecretMaxAgeDays int32     // how old its secrets may become; 0: no limit
	SecondFactor     bool      // its members must sign in with one
	Version          int64     // counts every change; the ETag of the tenant
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Deletion says that a tenant is leaving: it is suspended, nothing of it changes,
// and once the deletion is due it is destroyed. Until then it can be taken back.
type Deletion struct {
	RequestedAt time.Time
	DueAt       time.Time
	RequestedBy string // name of the actor who asked for it
}

// Destroyed is a tenant that is no more.
type Destroyed struct {
	TenantID       TenantID
	At             time.Time
	UnopenableFrom time.Time // the day, in UTC, when the last backup of its key is due to be gone
}

// TenantFilter picks tenants for a list.
type TenantFilter string

// The filters. A tenant that is leaving is suspended too.
const (
	EveryTenant      TenantFilter = ""
	ActiveTenants    TenantFilter = "active"
	SuspendedTenants TenantFilter = "suspended"
	LeavingTenants   TenantFilter = "leaving"
)

// ParseTenantFilter reads a filter as the API writes it. It fails with
// fault.RequestInvalid pointing at pointer.
func ParseTenantFilter(pointer, text string) (TenantFilter, error) {
	f := TenantFilter(text)
	if f == ActiveTenants || f == SuspendedTenants || f == LeavingTenants {
		return f, nil
	}
	return "", fault.InvalidField(pointer, fault.ReasonTenantFilter, nil)
}

const maxNameLength = 80

// ParseName checks the name of a tenant, an app or a member: 1 to 80
// characters of valid UTF-8 without control characters, and without the
// invisible ones that let one name look like another. Blanks round it are cut.
// It fails with fault.RequestInvalid pointing at pointer.
func ParseName(pointer, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fault.InvalidField(pointer, fault.ReasonName, nil)
	}
	text = strings.TrimSpace(text)
	if text == "" || utf8.RuneCountInString(text) > maxNameLength {
		return "", fault.InvalidField(pointer, fault.ReasonName, nil)
	}
	if strings.ContainsFunc(text, isHidden) {
		return "", fault.InvalidField(pointer, fault.ReasonName, nil)
	}
	return text, nil
}

// isHidden tells whether a character is not seen, or changes how those around it are.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

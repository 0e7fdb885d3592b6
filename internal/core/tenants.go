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
	ID        TenantID
	Name      string
	Corps     []CorpID // oldest first; a tenant begins with one
	Status    Status
	Version   int64 // counts every change; the ETag of the tenant
	CreatedAt time.Time
	UpdatedAt time.Time
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
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return "", fault.InvalidField(pointer, fault.ReasonName, nil)
		}
	}
	return text, nil
}

package core

import "signet/internal/fault"

// CorpID is the id that WeCom gives a corp. A plain one (ww… or wx…) is read
// by WeCom without regard to case, an encrypted one (as a provider sees it) is
// not; so it is compared byte for byte and never folded. One enterprise may
// have one of each.
type CorpID string

const maxCorpIDLength = 64

// ParseCorpID checks the shape of a corp id: 4 to 64 letters, digits, "-" and
// "_". It fails with fault.RequestInvalid pointing at pointer.
func ParseCorpID(pointer, text string) (CorpID, error) {
	if len(text) < 4 || len(text) > maxCorpIDLength || !isToken(text) {
		return "", fault.InvalidField(pointer, fault.ReasonCorpID, nil)
	}
	return CorpID(text), nil
}

// Corp is a WeCom corp of a tenant.
type Corp struct {
	TenantID TenantID
	CorpID   CorpID
}

func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		if !ok {
			return false
		}
	}
	return true
}

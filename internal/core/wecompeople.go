package core

import "time"

// WeComUserID is how WeCom names a person of a corp. It is compared byte for byte.
type WeComUserID string

// MaxWeComUserID is the length of the longest, in bytes (protocol notes 7, 40003).
const MaxWeComUserID = 64

// ParseWeComUserID reads a person's id as WeCom gives it: 1 to 64 letters, digits,
// ".", "-", "_" and "@". That of a linked corp's person has a "/" in it and is none
// of this corp's (protocol notes 1.7).
func ParseWeComUserID(text string) (id WeComUserID, ok bool) {
	if text == "" || len(text) > MaxWeComUserID {
		return "", false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == '@':
		default:
			return "", false
		}
	}
	return WeComUserID(text), true
}

// WeComPerson says which member a person of a tenant's corp is.
type WeComPerson struct {
	TenantID TenantID
	CorpID   CorpID
	UserID   WeComUserID
	MemberID MemberID
	BoundAt  time.Time
	BoundBy  string // who bound them
}

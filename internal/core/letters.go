package core

import (
	"fmt"
	"time"
)

// NoticeKind is what a notice tells a member about their own account.
type NoticeKind string

// The kinds of notices.
const (
	PasswordNotice      NoticeKind = "password_changed"
	FactorAddedNotice   NoticeKind = "factor_added"
	FactorRemovedNotice NoticeKind = "factor_removed"
	NewDeviceNotice     NoticeKind = "new_device"
)

// Notice is an e-mail without a link that can be used, by which a member learns what
// was done in their name.
type Notice struct {
	Kind   NoticeKind
	To     string
	At     time.Time
	Client string // the network from which it was done, "": not known
	Agent  string // what the browser called itself; never shown as it is
}

// MailProblem is why a letter was not sent.
type MailProblem string

// Why a letter was not sent.
const (
	MailNotConfigured MailProblem = "not_configured"
	MailUnavailable   MailProblem = "unavailable" // the mail server cannot be reached, or not safely
	MailRefused       MailProblem = "refused"     // it takes no letter from Signet, or none for this address
	MailBusy          MailProblem = "busy"        // too many letters wait
	MailTooMany       MailProblem = "too_many"    // the member, or the address, has had its letters for now
)

// MailError is a letter that was not sent. It holds nothing of what the server said,
// and no address.
type MailError struct {
	Problem MailProblem
	Code    int // of SMTP; 0: none
}

// Error implements error.
func (e MailError) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("mail: %s (%d)", e.Problem, e.Code)
	}
	return "mail: " + string(e.Problem)
}

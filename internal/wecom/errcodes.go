package wecom

// Class says what to do about a call that brought nothing (protocol notes 7).
type Class string

// The classes.
const (
	Refresh   Class = "refresh"   // the token or ticket is dead: fetch a new one once, try once more
	BackOff   Class = "back_off"  // wait; the same call may succeed later
	Configure Class = "configure" // stop, and tell the operator or the tenant what to set right
	Bug       Class = "bug"       // a mistake in the call or its input; the same call never succeeds
	Restart   Class = "restart"   // a code is used up: begin the login or the installation anew
	Unknown   Class = "unknown"   // a number that is not in the table: no retry, keep what is held, alert
	NoAnswer  Class = "no_answer" // WeCom did not answer usably
)

// The numbers that this package treats by name.
const (
	errcodeBusy          = -1
	errcodeConflict      = 6000
	errcodeCredential    = 40001
	errcodeCorpID        = 40013
	errcodeCode          = 40029
	errcodeAgentID       = 40056
	errcodeForeignSecret = 40091
	errcodeFrequency     = 45009
	errcodeConcurrency   = 45033
	errcodeDisabled      = 50003
	errcodeIP            = 60020
	errcodeForeignAgent  = 301002
)

// Meaning gives the class and the meaning of one of WeCom's numbers. One that
// is not in the table is Unknown.
func Meaning(errcode int) (class Class, meaning string) {
	row, ok := errcodes[errcode]
	if !ok {
		return Unknown, "a number that the table does not hold"
	}
	return row.class, row.meaning
}

// Errcodes lists the numbers of the table, in no particular order.
func Errcodes() []int {
	list := make([]int, 0, len(errcodes))
	for n := range errcodes {
		list = append(list, n)
	}
	return list
}

// classify gives the class of a number as one call said it: 40001 and 40091
// from gettoken speak of the secret, 40001 from any other call of the token.
func classify(api API, errcode int) Class {
	if api == GetToken && errcode == errcodeCredential {
		return Configure
	}
	class, _ := Meaning(errcode)
	return class
}

// errcodes is the table of protocol notes 7, every number of it.
var errcodes = map[int]struct {
	class   Class
	meaning string
}{
	-1:    {BackOff, "system busy"},
	6000:  {BackOff, "data version conflict"},
	40001: {Refresh, "bad secret (gettoken) or bad credential"},
	40003: {Bug, "bad user id"},
	40004: {Bug, "bad media type"},
	40005: {Bug, "bad type parameter"},
	40006: {Bug, "bad file size"},
	40007: {Bug, "bad or expired media id"},
	40008: {Bug, "bad message type"},
	40009: {Bug, "bad image size"},
	40011: {Bug, "bad video size"},
	40013: {Configure, "bad corp id"},
	40014: {Refresh, "bad access token"},
	40029: {Restart, "bad or used OAuth code"},
	40031: {Bug, "bad list of user ids"},
	40032: {Bug, "list of user ids too long"},
	40035: {Bug, "bad parameter"},
	40054: {Bug, "bad address in a child menu"},
	40055: {Bug, "bad address in a menu"},
	40056: {Configure, "bad agent id"},
	40057: {Configure, "bad callback address, or its verification failed"},
	40058: {Bug, "bad or missing parameter"},
	40063: {Bug, "empty parameter"},
	40068: {Bug, "bad tag id"},
	40073: {Bug, "bad open id"},
	40077: {Restart, "bad pre-authorisation code"},
	40078: {Restart, "bad or used authorisation code"},
	40080: {Configure, "bad suite secret"},
	40082: {Refresh, "bad suite or provider token"},
	40083: {Configure, "bad suite id"},
	40084: {Configure, "bad permanent code"},
	40085: {BackOff, "bad or expired suite ticket; wait for the next push"},
	40086: {Configure, "bad app id of the suite"},
	40091: {Configure, "secret of another corp"},
	40093: {Refresh, "bad ticket or signature"},
	40094: {Bug, "bad address"},
	40096: {Bug, "bad external user id"},
	41001: {Bug, "access token missing"},
	41002: {Bug, "corp id missing"},
	41004: {Bug, "secret missing"},
	41011: {Bug, "agent id missing"},
	41021: {Bug, "suite id missing"},
	41022: {Bug, "suite access token missing"},
	41023: {Bug, "suite ticket missing"},
	41025: {Bug, "permanent code missing"},
	42001: {Refresh, "access token expired"},
	42007: {Restart, "pre-authorisation code expired"},
	42009: {Refresh, "suite access token expired"},
	42012: {Configure, "ticket not available: never fetched with this app's token, or another app's"},
	43003: {Bug, "https required"},
	43012: {Configure, "the app has no callback address"},
	44001: {Bug, "empty media"},
	44004: {Bug, "empty text"},
	45001: {Bug, "media too large"},
	45002: {Bug, "content too long"},
	45007: {Bug, "voice too long"},
	45008: {Bug, "too many articles"},
	45009: {BackOff, "frequency limit reached"},
	45033: {BackOff, "too many concurrent calls"},
	48002: {Configure, "API forbidden for this app"},
	48003: {Configure, "suite token of another suite"},
	48004: {Configure, "no authorisation, or withdrawn"},
	48005: {Bug, "API retired"},
	50001: {Configure, "redirect address not on the app's trusted domain"},
	50002: {Configure, "member out of range"},
	50003: {Configure, "app disabled"},
	60011: {Configure, "no right on the member, department or tag"},
	60020: {Configure, "calling address not allowed"},
	80001: {Configure, "trusted domain wrong or without filing"},
	81011: {Configure, "no right on the tag"},
	81013: {Bug, "all receivers invalid"},
	82001: {Bug, "all targets invalid"},
	82002: {Bug, "list of departments too long"},
	82003: {Bug, "list of tags too long"},
	84014: {Restart, "user ticket expired"},
	84015: {Restart, "bad user ticket"},
	84025: {Bug, "bad state parameter"},
	84061: {Bug, "no such customer relation"},
	84074: {Configure, "no right to customer contact"},
	85004: {Configure, "too many trusted domains set this month"},
	85005: {Configure, "ownership of the trusted domain not proven"},

	93000:  {Configure, "bad robot webhook"},
	301002: {Configure, "no right on that app"},
	701008: {Configure, "licence missing"},
}

package consoleapi

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

// parameters reads the parameters of a request, each as text of its own, and
// keeps the first thing that is wrong with one.
type parameters struct {
	c   *fiber.Ctx
	err error
}

func (p *parameters) refuse(name string, reason fault.Reason) {
	if p.err == nil {
		p.err = fault.InvalidField("?"+name, reason, nil)
	}
}

// path gives a part of the path, percent-decoded once. For an id that is malformed it
// gives one that nobody has: so whoever sends it gets the very answer that such an id
// gets, whatever they may do and wherever the request goes.
func (p *parameters) path(name string) string {
	text, err := url.PathUnescape(p.c.Params(name))
	if err != nil {
		p.refuse(name, fault.ReasonEscape)
	}
	if strings.HasSuffix(name, "Id") && checkID(text) != nil {
		return core.NewTenantID().String()
	}
	return strings.Clone(text)
}

// checkID tells whether a text is an id: all of them have one form.
func checkID(text string) error {
	_, err := core.ParseTenantID(text)
	return err
}

// query gives a parameter of the query, nil if it is not there. One that stands
// twice is refused: whoever looks at the other of the two would see another
// request.
func (p *parameters) query(name string) *string {
	var found *string
	for rest := p.c.Request().URI().QueryString(); len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		encodedName, encodedValue, _ := strings.Cut(string(pair), "=")
		if decoded, err := url.QueryUnescape(encodedName); err != nil || decoded != name {
			continue
		}
		value, err := url.QueryUnescape(encodedValue)
		switch {
		case err != nil:
			p.refuse(name, fault.ReasonEscape)
		case found != nil:
			p.refuse(name, fault.ReasonRepeated)
		}
		found = &value
	}
	return found
}

// header gives a header, nil if it is not there. Several lines are one list.
func (p *parameters) header(name string) *string {
	lines := p.c.Request().Header.PeekAll(name)
	if len(lines) == 0 {
		return nil
	}
	text := string(bytes.Join(lines, []byte(", ")))
	return &text
}

// cookie gives a cookie, nil if it is not there.
func (p *parameters) cookie(name string) *string {
	value := p.c.Request().Header.Cookie(name)
	if value == nil {
		return nil
	}
	text := string(value)
	return &text
}

const maxCursorLength = 512

// The ids of a path. One that is malformed is nobody's, and is answered like any
// other that is nobody's.

func parseTenantID(text string) (core.TenantID, error) {
	id, err := core.ParseTenantID(text)
	return id, unknownIf(err, fault.TenantUnknown)
}

func parseAppID(text string) (core.AppID, error) {
	id, err := core.ParseAppID(text)
	return id, unknownIf(err, fault.AppUnknown)
}

func parseDomainID(text string) (core.DomainID, error) {
	id, err := core.ParseDomainID(text)
	return id, unknownIf(err, fault.DomainUnknown)
}

func parseIntakeID(text string) (core.LinkID, error) {
	id, err := core.ParseLinkID(text)
	return id, unknownIf(err, fault.IntakeUnknown)
}

func parseInvitationID(text string) (core.LinkID, error) {
	id, err := core.ParseLinkID(text)
	return id, unknownIf(err, fault.InvitationUnknown)
}

// parseMemberPath reads the two ids of a path below a member of a tenant.
func parseMemberPath(tenantText, memberText string) (core.TenantID, core.MemberID, error) {
	tenant, err := parseTenantID(tenantText)
	if err != nil {
		return tenant, core.MemberID{}, err
	}
	member, err := parseMemberID(memberText)
	return tenant, member, err
}

func unknownIf(err error, code fault.Code) error {
	if err != nil {
		return fault.New(code, nil)
	}
	return nil
}

// parseAppPath reads the two ids of a path below an app.
func parseAppPath(tenantText, appText string) (core.TenantID, core.AppID, error) {
	tenant, err := parseTenantID(tenantText)
	if err != nil {
		return tenant, core.AppID{}, err
	}
	app, err := parseAppID(appText)
	return tenant, app, err
}

// parseSecretPath reads the three names of a path below a version of a secret. A
// number that is none is no version's.
func parseSecretPath(tenantText, appText, versionText string) (core.TenantID, core.AppID, int32, error) {
	tenant, app, err := parseAppPath(tenantText, appText)
	if err != nil {
		return tenant, app, 0, err
	}
	version, err := strconv.ParseInt(versionText, 10, 32)
	if err != nil || version < 1 || strconv.FormatInt(version, 10) != versionText {
		return tenant, app, 0, fault.New(fault.SecretUnknown, fault.Args{"version": "?"}) // what was sent may be anything
	}
	return tenant, app, int32(version), nil
}

// parsePage reads limit and cursor.
func parsePage(limit, cursor *string) (core.Page, error) {
	p := core.Page{Limit: core.DefaultPageLimit}
	if limit != nil {
		n, err := strconv.Atoi(*limit)
		if err != nil || n < 1 || n > core.MaxPageLimit || strconv.Itoa(n) != *limit {
			return p, fault.InvalidField("?limit", fault.ReasonLimit, nil)
		}
		p.Limit = n
	}
	if cursor != nil {
		if len(*cursor) > maxCursorLength {
			return p, fault.InvalidField("?cursor", fault.ReasonCursor, nil)
		}
		p.Cursor = *cursor
	}
	return p, nil
}

// nextCursor is null on the last page.
func nextCursor(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// parseCheck tells whether the trial of a secret is to be left out.
func parseCheck(check *string) (skip bool, err error) {
	switch {
	case check == nil:
		return false, nil
	case *check == "skip":
		return true, nil
	}
	return false, fault.InvalidField("?check", fault.ReasonCheck, nil)
}

// parseLater tells whether an app is to be made without a secret.
func parseLater(secret *string) (later bool, err error) {
	switch {
	case secret == nil:
		return false, nil
	case *secret == "later":
		return true, nil
	}
	return false, fault.InvalidField("?secret", fault.ReasonLater, nil)
}

// parseNow tells whether a tenant is to be destroyed without its grace time.
func parseNow(now *string) (bool, error) {
	switch {
	case now == nil:
		return false, nil
	case *now == "true":
		return true, nil
	}
	return false, fault.InvalidField("?now", fault.ReasonNow, nil)
}

// parseTenantFilter reads which tenants a list is to hold.
func parseTenantFilter(status *string) (core.TenantFilter, error) {
	if status == nil {
		return core.EveryTenant, nil
	}
	return core.ParseTenantFilter("?status", *status)
}

const defaultDueDays = 30

// parseDays reads how many days ahead a list looks.
func parseDays(days *string) (int, error) {
	if days == nil {
		return defaultDueDays, nil
	}
	n, err := strconv.Atoi(*days)
	if err != nil || n < 0 || n > core.MaxSecretAgeDays || strconv.Itoa(n) != *days {
		return 0, fault.InvalidField("?days", fault.ReasonDays, nil)
	}
	return n, nil
}

// parseExtract reads what of the audit is to be exported.
func parseExtract(format, from, to *string) (x admin.AuditExtract, err error) {
	if x.Format = orEmpty(format); format == nil {
		x.Format = formatJSONL
	}
	if x.Format != formatJSONL && x.Format != formatCSV {
		return x, fault.InvalidField("?format", fault.ReasonExportFormat, nil)
	}
	if x.From, err = parseInstant("?from", from); err != nil {
		return x, err
	}
	x.To, err = parseInstant("?to", to)
	return x, err
}

// parseInstant reads a time, the zero one where none is given.
func parseInstant(pointer string, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil || at.Year() < 1 || at.IsZero() {
		return time.Time{}, fault.InvalidField(pointer, fault.ReasonInstant, nil)
	}
	return at, nil
}

// orEmpty gives the value of an optional member.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// mapped turns each item of a list into its answer.
func mapped[T, A any](items []T, answer func(T) A) []A {
	answers := make([]A, len(items))
	for i, item := range items {
		answers[i] = answer(item)
	}
	return answers
}

package consoleapi

import (
	"strconv"

	"signet/internal/core"
	"signet/internal/fault"
)

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

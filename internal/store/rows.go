package store

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// querier is what a statement needs; every door has one.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// one reads exactly one row, or fails with the given code if there is none.
func one[T any](ctx context.Context, q querier, missing fault.Code, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, translate(err)
	}
	value, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return value, fault.New(missing, nil)
	}
	return value, translate(err)
}

// find reads one row or none.
func find[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], sql string, args ...any) (value T, found bool, err error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return value, false, translate(err)
	}
	value, err = pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return value, false, nil
	}
	return value, err == nil, translate(err)
}

// all reads every row.
func all[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scan)
	return list, translate(err)
}

// A list names itself in its cursors, so that the cursor of one list is refused by
// another instead of leading somewhere.
type list string

const (
	tenantList     list = "tenants"
	appList        list = "apps"
	domainList     list = "domains"
	legacyHostList list = "legacy-hosts"
	secretList     list = "secrets"
	auditList      list = "audit"
	platformAudit  list = "platform-audit"
	dueList        list = "secrets-due"
	intakeList     list = "intake-links"
	apiKeyList     list = "api-keys"

	memberList         list = "members"
	platformMemberList list = "platform-members"
	invitationList     list = "invitations"
)

func (l list) cursor(place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(l) + " " + place))
}

// place gives back what cursor was given.
func (l list) place(cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	place, ok := strings.CutPrefix(string(raw), string(l)+" ")
	if err != nil || !ok || l.cursor(place) != cursor { // the decoder overlooks line ends and spare bits
		return "", errCursor()
	}
	return place, nil
}

func errCursor() error { return fault.InvalidField("?cursor", fault.ReasonCursor, nil) }

// mark is a place in a list ordered by time and id, newest first.
type mark struct {
	at time.Time
	id string
}

// farFuture stands before every row.
var farFuture = mark{at: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), id: "ffffffff-ffff-ffff-ffff-ffffffffffff"}

func (m mark) String() string { return m.at.UTC().Format(time.RFC3339Nano) + " " + m.id }

// longPast stands before every row of a list that rises.
var longPast = mark{at: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), id: "00000000-0000-0000-0000-000000000000"}

func parseMark(l list, cursor string, checkID func(string) error) (mark, error) {
	return parseMarkFrom(l, cursor, checkID, farFuture)
}

func parseMarkFrom(l list, cursor string, checkID func(string) error, first mark) (mark, error) {
	if cursor == "" {
		return first, nil
	}
	place, err := l.place(cursor)
	if err != nil {
		return mark{}, err
	}
	at, id, ok := strings.Cut(place, " ")
	when, err := time.Parse(time.RFC3339Nano, at)
	if !ok || err != nil || checkID(id) != nil {
		return mark{}, errCursor()
	}
	return mark{at: when, id: id}, nil
}

// page cuts the one row too many that tells whether there is a next page.
func page[T any](l list, items []T, limit int, markOf func(T) mark) core.List[T] {
	if len(items) <= limit {
		return core.List[T]{Items: items}
	}
	items = items[:limit]
	return core.List[T]{Items: items, NextCursor: l.cursor(markOf(items[limit-1]).String())}
}

// parseNumber reads the cursor of a list that is ordered by a number falling.
func parseNumber(l list, cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	place, err := l.place(cursor)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(place, 10, 64)
	if err != nil || n <= 0 {
		return 0, errCursor()
	}
	return n, nil
}

func pageByNumber[T any](l list, items []T, limit int, number func(T) int64) core.List[T] {
	if len(items) <= limit {
		return core.List[T]{Items: items}
	}
	items = items[:limit]
	last := strconv.FormatInt(number(items[limit-1]), 10)
	return core.List[T]{Items: items, NextCursor: l.cursor(last)}
}

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

// querier is what a statement needs; the three doors all have one.
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

// mark is a place in a list ordered by time and id, newest first.
type mark struct {
	at time.Time
	id string
}

// farFuture stands before every row.
var farFuture = mark{at: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), id: "ffffffff-ffff-ffff-ffff-ffffffffffff"}

func (m mark) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(m.at.UTC().Format(time.RFC3339Nano) + " " + m.id))
}

func parseMark(cursor string, checkID func(string) error) (mark, error) {
	if cursor == "" {
		return farFuture, nil
	}
	invalid := fault.InvalidField("?cursor", fault.ReasonCursor, nil)
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return mark{}, invalid
	}
	at, id, ok := strings.Cut(string(raw), " ")
	when, err := time.Parse(time.RFC3339Nano, at)
	if !ok || err != nil || checkID(id) != nil {
		return mark{}, invalid
	}
	return mark{at: when, id: id}, nil
}

// page cuts the one row too many that tells whether there is a next page.
func page[T any](items []T, limit int, markOf func(T) mark) core.List[T] {
	if len(items) <= limit {
		return core.List[T]{Items: items}
	}
	items = items[:limit]
	return core.List[T]{Items: items, NextCursor: markOf(items[limit-1]).cursor()}
}

// parseNumber reads the cursor of a list that is ordered by a number falling.
func parseNumber(cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, fault.InvalidField("?cursor", fault.ReasonCursor, nil)
}

func pageByNumber[T any](items []T, limit int, number func(T) int64) core.List[T] {
	if len(items) <= limit {
		return core.List[T]{Items: items}
	}
	items = items[:limit]
	last := strconv.FormatInt(number(items[limit-1]), 10)
	return core.List[T]{Items: items, NextCursor: base64.RawURLEncoding.EncodeToString([]byte(last))}
}

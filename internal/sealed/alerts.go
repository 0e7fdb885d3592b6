package sealed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"strconv"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/core"
	"signet/internal/seal"
)

// Row is a sealed value as it lies in its row, with the key that it is to open with.
type Row struct {
	Tenant core.TenantID
	Place  seal.Binding // of the value; of a ticket without the generation, which its row outlives
	Number int64        // of a ticket: the generation
	Sealed []byte
	Key    seal.WrappedKey // zero where there is none
}

// Alerts raises alerts about sealed rows, each once for a node: pages go on asking,
// and one line says as much as thousands. It is raised again when other bytes lie in
// the row, or after the row has opened.
type Alerts struct {
	log  *slog.Logger
	told *xsync.Map[subject, []told]
}

// subject is an app, a corp or a key of a tenant, with whatever of it was told.
type subject struct {
	scope seal.Scope
	id    string
}

type told struct {
	place seal.Binding
	alert string
	state [sha256.Size]byte // of the row and its key
}

// NewAlerts makes the one that all rooms of a node share.
func NewAlerts(log *slog.Logger) *Alerts {
	return &Alerts{log: log, told: xsync.NewMap[subject, []told]()}
}

// Refused raises seal_refused about a row that does not open, with the text and the
// facts for whoever reads it. Where the tenant's key is what does not open, the alert
// is the key's, once for all that hangs on it.
func (a *Alerts) Refused(ctx context.Context, r Row, err error, text string, facts ...any) {
	if errors.Is(err, seal.ErrScopeKey) {
		a.KeyRefused(ctx, r.Tenant, r.Key, err)
		return
	}
	a.refuse(ctx, r, err, text, facts...)
}

// KeyRefused raises seal_refused about a tenant's key that does not open, or is not
// there (the zero key).
func (a *Alerts) KeyRefused(ctx context.Context, tenant core.TenantID, key seal.WrappedKey, err error) {
	a.refuse(ctx, Row{Tenant: tenant, Place: placeOfKey(seal.Tenant(tenant), key.Version), Key: key}, err,
		"a tenant's key does not open, and nothing that hangs on it", "version", key.Version)
}

func (a *Alerts) refuse(ctx context.Context, r Row, err error, text string, facts ...any) {
	if !a.isNews("seal_refused", r) {
		return
	}
	facts = append([]any{"alert", "seal_refused", "tenant_id", r.Tenant}, facts...)
	a.log.ErrorContext(ctx, text, append(facts, "error", err)...)
}

// PutBack raises secret_put_back about a version of an app's secret that is genuine,
// and is not the one that the app or the audit told last.
func (a *Alerts) PutBack(ctx context.Context, r Row, app core.AppID) {
	if a.isNews("secret_put_back", r) {
		a.log.ErrorContext(ctx, "an older row of an app's secret was put back; it is not used: put the secret anew, and find out who writes to the database",
			"alert", "secret_put_back", "tenant_id", r.Tenant, "app_id", app, "version", r.Place.Version)
	}
}

// Opened takes back what was told of a row, and of the key it hangs on.
func (a *Alerts) Opened(place seal.Binding, key seal.WrappedKey) {
	a.forget(place)
	a.KeyOpened(key)
}

// KeyOpened takes back what was told of a tenant's key, and that there was none.
func (a *Alerts) KeyOpened(key seal.WrappedKey) {
	a.forget(placeOfKey(key.Scope, key.Version))
	a.forget(placeOfKey(key.Scope, 0))
}

// Forget drops what was told of an app or a corp that is gone, named as the bindings
// of its values name it.
func (a *Alerts) Forget(tenant core.TenantID, id string) {
	a.told.Delete(subject{seal.Tenant(tenant), id})
}

// placeOfKey names the row of a key as if it were that of a value.
func placeOfKey(scope seal.Scope, version int32) seal.Binding {
	return seal.Binding{Scope: scope, SubjectKind: "key", Subject: strconv.Itoa(int(version))}
}

func subjectOf(place seal.Binding) subject { return subject{place.Scope, place.Subject} }

// isNews tells whether nothing was told yet of what lies there.
func (a *Alerts) isNews(alert string, r Row) (news bool) {
	now := told{r.Place, alert, sha256.Sum256(slices.Concat(binary.BigEndian.AppendUint64(nil, uint64(r.Number)), r.Key.Bytes, r.Sealed))}
	a.told.Compute(subjectOf(r.Place), func(list []told, _ bool) ([]told, xsync.ComputeOp) {
		if news = !slices.Contains(list, now); !news {
			return list, xsync.CancelOp
		}
		return append(without(list, func(t told) bool { return t.place == r.Place && t.alert == alert }), now), xsync.UpdateOp
	})
	return news
}

func (a *Alerts) forget(place seal.Binding) {
	if a.told.Size() == 0 {
		return // as on every good day
	}
	a.told.Compute(subjectOf(place), func(list []told, _ bool) ([]told, xsync.ComputeOp) {
		if list = without(list, func(t told) bool { return t.place == place }); len(list) == 0 {
			return nil, xsync.DeleteOp
		}
		return list, xsync.UpdateOp
	})
}

// without gives a list of its own: others may be reading this one.
func without(list []told, gone func(told) bool) []told {
	return slices.DeleteFunc(slices.Clone(list), gone)
}

package admin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/trial"
)

// Config is what Actions work with.
type Config struct {
	Store  *store.Store
	Trials *trial.Trier
	Sealer *seal.Sealer
	// NewScopeKey makes the key of a new tenant (seal.Ring has it).
	NewScopeKey func(seal.Scope, int32) (seal.WrappedKey, error)
	// RenewKeys reads the root keys anew, where one was turned just now (seal.Ring
	// has it); default: nothing.
	RenewKeys func(context.Context) error
	// Checkpoint signs how far chains of the audit go (auditing.Keys has it).
	Checkpoint func([]core.AuditHead, time.Time) []byte
	Log        *slog.Logger   // default slog.Default
	Alerts     *sealed.Alerts // about keys that do not open; default: one of its own, on Log

	// Mailer sends invitations and resets besides; nil: there is no mail.
	Mailer Mailer

	DeletionGrace time.Duration // between the deletion of a tenant and its destruction; 0: none
	KeyBackupDays int           // how many days a backup of the keys is kept, for the proof of a destruction
}

// Mailer sends letters. Send waits, no longer than some seconds, until the mail server
// has taken the letter; an error says why it has not.
type Mailer interface {
	Send(ctx context.Context, letter core.Letter) error
}

// Actions is everything that an administrator can do.
type Actions struct {
	Config
	destruction chan struct{} // held while a tenant is destroyed
}

// New makes Actions.
func New(cfg Config) *Actions {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Alerts == nil {
		cfg.Alerts = sealed.NewAlerts(cfg.Log)
	}
	if cfg.RenewKeys == nil {
		cfg.RenewKeys = func(context.Context) error { return nil }
	}
	return &Actions{Config: cfg, destruction: make(chan struct{}, 1)}
}

// errUnchanged says that everything is as it was asked for already.
var errUnchanged = errors.New("nothing is to change")

// change runs one action's transaction: work, then the audit row. Where work says
// errUnchanged nothing is written, and that is no failure. Of a tenant that is
// leaving nothing is changed: it fails with fault.TenantLeaving. Of a suspended one
// its own people change nothing: it fails with fault.TenantSuspended.
func (a *Actions) change(ctx context.Context, actor core.Actor, tenant core.TenantID, entry core.AuditEntry, work func(*store.TenantTx) error) error {
	err := a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		held, err := tx.HoldTenant(ctx)
		switch {
		case err != nil:
			return err
		case held.Leaving:
			return fault.New(fault.TenantLeaving, nil)
		case held.Suspended && !actor.Grants.Works():
			return fault.New(fault.TenantSuspended, nil)
		}
		if err := work(tx); err != nil {
			return err
		}
		return tx.Audit(ctx, entry)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// read runs a reading transaction of one tenant for an actor who may read it.
func read[T any](ctx context.Context, a *Actions, actor core.Actor, tenant core.TenantID, permission core.Permission, work func(*store.TenantTx) (T, error)) (T, error) {
	var value T
	if err := actor.MayIn(tenant, permission); err != nil {
		return value, err
	}
	err := a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		if _, err := tx.GetTenant(ctx); err != nil {
			return err
		}
		var err error
		value, err = work(tx)
		return err
	})
	return value, err
}

// checkVersion compares what the caller read with what is there now.
func checkVersion(ifVersion *int64, now int64) error {
	if ifVersion != nil && *ifVersion != now {
		return fault.New(fault.IfMatchConflict, nil)
	}
	return nil
}

// fields gathers what is wrong with the members of a request, so that all of it
// is told at once.
type fields struct{ list []fault.Field }

// check notes err if it is about a field, and passes value on.
func check[T any](f *fields, value T, err error) T {
	if err != nil {
		f.list = append(f.list, fault.Find(err).Fields...)
	}
	return value
}

func (f *fields) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.RequestInvalid, Fields: f.list}
}

package replay

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// Answer is what a call was answered with.
type Answer struct {
	Status      int
	ContentType string
	ETag        string
	Location    string
	Body        core.Secret // it may hold what is shown once
}

// kept is an Answer as it is sealed.
type kept struct {
	Status      int    `json:"status"`
	ContentType string `json:"contentType"`
	ETag        string `json:"etag"`
	Location    string `json:"location"`
	Body        string `json:"body"`
}

// seal makes the row of an answer, under the newest version of the key that it belongs
// to, which is held until the transaction ends.
func (k *Keeper) seal(ctx context.Context, tx rows, r Run, a Answer) (store.AnswerRow, error) {
	text, err := json.Marshal(kept{a.Status, a.ContentType, a.ETag, a.Location, a.Body.Expose()})
	if err != nil {
		return store.AnswerRow{}, fmt.Errorf("encode an answer: %w", err)
	}
	defer clear(text)
	key, err := sealingKey(ctx, tx, r.call)
	if err != nil {
		return store.AnswerRow{}, err
	}
	sealed, err := k.Sealer.Seal(key, placeOf(r.call, r.answer), core.NewSecret(string(text)))
	return store.AnswerRow{Answer: r.answer, Run: r.id, State: store.AnswerKept, Sealed: sealed, KeyVersion: key.Version}, err
}

// open gives the answer of a row back.
func (k *Keeper) open(ctx context.Context, tx rows, c Call, row store.AnswerRow) (*Answer, error) {
	key, err := openingKey(ctx, tx, c, row.KeyVersion)
	if err != nil {
		return nil, err
	}
	text, err := k.Opener.Open(key, placeOf(c, row.Answer), row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open an answer: %w", err)
	}
	var a kept
	if err := json.Unmarshal([]byte(text.Expose()), &a); err != nil {
		return nil, fault.New(fault.InternalError, nil) // what it says of the text is not for a log
	}
	return &Answer{a.Status, a.ContentType, a.ETag, a.Location, core.NewSecret(a.Body)}, nil
}

func placeOf(c Call, answer string) seal.Binding {
	if c.Tenant.IsZero() {
		return seal.ForPlatformAnswer(answer)
	}
	return seal.ForIdempotentAnswer(c.Tenant, answer)
}

func sealingKey(ctx context.Context, tx rows, c Call) (seal.WrappedKey, error) {
	if tx, ok := tx.(*store.TenantTx); ok {
		key, err := tx.NewestTenantKey(ctx)
		return wrapped(seal.Tenant(c.Tenant), key), err
	}
	key, found, err := tx.(*store.PlatformTx).NewestPlatformKey(ctx)
	if err == nil && !found {
		err = fault.New(fault.InternalError, nil) // a node that serves has made one
	}
	return wrapped(seal.Platform(), key), err
}

func openingKey(ctx context.Context, tx rows, c Call, version int32) (seal.WrappedKey, error) {
	if tx, ok := tx.(*store.TenantTx); ok {
		key, err := tx.GetTenantKey(ctx, version)
		return wrapped(seal.Tenant(c.Tenant), key), err
	}
	key, err := tx.(*store.PlatformTx).GetPlatformKey(ctx, version)
	return wrapped(seal.Platform(), key), err
}

func wrapped(scope seal.Scope, k store.WrappedKey) seal.WrappedKey {
	return seal.WrappedKey{Scope: scope, Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}

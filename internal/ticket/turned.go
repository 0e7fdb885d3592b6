package ticket

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// A value and the key that opens it lie in two rows, which are read one after the
// other. Where the tenant's key was turned in between, the version that the value
// names is gone, and the value lies under a newer one by then: it is read again.

// keyOfTicket gives the key that opens a ticket's row, and the row as it is then.
func keyOfTicket(ctx context.Context, tx *store.TenantTx, k key, row store.TicketRow) (store.WrappedKey, store.TicketRow, error) {
	scopeKey, err := tx.GetTenantKey(ctx, row.KeyVersion)
	if !fault.Has(err, fault.TenantUnknown) {
		return scopeKey, row, err
	}
	again, found, rereadErr := tx.FindTicket(ctx, k.kind, k.subject())
	switch {
	case rereadErr != nil:
		return scopeKey, row, rereadErr
	case !found || again.KeyVersion == row.KeyVersion:
		return scopeKey, row, err
	}
	scopeKey, err = tx.GetTenantKey(ctx, again.KeyVersion)
	return scopeKey, again, err
}

// secretWithKey gives the current secret of an app and the key that opens it.
func secretWithKey(ctx context.Context, tx *store.TenantTx, app core.AppID) (secret store.SealedSecret, scopeKey store.WrappedKey, err error) {
	for range 2 {
		if secret, err = tx.GetCurrentSecret(ctx, app); err != nil {
			return secret, scopeKey, err
		}
		if scopeKey, err = tx.GetTenantKey(ctx, secret.KeyVersion); !fault.Has(err, fault.TenantUnknown) {
			return secret, scopeKey, err
		}
	}
	return secret, scopeKey, err
}

package identity

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// IsAPIKey tells whether what stands behind "Bearer " claims to be the token of an
// API key, and no session's.
func IsAPIKey(bearer string) bool { return strings.HasPrefix(bearer, core.APIKeyPrefix) }

// ParseAPIKey reads the token of an API key. It fails with fault.SessionRequired for
// what is none, before anybody is asked.
func ParseAPIKey(bearer string) (core.APIKeyToken, error) {
	token, ok := core.ParseAPIKeyToken(bearer)
	if !ok {
		return token, fault.New(fault.SessionRequired, nil)
	}
	return token, nil
}

// AuthenticateAPIKey tells who shows the token of an API key, and what the key may do
// at this moment: it is read from the store each time, in one statement. It fails with
// fault.SessionRequired for everything that is wrong with the token or the key,
// without saying what, with fault.TenantSuspended for a key whose tenant is suspended
// or leaving, and with fault.StoreUnavailable.
func (i *Identity) AuthenticateAPIKey(ctx context.Context, client netip.Prefix, token core.APIKeyToken, requestID string) (core.Actor, error) {
	var key store.ShownAPIKey
	var found bool
	err := i.store.Tenant(ctx, system(requestID), token.Tenant, func(tx *store.TenantTx) (err error) {
		key, found, err = tx.FindAPIKey(ctx, token.Key)
		return err
	})
	if err != nil {
		return core.Actor{}, err
	}
	// The hash is worked out and compared whether there is a key or not.
	right := core.IsHash(key.Hash, token.Hash())
	switch {
	case !found, !right, !key.Lives(key.ReadAt):
		return core.Actor{}, fault.New(fault.SessionRequired, nil)
	case key.Suspended:
		return core.Actor{}, fault.New(fault.TenantSuspended, nil)
	}
	i.noteUse(ctx, client, token, key, requestID)
	return core.APIKeyActor(token.Tenant, key.APIKey, requestID), nil
}

// How often the use of a key is written, and how long a request waits for that.
const (
	useEvery    = time.Minute
	usePatience = 250 * time.Millisecond
)

// noteUse notes that a key was used. That it cannot be written is nobody's trouble:
// the next use is.
func (i *Identity) noteUse(ctx context.Context, client netip.Prefix, token core.APIKeyToken, key store.ShownAPIKey, requestID string) {
	if key.LastUsedAt != nil && key.ReadAt.Sub(*key.LastUsedAt) < useEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, usePatience)
	defer cancel()
	_ = i.store.Tenant(ctx, system(requestID), token.Tenant, func(tx *store.TenantTx) error {
		return tx.UseAPIKey(ctx, token.Key, key.ReadAt, client.String())
	})
}

package ticket

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// A refusal names the place of a row that did not open.
type refusal struct {
	key     key   // of a ticket; of the access token for its app's secret; of a tenant's key the tenant alone
	secret  bool  // the app's secret, not its access token
	version int32 // of a tenant's key
}

func refusedTicket(k key) refusal { return refusal{key: k} }

func refusedSecret(app App) refusal { return refusal{key: keyOf(app, core.AccessToken), secret: true} }

func refusedKey(tenant core.TenantID, version int32) refusal {
	return refusal{key: key{tenant: tenant}, version: version}
}

// row is what lies there, with the number of its version or generation and the key
// it is to open with.
type row struct {
	number int64
	sealed []byte
	key    store.WrappedKey
}

// alertRefusal raises the alert about a row that does not open, once for this node:
// pages go on asking, and one line says as much as thousands. It is raised again
// when other bytes do not open there, or after it has opened. Where the tenant's
// key is what does not open, the alert is the key's, once for all that hangs on it.
func (c *Cache) alertRefusal(ctx context.Context, of refusal, r row, err error, text string, facts ...any) {
	if errors.Is(err, seal.ErrScopeKey) {
		of, r.number, r.sealed = refusedKey(of.key.tenant, r.key.Version), 0, nil
		text, facts = "a tenant's key does not open, and nothing that hangs on it", []any{"version", r.key.Version}
	}
	if !c.isNews(of, r) {
		return
	}
	facts = append([]any{"alert", "seal_refused", "tenant_id", of.key.tenant}, facts...)
	c.Log.ErrorContext(ctx, text, append(facts, "error", err)...)
}

// isNews tells whether nothing was told yet of what lies there.
func (c *Cache) isNews(of refusal, r row) bool {
	state := sha256.Sum256(slices.Concat(binary.BigEndian.AppendUint64(nil, uint64(r.number)), r.key.Wrapped, r.sealed))
	told, known := c.refused.LoadAndStore(of, state)
	return !known || told != state
}

// noteOpened takes back what was told of a row, and of the key it hangs on.
func (c *Cache) noteOpened(of refusal, version int32) {
	if c.refused.Size() > 0 {
		c.refused.Delete(of)
		c.refused.Delete(refusedKey(of.key.tenant, version))
	}
}

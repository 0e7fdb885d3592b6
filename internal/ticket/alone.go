package ticket

import (
	"context"

	"signet/internal/core"
)

// mayGoAlone tells whether this node can fetch a value for itself while Postgres
// takes no turn: with a secret or a token that it holds, or where Postgres can
// at least be read.
func (c *Cache) mayGoAlone(e errand, seen sight) bool {
	k := keyOf(e.app, core.AccessToken)
	_, spared := c.spares.Load(k)
	token, _ := c.memory.Load(k)
	return seen.row || spared || e.key.kind != core.AccessToken && c.serves(token, c.disownedGeneration(k))
}

// fetchAlone fetches a value without a turn, and keeps it on this node: other
// nodes do the same, each once for a life, and the next row that is written
// makes them one again. held is what the row holds, if it could be read.
func (c *Cache) fetchAlone(ctx context.Context, e errand, held *entry) (*entry, error) {
	e.alone = true
	if known, _ := c.memory.Load(e.key); known != nil && (held == nil || known.generation > held.generation) {
		held = known
	}
	got, err := c.fetchUsable(ctx, e, held, &turn{})
	if err != nil {
		return nil, err
	}
	c.Observer.Loaded(e.key.kind, FromWeCom)
	c.Log.WarnContext(ctx, "a token or ticket was fetched without Postgres and stays in memory", "tenant_id", e.key.tenant, "kind", e.key.kind)
	return got.entry, nil
}

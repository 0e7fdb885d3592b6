package ticket

import (
	"errors"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/wecom"
)

// anewEvery is how often at most, in the whole cluster, a value is fetched anew
// that could still be used: because WeCom disowned it, or a page was told so.
const anewEvery = time.Minute

// isDisowned tells whether a call failed because of its token. WeCom says so
// with several numbers, 40001 among them (protocol notes 7).
func isDisowned(err error) bool {
	var refused *wecom.Error
	return errors.As(err, &refused) && refused.Class == wecom.Refresh
}

// disownedGeneration is the generation of a token that WeCom will have no more
// although its end has not come; 0 if there is none. Its row stays, so that
// generations go on rising: who hears of it late, about a token that has been
// replaced, changes nothing.
func (c *Cache) disownedGeneration(k key) int64 {
	generation, _ := c.disowned.Load(k)
	return generation
}

func (c *Cache) disown(k key, generation int64) {
	c.disowned.Compute(k, func(before int64, _ bool) (int64, xsync.ComputeOp) {
		return max(before, generation), xsync.UpdateOp
	})
}

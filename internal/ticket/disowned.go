package ticket

import (
	"errors"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/fault"
	"signet/internal/wecom"
)

// anewEvery is how often at most a token is fetched anew before its end because
// WeCom disowned it.
const anewEvery = time.Minute

// disowning is what is known of a token that WeCom will have no more although
// its end has not come. Its row stays, so that generations go on rising: who
// hears of it late, about a token that has been replaced, changes nothing.
type disowning struct {
	generation int64     // of the token; 0 when it was replaced
	anew       time.Time // when one was last fetched to replace it
}

// isDisowned tells whether a call failed because of its token. WeCom says so
// with several numbers, 40001 among them (protocol notes 7).
func isDisowned(err error) bool {
	var refused *wecom.Error
	return errors.As(err, &refused) && refused.Class == wecom.Refresh
}

func (c *Cache) disownedGeneration(k key) int64 {
	d, _ := c.disowned.Load(k)
	return d.generation
}

func (c *Cache) disown(k key, generation int64) {
	c.disowned.Compute(k, func(d disowning, _ bool) (disowning, xsync.ComputeOp) {
		d.generation = max(d.generation, generation)
		return d, xsync.UpdateOp
	})
}

// replaced notes that there is a token beyond the disowned one.
func (c *Cache) replaced(k key) {
	c.disowned.Compute(k, func(d disowning, _ bool) (disowning, xsync.ComputeOp) {
		d.generation = 0
		return d, xsync.UpdateOp
	})
}

// mayFetchAnew lets a disowned token be replaced once a minute. It stands in
// nobody's way where no token is disowned.
func (c *Cache) mayFetchAnew(k key) error {
	now := c.Now()
	var left time.Duration
	c.disowned.Compute(k, func(d disowning, known bool) (disowning, xsync.ComputeOp) {
		if !known || d.generation == 0 {
			return d, xsync.CancelOp
		}
		if left = d.anew.Add(anewEvery).Sub(now); left > 0 {
			return d, xsync.CancelOp
		}
		d.anew = now
		return d, xsync.UpdateOp
	})
	if left > 0 {
		return fault.New(fault.WeComUnavailable, nil).WithRetryAfter(left)
	}
	return nil
}

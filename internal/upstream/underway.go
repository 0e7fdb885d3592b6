package upstream

import (
	"sync"

	"signet/internal/core"
)

// underway counts the calls that WeCom may yet refuse. Without it a burst would
// pass the ledger whole: each call would read a count in which the others are
// not written down yet. It holds for one node; the ledger holds for all.
type underway struct {
	mu       sync.Mutex // guards the rest
	all      int64
	byTenant map[core.TenantID]int64
}

// begin counts a call in and tells how many others are under way. It comes
// before the ledger is read, and end after the outcome is written, so that no
// call is ever in neither count.
func (u *underway) begin(tenant core.TenantID) (ofTenant, ofPlatform int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byTenant == nil {
		u.byTenant = map[core.TenantID]int64{}
	}
	ofTenant, ofPlatform = u.byTenant[tenant], u.all
	u.byTenant[tenant]++
	u.all++
	return ofTenant, ofPlatform
}

func (u *underway) end(tenant core.TenantID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all--
	if u.byTenant[tenant]--; u.byTenant[tenant] == 0 {
		delete(u.byTenant, tenant)
	}
}

package ticket

import (
	"signet/internal/core"
)

// AppOf is an app of a tenant.
type AppOf struct {
	Tenant core.TenantID
	App    core.AppID
}

// CorpOf is a corp of a tenant.
type CorpOf struct {
	Tenant core.TenantID
	Corp   core.CorpID
}

// ForgetMissed is for a node that may have missed changes, with the apps and corps
// that there are now. It drops every access token and every secret that is kept
// for a day without Postgres, since any may have been rotated (the rows still have
// those that are good), and whatever is of an app or a corp that is gone. No
// credential counts as refused any more, and who waits for another node looks
// again.
func (c *Cache) ForgetMissed(apps map[AppOf]bool, corps map[CorpOf]bool) {
	c.forgotten.Add(1)
	c.spares.Clear()
	c.dead.Clear()
	goneApps, goneCorps := map[AppOf]bool{}, map[CorpOf]bool{}
	for k := range c.memory.All() {
		switch {
		case k.kind == core.AccessToken:
			c.memory.Delete(k)
		case k.kind == core.AgentTicket && !apps[AppOf{k.tenant, k.app}]:
			goneApps[AppOf{k.tenant, k.app}] = true
		case k.kind == core.CorpTicket && !corps[CorpOf{k.tenant, k.corp}]:
			goneCorps[CorpOf{k.tenant, k.corp}] = true
		}
	}
	for gone := range goneApps {
		c.Forget(gone.Tenant, gone.App, core.AccessToken, core.AgentTicket)
	}
	for gone := range goneCorps {
		c.ForgetCorp(gone.Tenant, gone.Corp)
	}
	c.Gate.ResumeRefused()
	c.changes.Add(1)
	c.heldBack.Clear()
	c.waiting.wakeAll()
}

// ForgetTimes is for a node whose clock was set back: what it holds may end later
// than it is good for, and what is held back may be so for too long. Rows have
// their ends from nodes whose clock Postgres has just set, and are read anew.
func (c *Cache) ForgetTimes() {
	c.memory.Clear()
	c.heldBack.Clear()
	c.Gate.ForgetTimes()
	c.waiting.wakeAll()
}

package upstream

import "maps"

// ResumeRefused lifts the pauses of all apps that wait for a person to mend a
// credential, because any may have been mended without this node hearing of it.
// Pauses of other kinds stay.
func (g *Gate) ResumeRefused() {
	p := g.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.held, func(k pauseKey, held pause) bool { return !k.AppID.IsZero() && held.kind == refused })
}

// ForgetTimes drops what this node knows of pauses, for who has set its clock back;
// what the cluster knows of them stands in Postgres.
func (g *Gate) ForgetTimes() {
	p := g.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.held)
}

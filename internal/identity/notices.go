package identity

import (
	"net/netip"

	"signet/internal/core"
)

// Notifier tells members what was done with their accounts. Notify takes a notice over
// or drops it, and waits for nobody.
type Notifier interface {
	Notify(notice core.Notice)
}

// notify tells a member what was done just now, where members are told. What was done
// stays done whatever becomes of the notice.
func (i *Identity) notify(kind core.NoticeKind, email string, v Visit) {
	if i.notifier == nil {
		return
	}
	n := core.Notice{Kind: kind, To: email, At: i.clock(), Agent: v.agent()}
	if v.Client != (netip.Prefix{}) {
		n.Client = v.Client.String()
	}
	i.notifier.Notify(n)
}

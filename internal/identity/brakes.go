package identity

import (
	"context"
	"net/netip"
	"time"

	"signet/internal/store"
)

// The brakes on guessing. What a guesser who has all the time can try in a day
// follows from the intervals: from one network 2,880 passwords at one member and
// 43,200 at all members together; from any number of networks 28,800 at one member,
// besides 2,880 from each network, and each browser, from which that member has come
// in. A member is kept out only by a guesser in the same network, or by ten networks
// at their full pace, and by those not in a browser in which they came in before, nor
// from where they came in before.
var (
	// triesPerClient stands before everything else, the database too, and counts what
	// is right as well, since it costs a hash. It leaves an office behind one address
	// sixty sign-ins in a rush and thirty a minute on and on. It is each node's own.
	triesPerClient = allowance{burst: 60, interval: 2 * time.Second}

	// triesPerPair is for a client, or a known browser, at one e-mail address, over all
	// nodes. It lets a member mistype ten times before waiting.
	triesPerPair = store.Allowance{Burst: 10, Interval: 30 * time.Second}

	// triesPerEmail is for all clients at one e-mail address, over all nodes: ten times
	// what one client may, so that one cannot use it up for the others.
	triesPerEmail = store.Allowance{Burst: 100, Interval: 3 * time.Second}

	// codesPerMember is for the codes of one member's second factors, over all nodes.
	// Whoever tries them has the password already.
	codesPerMember = store.Allowance{Burst: 10, Interval: time.Minute}
)

// isEverybody tells whether a client is the machine itself: a proxy that is not
// listed, behind which all are one client, or somebody who can stop the process
// anyway. What keeps one client from being in another's way would there put
// everyone in everyone's.
func isEverybody(client netip.Prefix) bool { return client.Addr().IsLoopback() }

// takeClient counts a try of a client, or tells how long to wait for the next.
func (i *Identity) takeClient(client netip.Prefix) (wait time.Duration) {
	if isEverybody(client) {
		return 0
	}
	return i.clients.take(client, i.clock())
}

// A brake is an allowance, and what is counted against it.
type brake struct {
	key  [32]byte
	most store.Allowance
}

// takeBrakes counts a try against each of them, or fails with fault.RateLimitedCode, and
// then against none.
func (i *Identity) takeBrakes(ctx context.Context, brakes ...brake) error {
	return i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		for _, b := range brakes {
			if wait, err := tx.TakeTry(ctx, b.key, b.most); err != nil {
				return err
			} else if wait > 0 {
				return rateLimited(wait)
			}
		}
		return nil
	})
}

// A taken try is one that was counted, and what it counts against.
type taken struct{ pair, email [32]byte }

// takeTry counts a try at an e-mail address, whether anybody has it or not, or tells
// how long to wait for the next; then the transaction is to be undone. It takes the
// same steps for everybody. counted is what is counted where it is no address.
func takeTry(ctx context.Context, tx *store.PlatformTx, v Visit, counted, email string) (t taken, wait time.Duration, err error) {
	home, client := v.home(), v.Client.String()
	device, hasDevice := v.device()
	known, err := tx.KnownDevices(ctx, [][]byte{home[:], device[:]}, email)
	if err != nil {
		return t, 0, err
	}
	t.pair = store.TryKey("pair", client, counted)
	for _, hash := range known {
		if hasDevice && hash == device {
			t.pair = store.TryKey("device", string(device[:]), counted) // who else is in that network is not in its way
		}
	}
	if wait, err = tx.TakeTry(ctx, t.pair, triesPerPair); err != nil || wait > 0 || len(known) > 0 {
		return t, wait, err
	}
	t.email = store.TryKey("email", counted)
	wait, err = tx.TakeTry(ctx, t.email, triesPerEmail)
	return t, wait, err
}

// giveTryBack undoes a try that was right, or was none.
func giveTryBack(ctx context.Context, tx *store.PlatformTx, t taken) error {
	if err := tx.GiveTryBack(ctx, t.pair, triesPerPair); err != nil || t.email == [32]byte{} {
		return err
	}
	return tx.GiveTryBack(ctx, t.email, triesPerEmail)
}

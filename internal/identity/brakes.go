package identity

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// The brakes of a node on guessing. What a guesser who has all the time can try
// in a day follows from the intervals: from one network 2,880 passwords at one
// member and 43,200 at all members together; from any number of networks 28,800
// at one member, besides 2,880 from each network from which that member has come
// in. A member is kept out only by a guesser in the same network, or by ten
// networks at their full pace, and by those not where the member came in before.
var (
	// triesPerClient stands before everything else, and counts what is right too,
	// since it costs a hash as well. It leaves an office behind one address sixty
	// sign-ins in a rush and thirty a minute on and on.
	triesPerClient = allowance{burst: 60, interval: 2 * time.Second}

	// triesPerPair is for a client at one e-mail address. It lets a member mistype
	// ten times before waiting.
	triesPerPair = allowance{burst: 10, interval: 30 * time.Second}

	// triesPerEmail is for all clients at one e-mail address: ten times what one
	// client may, so that one cannot use it up for the others.
	triesPerEmail = allowance{burst: 100, interval: 3 * time.Second}
)

// try is a client's try at an e-mail address, whether anybody has it or not.
type try struct {
	client netip.Prefix
	email  string
}

// brakes are the three brakes on a try, and the memory of whom the last of them
// spares. They are safe for concurrent use.
type brakes struct {
	clients *tries[netip.Prefix]
	pairs   *tries[try]
	emails  *tries[string]
	homes   *homes
}

func newBrakes() *brakes {
	return &brakes{
		clients: newTries[netip.Prefix](triesPerClient),
		pairs:   newTries[try](triesPerPair),
		emails:  newTries[string](triesPerEmail),
		homes:   &homes{seed: maphash.MakeSeed()},
	}
}

// take uses one try, or tells how long to wait for the next. giveBack undoes it
// at the e-mail address; that the client came stays counted.
func (b *brakes) take(t try, now time.Time) (giveBack func(), wait time.Duration) {
	if !isEverybody(t.client) {
		if wait := b.clients.take(t.client, now); wait > 0 {
			return nil, wait
		}
	}
	if wait := b.pairs.take(t, now); wait > 0 {
		return nil, wait
	}
	if b.homes.has(t) {
		return func() { b.pairs.giveBack(t) }, 0
	}
	if wait := b.emails.take(t.email, now); wait > 0 {
		b.pairs.giveBack(t)
		return nil, wait
	}
	return func() {
		b.pairs.giveBack(t)
		b.emails.giveBack(t.email)
	}, 0
}

// remember notes that a member came in with this try.
func (b *brakes) remember(t try) { b.homes.add(t) }

// isEverybody tells whether a client is the machine itself: a proxy that is not
// listed, behind which all are one client, or somebody who can stop the process
// anyway. What keeps one client from being in another's way would there put
// everyone in everyone's.
func isEverybody(client netip.Prefix) bool { return client.Addr().IsLoopback() }

// homes remembers from where members came in, so that a crowd of guessers from
// everywhere does not keep them out there (the device cookies of OWASP, with a
// network for the cookie). Only a right password writes in it, so that no
// stranger can push a member out; two members may, and then the older is braked
// as from anywhere.
type homes struct {
	seed maphash.Seed

	mu    sync.Mutex // guards marks
	marks [1 << 12]uint64
}

func (h *homes) add(t try) {
	mark := maphash.Comparable(h.seed, t)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.marks[mark%uint64(len(h.marks))] = mark
}

func (h *homes) has(t try) bool {
	mark := maphash.Comparable(h.seed, t)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.marks[mark%uint64(len(h.marks))] == mark
}

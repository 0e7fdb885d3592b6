// Package custody is the life of the keys above the secrets: the root keys are
// opened, turned, handed to another master and recovered, and the keys of tenants
// and the platform's own are turned.
//
// It owns the order of the steps. A turning is online: what is new is stored first
// and seals from then on, what is old is turned in batches, each a transaction of
// its own, and the old key is deleted after a count of zero. How far it is stands
// in the rows alone. So any number of nodes may work at one turning, one that is
// killed at any place leaves the rest to the next, and to begin again is to go on.
//
// It refuses to know a cipher (that is seal) or a statement (that is store), to
// show a value, and to delete a key under which anything lies.
//
// Keys is safe for concurrent use. With Postgres away everything here fails with
// fault.StoreUnavailable; the ring goes on with what it holds.
//
// Start reading at custody.go, then root.go, tenant.go and platform.go.
package custody

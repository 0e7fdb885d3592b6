// Package httpapitest brings a listener to work in a test and talks to it as a
// client on the network does: over a socket, byte for byte.
//
// It owns what the tests of every listener do alike: serving an app until the
// test ends, asking it and reading the answer whole, and the log it writes. What
// an answer must look like, each listener's own tests say. It knows fiber and
// nothing of this house, so that the kit's own tests can use it too.
//
// Everything here is safe for parallel tests. No connection is kept, so that no
// test waits for one to fall idle.
//
// Start reading at listener.go.
package httpapitest

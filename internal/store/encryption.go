package store

import (
	"errors"
	"net/netip"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// errUnsaid is the refusal of an address whose connections would be in the clear
// wherever somebody on the way says that the server speaks no TLS.
var errUnsaid = errors.New("sslmode is not given (or is allow or prefer), so that whoever is on the way to Postgres could have everything sent in the clear; " +
	"write sslmode=verify-full&sslrootcert=FILE, or sslmode=disable where the way never leaves this machine or a network inside it")

// checkEncryption looks for a server that would be spoken to with TLS and, failing
// that, without. It fails with errUnsaid. What stays on this machine may do as it likes.
func checkEncryption(cfg *pgconn.Config) error {
	ways := map[string]bool{cfg.Host + ":" + strconv.Itoa(int(cfg.Port)): cfg.TLSConfig != nil}
	for _, other := range cfg.Fallbacks {
		at, encrypted := other.Host+":"+strconv.Itoa(int(other.Port)), other.TLSConfig != nil
		if before, known := ways[at]; known && before != encrypted && !isHere(other.Host) {
			return errUnsaid
		}
		ways[at] = encrypted
	}
	return nil
}

// isHere tells whether a host is this machine: a loopback address, or a socket's folder.
func isHere(host string) bool {
	if network, _ := pgconn.NetworkAddress(host, 0); network == "unix" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

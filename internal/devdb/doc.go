// Package devdb gives everyone a real Postgres: `signet dev` and the tests,
// with no Docker, no root, no database server and no account anywhere.
//
// It owns finding the programs (SIGNET_POSTGRES_BIN_DIR, the pinned npm
// package, the system's), making a cluster, and one server process per
// cluster. A persistent cluster keeps its data from run to run; a throwaway
// one lives in the temporary directory, trades safety for speed and is gone
// after Stop. As root the server runs as another, unprivileged user; since
// that user seldom can reach the directory named by the caller, the cluster
// then lies under /var/lib/signet-dev and signet-postgres.json in the named
// directory says where.
//
// It refuses to touch a directory with content that it did not make, a cluster
// that another process owns, and data of another major version. It listens on
// 127.0.0.1 only, wants a password from everybody, speaks no SQL and writes no
// value of a statement into the server's log.
//
// It promises that the server stops with its owner, also when the owner is
// killed: a small shell between the two waits for the end of a pipe that only
// the owner holds, and neither it nor the server is in the owner's session, so
// that Ctrl-C reaches the owner alone. Everything exported is safe for
// concurrent use, by several processes too.
//
// Start reading at find.go, then server.go, then supervisor.go.
package devdb

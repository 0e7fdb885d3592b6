package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
)

// An address must say whether its connections are encrypted: the driver's default tries
// TLS and then goes on without, which whoever is on the way can bring about.
func TestNoConnectionFallsBackToTheClear(t *testing.T) {
	t.Parallel()
	const says = "sslmode is not given (or is allow or prefer)"
	address := func(host, query string) string { return "postgres://signet_app:hidden@" + host + "/signet" + query }
	for _, row := range []struct {
		host, query string
		refused     bool
	}{
		{"192.0.2.1:1", "", true},
		{"192.0.2.1:1", "?sslmode=prefer", true},
		{"192.0.2.1:1", "?sslmode=allow", true},
		{"127.0.0.1:1,192.0.2.1:1", "", true},
		{"db.test.invalid:1", "", true},
		{"localhost.test.invalid:1", "", true},
		{"db.test.invalid:1", "?sslmode=disable", false},
		{"db.test.invalid:1", "?sslmode=require", false},
		{"db.test.invalid:1", "?sslmode=verify-full", false},
		{"127.0.0.1:1", "", false},
		{"127.8.8.8:1", "", false},
		{"[::1]:1", "", false},
		{"localhost:1", "", false},
		{"", "?host=/nowhere", false},
	} {
		text := address(row.host, row.query)
		_, opened := store.Open(t.Context(), store.Config{TenantURL: text, SystemURL: text})
		migrated := store.MigrateUp(t.Context(), store.MigrateConfig{OwnerURL: text})
		for key, err := range map[string]error{"SIGNET_DATABASE_URL": opened, "SIGNET_MIGRATE_DATABASE_URL": migrated} {
			if row.refused {
				require.ErrorContains(t, err, key+": "+says, text)
				require.NotContains(t, err.Error(), "hidden")
			} else {
				require.Error(t, err, "nobody is there")
				require.NotContains(t, err.Error(), says, text)
			}
		}
	}
}

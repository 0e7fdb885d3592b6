package config_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
)

func TestAProblemIsToldUnderTheNameThatWasTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		environ string
		flags   map[string]string
		want    string
		isFlag  bool
	}{
		{"a flag", "", map[string]string{config.PublicAddr: "nope"},
			`--public-addr is "nope", which is no address to listen on: write HOST:PORT or :PORT`, true},
		{"a flag over a key that is wrong too", "SIGNET_LOG_LEVEL=loud", map[string]string{config.LogLevel: "louder"},
			`--log-level is "louder": it should be debug, info, warn or error`, true},
		{"a flag that holds a password", "", map[string]string{config.SystemDatabaseURL: "mysql://a:hunter2@b/c"},
			"--system-database-url is not a Postgres address: it should look like postgres://USER:PASSWORD@HOST:5432/DATABASE", true},
		{"a key", "SIGNET_LOG_LEVEL=loud", nil,
			`SIGNET_LOG_LEVEL is "loud": it should be debug, info, warn or error`, false},
		{"a key that no flag mends", "SIGNET_TYPO=1", map[string]string{config.PublicAddr: ":1"},
			"SIGNET_TYPO is no key of Signet: check its spelling, the list is in docs/configuration.md", false},
		{"a flag on the default of another listener", "", map[string]string{config.PublicAddr: ":8882"},
			`--public-addr is ":8882", where SIGNET_METRICS_ADDR ("127.0.0.1:8882") listens already: give each a port of its own`, true},
		{"two flags on one address", "", map[string]string{config.PublicAddr: ":1", config.ConsoleAddr: ":1"},
			`--console-addr is ":1", where --public-addr (":1") listens already: give each a port of its own`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := source()
			if c.environ != "" {
				from.Environ = []string{c.environ}
			}
			from.Flags = c.flags
			_, err := config.Read(from)
			require.EqualError(t, err, c.want)
			require.Equal(t, c.isFlag, errors.As(err, new(config.FlagError)))
		})
	}
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
	"signet/internal/fault"
	"signet/internal/store/storetest"
)

// asSignet makes the test binary be the program, for tests of whole processes.
const asSignet = "TEST_BINARY_IS_SIGNET"

func TestMain(m *testing.M) {
	if os.Getenv(asSignet) != "" {
		main()
	}
	storetest.Main(m)
}

// withoutKeys takes every SIGNET_ key out of the environment until the test ends.
func withoutKeys(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "SIGNET_") {
			t.Setenv(name, "") // which puts it back at the end
			require.NoError(t, os.Unsetenv(name))
		}
	}
}

func TestExitStatusesAndErrors(t *testing.T) {
	t.Setenv("SIGNET_NOBODYS", "1") // as whoever runs the tests may have exported one
	for _, c := range []struct {
		name   string
		args   []string
		in     string
		env    map[string]string
		status int
		want   string
	}{
		{"help is no failure", []string{"--help"}, "", nil, exitDone, ""},
		{"version is no failure", []string{"version"}, "", nil, exitDone, ""},
		{"no command is wrong use", nil, "", nil, exitWrongUse, "signet --help"},
		{"an unknown command is wrong use", []string{"nonsense"}, "", nil, exitWrongUse, "nonsense"},
		{"an unknown flag is wrong use", []string{"serve", "--nonsense"}, "", nil, exitWrongUse, "--nonsense"},
		{"a missing flag is wrong use", []string{"keys", "init"}, "", nil, exitWrongUse, "--out"},
		{"a password on the command line is no way", []string{"admin", "create", "--email", "a@test.example"}, "", nil, exitWrongUse, "--password-stdin"},
		{"a passphrase of no file is wrong use", []string{"keys", "check", "--recovery-passphrase-file", "x"}, "", nil, exitWrongUse, "name the file of that with --recovery"},
		{"two keys at once are wrong use", []string{"keys", "rotate", "--platform", "--master"}, "", nil, exitWrongUse, "can't be used together"},
		{"a missing key has failed", []string{"keys", "status"}, "", map[string]string{"SIGNET_IDENTITY_FILE": "x"}, exitFailed, "SIGNET_DATABASE_URL is missing"},
		{"three mistakes are three lines", []string{"health"}, "",
			map[string]string{"SIGNET_TYPO": "1", "SIGNET_LOG_LEVEL": "loud", "SIGNET_METRICS_ADDR": "x"}, exitFailed, "SIGNET_TYPO"},
		{"a taken address has failed", []string{"fakewecom", "--addr", "192.0.2.1:1"}, "", nil, exitFailed, "--addr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			withoutKeys(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			var out, errOut bytes.Buffer
			require.Equal(t, c.status, run(c.args, strings.NewReader(c.in), &out, &errOut), errOut.String())
			require.Contains(t, errOut.String(), c.want)
			if c.status != exitDone {
				lines := strings.Split(strings.TrimSpace(errOut.String()), "\n")
				for _, line := range lines {
					require.True(t, strings.HasPrefix(line, "signet: "), line)
				}
				require.Len(t, lines, max(1, len(c.env)))
			}
		})
	}
}

func TestEachProblemOfAnErrorHasItsLine(t *testing.T) {
	t.Parallel()
	named := fault.New(fault.StoreUnavailable, nil)
	field := fault.InvalidField("/email", fault.ReasonEmail, nil)
	var errOut bytes.Buffer
	err := errors.Join(errors.New("SIGNET_A is wrong"), errors.Join(named, errors.New("SIGNET_B is wrong")), fmt.Errorf("open: %w", field))
	require.Equal(t, exitFailed, report(&errOut, err, exitFailed))
	lines := strings.Split(strings.TrimSpace(errOut.String()), "\n")
	require.Equal(t, []string{
		"signet: SIGNET_A is wrong", "signet: " + named.Detail(fault.English), "signet: SIGNET_B is wrong",
		"signet: email: " + fault.ReasonEmail.Text(fault.English, nil),
	}, lines)
}

// Every key of the environment can also be a flag of serve.
func TestEveryKeyIsAFlagOfServe(t *testing.T) {
	var flags serveFlags
	value := reflect.ValueOf(&flags).Elem()
	for i := range value.NumField() {
		value.Field(i).SetString(value.Type().Field(i).Name)
	}
	byKey := flags.byKey()
	require.Len(t, byKey, value.NumField())
	var keys []string
	for key, field := range byKey {
		keys = append(keys, key)
		require.Equal(t, strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(key, "SIGNET_"), "_", "")), strings.ToUpper(field), key)
	}
	require.ElementsMatch(t, config.Names(), keys)
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// Every option of every command, as kong knows them: one that is given and empty is
// not one that was left out.
func TestAnEmptyOptionIsWrongUseOfEveryCommand(t *testing.T) {
	withoutKeys(t)
	t.Setenv("SIGNET_TYPO", "1") // so that none of them does anything, whatever becomes of the option
	parser, err := kong.New(new(commands), kong.Name("signet"))
	require.NoError(t, err)
	tried := 0
	for _, leaf := range parser.Model.Leaves(false) {
		command := strings.Fields(strings.TrimPrefix(leaf.FullPath(), "signet "))
		for _, flag := range leaf.Flags {
			if flag.IsBool() {
				continue
			}
			args := command
			for _, other := range leaf.Flags {
				if other.Required && other != flag {
					args = append(args[:len(args):len(args)], "--"+other.Name, "given")
				}
			}
			for _, empty := range [][]string{{"--" + flag.Name, ""}, {"--" + flag.Name + "="}} {
				given := append(args[:len(args):len(args)], empty...)
				var out, errOut bytes.Buffer
				require.Equal(t, exitWrongUse, run(given, strings.NewReader(""), &out, &errOut), "%q: %s", given, errOut.String())
				require.Contains(t, errOut.String(), "--"+flag.Name, "%q", given)
				require.NotContains(t, errOut.String(), "SIGNET_TYPO", "it is refused before the command is begun: %q", given)
				require.Empty(t, out.String())
				tried++
			}
		}
	}
	require.Greater(t, tried, 60)
}

func TestAnEmptyOptionIsToldWithItsMend(t *testing.T) {
	withoutKeys(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"keys", "rotate", "--tenant", ""}, "signet: --tenant is empty: give it a value, or leave it out\n"},
		{[]string{"keys", "check", "--sheet", "1=00", "--recovery", ""}, "signet: --recovery is empty: give it a value, or leave it out\n"},
		{[]string{"keys", "deletions", "--out", ""}, "signet: --out is empty: give it a value, or leave it out\n"},
		{[]string{"keys", "check", "--sheet", "1=00", "--sheet", ""}, "signet: --sheet is empty: give it a value, or leave it out\n"},
		{[]string{"keys", "forget", "--list="}, "signet: --list is empty: give it a value\n"},
	} {
		var out, errOut bytes.Buffer
		require.Equal(t, exitWrongUse, run(c.args, strings.NewReader(""), &out, &errOut))
		require.Equal(t, c.want, errOut.String())
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func TestAMistypedKeyIsAnErrorOfEveryCommandThatDoesSomething(t *testing.T) {
	t.Parallel()
	p, dir := program{env: []string{"SIGNET_TYPO=1"}}, t.TempDir()
	t.Cleanup(func() {
		made, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		require.Empty(t, made)
	})
	flags := map[string][]string{
		"dev": {"--dir", filepath.Join(dir, "dev")}, "keys init": {"--out", filepath.Join(dir, "identity.txt")},
		"keys recover": {"--recovery", filepath.Join(dir, "recovery.txt"), "--sheet", "1=00112233445566778899aabbccddeeff"},
		"admin create": {"--email", "owner@test.example", "--password-stdin"}, "fakewecom": {"--addr", "nonsense"},
		"audit checkpoint": {"--out", filepath.Join(dir, "checkpoint.jsonl")},
		"keys forget":      {"--list", filepath.Join(dir, "deletions.jsonl")},
	}
	parser, err := kong.New(new(commands), kong.Name("signet"))
	require.NoError(t, err)
	leaves := parser.Model.Leaves(false)
	require.Greater(t, len(leaves), 8)
	for _, leaf := range leaves {
		command := strings.TrimPrefix(leaf.FullPath(), "signet ")
		args := append(strings.Fields(command), flags[command]...)
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, p.run(t, "", append(args, "--help")...), "Usage: signet "+command)
			if command == "version" {
				require.Contains(t, p.run(t, "", args...), "commit ")
				return
			}
			r := p.refuse(t, args...)
			require.Contains(t, r.lines[0], "SIGNET_TYPO is no key of Signet")
			if command == "fakewecom" { // beside what else is wrong
				require.Equal(t, exitWrongUse, r.status)
				requireLines(t, r, []string{"SIGNET_TYPO"}, []string{"--addr", `"nonsense"`})
				return
			}
			require.Equal(t, exitFailed, r.status)
		})
	}
}

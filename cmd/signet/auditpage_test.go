package main

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// Every command of docs/operations/audit.md can be typed as it stands there.
func TestTheCommandsOfTheAuditPageParse(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations/audit.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ signet ")
		if !ok {
			continue
		}
		parser, err := kong.New(new(commands), kong.Name("signet"))
		require.NoError(t, err)
		parsed, err := parser.Parse(strings.Fields(command))
		require.NoError(t, err, command)
		require.NoError(t, refuseEmpty(parsed), command)
		seen[parsed.Command()] = true
	}
	require.Len(t, seen, 3, "each command about the audit")
}

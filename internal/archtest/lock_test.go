package archtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lockFindings lists what would keep web-admin/package-lock.json from working,
// or from being the same, on another machine.
func lockFindings(text []byte) (findings []string) {
	var lock struct {
		Packages map[string]struct {
			Resolved             string            `json:"resolved"`
			Integrity            string            `json:"integrity"`
			Link                 bool              `json:"link"`
			OptionalDependencies map[string]string `json:"optionalDependencies"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return []string{err.Error()}
	}
	for name, p := range lock.Packages {
		if strings.Contains(p.Resolved, "://") {
			findings = append(findings, name+" names where it was fetched")
		}
		if strings.Contains(name, "node_modules/") && !p.Link && p.Integrity == "" {
			findings = append(findings, name+" has no hash")
		}
		// npm leaves out what it could not fetch, and then `npm ci` refuses the lock everywhere.
		for dependency := range p.OptionalDependencies {
			_, hoisted := lock.Packages["node_modules/"+dependency]
			_, nested := lock.Packages[name+"/node_modules/"+dependency]
			if !hoisted && !nested {
				findings = append(findings, fmt.Sprintf("%s of %s is left out: make the lock anew where it can be fetched", dependency, name))
			}
		}
	}
	slices.Sort(findings)
	return findings
}

func TestTheLockWorksOnEveryMachine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(top(t), "web-admin/package-lock.json"))
	require.NoError(t, err)
	require.Empty(t, lockFindings(text))
}

func TestLockFindingsSeeEachMutant(t *testing.T) {
	t.Parallel()
	for says, lock := range map[string]string{
		"names where it was fetched": `{"packages":{"node_modules/a":{"integrity":"sha512-x","resolved":"https://example.com/a.tgz"}}}`,
		"has no hash":                `{"packages":{"node_modules/a":{}}}`,
		"b of node_modules/a is left out": `{"packages":{"node_modules/a":{"integrity":"sha512-x","optionalDependencies":{"b":"1","c":"1"}},
			"node_modules/c":{"integrity":"sha512-x"}}}`,
		"unexpected end": `{`,
	} {
		require.Contains(t, strings.Join(lockFindings([]byte(lock)), "\n"), says)
	}
	require.Empty(t, lockFindings([]byte(`{"packages":{"":{},"console":{},"node_modules/@signet/console":{"link":true,"resolved":"console"}}}`)))
}

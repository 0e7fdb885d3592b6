package chaos_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/failpoint"
)

// failingBinary is cmd/signet as builtBinary makes it, with the places at which it
// is killed.
var failingBinary = sync.OnceValues(func() (string, error) {
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	fresh := filepath.Join(top, "bin", "chaos", fmt.Sprintf("signet-failpoints.%d", os.Getpid()))
	build := exec.Command("go", "build", "-tags", "failpoints", "-trimpath", "-buildvcs=false", "-o", fresh, "./cmd/signet")
	build.Dir = top
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/signet with failpoints: %w: %s", err, said)
	}
	binary := filepath.Join(top, "bin", "chaos", "signet-failpoints")
	return binary, os.Rename(fresh, binary)
})

// killsEach is how often a turning is killed at each place.
const killsEach = 3

// finishPatience is how long what was killed may take to be finished after it was
// started again.
const finishPatience = 30 * time.Second

// vault is a cluster whose one node is down, and what its keys are turned with.
type vault struct {
	*cluster
	identity string // file
	offline  string // file of the recovery identity
	values   int    // how many sealed values there are
}

// Each turning is killed at each of its places, three times. Run again it is
// finished, nothing is lost, and every tenant's pages are signed by a node that
// starts afterwards.
func TestKilledAtEachFailpoint(t *testing.T) {
	t.Parallel()
	turnings := map[string]func(*testing.T, *vault) func(at failpoint.Name){
		"root": func(t *testing.T, v *vault) func(failpoint.Name) {
			return func(at failpoint.Name) { v.killed(t, at, "keys", "rotate"); v.finish(t, "keys", "rotate") }
		},
		"tenant": func(t *testing.T, v *vault) func(failpoint.Name) {
			args := []string{"keys", "rotate", "--tenant", v.warm[0].tenantID}
			return func(at failpoint.Name) { v.killed(t, at, args...); v.finish(t, args...) }
		},
		"platform": func(t *testing.T, v *vault) func(failpoint.Name) {
			args := []string{"keys", "rotate", "--platform"}
			return func(at failpoint.Name) { v.killed(t, at, args...); v.finish(t, args...) }
		},
		"master": func(t *testing.T, v *vault) func(failpoint.Name) {
			return func(at failpoint.Name) { v.turnMaster(t, at) }
		},
		"recover": func(t *testing.T, v *vault) func(failpoint.Name) {
			return func(at failpoint.Name) { v.loseMaster(t, at) }
		},
	}
	tried := map[failpoint.Name]bool{}
	for kind := range movesKilled { // moves_test.go
		tried = withKind(tried, kind)
	}
	for kind := range turnings {
		tried = withKind(tried, kind)
	}
	for _, at := range failpoint.Names {
		require.True(t, tried[at], at)
	}
	for kind, turn := range turnings {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			once := turn(t, v)
			for _, at := range failpoint.Names {
				for range killsEach {
					if strings.HasPrefix(string(at), kind+"-") {
						once(at)
						v.prove(t, at)
					}
				}
			}
			v.nodes[0].start(t)
			for _, a := range v.warm {
				v.awaitStatus(t, v.nodes[0], a, 200)
			}
		})
	}
}

// withKind adds the places of one kind.
func withKind(tried map[failpoint.Name]bool, kind string) map[failpoint.Name]bool {
	for _, at := range failpoint.Names {
		tried[at] = tried[at] || strings.HasPrefix(string(at), kind+"-")
	}
	return tried
}

// A turning of which nobody runs the command again is finished by a node.
func TestANodeFinishesATurningThatWasKilled(t *testing.T) {
	t.Parallel()
	for kind, turning := range map[string]struct {
		at       failpoint.Name
		args     func(*vault) []string
		finished string
	}{
		"root": {failpoint.RootStored, func(*vault) []string { return []string{"keys", "rotate"} },
			`SELECT epoch::text FROM signet_keys.root_keys`},
		"platform": {failpoint.PlatformKeyStored, func(*vault) []string { return []string{"keys", "rotate", "--platform"} },
			`SELECT version::text FROM signet_keys.platform_keys`},
		"tenant": {failpoint.TenantKeyStored, func(v *vault) []string { return []string{"keys", "rotate", "--tenant", v.warm[0].tenantID} },
			`SELECT version::text FROM signet_keys.tenant_keys WHERE tenant_id IN (SELECT tenant_id FROM signet_keys.tenant_keys WHERE version > 1)`},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			v.killed(t, turning.at, turning.args(v)...)
			require.Len(t, v.postgres.List(t, turning.finished), 2)
			v.nodes[0].start(t)
			require.Eventually(t, func() bool {
				return slices.Equal([]string{"2"}, v.postgres.List(t, turning.finished))
			}, finishPatience, 100*time.Millisecond)
			for _, a := range v.warm {
				v.awaitStatus(t, v.nodes[0], a, 200)
			}
			v.prove(t, turning.at)
		})
	}
}

func newVault(t *testing.T) *vault {
	t.Helper()
	c := prepareCluster(t, plan{nodes: 1})
	v := &vault{cluster: c, offline: filepath.Join(t.TempDir(), "recovery.txt")}
	v.identity, _ = strings.CutPrefix(c.env[2], "SIGNET_IDENTITY_FILE=")
	said, _ := v.run(t, "", "keys", "init", "--out", v.offline)
	recipient := "SIGNET_RECOVERY_RECIPIENT=" + regexp.MustCompile(`recipient (age1\S+)`).FindStringSubmatch(said)[1]
	c.env = append(c.env, recipient)
	c.nodes[0].env = append(c.nodes[0].env, recipient)
	c.nodes[0].start(t)
	c.settle(t, 0)
	c.nodes[0].kill()
	v.values = v.checked(t)
	return v
}

// run runs a command, which is killed at a place if one is named, and gives what it
// said and how it ended.
func (v *vault) run(t *testing.T, at failpoint.Name, args ...string) (said string, state syscall.WaitStatus) {
	t.Helper()
	binary, err := failingBinary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(v.direct(), "FAILPOINT="+string(at))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return out.String(), state
}

func (v *vault) killed(t *testing.T, at failpoint.Name, args ...string) {
	t.Helper()
	said, state := v.run(t, at, args...)
	require.Equal(t, syscall.SIGKILL, state.Signal(), "%s at %s: %s", args, at, said)
}

func (v *vault) finish(t *testing.T, args ...string) {
	t.Helper()
	begun := time.Now()
	said, state := v.run(t, "", args...)
	require.Zero(t, state.ExitStatus(), "%s: %s", args, said)
	require.Less(t, time.Since(begun), finishPatience)
}

// turnMaster puts a new identity above the old one, turns, and takes the old away.
func (v *vault) turnMaster(t *testing.T, at failpoint.Name) {
	t.Helper()
	next := v.newIdentity(t)
	old, err := os.ReadFile(v.identity)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(v.identity, append(slices.Clone(next), old...), 0o600))
	v.killed(t, at, "keys", "rotate", "--master")
	v.finish(t, "keys", "rotate", "--master")
	require.NoError(t, os.WriteFile(v.identity, next, 0o600))
}

// loseMaster puts a new identity in place of the lost one, and recovers.
func (v *vault) loseMaster(t *testing.T, at failpoint.Name) {
	t.Helper()
	said, _ := v.run(t, "", "keys", "status")
	args := []string{"keys", "recover", "--recovery", v.offline}
	for _, found := range regexp.MustCompile(`root key epoch (\d+)  fingerprint ([0-9a-f ]+)  made`).FindAllStringSubmatch(said, -1) {
		args = append(args, "--sheet", found[1]+"="+found[2])
	}
	require.Greater(t, len(args), 4, said)
	require.NoError(t, os.WriteFile(v.identity, v.newIdentity(t), 0o600))
	v.killed(t, at, args...)
	v.finish(t, args...)
}

func (v *vault) newIdentity(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "next.txt")
	v.finish(t, "keys", "init", "--out", path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// prove tells that nothing was lost and nothing left over.
func (v *vault) prove(t *testing.T, at failpoint.Name) {
	t.Helper()
	require.Equal(t, v.values, v.checked(t), at)
	require.Equal(t, v.values, v.checked(t, "--recovery", v.offline), at)
	require.Len(t, v.postgres.List(t, `SELECT epoch::text FROM signet_keys.root_keys`), 1, at)
	require.Len(t, v.postgres.List(t, `SELECT recipient FROM signet_keys.root_key_wraps`), 2, at)
	require.Len(t, v.postgres.List(t, `SELECT version::text FROM signet_keys.platform_keys`), 1, at)
	require.Empty(t, v.postgres.List(t, `SELECT tenant_id::text FROM signet_keys.tenant_keys GROUP BY tenant_id HAVING count(*) <> 1`), at)
}

// checked gives how many values open.
func (v *vault) checked(t *testing.T, more ...string) (values int) {
	t.Helper()
	said, state := v.run(t, "", append([]string{"keys", "check"}, more...)...)
	require.Zero(t, state.ExitStatus(), said)
	found := regexp.MustCompile(`all of it opens: .*, (\d+) values of`).FindStringSubmatch(said)
	require.NotNil(t, found, said)
	_, err := fmt.Sscan(found[1], &values)
	require.NoError(t, err)
	return values
}

package chaos_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/store/storetest"
)

// The tests here wait far more than they work, so that more of them go side by
// side than the machine has processors; -parallel has the last word.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		_ = flag.Set("test.parallel", "3") // it is a flag of every test binary
	}
	storetest.Main(m, leftovers()...)
}

// leftovers are the goroutines in which toxiproxy may stand still for ever once a
// toxic was taken from a connection that had ended, and those of fasthttp: one
// clock for the process, and one that looks after idle workers and ends when it
// finds its server stopped.
func leftovers() (known []goleak.Option) {
	for _, function := range []string{"/toxics.(*ToxicStub).Run", ".(*ToxicLink).read", ".(*ToxicLink).write"} {
		known = append(known, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2"+function))
	}
	for _, function := range []string{"updateServerDate.func1", "(*workerPool).Start.func2"} {
		known = append(known, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp."+function))
	}
	return known
}

// builtBinary builds cmd/signet once for the test process, as it is in the tree
// now. It lies in bin/, where nothing is tracked; whoever runs an older one keeps
// it.
var builtBinary = sync.OnceValues(func() (string, error) {
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	into := filepath.Join(top, "bin", "chaos")
	if err := os.MkdirAll(into, 0o755); err != nil {
		return "", err
	}
	fresh := filepath.Join(into, fmt.Sprintf("signet.%d", os.Getpid()))
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", fresh, "./cmd/signet")
	build.Dir = top
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/signet: %w: %s", err, said)
	}
	binary := filepath.Join(into, "signet")
	return binary, os.Rename(fresh, binary)
})

// run runs a command of signet to its end and gives its exit status and what it
// said on standard error.
func run(t *testing.T, env []string, in string, args ...string) (status int, said string) {
	t.Helper()
	binary, err := builtBinary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(in)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return cmd.ProcessState.ExitCode(), errOut.String()
}

func mustRun(t *testing.T, env []string, in string, args ...string) {
	t.Helper()
	status, said := run(t, env, in, args...)
	require.Zero(t, status, "signet %s: %s", args, said)
}

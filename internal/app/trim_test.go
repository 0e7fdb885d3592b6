package app_test

import (
	"context"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// running is how the stack of a server reads that deletes old rows.
var running = regexp.MustCompile(`app\.\(\*Server\)\.trim\(.*\n.*\n(created by )?signet/internal/app\.\(\*Server\)\.Run`)

func goroutines() []byte {
	stacks := make([]byte, 1<<22)
	return stacks[:runtime.Stack(stacks, true)]
}

// About every five minutes a node deletes what is old. The clock is the test's;
// Postgres goes by its own.
func TestANodeDeletesWhatIsOld(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	old := func() {
		n.db.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls) VALUES (gen_random_uuid(), now() - interval '3 hours', 'gettoken', 40001, 1)`)
	}
	left := func() string { return n.db.List(t, `SELECT count(*)::text FROM signet.refused_calls`)[0] }
	const told, failed = `"msg":"old rows were deleted","rows":1`, "old rows could not be deleted"
	n.await(t, func() bool { return running.Match(goroutines()) })

	old()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.server.Trim(ctx) }()
		<-time.After(2*time.Minute + 29*time.Second)
		synctest.Wait()
		require.Equal(t, "1", left(), "nodes that were started together do not all begin at once")
		<-time.After(5*time.Minute + time.Second)
		synctest.Wait()
		require.Equal(t, "0", left())
		require.Equal(t, 1, strings.Count(n.logs.String(), told))
		old()
		<-time.After(7*time.Minute + 31*time.Second)
		synctest.Wait()
		require.Equal(t, "0", left(), "again and again")
		require.Zero(t, strings.Count(n.logs.String(), failed))
		stop()
		require.NoError(t, <-ended)
	})
}

package ticket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestEveryoneIsWokenAtOnce(t *testing.T) {
	t.Parallel()
	var w waiting
	first, leaveFirst := w.join(core.NewTenantID())
	second, leaveSecond := w.join(core.NewTenantID())
	w.wakeAll()
	<-first
	<-second
	leaveFirst()
	leaveSecond()
	require.Empty(t, w.tenants)
}

package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestCounted(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0 root keys", core.Counted(0, "root key"))
	require.Equal(t, "1 root key", core.Counted(1, "root key"))
	require.Equal(t, "21 root keys", core.Counted(int64(21), "root key"))
}

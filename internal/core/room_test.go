package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestTextsLieTogetherInARoom(t *testing.T) {
	t.Parallel()
	room := make([]byte, 10)
	first := core.StringIn(room, "first")
	second := core.SecretIn(room[len(first):], core.NewSecret("2nd"))
	require.Equal(t, "first", first)
	require.Equal(t, "2nd", second.Expose())
	require.Equal(t, "first2nd\x00\x00", string(room))
	require.Empty(t, core.StringIn(nil, []byte{}))
	require.True(t, core.SecretIn(nil, core.Secret{}).IsZero())
	require.Panics(t, func() { core.StringIn(room[8:10:10], "four") })
}

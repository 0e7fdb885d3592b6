package custody_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

func inAnHour() time.Time { return time.Now().Add(time.Hour) }

func newRecovery(t *testing.T) (*seal.Master, seal.Recipient) {
	t.Helper()
	m, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	r, err := seal.ParseRecipient(m.Recipients()[0])
	require.NoError(t, err)
	return m, r
}

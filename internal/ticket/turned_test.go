package ticket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
)

// A page is signed although its tenant's key is turned between the reading of a
// value and that of its key.
func TestAKeyThatIsTurnedBetweenTwoReadings(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, n node) *apptest.House{
		"of a secret": func(_ *testing.T, n node) *apptest.House { return n.House },
		"of tickets": func(t *testing.T, n node) *apptest.House {
			_, err := n.Sign(t.Context(), n.app, page)
			require.NoError(t, err)
			return n.Restart(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			house := prepare(t, n)
			calls := len(n.WeCom.Calls())
			require.NoError(t, n.TurnKey(t, n.tenant.ID).Between(t, func() error {
				_, err := house.Sign(t.Context(), n.app, page)
				return err
			}))
			require.NotContains(t, n.log.String(), "seal_refused")
			if name == "of tickets" {
				require.Len(t, n.WeCom.Calls(), calls, "what lay in the rows was used")
			}
		})
	}
}

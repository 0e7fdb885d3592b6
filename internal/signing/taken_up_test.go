package signing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
)

// What other nodes have signed while a node missed changes is taken up when it has
// read everything anew, before a page asks for it.
func TestAReloadTakesUpWhatIsInUse(t *testing.T) {
	t.Parallel()
	h, tenant, first := signingHouse(t)
	_, err := h.Sign(t.Context(), first, page)
	require.NoError(t, err)
	away := h.Restart(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { away.Signer.KeepFresh(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	holds := func(values int) {
		t.Helper()
		require.Eventually(t, func() bool { return away.Tickets.Len() == values }, 20*time.Second, 5*time.Millisecond)
	}
	holds(2)
	held := 2
	for _, agent := range []string{"1000248", "1000249"} {
		app := h.ColdApp(t, tenant, agent, apptest.Secret(agent), host)
		_, err = h.Sign(t.Context(), app, page)
		require.NoError(t, err)
		require.Equal(t, held, away.Tickets.Len())
		_, err = away.Signer.Reload(t.Context())
		require.NoError(t, err)
		held++ // its agent ticket; the corp's is there already
		holds(held)
	}
	calls := len(h.WeCom.Calls())
	_, err = away.Sign(t.Context(), first, page)
	require.NoError(t, err)
	require.Len(t, h.WeCom.Calls(), calls)
}

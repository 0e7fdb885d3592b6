package signing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// What runs in a node all the time: it takes up what is in use, renews when the
// time has come, and ends when it is told to (goleak looks).
func TestKeepFreshRunsByItself(t *testing.T) {
	t.Parallel()
	clock := apptest.NewClock(time.Now())
	h := apptest.New(t, apptest.Config{Now: clock.Now, After: clock.After, WeCom: wecomtest.Config{Clock: clock.Now, Mode: wecomtest.NewValue}})
	app := h.App(t, h.Tenant(t, "蓝湖科技", "ww1234567890abcdef"), "1000247", apptest.Secret("first"), host)
	_, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)

	h = h.Restart(t)
	h.Signer.LookEvery(5 * time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.Signer.KeepFresh(ctx); close(ended) }()
	require.Eventually(t, func() bool { return h.Tickets.Len() == 2 }, 20*time.Second, time.Millisecond)

	fetched := func() int { return h.WeCom.Count(wecomtest.Filter{API: wecom.GetAgentTicket}) }
	before := fetched()
	clock.Advance(wecomtest.DefaultLife * 9 / 10)
	require.Eventually(t, func() bool { return fetched() == before+1 }, 20*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		counts, queued := h.Signer.Renewals()
		return queued == 0 && counts.Done.Load() > 0
	}, 20*time.Second, time.Millisecond)
	statements := h.Store.Statements()
	clock.Advance(wecomtest.DefaultLife / 10)
	answer, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	require.NoError(t, h.Verify(app, page, answer))
	require.Equal(t, statements, h.Store.Statements())
	stop()
	<-ended
}

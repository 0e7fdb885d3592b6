package signing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// follow lets a node follow the change feed until the function is called, which
// tells what stood in the way.
func follow(t *testing.T, h *apptest.House) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Follow(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

// letADayGoBy deletes all changes there are by now, as a day later. A transaction
// of another test on the same server may hold that back.
func letADayGoBy(t *testing.T, h *apptest.House) {
	t.Helper()
	h.DB.Exec(t, `UPDATE signet.change_log SET at = at - interval '25 hours'`)
	require.Eventually(t, func() bool {
		_, err := h.Store.Trim(t.Context())
		return err == nil && h.DB.List(t, `SELECT count(*)::text FROM signet.change_log`)[0] == "0"
	}, 20*time.Second, 10*time.Millisecond)
}

// While a node is cut off, a secret is rotated, an app and a tenant are deleted and
// an app is made, and nothing of that is kept in the feed when it comes back.
func TestANodeThatComesBackTooLateReadsEverythingAnew(t *testing.T) {
	t.Parallel()
	h, tenant, rotated := signingHouse(t)
	const sister = "ww5555555555555555"
	deleted := h.App(t, tenant, "1000248", apptest.Secret("second"), host)
	other := h.Tenant(t, "北辰物流", sister)
	orphan := h.App(t, other, "1000249", apptest.Secret("third"), host)
	away := h.Restart(t)
	for _, app := range []apptest.App{rotated, deleted, orphan} {
		_, err := away.Sign(t.Context(), app, page)
		require.NoError(t, err)
	}
	held := away.Tickets.Len()

	_, err := h.Admin.RotateSecret(t.Context(), apptest.Operator(), tenant.ID, rotated.ID, admin.NewSecret{Secret: core.NewSecret(apptest.Secret("rotated")), SkipCheck: true})
	require.NoError(t, err)
	require.NoError(t, h.Admin.DeleteApp(t.Context(), apptest.Operator(), tenant.ID, deleted.ID, nil))
	require.NoError(t, h.Admin.DestroyTenant(t.Context(), apptest.Operator(), other.ID, nil))
	made := h.App(t, tenant, "1000250", apptest.Secret("fourth"), host)
	letADayGoBy(t, h)
	_, err = away.Sign(t.Context(), orphan, page)
	require.NoError(t, err, "it does not know yet")

	defer follow(t, away)()
	require.Eventually(t, func() bool { return away.Tickets.Len() == 2 }, 10*time.Second, 5*time.Millisecond,
		"of %d values the tickets of the one app are left", held)
	for _, gone := range []apptest.App{deleted, orphan} {
		_, err = away.Sign(t.Context(), gone, page)
		require.True(t, fault.Has(err, fault.AppUnknown), err)
	}
	calls := len(h.WeCom.Calls())
	answer, err := away.Sign(t.Context(), rotated, page)
	require.NoError(t, err)
	require.NoError(t, away.Verify(rotated, page, answer))
	_, err = away.Sign(t.Context(), made, page)
	require.NoError(t, err)
	require.Len(t, h.WeCom.Calls(), calls, "what is good lies in its rows")

	// And from there it follows on.
	suspended := string(core.Suspended)
	_, err = h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, made.ID, nil, admin.AppChange{Status: &suspended})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := away.Sign(t.Context(), made, page)
		return fault.Has(err, fault.AppSuspended)
	}, 10*time.Second, 5*time.Millisecond)
}

// A credential that WeCom refused may have been mended while the node was away.
func TestWhoComesBackTooLateTriesRefusedCredentialsAgain(t *testing.T) {
	t.Parallel()
	h, tenant, _ := signingHouse(t)
	app := h.ColdApp(t, tenant, "1000248", apptest.Secret("second"), host)
	h.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	_, err := h.Sign(t.Context(), app, page)
	require.True(t, fault.Has(err, fault.IPRefused), err)
	_, err = h.Sign(t.Context(), app, page)
	require.True(t, fault.Has(err, fault.IPRefused), "it pauses: %v", err)
	h.DB.Exec(t, `DELETE FROM signet.call_pauses`) // as a rotation does on another node
	letADayGoBy(t, h)
	_, err = h.Signer.Reload(t.Context())
	require.NoError(t, err)
	_, err = h.Sign(t.Context(), app, page)
	require.NoError(t, err)
}

func TestAStrictAppIsNotSignedForAnHourBehind(t *testing.T) {
	t.Parallel()
	clock := apptest.NewClock(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))
	h := apptest.New(t, apptest.Config{Now: clock.Now, WeCom: wecomtest.Config{Clock: clock.Now}})
	tenant := h.Tenant(t, "蓝湖科技", "ww1234567890abcdef")
	usual := h.App(t, tenant, "1000247", apptest.Secret("first"), host)
	strict := h.App(t, tenant, "1000248", apptest.Secret("second"), host)
	yes := true
	_, err := h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, strict.ID, nil, admin.AppChange{Strict: &yes})
	require.NoError(t, err)
	h.Catch(t)
	sign := func(app apptest.App) error {
		t.Helper()
		_, err := h.Sign(t.Context(), app, page)
		return err
	}
	for _, app := range []apptest.App{usual, strict} {
		require.NoError(t, sign(app))
	}

	h.Directory.NoteFeed(clock.Now(), true)
	clock.Advance(time.Hour)
	h.Directory.NoteFeed(clock.Now(), false)
	require.NoError(t, sign(strict), "an hour is not yet too long")
	require.Equal(t, time.Hour, h.Directory.Behind(clock.Now()))
	clock.Advance(time.Second)
	err = sign(strict)
	require.True(t, fault.Has(err, fault.StoreUnavailable), err)
	require.Equal(t, fault.ReasonBehind, fault.Find(err).Reason)
	require.Positive(t, fault.Find(err).RetryAfter)
	require.NoError(t, sign(usual), "others go on")
	_, err = h.Sign(t.Context(), strict, "https://evil.example/")
	require.True(t, fault.Has(err, fault.URLUntrusted), "what is wrong anyway is said first: %v", err)

	h.Directory.NoteFeed(clock.Now(), true)
	require.NoError(t, sign(strict))
	require.Zero(t, h.Directory.Behind(clock.Now()))
}

// A node that never gets to read the feed is as far behind as its first loading.
func TestFollowBeginsToCountAtTheLoading(t *testing.T) {
	t.Parallel()
	h, _, _ := signingHouse(t)
	away := h.Restart(t)
	storetest.DB{Name: "postgres", Cluster: h.DB.Cluster}.Exec(t, "ALTER DATABASE "+h.DB.Name+" ALLOW_CONNECTIONS false")
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, away.Signer.Follow(ctx, store.FeedPosition{}, func(err error) {
		require.Error(t, err)
		cancel()
	}))
	require.Greater(t, away.Directory.Behind(time.Now().Add(time.Hour)), time.Hour)
}

// Follow notes every reading, by the clock of the node, and what the reason is for
// reading everything anew.
func TestFollowNotesHowCurrentTheNodeIs(t *testing.T) {
	t.Parallel()
	h, _, _ := signingHouse(t)
	away := h.Restart(t)
	letADayGoBy(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	var notes []error
	require.NoError(t, away.Signer.Follow(ctx, store.FeedPosition{}, func(err error) {
		notes = append(notes, err)
		switch len(notes) {
		case 1:
			require.False(t, away.Directory.IsCurrent())
		case 2:
			require.True(t, away.Directory.IsCurrent())
			require.Less(t, away.Directory.Behind(time.Now()), 10*time.Second)
			cancel()
		}
	}))
	require.Len(t, notes, 2)
	require.ErrorIs(t, notes[0], store.ErrFeedTrimmed)
	require.NoError(t, notes[1])
}

// The feed's age is told by the clock that notes its readings: it may have been set
// right by Postgres's, hours away from the process's own.
func TestBehindGoesByTheNodesClock(t *testing.T) {
	t.Parallel()
	clock := apptest.NewClock(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))
	h := apptest.New(t, apptest.Config{Now: clock.Now, WeCom: wecomtest.Config{Clock: clock.Now}})
	h.Directory.NoteFeed(clock.Now(), true)
	clock.Advance(time.Minute)
	require.Equal(t, time.Minute, h.Signer.Behind())
}

// While a node does not hear of changes, the app of a host may have been bound.
func TestAnUnknownHostIsNotDeniedWhileTheFeedStandsStill(t *testing.T) {
	t.Parallel()
	h, _, _ := signingHouse(t)
	unnamed := signing.Request{Page: page}
	_, err := h.Signer.Sign(t.Context(), unnamed)
	require.True(t, fault.Has(err, fault.AppMissing), err)
	h.Directory.NoteFeed(time.Now(), false)
	_, err = h.Signer.Sign(t.Context(), unnamed)
	require.True(t, fault.Has(err, fault.StoreUnavailable), err)
	require.Positive(t, fault.Find(err).RetryAfter)
}

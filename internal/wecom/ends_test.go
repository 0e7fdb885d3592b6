package wecom_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestGrant_ends_no_later_than_it_can_have_been_made(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	grant := wecom.Grant{ExpiresIn: 2 * time.Hour, ReceivedAt: now, Took: 400 * time.Millisecond}
	require.Equal(t, now.Add(2*time.Hour), grant.Ends())
	grant.Took = 2500 * time.Millisecond
	require.Equal(t, now.Add(2*time.Hour-2*time.Second), grant.Ends())
}

func TestClient_tells_how_long_an_answer_was_on_its_way(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, client, end := inBubble(t, wecom.Config{})
		defer end()
		fake.Inject(wecomtest.Fault{Errcode: -1, Times: 1}) // busy: what passes before the last try does not count
		fake.Inject(wecomtest.Fault{Behaviour: wecomtest.Drip, Delay: 4 * time.Millisecond, Times: 1})
		begun := time.Now()
		grant, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
		require.NoError(t, err)
		require.Equal(t, 2, grant.Tries)
		require.Greater(t, grant.Took, 600*time.Millisecond)
		require.Less(t, grant.Took, grant.ReceivedAt.Sub(begun))
		require.True(t, grant.Ends().Before(grant.ReceivedAt.Add(grant.ExpiresIn)))
	})
}

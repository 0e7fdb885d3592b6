package signapi

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
	"signet/internal/signing"
)

// timed notes how long a signer is given.
type timed struct {
	signer
	given []time.Duration
}

func (s *timed) note(ctx context.Context) {
	at, _ := ctx.Deadline() // without one: long ago
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, time.Until(at))
}

func (s *timed) Sign(ctx context.Context, r signing.Request) (signing.Answer, error) {
	s.note(ctx)
	return s.signer.Sign(ctx, r)
}

func (s *timed) SignConfig(ctx context.Context, r signing.Request) (signing.Answer, error) {
	s.note(ctx)
	return s.signer.SignConfig(ctx, r)
}

func (s *timed) SignAgentConfig(ctx context.Context, r signing.Request) (signing.Answer, error) {
	s.note(ctx)
	return s.signer.SignAgentConfig(ctx, r)
}

func TestEverySignatureHasFifteenSeconds(t *testing.T) {
	t.Parallel()
	s := &timed{}
	address := httpapitest.Serve(t, New(Config{Signer: s, Log: (&httpapitest.LogBook{}).Logger()}))
	query := "?app=" + knownKey + "&url=" + page
	for _, target := range []string{"/v1/signatures" + query, "/wxapi/wxQyAuth" + query, "/wxapi/wxAppAuth" + query} {
		require.Equal(t, 200, httpapitest.Ask(t, address, "GET", target, "").StatusCode, target)
	}
	body := `{"app":"` + knownKey + `","url":"` + page + `"}`
	require.Equal(t, 200, httpapitest.Ask(t, address, "POST", "/v1/signatures", body, "Content-Type", "application/json").StatusCode)
	require.Len(t, s.given, 4)
	for _, given := range s.given {
		require.InDelta(t, 15, given.Seconds(), 2)
	}
}

func TestThePublicListenerHasTheLimitsOfTheKit(t *testing.T) {
	t.Parallel()
	server := New(Config{Signer: &signer{}, Log: (&httpapitest.LogBook{}).Logger()}).Server()
	require.Equal(t, 5*time.Second, server.ReadTimeout)
	require.Equal(t, 10*time.Second, server.WriteTimeout)
	require.Equal(t, time.Minute, server.IdleTimeout)
	require.Equal(t, 8192, server.Concurrency)
	require.Equal(t, 16<<10, server.ReadBufferSize)
	require.Equal(t, 32<<10, server.MaxRequestBodySize)
}

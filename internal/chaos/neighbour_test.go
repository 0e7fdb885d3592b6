package chaos_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/httpapi"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/httpapi/signapi"
)

const (
	neighbourRate  = 50 // of one app: what it may, in a second
	neighbourTimes = 20 // how many times that the loud one asks
	neighbourCalls = 60 // of B, alone and beside A each
)

// TestNoisyNeighbour lets tenant A ask twenty times what an app may while B signs
// at a quiet rate. B must not fail once; how much slower it becomes is a figure,
// since both, and the load, share this machine's processors.
func TestNoisyNeighbour(t *testing.T) {
	t.Parallel()
	if *figures {
		neighbourFigure(t)
		return
	}
	noisyNeighbour(t, neighbourCalls)
}

// noisyNeighbour gives the p99 of so many calls of B, beside A and alone.
func noisyNeighbour(t *testing.T, calls int) (p99, quietly time.Duration) {
	t.Helper()
	h := apptest.New(t, apptest.Config{})
	loud := h.App(t, h.Tenant(t, "alpha", sharedCorp), "1000002", apptest.Secret("loud"), "a.example.com")
	quiet := h.App(t, h.Tenant(t, "bravo", sharedCorp), "1000002", apptest.Secret("quiet"), "b.example.com")
	address := httpapitest.Serve(t, signapi.New(signapi.Config{
		Signer: h.Signer, Log: slog.New(slog.DiscardHandler),
		PerApp: httpapi.Rate{PerSecond: neighbourRate, Burst: neighbourRate},
	}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	ask := func(ctx context.Context, app apptest.App, host string) (answer, error) {
		return sendBy(ctx, client, "GET", "http://"+address+"/v1/signatures?app="+app.Key.String()+"&url="+url.QueryEscape("https://"+host+"/"), nil)
	}
	// half of what an app may, so that only the neighbour can be to blame
	signsQuietly := func() (took []time.Duration) {
		ticker := time.NewTicker(2 * time.Second / neighbourRate)
		defer ticker.Stop()
		for range calls {
			<-ticker.C
			a, err := ask(t.Context(), quiet, "b.example.com")
			require.NoError(t, err)
			require.Equal(t, 200, a.status, "B pays for A: %s", a.body)
			took = append(took, a.took)
		}
		slices.Sort(took)
		return took
	}
	alone := signsQuietly()

	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var asked, refused atomic.Int64
	ticks := make(chan struct{}, neighbourRate)
	asking.Go(func() {
		defer close(ticks)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			for range neighbourRate * neighbourTimes / 100 {
				select {
				case ticks <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range 16 {
		asking.Go(func() {
			for range ticks {
				a, err := ask(ctx, loud, "a.example.com")
				if err != nil {
					continue // it was stopped
				}
				asked.Add(1)
				if a.status == 429 {
					refused.Add(1)
				}
			}
		})
	}
	begun := time.Now()
	beside := signsQuietly()
	lasted := time.Since(begun)
	stop()
	asking.Wait()
	require.Greater(t, refused.Load(), asked.Load()/2, "A was not loud")
	p99, quietly = quantile(beside, 99), quantile(alone, 99)
	t.Logf("A asked %.0f times a second, %d times what it may, %d of %d refused; p99 of B %s alone, %s beside A: %.1f times",
		float64(asked.Load())/lasted.Seconds(), int(float64(asked.Load())/lasted.Seconds()/neighbourRate), refused.Load(), asked.Load(),
		quietly, p99, float64(p99)/float64(quietly))
	return p99, quietly
}

package signapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
	"signet/internal/signing"
)

// keeper keeps what it is asked, as a cache would, beside a copy made at once.
type keeper struct {
	signer
	mu         sync.Mutex // guards what follows
	kept, were []signing.Request
}

func (k *keeper) Sign(_ context.Context, r signing.Request) (signing.Answer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, r)
	k.were = append(k.were, signing.Request{AppKey: strings.Clone(r.AppKey), Page: strings.Clone(r.Page), Origin: strings.Clone(r.Origin), HasOrigin: r.HasOrigin})
	return signing.Answer{URL: r.Page, CorpID: "ww", AgentID: "1"}, nil
}

func (k *keeper) SignConfig(ctx context.Context, r signing.Request) (signing.Answer, error) {
	return k.Sign(ctx, r)
}

// T-ISO-6 for the routes that fiber, with its Immutable, does not see.
func TestWhatTheSignerIsAskedIsNeverOverwrittenByAnotherRequest(t *testing.T) {
	t.Parallel()
	const clients, requests = 32, 40
	k := &keeper{}
	address := httpapitest.Serve(t, New(Config{Signer: k, Log: (&httpapitest.LogBook{}).Logger()}))
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range requests {
				origin := fmt.Sprintf("https://t%03d-%03d.example.com", c, i) // all of one length
				target := signaturesPath + fmt.Sprintf("?app=app_%03d%03d&url=", c, i) + url.QueryEscape(origin+"/x")
				if i%2 == 0 {
					target = configPath + fmt.Sprintf("?app=app_%03d%03d&url=", c, i) + origin + "/x"
				}
				request, err := http.NewRequest("GET", "http://"+address+target, nil)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Origin", origin)
				r, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
			}
		})
	}
	wg.Wait()
	require.Len(t, k.kept, clients*requests)
	for i := range k.kept {
		require.Equal(t, k.were[i], k.kept[i])
		require.Contains(t, k.were[i].Page, strings.TrimPrefix(k.were[i].Origin, "https://"), "one request's parts belong together")
		require.Equal(t, k.were[i].AppKey[4:7], k.were[i].Origin[9:12])
	}
}

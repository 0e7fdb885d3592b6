package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
)

// parked is a string that a handler kept, with what it read when it kept it.
type parked struct {
	kept string
	copy []byte
}

// parkingLot keeps what handlers take out of requests, as a cache would.
type parkingLot struct {
	mu   sync.Mutex // guards what follows
	rows []parked
}

func (p *parkingLot) keep(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range texts {
		p.rows = append(p.rows, parked{kept: text, copy: []byte(text)})
	}
}

// overwritten counts the strings that are no longer what they were.
func (p *parkingLot) overwritten() (changed, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, row := range p.rows {
		if !bytes.Equal([]byte(row.kept), row.copy) {
			changed++
		}
	}
	return changed, len(p.rows)
}

// addParking adds a route that takes the marker of a tenant out of every part of
// a request, waits until the other connections are at the same point, and keeps
// it.
func addParking(app *fiber.App, connections int) *parkingLot {
	lot := &parkingLot{}
	var arrived atomic.Int64
	app.Post("/park/:marker", func(c *fiber.Ctx) error {
		texts := []string{c.Params("marker"), c.Query("marker"), c.Get("X-Marker"), c.Cookies("marker")}
		mine := arrived.Add(1)
		until := time.Now().Add(5 * time.Millisecond)
		for arrived.Load() < mine+int64(connections)/2 && time.Now().Before(until) {
			<-time.After(50 * time.Microsecond)
		}
		lot.keep(texts...)
		return nil
	})
	return lot
}

// crowd sends requests of many tenants over connections that are used again;
// all markers are of one length, so that an overwritten one looks like another.
func crowd(t *testing.T, address string, connections, requests int) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	var wg sync.WaitGroup
	for tenant := range connections {
		wg.Go(func() {
			for i := range requests {
				marker := fmt.Sprintf("tenant-%03d-%04d", tenant, i)
				request, err := http.NewRequest("POST", "http://"+address+"/park/"+marker+"?marker="+marker, bytes.NewReader([]byte(marker)))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("X-Marker", marker)
				request.Header.Set("Cookie", "marker="+marker)
				r, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				_ = r.Body.Close()
			}
		})
	}
	wg.Wait()
}

// T-ISO-6.
func TestStringsKeptFromARequestAreNeverOverwrittenByAnother(t *testing.T) {
	t.Parallel()
	const connections, requests = 64, 40
	app, _ := newApp(t, nil)
	lot := addParking(app, connections)
	crowd(t, httpapitest.Serve(t, app), connections, requests)
	changed, all := lot.overwritten()
	require.Equal(t, 4*connections*requests, all)
	require.Zero(t, changed, "of %d kept strings", all)
}

// The test above can fail: fiber as it comes overwrites what was kept.
func TestStringsKeptFromARequestAreOverwrittenWhereImmutableIsOff(t *testing.T) {
	t.Parallel()
	const connections, requests = 64, 40
	app := fiber.New(fiber.Config{Immutable: false, DisableStartupMessage: true})
	lot := addParking(app, connections)
	crowd(t, httpapitest.Serve(t, app), connections, requests)
	changed, all := lot.overwritten()
	t.Logf("%d of %d kept strings were overwritten", changed, all)
	require.Greater(t, changed, all/4)
}

package app_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/signing"
)

// TestFiguresOfAPIKeys measures a warm signature of an app for servers, its key read
// from the header's text each time, beside one of any other app, in turns. It is the CPU time
// of the process, which others on the machine take nothing of.
func TestFiguresOfAPIKeys(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	h := apptest.New(t, apptest.Config{})
	tenant := h.Tenant(t, "蓝湖科技", "ww1234567890abcdef")
	plain := h.App(t, tenant, "1000247", apptest.Secret("first"), crmHost)
	server := h.App(t, tenant, "1000300", apptest.Secret("second"), crmHost)
	yes := true
	_, err := h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, server.ID, nil, admin.AppChange{ServerOnly: &yes})
	require.NoError(t, err)
	_, token, err := h.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant.ID, admin.NewAPIKey{Name: "夜间同步", Scopes: []string{string(core.PagesSign)}})
	require.NoError(t, err)
	h.Catch(t)

	const signatures = 50_000
	text := token.Text().Expose()
	without := signing.Request{AppKey: plain.Key.String(), Page: crmPage}
	with := signing.Request{AppKey: server.Key.String(), Page: crmPage, HasAPIKey: true, Network: netip.MustParsePrefix("192.0.2.7/32")}
	bare := func() time.Duration {
		return cpuTimed(t, func() {
			for range signatures {
				mustSign(t, h, without)
			}
		})
	}
	keyed := func() time.Duration {
		return cpuTimed(t, func() {
			for range signatures {
				with.APIKey, _ = core.ParseAPIKeyToken(text)
				mustSign(t, h, with)
			}
		})
	}
	bare()
	keyed()
	var more []float64
	for range rounds {
		more = append(more, float64(-bare().Nanoseconds()+keyed().Nanoseconds())/1000/signatures)
	}
	slices.Sort(more)
	rows := apptest.FigureTable([]apptest.Figure{{Name: "what an API key adds to a warm signature", Value: more[rounds/2], Bound: 2, Unit: " µs"}})
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "API keys", fmt.Sprintf("CPU time, the median of %d rounds of %d signatures each way. Written by `make bench WRITE=1`.\n\n", rounds, signatures)+apptest.Machine()+rows)
	}
}

// cpuTimed is what a piece of work uses of the processors.
func cpuTimed(t *testing.T, work func()) time.Duration {
	t.Helper()
	runtime.GC()
	begun := cpuTime(t)
	work()
	return cpuTime(t) - begun
}

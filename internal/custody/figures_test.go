package custody_test

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/signing"
	"signet/internal/store/storetest"
)

var (
	figures    = flag.Bool("figures", false, "measure the turning of keys and print it as a table (make bench)")
	writeTable = flag.String("write-figures", "", "write the table to this file")
)

// manyTenants is how many tenants' keys are turned.
const manyTenants = 100_000

// TestFigures measures what the custody of keys promises. No test fails for a
// machine that was busy; the table says where a bound is missed.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	table := append(turnMany(t), openTicket(t), ageAtStart(t))
	rows := apptest.FigureTable(table)
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Custody", apptest.Machine()+"Written by `make bench WRITE=1`.\n\n"+rows)
	}
}

// turnMany turns the root key over many tenants while a node that was just started
// signs for one after the other, each for the first time: so it reads their keys
// from their rows, before and after they were wrapped anew.
func turnMany(t *testing.T) []apptest.Figure {
	t.Helper()
	db := storetest.New(t)
	storetest.Seed(t, db, manyTenants)
	s := &site{House: apptest.New(t, apptest.Config{DB: &db})}
	s.SeedTickets(t, manyTenants, time.Now().Add(2*time.Hour), func(int, core.TicketKind) string {
		return "a ticket of about the length that WeCom gives to its tickets, 0123456789"
	})
	var err error
	s.master, err = seal.ReadMaster(s.WriteIdentity(t))
	require.NoError(t, err)
	turner := s.process(t)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var next, failed atomic.Int64
	var signers errgroup.Group
	for range 4 {
		signers.Go(func() error {
			for ctx.Err() == nil {
				a := storetest.Seeded(int(next.Add(1)%manyTenants) + 1)
				page := "https://" + string(a.Hosts[0]) + "/sidebar"
				_, err := s.Signer.Sign(ctx, signing.Request{AppKey: a.Key.String(), Page: page})
				if err != nil && ctx.Err() == nil {
					failed.Add(1)
					t.Log(err)
				}
			}
			return nil
		})
	}
	require.Eventually(t, func() bool { return next.Load() > 100 }, time.Minute, time.Millisecond)
	begun := time.Now()
	turned, err := turner.Rotate(t.Context(), func(custody.Turning) {})
	took := time.Since(begun)
	require.NoError(t, err)
	stop()
	require.NoError(t, signers.Wait())
	require.EqualValues(t, manyTenants, turned.Done)
	require.Equal(t, []string{"2"}, s.epochs(t))
	t.Logf("%d first signatures meanwhile", next.Load())
	begun = time.Now()
	status, err := turner.Status(t.Context())
	looked := time.Since(begun)
	require.NoError(t, err)
	require.EqualValues(t, manyTenants, status.Values[2].Secrets)
	require.GreaterOrEqual(t, status.Values[2].Tickets, int64(2*manyTenants))
	name := fmt.Sprintf("root key turned over %d tenants while pages are signed", manyTenants)
	return []apptest.Figure{
		{Name: name, Value: took.Seconds(), Bound: 60, Unit: " s"},
		{Name: "signatures that failed meanwhile", Value: float64(failed.Load())},
		{Name: fmt.Sprintf("what hangs on each root key, counted over %d tenants", manyTenants), Value: looked.Seconds(), Bound: 5, Unit: " s"},
	}
}

// openTicket is the opening of a sealed ticket, its scope key included.
func openTicket(t *testing.T) apptest.Figure {
	t.Helper()
	ring := newRing(t)
	tenant := core.NewTenantID()
	key, err := ring.NewScopeKey(seal.Tenant(tenant), 1)
	require.NoError(t, err)
	place := seal.ForCorpTicket(tenant, "ww1111111111111111", 1)
	sealed, err := ring.Sealer().SealUntil(key, place, core.NewSecret("a ticket of about the length that WeCom gives to its tickets, 0123456789"), inAnHour())
	require.NoError(t, err)
	opener := ring.Opener(seal.CorpTicket)
	each := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, _, err := opener.OpenUntil(key, place, sealed); err != nil {
				b.Fatal(err)
			}
		}
	}).NsPerOp()
	return apptest.Figure{Name: "opening a sealed ticket", Value: float64(each) / 1000, Bound: 3, Unit: " µs"}
}

func newRing(t *testing.T) *seal.Ring {
	t.Helper()
	m, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	row, err := seal.FirstRootKey(m, nil)
	require.NoError(t, err)
	ring, err := seal.OpenRing(m, []seal.RootKeyRow{row})
	require.NoError(t, err)
	return ring
}

// ageAtStart counts what age does until a node signs for every tenant, while a
// turning is half done: there are two root keys, and keys under both.
func ageAtStart(t *testing.T) apptest.Figure {
	t.Helper()
	return apptest.Figure{Name: "root keys that age opens at a start, all keys under one of two", Value: float64(ageOperationsAtStart(t)), Bound: 1}
}

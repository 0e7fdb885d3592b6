package chaos_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"signet/internal/app/apptest"
)

var (
	figures    = flag.Bool("figures", false, "measure what a loud tenant costs its neighbour and print it as a table (make bench)")
	writeTable = flag.String("write-figures", "", "write the table to this file")
)

// neighbourFigure measures what a loud tenant costs its neighbour, in turns with and
// without it; the median of the rounds counts.
func neighbourFigure(t *testing.T) {
	t.Helper()
	const rounds, calls = 5, 300
	var ratios []float64
	for range rounds {
		p99, quietly := noisyNeighbour(t, calls)
		ratios = append(ratios, float64(p99)/float64(quietly))
	}
	slices.Sort(ratios)
	rows := apptest.FigureTable([]apptest.Figure{
		{Name: fmt.Sprintf("a tenant asks %d times what an app may: the p99 of its neighbour", neighbourTimes),
			Against: "its p99 where nobody else asks", Value: ratios[rounds/2], Bound: 2, Unit: "×"},
	})
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Beside a loud tenant", fmt.Sprintf("The median of %d rounds of %d calls, of which none failed. Written by `make bench WRITE=1`.\n\n", rounds, calls)+apptest.Machine()+rows)
	}
}

// rotationFigure rotates fifty secrets in a minute. What must hold is asserted by the
// run itself; the time is a figure.
func rotationFigure(t *testing.T) {
	t.Helper()
	p := rotating{apps: 25, turns: 2, span: 50 * time.Second, rate: 2200}
	made := rotateUnderLoad(t, p)
	name := fmt.Sprintf("%d rotations over %d apps of %d tenants, on two nodes that sign: ", made.rotations, p.apps, p.apps)
	rows := apptest.FigureTable([]apptest.Figure{
		{Name: name + "from the first to the last", Value: made.took.Seconds(), Bound: 60, Unit: " s"},
		{Name: fmt.Sprintf("failed signatures, of %d", made.signed+made.fallBacks), Limit: apptest.Exactly},
		{Name: "signatures a second meanwhile", Value: float64(made.meanwhile) / made.took.Seconds(), Bound: 2000, Limit: apptest.AtLeast},
		{Name: "calls to WeCom for a rotation, the most, all of its trial", Value: float64(made.trialCalls), Bound: 3},
		{Name: fmt.Sprintf("calls to WeCom for a page that needs a token after WeCom took the new secret back (%d of them), the most", made.fallBacks), Value: float64(made.fallBackMax), Bound: 4},
	})
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Custody: rotations", "Written by `make bench WRITE=1`.\n\n"+apptest.Machine()+rows)
	}
}

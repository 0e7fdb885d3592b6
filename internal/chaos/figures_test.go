package chaos_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"

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

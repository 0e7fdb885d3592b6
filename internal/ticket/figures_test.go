package ticket_test

import (
	"flag"
	"fmt"
	"testing"

	"signet/internal/app/apptest"
	"signet/internal/wecom/wecomtest"
)

var (
	figures    = flag.Bool("figures", false, "count what WeCom is asked and print it as a table (make bench)")
	writeTable = flag.String("write-figures", "", "write the table to this file")
)

// TestFigures counts what WeCom is asked. The bounds hold in the tests as well;
// here they are written down.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	table := []apptest.Figure{
		{Name: fmt.Sprintf("a cold tenant, %d nodes with %d callers each: calls", crowdNodes, crowdCallers),
			Value: float64(coldCrowd(t).sum()), Bound: 3, Limit: apptest.Exactly},
		{Name: "the same with the node killed that holds the turn: calls", Value: float64(coldCrowdWithoutItsHolder(t).sum()), Bound: 6},
	}
	for _, mode := range []struct {
		wecomtest.Mode
		gives string
	}{{wecomtest.NewValue, "a new value"}, {wecomtest.SameValue, "the old one and its rest"}, {wecomtest.SameFullLife, "the old one and a whole life"}} {
		table = append(table, apptest.Figure{
			Name:    "steady state, WeCom gives " + mode.gives + " before the end: calls for an app in each life",
			Against: "two tickets and a token", Value: steadyState(t, mode.Mode), Bound: steadyBounds[mode.Mode], Unit: "×",
		})
	}
	rows := apptest.FigureTable(table)
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Calls to WeCom", "The fake counts them. Written by `make bench WRITE=1`.\n\n"+rows)
	}
}

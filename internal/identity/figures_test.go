package identity

import (
	"crypto/ed25519"
	"flag"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
)

var (
	figures    = flag.Bool("figures", false, "measure what verifying an access token costs and print it as a table (make bench)")
	writeTable = flag.String("write-figures", "", "write the table to this file")
)

// TestFigures measures the reading of an access token, against the bare verification of
// a signature over as many bytes, in turns; the median of the rounds counts. It is the CPU
// time of the process, which others on the machine take nothing of.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	const rounds, reads = 9, 5000
	b := setup(t)
	token := b.mint(t)
	message, public := []byte(token[:len(token)-86-1]), b.private.Public().(ed25519.PublicKey)
	signature := ed25519.Sign(b.private, message)
	var took, ratios []float64
	for range rounds {
		begun := cpuTime(t)
		for range reads {
			require.True(t, ed25519.Verify(public, message, signature))
		}
		bare := cpuTime(t) - begun
		begun = cpuTime(t)
		for range reads {
			if _, err := b.tokens.read(token); err != nil {
				t.Fatal(err)
			}
		}
		read := cpuTime(t) - begun
		took = append(took, float64(read.Nanoseconds())/1000/reads)
		ratios = append(ratios, float64(read)/float64(bare))
	}
	slices.Sort(took)
	slices.Sort(ratios)
	rows := apptest.FigureTable([]apptest.Figure{
		{Name: "an access token is read and verified", Value: took[rounds/2], Bound: 80, Unit: " µs"},
		{Name: "the same", Against: "the bare verification of an Ed25519 signature over as many bytes", Value: ratios[rounds/2], Bound: 2, Unit: "×"},
	})
	fmt.Println(rows)
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Access tokens", fmt.Sprintf("CPU time, the median of %d rounds of %d. The signing path reads none (`app.TestTheSigningPathReadsNoToken`). Written by `make bench WRITE=1`.\n\n", rounds, reads)+apptest.Machine()+rows)
	}
}

// cpuTime is what the process has used of the processors until now.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

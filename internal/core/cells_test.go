package core_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/papers"
)

// dangerous is what no written cell may begin with, written apart from the code.
var dangerous = regexp.MustCompile(`^[\s"\x00\x{feff}\x{202e}\x{3000}]*[=+\-@\t\r\n＝＋－＠]`)

func written(t require.TestingT, cells []string) string {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	guarded := make([]string, len(cells))
	for i, cell := range cells {
		guarded[i] = core.GuardCell(cell)
	}
	require.NoError(t, w.Write(guarded))
	w.Flush()
	require.NoError(t, w.Error())
	return "\ufeff" + text.String()
}

func readBack(t require.TestingT, text string) (cells []string) {
	rows, err := core.ParseTable(text)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	for _, cell := range rows[0] {
		cells = append(cells, core.UnguardCell(cell))
	}
	return cells
}

func TestNoCellOfTheCorpusIsExecutedAndNoneIsLost(t *testing.T) {
	t.Parallel()
	var corpus struct{ Cells []string }
	require.NoError(t, json.Unmarshal(papers.Read(t, "testdata/csv-injection.json"), &corpus))
	require.Greater(t, len(corpus.Cells), 40)
	for _, cell := range corpus.Cells {
		require.NotRegexp(t, dangerous, core.GuardCell(cell), "%q", cell)
		require.Equal(t, []string{cell}, readBack(t, written(t, []string{cell})), "%q", cell)
	}
	require.Equal(t, corpus.Cells, readBack(t, written(t, corpus.Cells)))
	require.Equal(t, "plain", core.GuardCell("plain"))
	require.Equal(t, "'=1+1", core.GuardCell("=1+1"))
}

func TestEveryTextComesBackOutOfATable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`['" =+\-@\t\r\n＝a,]{0,8}`))
		cells := rapid.SliceOfN(text, 2, 5).Draw(t, "cells")
		require.Equal(t, cells, readBack(t, written(t, cells)))
		for _, cell := range cells {
			require.NotRegexp(t, dangerous, core.GuardCell(cell))
		}
	})
}

func TestATextThatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"open`, `a"b`, `"a"b`, "a,\"b\n"} {
		_, err := core.ParseTable(text)
		require.ErrorIs(t, err, core.ErrTable, "%q", text)
	}
	rows, err := core.ParseTable("a,b\r\n,\n\"x\r\ny\",\"\"\"\"")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a", "b"}, {"", ""}, {"x\r\ny", `"`}}, rows)
}

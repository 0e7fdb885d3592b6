package wecom_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/papers"
	"signet/internal/wecom"
)

var classes = map[string]wecom.Class{
	"T": wecom.Refresh, "B": wecom.BackOff, "C": wecom.Configure, "X": wecom.Bug, "R": wecom.Restart,
}

// listedErrcodes reads testdata/errcodes.txt.
func listedErrcodes(t *testing.T) map[int]wecom.Class {
	t.Helper()
	text, err := os.ReadFile("testdata/errcodes.txt")
	require.NoError(t, err)
	list := map[int]wecom.Class{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		number, letter, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, line)
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		require.NotContains(t, list, n, "listed twice")
		require.Contains(t, classes, letter)
		list[n] = classes[letter]
	}
	return list
}

func TestErrcodes_hold_every_number_of_the_list_with_its_class(t *testing.T) {
	t.Parallel()
	list := listedErrcodes(t)
	for n, class := range list {
		got, meaning := wecom.Meaning(n)
		require.Equal(t, class, got, n)
		require.NotEmpty(t, meaning, n)
	}
	require.Len(t, wecom.Errcodes(), len(list), "the table holds a number that the list does not")
}

func TestErrcodes_hold_every_number_of_the_protocol_notes(t *testing.T) {
	t.Parallel()
	_, section, ok := strings.Cut(string(papers.Read(t, "wecom-protocol.md")), "\n## 7. Error codes")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## 8.")
	list, seen := listedErrcodes(t), []int{}
	number := regexp.MustCompile(`-?\d+`)
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !number.MatchString(cells[1]) {
			continue
		}
		for part := range strings.FieldsFuncSeq(cells[1], func(r rune) bool { return r == '/' || r == ',' || r == ' ' }) {
			first, last, isRange := strings.Cut(part, "-")
			if first == "" || !isRange {
				first, last = part, part
			}
			from, err := strconv.Atoi(first)
			require.NoError(t, err)
			to, err := strconv.Atoi(last)
			require.NoError(t, err)
			for n := from; n <= to; n++ {
				seen = append(seen, n)
			}
		}
	}
	want := make([]int, 0, len(list))
	for n := range list {
		want = append(want, n)
	}
	slices.Sort(want)
	slices.Sort(seen)
	require.Equal(t, seen, want)
}

func TestMeaning_of_a_number_that_is_not_listed_is_unknown(t *testing.T) {
	t.Parallel()
	for _, n := range []int{99999, 1, -40001, 0} {
		class, meaning := wecom.Meaning(n)
		require.Equal(t, wecom.Unknown, class)
		require.NotEmpty(t, meaning)
	}
}

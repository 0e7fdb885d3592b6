package identity

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

// listOf writes a list of passwords as Have I Been Pwned gives it out.
func listOf(t testing.TB, end string, passwords ...string) string {
	t.Helper()
	lines := make([]string, len(passwords))
	for i, p := range passwords {
		lines[i] = fmt.Sprintf("%X:%d", sha1.Sum([]byte(p)), 1+i*i*i%97)
	}
	slices.Sort(lines)
	return written(t, strings.Join(lines, end)+end)
}

func written(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestAPasswordThatWasGivenAwayIsFoundWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 2, 3, 7, 1000} {
		for _, end := range []string{"\n", "\r\n"} {
			var in []string
			for i := range count {
				in = append(in, fmt.Sprintf("given away %d", i))
			}
			list, err := OpenBreached(listOf(t, end, in...))
			require.NoError(t, err)
			defer list.Close()
			for i, p := range in {
				has, err := list.Has(core.NewSecret(p))
				require.NoError(t, err)
				require.True(t, has, "%d of %d", i, count)
				has, err = list.Has(core.NewSecret(p + "x"))
				require.NoError(t, err)
				require.False(t, has, "%d of %d", i, count)
			}
		}
	}
	var none *Breached
	has, err := none.Has(core.NewSecret("anything"))
	require.NoError(t, err)
	require.False(t, has)
}

func TestAFileThatIsNoListIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("A", 40)
	for name, text := range map[string]string{
		"nothing": "", "words": "password\n123456\n", "small letters": strings.ToLower(sum) + ":1\n", "NT sums": strings.Repeat("A", 32) + ":1\n",
		"ordered by count": sum + ":9\n" + strings.Repeat("0", 40) + ":3\n", "one endless line": sum + ":" + strings.Repeat("1", 400) + "\n",
		"another sign": sum + ";1\n", "a bad last line": sum + ":1\nB\n",
	} {
		_, err := OpenBreached(written(t, text))
		require.ErrorIs(t, err, errBreached, name)
	}
	_, err := OpenBreached(t.TempDir())
	require.ErrorContains(t, err, "no regular file")
	_, err = OpenBreached(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Whoever chooses a password is refused one that was given away, on each way to a new
// one, and nobody is let in with it where the list cannot be read any more.
func TestNobodyChoosesAPasswordThatWasGivenAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	given := core.NewSecret("given away by a shop")
	list, err := OpenBreached(listOf(t, "\r\n", given.Expose(), "another one of theirs"))
	require.NoError(t, err)
	h.cfg.Breached = list
	h.Identity = h.open(t)
	refused := func(err error, pointer string) {
		t.Helper()
		require.True(t, fault.Has(err, fault.RequestInvalid), err)
		require.Equal(t, []fault.Field{{Pointer: pointer, Reason: fault.ReasonBreachedPassword}}, fault.Find(err).Fields)
	}
	_, err = h.CreateOwner(t.Context(), "second@example.com", given)
	refused(err, "/password")
	refused(h.accept(t, h.invite(t, h.tenant(t, "蓝湖科技"), "li@lanhu.example.com", core.TenantOwner), given, core.Actor{}), "/password")
	owner := h.as(t, ownerEmail, ownerPassword)
	refused(h.use(t, h.reset(t, owner.MemberID, core.TenantID{}), given), "/password")
	owner.Proved = true
	refused(h.ChangePassword(t.Context(), owner, Visit{Client: office}, ownerPassword, given), "/newPassword")

	list.Close()
	err = h.ChangePassword(t.Context(), owner, Visit{Client: office}, ownerPassword, core.NewSecret("a password that nobody has"))
	require.ErrorIs(t, err, os.ErrClosed)
	h.as(t, ownerEmail, ownerPassword)
}

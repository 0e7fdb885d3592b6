package seal

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// inverted gives a text with each bit turned over, so that looking for it leaves no
// copy of it.
func inverted(text []byte) []byte {
	other := make([]byte, len(text))
	for i, b := range text {
		other[i] = ^b
	}
	return other
}

// inOwnMemory counts the texts, given inverted, in every mapping of this process
// that can be written to.
func inOwnMemory(t *testing.T, texts map[string][]byte) map[string]int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	memory, err := os.Open("/proc/self/mem")
	require.NoError(t, err)
	defer memory.Close()
	const longest = 64
	counts, buffer := map[string]int{}, make([]byte, 1<<20)
	own := int64(uintptr(unsafe.Pointer(&buffer[0])))
	for line := range strings.SplitSeq(string(maps), "\n") {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		for at := from; at < to; at += int64(len(buffer)) - longest {
			length, _ := memory.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
			for name, text := range texts {
				for _, i := range placesOf(buffer[:min(length, len(buffer)-longest+len(text)-1)], text) {
					if where := at + int64(i); where < own || where >= own+int64(len(buffer)) {
						counts[name]++
					}
				}
			}
		}
	}
	return counts
}

// placesOf finds a text that is given inverted: by its first bytes, of which a copy
// tells nothing, then by the rest.
func placesOf(memory, text []byte) (places []int) {
	const first = 4
	begin := inverted(text[:first])
	for at := 0; ; at++ {
		next := bytes.Index(memory[at:], begin)
		if next < 0 {
			return places
		}
		if at += next; isInverted(memory[at:], text) {
			places = append(places, at)
		}
	}
}

func isInverted(memory, text []byte) bool {
	if len(memory) < len(text) {
		return false
	}
	for i, b := range text {
		if memory[i] != ^b {
			return false
		}
	}
	return true
}

// The keys of tenants are opened for the length of a call: afterwards none is in the
// memory of the process. The root key is there, in its one place.
func TestMemoryHoldsNoScopeKeyOnceAValueWasOpened(t *testing.T) {
	t.Parallel()
	master, _, err := GenerateMaster(X25519)
	require.NoError(t, err)
	row, err := FirstRootKey(master, nil)
	require.NoError(t, err)
	ring, err := OpenRing(master, []RootKeyRow{row})
	require.NoError(t, err)
	tenant := core.NewTenantID()
	key, err := ring.NewScopeKey(Tenant(tenant), 1)
	require.NoError(t, err)
	binding := ForAppSecret(tenant, core.NewAppID(), 1)
	sealed, err := ring.Sealer().Seal(key, binding, core.NewSecret("a secret in a test of what is left in memory"))
	require.NoError(t, err)

	root, err := ring.newest().open()
	require.NoError(t, err)
	wanted := map[string][]byte{"root key": inverted(root.key())}
	held := new([keyLength]byte)
	require.NoError(t, ring.openScopeKey(held, key))
	wanted["scope key"] = inverted(held[:])
	require.Positive(t, inOwnMemory(t, wanted)["scope key"], "the search itself can find")
	clear(held[:])
	opener := ring.Opener(AppSecret)
	for range 1000 {
		_, err := opener.Open(key, binding, sealed)
		require.NoError(t, err)
	}
	right := inOwnMemory(t, wanted)
	runtime.GC()
	debug.FreeOSMemory()
	later := inOwnMemory(t, wanted)
	t.Logf("after 1000 values were opened: scope key %d, root key %d; a collection later: scope key %d, root key %d",
		right["scope key"], right["root key"], later["scope key"], later["root key"])
	require.Zero(t, later["scope key"])
	require.Positive(t, later["root key"])
	runtime.KeepAlive(held)
	runtime.KeepAlive(ring)
}

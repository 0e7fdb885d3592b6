package devdb

import (
	"os"
	"path/filepath"
)

// sweep removes throwaway clusters whose owner and server are both gone, as
// after a power cut. What cannot be removed is left for another time: it costs
// space, nothing else.
func sweep(a account) {
	base, err := tempBase(a)
	if err != nil {
		return
	}
	dirs, _ := filepath.Glob(filepath.Join(base, throwPrefix+"*")) // fails on a bad pattern only
	for _, dir := range dirs {
		sweepOne(dir, a)
	}
}

func sweepOne(dir string, a account) {
	if checkOwned(dir) != nil {
		return
	}
	// The mark is written under the owner's lock: where it stands and the lock
	// is free, the owner is gone.
	m, err := readMark(dir)
	if err != nil || !m.Throwaway {
		return
	}
	h := &home{dir: dir, named: dir, throwaway: true, account: a}
	defer h.release()
	for _, name := range []string{ownerName, serverName} {
		if _, err := os.Lstat(h.entry(name)); err != nil {
			continue
		}
		lock, err := lockNow(h.entry(name))
		if lock == nil || err != nil {
			return
		}
		h.owned = append(h.owned, lock)
	}
	_ = h.remove()
}

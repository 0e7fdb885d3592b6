package devdb

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What refuses a directory. Each comes wrapped in a sentence that names the
// directory and the mend.
var (
	ErrForeign = errors.New("not made by Signet")
	ErrInUse   = errors.New("in use")
)

// The entries of a cluster's home.
const (
	markName     = "signet-postgres.json"
	newMarkName  = markName + ".new"
	ownerName    = "owner"      // lock of the process that owns the cluster, with its id
	serverName   = "server"     // lock that every process of the server inherits
	passwordName = "superuser"  // the superuser's password
	logName      = "server.log" // what the server says
	dataName     = "data"       // Postgres' data folder
	newDataName  = "data.new"   // the same while initdb fills it
	throwPrefix  = "signet-postgres-"
	madeBy       = "signet devdb"
)

// Entries in the order in which they are removed: the mark near the end, so
// that a removal cut short leaves something recognisable.
var (
	clusterEntries = []string{newDataName, passwordName, logName, serverName}
	claimEntries   = []string{newMarkName, markName, ownerName}
)

// mark is the content of the file that tells a home of ours from anything else.
type mark struct {
	MadeBy    string `json:"madeBy"`              // always madeBy
	Cluster   string `json:"cluster,omitempty"`   // where the cluster lies, "" if here
	For       string `json:"for,omitempty"`       // the folder whose cluster this is, "" if its own
	Throwaway bool   `json:"throwaway,omitempty"` // may be removed when nobody owns it
}

// home is the folder of one cluster, owned by this process from claim to
// release.
type home struct {
	dir       string // where the cluster lies
	named     string // the folder that the caller named; dir unless we are root
	throwaway bool
	account   account
	owned     []*os.File // held locks
}

func (h *home) entry(name string) string { return filepath.Join(h.dir, name) }

// claim makes the home of a persistent cluster or takes the one that is there.
// It fails with ErrForeign or ErrInUse and then has changed nothing.
func claim(dir string, a account) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, named: dir, account: a}
	if err := h.claim(); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *home) claim() error {
	if err := h.own(h.named, 0o700, mark{}); err != nil {
		return err
	}
	if !h.account.other {
		return nil
	}
	m, err := readMark(h.named)
	if err != nil {
		return err
	}
	if m.Cluster != "" {
		if filepath.Dir(m.Cluster) != rootStateDir || filepath.Clean(m.Cluster) != m.Cluster {
			return fmt.Errorf("%s is %w: its %s names a cluster outside %s; remove that file, or name another folder", h.named, ErrForeign, markName, rootStateDir)
		}
		h.dir = m.Cluster
		if _, err := readMark(h.dir); !errors.Is(err, fs.ErrNotExist) {
			return h.own(h.dir, 0o711, mark{For: h.named})
		}
		// It is gone, as after a new container was put round the old folder.
	}
	if err := ownedDir(rootStateDir, 0o711); err != nil {
		return err
	}
	h.dir = filepath.Join(rootStateDir, strings.ToLower(rand.Text()))
	if err := h.own(h.dir, 0o711, mark{For: h.named}); err != nil {
		return err
	}
	return writeMark(h.named, mark{Cluster: h.dir})
}

// claimThrowaway makes the home of a throwaway cluster.
func claimThrowaway(a account) (*home, error) {
	base, err := tempBase(a)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, throwPrefix)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, named: dir, throwaway: true, account: a}
	if err := h.own(dir, reachableMode(a), mark{Throwaway: true}); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

// own takes the folder for this process: its lock, then its mark.
func (h *home) own(dir string, mode fs.FileMode, m mark) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := checkOwned(dir); err != nil {
		return err
	}
	if err := checkForeign(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, mode); err != nil { // the umask had a say in Mkdir
		return err
	}
	lock, err := lockSoon(filepath.Join(dir, ownerName))
	if err != nil {
		return err
	}
	if lock == nil {
		pid := readPID(filepath.Join(dir, ownerName))
		return fmt.Errorf("the Postgres of %s is %w by process %d; stop that process first", dir, ErrInUse, pid)
	}
	h.owned = append(h.owned, lock)
	if err := notePID(lock); err != nil {
		return err
	}
	if err := checkForeign(dir); err != nil { // again, now that nobody of ours can interfere
		return err
	}
	if _, err := readMark(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeMark(dir, m)
}

// checkForeign refuses a folder with content and without our mark. What own
// makes before the mark does not count as content.
func checkForeign(dir string) error {
	if _, err := readMark(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(claimEntries, e.Name()) {
			return fmt.Errorf("%s is %w: it holds %s and not the file %s; name an empty folder, or one that is not there yet",
				dir, ErrForeign, e.Name(), markName)
		}
	}
	return nil
}

// readMark fails with fs.ErrNotExist where there is none, and with ErrForeign
// where the file is not ours.
func readMark(dir string) (mark, error) {
	text, err := os.ReadFile(filepath.Join(dir, markName))
	if err != nil {
		return mark{}, err
	}
	var m mark
	if err := json.Unmarshal(text, &m); err != nil || m.MadeBy != madeBy {
		return mark{}, fmt.Errorf("%s is %w: its %s says something else; name another folder", dir, ErrForeign, markName)
	}
	return m, nil
}

// writeMark puts the mark in place in one step. The caller holds the lock.
func writeMark(dir string, m mark) error {
	m.MadeBy = madeBy
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, newMarkName), append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, newMarkName), filepath.Join(dir, markName))
}

// release gives the home up. The files stay.
func (h *home) release() {
	for _, lock := range h.owned {
		_ = lock.Close()
	}
	h.owned = nil
}

// remove removes the cluster and the folders that were made for it. What
// somebody else put into them stays. The caller owns the home, and no server
// runs in it.
func (h *home) remove() error {
	if err := h.removeFrom(h.dir, append(slices.Clone(clusterEntries), claimEntries...)); err != nil {
		return fmt.Errorf("remove the Postgres of %s: %w", h.dir, err)
	}
	if h.named != h.dir {
		if err := h.removeFrom(h.named, claimEntries); err != nil {
			return fmt.Errorf("remove the Postgres of %s: %w", h.named, err)
		}
	}
	return nil
}

func (h *home) removeFrom(dir string, entries []string) error {
	if _, err := readMark(dir); err != nil {
		return err
	}
	if dir == h.dir {
		// Half a data folder must not keep the name of a whole one.
		if err := os.RemoveAll(h.entry(newDataName)); err != nil {
			return err
		}
		if err := os.Rename(h.entry(dataName), h.entry(newDataName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range entries {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	_ = os.Remove(dir) // refused where it holds something of somebody else's
	return nil
}

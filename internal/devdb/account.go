package devdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// Where root keeps what the server's user must reach. Both are root's own
// folders in root's own folders: nobody else can put something there first.
const (
	rootStateDir = "/var/lib/signet-dev"
	rootCacheDir = "/var/cache/signet-dev"
	rootTempDir  = "/tmp" // $TMPDIR of root may be closed to others
)

// account is the user of the operating system that runs the server.
type account struct {
	name  string
	uid   int
	gid   int
	other bool // not the user who runs us, who then is root
}

// serverAccount gives ourselves, or for root, whom Postgres refuses, the first
// unprivileged user that exists.
func serverAccount() (account, error) {
	if err := supported(); err != nil {
		return account{}, err
	}
	if uid := os.Geteuid(); uid != 0 {
		return account{name: strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{name: name, uid: int(uid), gid: int(gid), other: true}, nil
		}
	}
	return account{}, errors.New("root must not run Postgres, and there is neither a user postgres nor nobody to run it; run this as an ordinary user")
}

// reachableMode is the mode of a folder of ours that the server's user must
// pass through.
func reachableMode(a account) fs.FileMode {
	if a.other {
		return 0o711
	}
	return 0o700
}

// packageCache names the folder in which the npm package is kept.
func packageCache(a account) (string, error) {
	if a.other {
		return rootCacheDir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "signet-dev"), nil
}

// tempBase names the folder in which throwaway clusters are made.
func tempBase(a account) (string, error) {
	dir := os.TempDir()
	if a.other {
		dir = rootTempDir
	}
	return filepath.EvalSymlinks(dir)
}

// ownedDir makes dir with exactly this mode, or takes one that is there if it
// is a real folder and ours: in a folder of somebody else's nothing is safe
// from being exchanged under our hands.
func ownedDir(dir string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := checkOwned(dir); err != nil {
		return err
	}
	return os.Chmod(dir, mode) // the umask had a say in Mkdir
}

func checkOwned(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder; move it away", dir)
	}
	if uid := ownerOf(info); uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user with id %d; run this as that user, or name another folder", dir, uid)
	}
	return nil
}

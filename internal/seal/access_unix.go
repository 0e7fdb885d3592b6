//go:build unix

package seal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// tooOpen gives the permission bits of the file that should not be set.
func tooOpen(info fs.FileInfo) fs.FileMode {
	refused := fs.FileMode(0o077)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int64(owner.Uid) != int64(os.Geteuid()) {
		refused = 0o037
	}
	return info.Mode().Perm() & refused
}

// syncDirectory makes the name of a new file survive a loss of power.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

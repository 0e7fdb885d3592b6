package papers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// folderKey names the folder where it is not above the package under test.
const folderKey = "PAPERS"

// Read gives the content of a file, named from the folder shared with slashes.
// Where there is no such file it skips the test.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	text, found := Find(t, name)
	if !found {
		t.Skipf("shared/%s is missing: it is not above the package, nor where %s says", name, folderKey)
	}
	return text
}

// Find is Read for what a test can do without.
func Find(t testing.TB, name string) (text []byte, found bool) {
	t.Helper()
	folder := findFolder(t)
	if folder == "" {
		return nil, false
	}
	text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, true
}

func findFolder(t testing.TB) (folder string) {
	t.Helper()
	if folder = os.Getenv(folderKey); folder != "" { //nolint:forbidigo // for tests only
		return folder
	}
	above, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		folder = filepath.Join(above, "shared")
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
		if above == filepath.Dir(above) {
			return ""
		}
		above = filepath.Dir(above)
	}
}

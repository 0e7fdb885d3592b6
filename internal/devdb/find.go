package devdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// MinVersion is the oldest major version of Postgres that Signet works with.
const MinVersion = 15

// The values of Programs.Source, in the order of the search.
const (
	SourceEnvironment = "SIGNET_POSTGRES_BIN_DIR"
	SourcePackage     = "npm package"
	SourceSystem      = "system"
)

// ErrNoPrograms says that there is no usable Postgres on this machine. The
// error that carries it names every mend.
var ErrNoPrograms = errors.New("no Postgres programs")

// Programs is one installation of Postgres: a folder with at least postgres
// and initdb.
type Programs struct {
	BinDir  string // absolute
	Version int    // major version, such as 18
	Source  string // SourceEnvironment, SourcePackage or SourceSystem
}

// String names the installation for people.
func (p Programs) String() string {
	return fmt.Sprintf("Postgres %d (%s, %s)", p.Version, p.Source, p.BinDir)
}

// Find gives the first usable installation: the folder binDir (the value of
// SIGNET_POSTGRES_BIN_DIR, "" if unset), the pinned npm package, the newest of
// the system's. Where npm is present and the package is not, it is fetched
// once into a cache of this user; progress (may be nil) is told before. A
// binDir that cannot be used is an error, not passed over. If nothing is
// found, the error is ErrNoPrograms and says why and what to do.
func Find(ctx context.Context, binDir string, progress io.Writer) (Programs, error) {
	f, err := newFinder()
	if err != nil {
		return Programs{}, err
	}
	if progress == nil {
		progress = io.Discard
	}
	return f.find(ctx, binDir, progress)
}

// FindAll gives the installations that are on hand, the one that Find prefers
// first and no major version twice, so that a test can run on each. It never
// downloads: call Find before it if the pinned package is wanted. It gives nil
// where there is none.
func FindAll(ctx context.Context, binDir string) []Programs {
	f, err := newFinder()
	if err != nil {
		return nil
	}
	return f.findAll(ctx, binDir)
}

// finder is the search with everything it takes from its surroundings.
type finder struct {
	account  account
	path     []string // the folders of PATH
	places   []string // patterns of folders where systems put Postgres
	cacheDir string   // where the npm package is kept, "" if nowhere
	cacheErr error    // why cacheDir is ""
	platform string   // as the npm packages name it, such as linux-x64
}

func newFinder() (*finder, error) {
	a, err := serverAccount()
	if err != nil {
		return nil, err
	}
	f := &finder{
		account:  a,
		path:     filepath.SplitList(os.Getenv("PATH")),
		places:   systemPlaces,
		platform: packagePlatform(runtime.GOOS, runtime.GOARCH),
	}
	f.cacheDir, f.cacheErr = packageCache(a)
	return f, nil
}

func (f *finder) find(ctx context.Context, binDir string, progress io.Writer) (Programs, error) {
	if binDir != "" {
		p, err := f.fromEnvironment(ctx, binDir)
		if err != nil {
			return Programs{}, fmt.Errorf("%w: %s: %w; name a folder with initdb and postgres of version %d or newer, or unset it",
				ErrNoPrograms, SourceEnvironment, err, MinVersion)
		}
		return p, nil
	}
	p, packageErr := f.fromPackage(ctx, progress)
	if packageErr == nil {
		return p, nil
	}
	if err := ctx.Err(); err != nil {
		return Programs{}, fmt.Errorf("find Postgres: %w", err)
	}
	if found := f.fromSystem(ctx); len(found) > 0 {
		return found[0], nil
	}
	return Programs{}, fmt.Errorf("%w of version %d or newer found: set %s to a folder that holds them, "+
		"or have Node.js with npm on PATH and be online once (now: %w), or install your system's Postgres (not on PATH, nor where systems put it)",
		ErrNoPrograms, MinVersion, SourceEnvironment, packageErr)
}

func (f *finder) findAll(ctx context.Context, binDir string) []Programs {
	var candidates []Programs
	if binDir != "" {
		if p, err := f.fromEnvironment(ctx, binDir); err == nil {
			candidates = append(candidates, p)
		}
	}
	if p, err := f.installed(ctx); err == nil {
		candidates = append(candidates, p)
	}
	candidates = append(candidates, f.fromSystem(ctx)...)

	var found []Programs
	seen := map[int]bool{}
	for _, p := range candidates {
		if !seen[p.Version] {
			seen[p.Version] = true
			found = append(found, p)
		}
	}
	return found
}

func (f *finder) fromEnvironment(ctx context.Context, binDir string) (Programs, error) {
	dir, err := filepath.Abs(binDir)
	if err != nil {
		return Programs{}, err
	}
	return f.inspect(ctx, dir, SourceEnvironment)
}

const versionTimeout = 10 * time.Second

// inspect tells whether dir holds usable programs. It runs one as the user who
// will run the server, which also shows that this user reaches them and that
// their libraries are there.
func (f *finder) inspect(ctx context.Context, dir, source string) (Programs, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if !executable(filepath.Join(dir, name)) {
			return Programs{}, fmt.Errorf("no program %s in %s", name, dir)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	cmd.Env = serverEnvironment()
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	runAs(cmd, f.account)
	out, err := cmd.Output()
	if err != nil {
		return Programs{}, fmt.Errorf("%s does not run as user %s: %w", filepath.Join(dir, "postgres"), f.account.name, err)
	}
	version, err := parseVersion(string(out))
	if err != nil {
		return Programs{}, err
	}
	if version < MinVersion {
		return Programs{}, fmt.Errorf("%s is Postgres %d, older than %d", dir, version, MinVersion)
	}
	return Programs{BinDir: dir, Version: version, Source: source}, nil
}

// parseVersion reads the major version from the answer to --version, such as
// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" or "… 19beta1".
func parseVersion(text string) (int, error) {
	_, rest, ok := strings.Cut(text, "(PostgreSQL) ")
	if !ok {
		return 0, fmt.Errorf("no Postgres version in %q", strings.TrimSpace(text))
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	version, err := strconv.Atoi(rest[:digits])
	if err != nil {
		return 0, fmt.Errorf("no Postgres version in %q", strings.TrimSpace(text))
	}
	return version, nil
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

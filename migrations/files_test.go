package migrations_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/migrations"
)

var fileName = regexp.MustCompile(`^(\d{4})_([a-z_]+)\.(up|down)\.sql$`)

// filesByVersion gives the texts and checks that versions run from 1 without a
// gap, up and down under one name.
func filesByVersion(t *testing.T) (up, down map[int]string, newest int) {
	t.Helper()
	entries, err := fs.ReadDir(migrations.Files, ".")
	require.NoError(t, err)
	up, down = map[int]string{}, map[int]string{}
	names := map[string]string{}
	for _, entry := range entries {
		parts := fileName.FindStringSubmatch(entry.Name())
		require.NotNil(t, parts, entry.Name())
		var version int
		_, err := fmt.Sscanf(parts[1], "%d", &version)
		require.NoError(t, err)
		text, err := fs.ReadFile(migrations.Files, entry.Name())
		require.NoError(t, err)
		way := up
		if parts[3] == "down" {
			way = down
		}
		require.NotContains(t, way, version, "two files of one version")
		way[version] = string(text)
		if name, ok := names[parts[1]]; ok {
			require.Equal(t, name, parts[2], "up and down of %s differ in name", parts[1])
		}
		names[parts[1]] = parts[2]
		newest = max(newest, version)
	}
	require.Positive(t, newest)
	require.Len(t, up, newest)
	require.Len(t, down, newest)
	return up, down, newest
}

var comment = regexp.MustCompile(`(?m)--.*$`)

// statements splits a file; none of ours holds a semicolon in a text.
func statements(text string) []string {
	var list []string
	for _, s := range strings.Split(comment.ReplaceAllString(text, ""), ";") {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// Whatever kills a file, it has run whole, its mark included, or not at all.
func TestEachFileIsOneTransactionThatMarksItself(t *testing.T) {
	t.Parallel()
	up, down, newest := filesByVersion(t)
	for version := 1; version <= newest; version++ {
		for way, text := range map[string]string{"up": up[version], "down": down[version]} {
			list := statements(text)
			require.Equal(t, "BEGIN", list[0], "%d %s", version, way)
			require.Equal(t, "COMMIT", list[len(list)-1], "%d %s", version, way)
			for _, s := range list[1 : len(list)-1] {
				require.NotRegexp(t, `(?i)^(begin|start|commit|end|rollback|abort|savepoint|vacuum|create index concurrently)\b`, s, "%d %s", version, way)
			}
			mark := fmt.Sprintf("INSERT INTO signet.migration_marks (version) VALUES (%d)", version)
			switch {
			case way == "down" && version == 1:
				mark = "DROP SCHEMA signet CASCADE" // and the marks with it
			case way == "down":
				mark = fmt.Sprintf("DELETE FROM signet.migration_marks WHERE version = %d", version)
			}
			require.Equal(t, mark, list[len(list)-2], "%d %s", version, way)
		}
	}
}

// Role names are put in by text, so they stand nowhere but as whole words, and
// never inside quotes.
func TestRoleNamesStandWhereTheyCanBeReplaced(t *testing.T) {
	t.Parallel()
	up, down, _ := filesByVersion(t)
	for _, files := range []map[int]string{up, down} {
		for version, text := range files {
			require.NotRegexp(t, `signet_(app|system)\w`, text, "version %d", version)
			require.NotRegexp(t, `\w\.?signet_(app|system)\b`, text, "version %d", version)
			require.NotRegexp(t, `['"][^'"\n]*signet_(app|system)[^'"\n]*['"]`, text, "version %d", version)
			require.NotContains(t, text, "$$", "version %d", version)
		}
	}
}

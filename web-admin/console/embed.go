//go:build console

package console

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Built tells whether the binary carries the console's pages.
const Built = true

// Files gives the console's files: index.html and what it needs, as paths
// without a leading slash. Files under assets/ have a hash of their content in
// their name and never change under it.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return files
}

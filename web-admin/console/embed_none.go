//go:build !console

package console

import (
	"embed"
	"io/fs"
)

//go:embed fallback
var fallback embed.FS

// Built tells whether the binary carries the console's pages.
const Built = false

// Files gives one page, index.html, that says how to build the console.
func Files() fs.FS {
	files, err := fs.Sub(fallback, "fallback")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return files
}

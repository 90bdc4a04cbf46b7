// Package dist embeds the built SDK, js/dist, for timd to serve. Before the
// first build the folder holds nothing but a placeholder, and everything that
// does not need the SDK compiles and runs.
package dist

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Files gives what lies in js/dist.
func Files() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return sub
}

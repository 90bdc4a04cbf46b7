// Package dist embeds the built SDK, js/dist, for timd to serve. Before the
// first build the folder holds only a placeholder, and everything that does
// not need the SDK compiles and runs.
package dist

import (
	"embed"
	"encoding/json"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

//go:embed package.json
var manifest []byte

// Version returns the version of the SDK, of the npm package and of timd: they
// are one.
func Version() string {
	var m struct{ Version string }
	if err := json.Unmarshal(manifest, &m); err != nil {
		panic(err) // package.json is part of the build
	}
	return m.Version
}

// Files returns the content of js/dist.
func Files() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return sub
}

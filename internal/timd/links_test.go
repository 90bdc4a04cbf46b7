package timd

import (
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// The page, the documents and the console link to each other where all three are served
// at one address, and to nothing that would answer 404.
func TestLinks(t *testing.T) {
	made := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	for name, c := range map[string]struct {
		change func(*options)
		hidden map[string][]string // by style sheet
	}{
		"all":         {func(*options) {}, map[string][]string{"/parts.css": nil, "/docs/parts.css": nil, "/console/parts.css": nil}},
		"no page":     {func(o *options) { o.page = false }, map[string][]string{"/docs/parts.css": {"page"}, "/console/parts.css": {"page"}}},
		"no docs":     {func(o *options) { o.docs = false }, map[string][]string{"/parts.css": {"docs"}, "/console/parts.css": {"docs"}}},
		"docs unmade": {func(o *options) { o.files.Docs = fstest.MapFS{} }, map[string][]string{"/parts.css": {"docs"}}},
		"console elsewhere": {func(o *options) { o.opsListen = "127.0.0.1:0" },
			map[string][]string{"/parts.css": {"console"}, "/docs/parts.css": {"console"}, "/console/parts.css": {"page", "docs"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(o *options) {
				o.page, o.docs, o.files.Docs = true, true, made
				c.change(o)
			})
			for path, want := range c.hidden {
				at := s.url
				if path == "/console/parts.css" {
					at = s.opsURL
				}
				var hidden []string
				for _, found := range regexp.MustCompile(`data-part=(\w+)`).FindAllStringSubmatch(body(t, at+path), -1) {
					hidden = append(hidden, found[1])
				}
				require.Equal(t, want, hidden, path)
			}
		})
	}
}

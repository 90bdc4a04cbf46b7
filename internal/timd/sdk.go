package timd

import (
	"net/http"
	"regexp"

	dist "github.com/tim-wasm/tim/js"
)

// hashedName is a file whose name changes with its content.
var hashedName = regexp.MustCompile(`\.[0-9a-f]{8,64}\.(wasm|js|mjs)$`)

// sdkFiles serves the built SDK to pages of any origin.
func sdkFiles() (http.Handler, error) {
	files, err := readStatic(dist.Files())
	if err != nil {
		return nil, err
	}
	return &static{
		files: files,
		header: func(h http.Header, _ *http.Request) {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		},
		cache: func(name string) string {
			if hashedName.MatchString(name) {
				return "public, max-age=31536000, immutable"
			}
			return "no-cache"
		},
		absent: "There is no such file in the SDK that this timd was built with; `make build` builds it.",
	}, nil
}

package timd

import (
	"context"
	"io/fs"
	"net/http"
	"strings"
)

// serveLinks serves the style sheet by which the page, the documents and the console
// link only to what this timd serves at the same address: which of them it serves is
// known here, and their files stay as they were built.
func serveLinks(_ context.Context, t *running) error {
	absent := map[string]bool{"page": !t.options.page, "docs": !t.options.docs, "console": t.ops != t.public}
	if _, err := fs.Stat(t.options.files.Docs, "index.html"); err != nil {
		absent["docs"] = true // built without them
	}
	if !absent["page"] {
		t.public.Handle("/parts.css", hides(absent))
	}
	if t.options.docs {
		t.public.Handle("/docs/parts.css", hides(absent))
	}
	if t.ops != t.public {
		absent = map[string]bool{"page": true, "docs": true}
	}
	t.ops.Handle("/console/parts.css", hides(absent))
	return nil
}

// hides returns a style sheet that hides the links to parts that are absent.
func hides(absent map[string]bool) http.HandlerFunc {
	css := "/* Links to what is not served at this address. */\n"
	for _, part := range []string{"page", "docs", "console"} {
		if absent[part] {
			css += "[data-part=" + part + "] { display: none !important; }\n"
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		pageHeader(w.Header(), r)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", kinds[".css"])
		_, _ = strings.NewReader(css).WriteTo(w)
	}
}

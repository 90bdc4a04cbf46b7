package timd

import (
	"context"
	"net/http"
	"strings"
)

// serveDocs serves the documents at /docs/.
func serveDocs(_ context.Context, t *running) error {
	if !t.options.docs {
		return nil
	}
	files, err := docs(t.options.files)
	if err != nil {
		return err
	}
	h := &static{
		files:  files,
		header: pageHeader,
		cache:  func(string) string { return "no-cache" },
		absent: "There is no such document here.",
	}
	if files["index.html"] == nil {
		h.absent = "This timd was built without its documents: run make build."
	}
	t.public.Handle("/docs/", http.StripPrefix("/docs", h))
	t.public.Handle("/docs/{$}", http.HandlerFunc(toIndex))
	return nil
}

// toIndex leads to the first page in the language that a reader prefers.
func toIndex(w http.ResponseWriter, r *http.Request) {
	to := "/docs/index.html"
	if first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ","); strings.HasPrefix(strings.ToLower(strings.TrimSpace(first)), "zh") {
		to = "/docs/index.zh.html"
	}
	w.Header().Set("Vary", "Accept-Language")
	http.Redirect(w, r, to, http.StatusFound)
}

// docs returns the documents, which package docs has made, and what they take
// from the demo page.
func docs(pages Files) (map[string]*asset, error) {
	all, err := readStatic(pages.Docs)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"base.css", "icon.svg", "theme.js"} {
		if all[name], err = newAsset(pages.Page, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

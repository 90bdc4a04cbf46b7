package timd

import (
	"io/fs"
	"net/http"
	"strings"
)

// Files are the pages that timd serves. Package main embeds them, because they
// lie beside it.
type Files struct {
	Page, Console, Docs fs.FS
}

// pages serves static pages. They load nothing from other hosts, and their
// policy enforces that.
func pages(files fs.FS) (http.Handler, error) {
	all, err := readStatic(files)
	if err != nil {
		return nil, err
	}
	return &static{
		files:  all,
		header: pageHeader,
		cache:  func(string) string { return "no-cache" },
		absent: "There is no such page here.",
	}, nil
}

func pageHeader(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", policy(r.Host))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// policy returns the Content-Security-Policy. It lists the sockets of our own
// host, because some engines do not count them as 'self'.
func policy(host string) string {
	sockets := ""
	if host != "" && strings.Trim(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]_") == "" {
		sockets = " ws://" + host + " wss://" + host
	}
	return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'" + sockets + "; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

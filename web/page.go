package main

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// embedded serves the pages below a folder of an embedded file system. They
// need nothing from elsewhere, and the policy says so.
func embedded(files fs.FS, folder string) (http.Handler, error) {
	root, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	all, err := readStatic(root)
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

// policy names the sockets of our own host, as not every engine takes them as
// part of 'self'.
func policy(host string) string {
	sockets := ""
	if host != "" && strings.Trim(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]_") == "" {
		sockets = " ws://" + host + " wss://" + host
	}
	return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'" + sockets + "; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

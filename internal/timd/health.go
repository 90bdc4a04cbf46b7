package timd

import (
	"net/http"
	"sync/atomic"
)

// healthz reports that the process serves at all.
func healthz(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok")
}

// readyz reports whether logins can succeed here: after the start, while the
// store can be reached, until draining begins.
func readyz(live func() bool, draining *atomic.Bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case draining.Load():
			plain(w, http.StatusServiceUnavailable, "draining")
		case !live():
			plain(w, http.StatusServiceUnavailable, "the store cannot be reached")
		default:
			plain(w, http.StatusOK, "ok")
		}
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

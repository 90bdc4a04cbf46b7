package timd

import (
	"net/http"
	"sync"
)

// starting answers requests until timd is ready: /healthz and /readyz at once,
// all others as soon as it is ready, because a start usually takes a moment
// only. If it takes long, because the store is brought to a new layout, the
// others are told so instead.
type starting struct {
	mu      sync.Mutex // guards what follows
	ready   bool
	busy    string        // why it takes long; "" if it does not
	changed chan struct{} // closed when any of it changes
}

func newStarting() *starting { return &starting{changed: make(chan struct{})} }

// takesLong notes why the start takes long; "" means that it no longer does.
func (s *starting) takesLong(why string) {
	s.change(func() { s.busy = why })
}

// done lets requests through from now on.
func (s *starting) done() {
	s.change(func() { s.ready = true })
}

func (s *starting) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *starting) state() (ready bool, busy string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready, s.busy, s.changed
}

// before returns a handler that answers until timd is ready, and is next from
// then on.
func (s *starting) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			ready, busy, changed := s.state()
			switch {
			case ready:
				next.ServeHTTP(w, r)
				return
			case r.URL.Path == "/healthz":
				healthz(w, r)
				return
			case busy != "":
				w.Header().Set("Retry-After", "5")
				plain(w, http.StatusServiceUnavailable, busy)
				return
			case r.URL.Path == "/readyz":
				plain(w, http.StatusServiceUnavailable, "starting")
				return
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return
			}
		}
	})
}

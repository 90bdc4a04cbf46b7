package native_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/frame"
)

// recorder is the page's listener: it keeps the events and notes at once what
// must never happen.
type recorder struct {
	mu      sync.Mutex
	events  []string
	wrong   []string
	ready   bool
	out     bool // kicked or logged out: only a login may change that
	changed chan struct{}
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{}, 1)} }

func (r *recorder) on(name string, data frame.Body) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := name
	switch name {
	case frame.EventSDKReady:
		if r.ready {
			r.wrong = append(r.wrong, "SDK_READY twice")
		}
		if r.out {
			r.wrong = append(r.wrong, "SDK_READY without a login")
		}
		r.ready = true
	case frame.EventSDKNotReady:
		if !r.ready {
			r.wrong = append(r.wrong, "SDK_NOT_READY without SDK_READY")
		}
		r.ready, r.out = false, true
	case frame.EventKickedOut:
		text += " " + data.Text("type")
		if r.ready {
			r.wrong = append(r.wrong, "KICKED_OUT before SDK_NOT_READY")
		}
		r.out = true
	case frame.EventNetStateChange:
		text += " " + data.Text("state")
	case frame.EventLoginStatusChange:
		text += " " + data.Text("status")
	}
	r.events = append(r.events, fmt.Sprintf("%s %s", time.Now().Format("05.000"), text))
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, time.Now().Format("05.000")+" "+fmt.Sprintf(format, args...))
}

func (r *recorder) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *recorder) loginCalled() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = false
}

func (r *recorder) snapshot() (events, wrong []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...), append([]string(nil), r.wrong...)
}

// page is one client behind a network of its own.
func (r *recorder) options(url string, storage *native.Storage) native.Options {
	return native.Options{URL: url, SDKAppID: testApp, Storage: storage, OnEvent: r.on}
}

package native

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// host implements client.Host. Its loop is the client's one thread.
type host struct {
	o      Options
	client *client.Client
	start  time.Time
	online bool

	mu    sync.Mutex
	queue []func()
	wake  chan struct{}
	dead  chan struct{}
	end   sync.Once

	timers  map[session.Timer]*timer
	sockets map[session.Gen]*socket
}

type timer struct{ t *time.Timer }

func newHost(o Options) *host {
	h := &host{
		o: o, start: time.Now(), online: true,
		wake: make(chan struct{}, 1), dead: make(chan struct{}),
		timers: map[session.Timer]*timer{}, sockets: map[session.Gen]*socket{},
	}
	go h.loop()
	return h
}

func (h *host) loop() {
	for {
		h.mu.Lock()
		todo := h.queue
		h.queue = nil
		h.mu.Unlock()
		for _, f := range todo {
			f()
		}
		if len(todo) > 0 {
			continue
		}
		select {
		case <-h.wake:
		case <-h.dead:
			return
		}
	}
}

// post runs f on the loop later.
func (h *host) post(f func()) {
	h.mu.Lock()
	h.queue = append(h.queue, f)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// call runs f on the loop and waits for it; once the loop has ended, f does
// not run.
func (h *host) call(f func()) {
	done := make(chan struct{})
	h.post(func() { f(); close(done) })
	select {
	case <-done:
	case <-h.dead:
	}
}

func (h *host) stop() { h.end.Do(func() { close(h.dead) }) }

func (h *host) Now() int64 { return time.Since(h.start).Milliseconds() }

func (h *host) Dial(gen session.Gen) {
	s := &socket{host: h, gen: gen}
	h.sockets[gen] = s
	go s.dial(h.o)
}

func (h *host) Write(gen session.Gen, r frame.Request) {
	if s := h.sockets[gen]; s != nil {
		s.write(r)
	}
}

func (h *host) Close(gen session.Gen, code int, reason string) {
	if s := h.sockets[gen]; s != nil {
		delete(h.sockets, gen)
		s.close(code, reason)
	}
}

func (h *host) StartTimer(id session.Timer, after int64) {
	h.StopTimer(id)
	t := &timer{}
	h.timers[id] = t
	t.t = time.AfterFunc(time.Duration(after)*time.Millisecond, func() {
		h.post(func() {
			// Stopped or replaced while this was queued.
			if h.timers[id] == t {
				delete(h.timers, id)
				h.client.OnTimer(id)
			}
		})
	})
}

func (h *host) StopTimer(id session.Timer) {
	if t := h.timers[id]; t != nil {
		t.t.Stop()
		delete(h.timers, id)
	}
}

// provide asks the app, and answers on the loop.
func (h *host) provide(userID, reason string, done func(userSig, failed string)) {
	go func() {
		userSig, err := h.o.Provider(userID, reason)
		h.post(func() {
			if err != nil {
				done("", err.Error())
				return
			}
			done(userSig, "")
		})
	}()
}

func (h *host) NextTask() { h.post(func() { h.client.OnTask() }) }

func (h *host) Emit(name string, data frame.Body) {
	if h.o.OnEvent != nil {
		h.o.OnEvent(name, data)
	}
}

func (h *host) Load() string {
	if h.o.Storage == nil {
		return ""
	}
	return h.o.Storage.Load()
}

func (h *host) Store(text string) {
	if h.o.Storage != nil {
		h.o.Storage.Store(text)
	}
}

func (h *host) Online() bool { return h.online }

func (h *host) URL() string { return h.o.URL }

func (h *host) Rand(b []byte) { _, _ = rand.Read(b) } // documented never to fail

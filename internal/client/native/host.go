package native

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/coarse"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// beatsEvery is how far apart the moments are at which heartbeats are due and their answers
// are given up, so that a process with thousands of clients wakes up four times a second
// for them. Retries stay spread.
const beatsEvery = 250 * time.Millisecond

// host implements client.Host. What happens to the client is a queue, and as long as there
// is something in it a goroutine works on it: the client has one thread, but none while
// nothing happens.
type host struct {
	o     Options
	start time.Time
	dead  chan struct{} // closed with ended

	mu      sync.Mutex // guards what follows
	queue   []func()
	working bool
	ended   bool // set by whoever works

	// Of whoever works.
	client  *client.Client
	online  bool
	timers  [session.TimerAsk + 1]timer
	sockets map[session.Gen]*socket
	spare   []func() // the memory of the queue before
}

// timer is one of the machine's timers, which is made when it is first needed.
type timer struct {
	*time.Timer
	due time.Time // zero: it does not run
}

func newHost(o Options) *host {
	return &host{o: o, start: time.Now(), online: true, dead: make(chan struct{}), sockets: map[session.Gen]*socket{}}
}

// post has f run soon, in the order of posts. It runs on another goroutine, as the caller
// may hold a lock that f takes; nor does the stack of one that waits for bytes grow by
// what is done about them.
func (h *host) post(f func()) {
	if h.queued(f) {
		go h.work()
	}
}

// queued puts f into the queue and returns whether to work on that.
func (h *host) queued(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.queue = append(h.queue, f)
	idle := !h.working
	h.working = true
	return idle
}

func (h *host) work() {
	for {
		h.mu.Lock()
		todo := h.queue
		if len(todo) == 0 || h.ended {
			h.working = false
			h.mu.Unlock()
			return
		}
		h.queue, h.spare = h.spare, nil
		h.mu.Unlock()
		for _, f := range todo {
			if h.ended { // by the one before
				break
			}
			f()
		}
		if cap(todo) <= spareQueue {
			clear(todo)
			h.spare = todo[:0]
		}
	}
}

// spareQueue is how long a queue may have been whose memory is kept.
const spareQueue = 16

// call runs f and waits for it; once the host has ended, f does not run.
func (h *host) call(f func()) {
	done := make(chan struct{})
	h.post(func() { f(); close(done) })
	select {
	case <-done:
	case <-h.dead:
	}
}

// stop ends the host. Whoever works calls it, so that nothing runs once it has ended.
func (h *host) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.ended = true
		close(h.dead)
	}
}

func (h *host) Now() int64 { return time.Since(h.start).Milliseconds() }

func (h *host) Dial(gen session.Gen) {
	s := &socket{host: h, gen: gen}
	h.sockets[gen] = s
	go s.dial(h.o)
}

func (h *host) Write(gen session.Gen, r frame.Request) {
	if s := h.sockets[gen]; s != nil {
		if refused := s.write(r); refused != nil {
			h.client.OnUnwritten(gen, r.ID, refused)
		}
	}
}

func (h *host) Close(gen session.Gen, code int, reason string) {
	if s := h.sockets[gen]; s != nil {
		delete(h.sockets, gen)
		s.close(code, reason)
	}
}

func (h *host) StartTimer(id session.Timer, after int64) {
	t, now := &h.timers[id], time.Now()
	wait := time.Duration(after) * time.Millisecond
	if id == session.TimerBeat || id == session.TimerPong {
		wait = coarse.Wait(now, wait, beatsEvery)
	}
	t.due = now.Add(wait)
	if t.Timer != nil {
		t.Reset(wait)
		return
	}
	fire := func() {
		// It may have been stopped, or started once more, while this was queued.
		if t.due.IsZero() || time.Now().Before(t.due) {
			return
		}
		t.due = time.Time{}
		h.client.OnTimer(id)
	}
	t.Timer = time.AfterFunc(wait, func() {
		if h.queued(fire) {
			h.work()
		}
	})
}

func (h *host) StopTimer(id session.Timer) {
	if t := &h.timers[id]; !t.due.IsZero() {
		t.due = time.Time{}
		t.Stop()
	}
}

// provide asks the app on a goroutine of its own.
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

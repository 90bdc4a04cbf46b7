package sim

import (
	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/session"
)

// host implements client.Host and client.Page for one page.
type host struct {
	w      *world
	p      *page
	c      *client.Client
	link   *link
	timers map[session.Timer]*event
	wake   *event
	online bool
	stored string
	task   int64 // when the newest NextTask is due
	left   bool  // the document is no more: nothing runs in it
}

// later runs f in some ms, if the document still exists.
func (h *host) later(ms int64, f func()) *event {
	return h.w.clock.after(ms, func() {
		if !h.left {
			f()
		}
	})
}

// Now implements client.Host, as do the methods below.
func (h *host) Now() int64 { return h.w.clock.now }

// Dial opens a link, unless the network is down on the way.
func (h *host) Dial(gen session.Gen) {
	l := &link{h: h, gen: gen}
	h.link = l
	h.later(5+h.w.roll(80), func() {
		switch {
		case l.dead:
		case !h.online || h.w.gateway.down:
			l.end(0, "")
		default:
			l.open = true
			h.c.OnOpen(gen)
		}
	})
}

// Write sends a frame.
func (h *host) Write(gen session.Gen, r frame.Request) {
	if l := h.link; l != nil && l.gen == gen && !l.dead {
		l.toGateway(r)
	}
}

// Close closes a link. The gateway hears of it after everything that is on its
// way.
func (h *host) Close(gen session.Gen, _ int, _ string) {
	l := h.link
	if l == nil || l.gen != gen || l.dead {
		return
	}
	h.link = nil
	h.w.clock.after(l.delay(&l.up), func() {
		if !l.dead {
			l.dead = true
			h.w.gateway.gone(l)
		}
	})
}

// StartTimer sets a timer.
func (h *host) StartTimer(t session.Timer, after int64) {
	h.StopTimer(t)
	h.timers[t] = h.later(after, func() { h.c.OnTimer(t) })
}

// StopTimer stops a timer.
func (h *host) StopTimer(t session.Timer) { h.timers[t].stop() }

// NextTask runs tasks in the order in which they were asked for.
func (h *host) NextTask() {
	h.task = max(h.task, h.w.clock.now+h.w.roll(3))
	h.later(h.task-h.w.clock.now, h.c.OnTask)
}

// Emit hands an event of the session to the app.
func (h *host) Emit(name string, data frame.Body) { h.p.sessionEvent(name, data) }

// Load returns what was stored, also by the document before a reload.
func (h *host) Load() string { return h.stored }

// Store keeps a text.
func (h *host) Store(text string) { h.stored = text }

// Online returns what the host believes about the network.
func (h *host) Online() bool { return h.online }

// URL returns the gateway's URL.
func (h *host) URL() string { return "wss://gateway/ws" }

// Rand takes randomness from the world.
func (h *host) Rand(b []byte) {
	for i := range b {
		b[i] = byte(h.w.roll(256))
	}
}

// Carry implements client.Page.
func (h *host) Carry(d mailbox.Deed) {
	if wake, ok := d.(mailbox.Wake); ok {
		h.wake.stop()
		h.wake = h.later(wake.After, func() { h.c.Mail().Post(mailbox.Woke{Attempt: wake.Attempt}) })
		return
	}
	if log, ok := d.(mailbox.Log); ok && log.Level > 0 {
		h.p.warned = append(h.p.warned, log.Text)
		h.w.tell("%s warns: %s", h.p.name, log.Text)
	}
	h.p.objects.Carry(d)
}

package sim

import (
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// link is one connection. Frames arrive in order, each a while after it was sent;
// frames that are on their way when the link is cut are lost.
type link struct {
	h        *host
	gen      session.Gen
	open     bool
	dead     bool // nothing arrives any more
	frozen   bool // nothing arrives, and nobody knows
	session  *place
	room     bool            // it visits the live room
	late     []frame.Request // acknowledgements that have no answer yet
	up, down int64           // when the newest frame of a direction arrives
}

// delay returns when a frame that is sent now arrives.
func (l *link) delay(last *int64) int64 {
	w := l.h.w
	*last = max(*last, w.clock.now+1+w.roll(60))
	return *last - w.clock.now
}

// toGateway sends a request from the client.
func (l *link) toGateway(r frame.Request) {
	l.h.w.clock.after(l.delay(&l.up), func() {
		if !l.dead && !l.frozen {
			l.h.w.gateway.request(l, r)
		}
	})
}

// toClient sends a frame from the gateway.
func (l *link) toClient(m frame.Message) {
	l.h.w.clock.after(l.delay(&l.down), func() {
		if !l.dead && !l.frozen && !l.h.left {
			l.h.c.OnFrame(l.gen, m)
		}
	})
}

// ripen answers what has none yet.
func (l *link) ripen() {
	for _, r := range l.late {
		l.h.w.gateway.answer(l, r, nil, nil)
	}
	l.late = nil
}

// shut closes the link from the gateway, after what it has sent.
func (l *link) shut(code int, reason string) {
	l.h.w.clock.after(l.delay(&l.down), func() { l.end(code, reason) })
}

// end ends the link on both sides.
func (l *link) end(code int, reason string) {
	if l.dead {
		return
	}
	l.dead = true
	l.h.w.gateway.gone(l)
	if l.open {
		l.h.c.OnClose(l.gen, code, reason)
	} else {
		l.h.c.OnDialFailed(l.gen, "cut")
	}
}

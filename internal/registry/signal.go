package registry

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// signal is a request to the gateway that holds a socket. It repeats what the
// record says already: if it is lost, that gateway finds out in a round.
type signal struct {
	Op    string      `json:"op"`
	Place place.Place `json:"place"`
	Type  string      `json:"type,omitempty"` // of opKick
}

const (
	opKick      = "kick"      // the place was evicted
	opSupersede = "supersede" // a newer socket has its place
	opCheck     = "check"     // compare the place with its record
	opProbe     = "probe"     // is its client alive?
)

type answer struct {
	OK bool `json:"ok"`
}

// probeWithin is how long a client has to show that it is alive.
const probeWithin = time.Second

func signalSubject(gw string) string { return bus.SubjectGateway + gw }

// listen answers signals: one subscription for all of this gateway's places.
func (r *Registry) listen() error {
	stop, err := r.bus.Listen(signalSubject(r.self), func(h bus.Heard) {
		var s signal
		if err := json.Unmarshal(h.Data, &s); err != nil {
			r.log.Warn("registry: a signal cannot be read", "error", err)
			return
		}
		reply := func(ok bool) {
			data, _ := json.Marshal(answer{OK: ok})
			h.Answer(data)
		}
		if s.Op == opProbe { // it waits for a pong
			r.goes(func() { reply(r.alive(r.ctx, s.Place)) })
			return
		}
		r.handle(s)
		reply(true)
	})
	if err != nil {
		return err
	}
	r.unlisten = append(r.unlisten, stop)
	return nil
}

// handle carries a signal out.
func (r *Registry) handle(s signal) {
	sockets := r.o.Sockets
	switch s.Op {
	case opKick:
		if !sockets.Kick(s.Place, s.Type) {
			r.again(s.Place, func() bool { return sockets.Kick(s.Place, s.Type) })
		}
	case opSupersede:
		sockets.Supersede(s.Place)
		r.again(s.Place, func() bool { sockets.Supersede(s.Place); return false })
	case opCheck:
		r.doubts.add(s.Place)
		r.goes(r.checkDoubts)
	}
}

// again repeats a signal that found no socket, if the place was admitted so
// recently that its socket may only be about to be attached.
func (r *Registry) again(p place.Place, f func() bool) {
	if !r.recent.has(p) {
		return
	}
	r.goes(func() {
		for wait := 10 * time.Millisecond; r.recent.has(p) && r.sleep(wait); wait = min(2*wait, time.Second) {
			if f() {
				return
			}
		}
	})
}

// send delivers a signal, again and again until that gateway has answered or
// its lease has lapsed. It returns at once.
func (r *Registry) send(s signal, gw string) {
	copies := 1
	if r.o.lose != nil {
		var lost bool
		if lost, copies = r.o.lose(s, gw); lost {
			return
		}
	}
	for range copies {
		if gw == r.self {
			r.goes(func() { r.handle(s) })
			continue
		}
		r.goes(func() {
			lapsed := r.lapsed(r.ctx)
			for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
				if _, ok := r.request(r.ctx, s, gw); ok {
					return
				}
				if _, gone := lapsed(gw); gone || !r.sleep(wait) {
					return
				}
			}
		})
	}
}

// request sends a signal once.
func (r *Registry) request(ctx context.Context, s signal, gw string) (ok, answered bool) {
	data, err := json.Marshal(s)
	if err != nil {
		return false, false
	}
	ctx, cancel := context.WithTimeout(ctx, probeWithin+500*time.Millisecond)
	defer cancel()
	reply, err := r.bus.Request(ctx, signalSubject(gw), data)
	if err != nil {
		return false, false
	}
	var a answer
	if json.Unmarshal(reply, &a) != nil {
		return false, false
	}
	return a.OK, true
}

// Probe implements gateway.Registry.
func (r *Registry) Probe(ctx context.Context, h place.Holder) bool {
	if h.Gateway == r.self {
		return r.alive(ctx, h.Place)
	}
	ok, _ := r.request(ctx, signal{Op: opProbe, Place: h.Place}, h.Gateway)
	return ok
}

func (r *Registry) alive(ctx context.Context, p place.Place) bool {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	return r.o.Sockets.Alive(ctx, p)
}

// recentFor is how long after an admission its socket may still be missing in
// the gateway's list.
const recentFor = 10 * time.Second

// recent holds the places admitted in the last seconds, by hash: one that is taken for
// another is looked for in vain for a while, and a crowd of them costs little.
type recent struct {
	mu     sync.Mutex               // guards what follows
	at     map[uint64]time.Duration // since began
	before map[uint64]time.Duration // those of the recentFor before
	since  time.Time                // that at is filled
}

var (
	began    = time.Now()
	hashSeed = maphash.MakeSeed()
)

func (c *recent) add(p place.Place, now time.Time) {
	hash := maphash.Comparable(hashSeed, p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnLocked(now)
	if c.at == nil {
		c.at = map[uint64]time.Duration{}
	}
	c.at[hash] = now.Sub(began)
}

// turn forgets places admitted long ago. A map never gets smaller, so after a crowd of
// logins this one is dropped as a whole.
func (c *recent) turn(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnLocked(now)
}

func (c *recent) turnLocked(now time.Time) {
	switch age := now.Sub(c.since); {
	case age > 2*recentFor:
		c.before, c.at, c.since = nil, nil, now
	case age > recentFor:
		c.before, c.at, c.since = c.at, nil, now
	}
}

func (c *recent) has(p place.Place) bool {
	hash := maphash.Comparable(hashSeed, p)
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.at[hash]
	if !ok {
		t, ok = c.before[hash]
	}
	return ok && time.Since(began)-t <= recentFor
}

package front

import (
	"bytes"
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fair"
)

const (
	// inOrder is how long the first of the line may have waited while the line is served
	// in order. After more than that clients come faster than they can be served before
	// they give up, and whoever came last has the most time left.
	inOrder = 2 * time.Second
	// mostHeld is how many wait at most, with 2 KB each, and mostOfOne how many of one
	// network: each holds a descriptor, and the files of the store need some, too. If
	// there are more, the one that came first of the network with the most has to go.
	mostHeld, mostOfOne = 20_000, 5_000
	// lineTick is the time between two looks for room.
	lineTick = 5 * time.Millisecond
	// lookAt is how many are looked at in a tick, whether they have hung up: all of them
	// within two seconds.
	lookAt = 50
)

// line is where requests for WebSockets wait while there is no room for them. If all of a
// crowd were opened at once, nobody would be served before they give up. A request that
// waits takes no goroutine and no buffer.
type line struct {
	mu      sync.Mutex                 // guards the rest
	waiting list.List                  // of held, in the order in which they came
	most    *fair.Limit[*list.Element] // bounds them
	looked  *list.Element              // the one to be looked at next; nil: the first
	served  bool                       // there is a goroutine that opens them
}

// held is a request that waits.
type held struct {
	tcp   *net.TCPConn
	conn  net.Conn      // tcp, or TLS over it
	text  []byte        // the head, and what came behind it
	spent time.Duration // on reading that
	since time.Time
}

// hold puts a request into the line if there is no room for it, or if others wait. It
// returns false if there is.
func (f *Front) hold(h held) bool {
	if f.o.Room == nil {
		return false
	}
	l := &f.line
	l.mu.Lock()
	served := l.served
	l.mu.Unlock()
	if !served && f.o.Room() > 0 {
		return false
	}
	h.text = bytes.Clone(h.text)
	h.since = time.Now()
	f.o.ConnState(h.tcp, http.StateHijacked) // or it would count as a request that takes too long
	l.mu.Lock()
	over, full := l.most.Join(l.waiting.PushBack(h), fair.WithoutPort(h.tcp.RemoteAddr().String()))
	if !l.served {
		l.served = true
		f.work.Go(f.serveLine)
	}
	var gone *net.TCPConn
	if full {
		gone = l.remove(over).tcp
	}
	l.mu.Unlock()
	if full {
		f.drop(gone)
	}
	return true
}

// remove takes one out of the line; mu is held.
func (l *line) remove(e *list.Element) held {
	if l.looked == e {
		l.looked = e.Next()
	}
	l.most.Leave(e)
	return l.waiting.Remove(e).(held)
}

// look goes on with the look for clients who have hung up, whose descriptors are needed.
func (l *line) look() (gone []*net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looked == nil {
		l.looked = l.waiting.Front()
	}
	for range lookAt {
		e := l.looked
		if e == nil {
			break
		}
		l.looked = e.Next()
		if hungUp(e.Value.(held).tcp) {
			gone = append(gone, l.remove(e).tcp)
		}
	}
	return gone
}

// next takes the one out of the line that is to be opened now. If there is none, the
// line is served no more.
func (l *line) next() (h held, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.waiting.Front()
	if e == nil {
		l.served = false
		return h, false
	}
	if time.Since(e.Value.(held).since) > inOrder {
		e = l.waiting.Back()
	}
	return l.remove(e), true
}

// serveLine opens those that wait, as far as there is room, until none is left.
func (f *Front) serveLine() {
	tick := time.NewTicker(lineTick)
	defer tick.Stop()
	for {
		for room := f.o.Room(); room > 0; room-- {
			h, ok := f.line.next()
			if !ok {
				return
			}
			f.release(h)
		}
		for _, tcp := range f.line.look() {
			f.drop(tcp)
		}
		select {
		case <-tick.C:
		case <-f.done: // Close has closed them
			for h, ok := f.line.next(); ok; h, ok = f.line.next() {
				f.drop(h.tcp)
			}
			return
		}
	}
}

// release goes on with a request where it was read.
func (f *Front) release(h held) {
	defer f.survive(h.tcp)
	if hungUp(h.tcp) {
		f.drop(h.tcp)
		return
	}
	b := buffers.Get().(*[longest]byte)
	n := copy(b[:], h.text)
	var read head
	read.read(b[:n], f.o.Path)
	f.decide(h.tcp, h.conn, b, n, &read, h.spent)
}

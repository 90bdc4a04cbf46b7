package timd

import (
	chain "container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// maxConnections bounds the connections of a listener that are not WebSockets,
// those that have not asked for anything yet included: one host opens
// thousands a second, and the files of the store need descriptors, too.
var maxConnections = 5_000

// connLimit knows the connections of a listener that are not WebSockets. When
// there are too many, the oldest is closed: a request takes a moment, and whoever
// holds connections open pushes out their own.
type connLimit struct {
	most int // set before serving

	mu    sync.Mutex // guards the rest
	order chain.List // of net.Conn, the oldest first
	at    map[net.Conn]*chain.Element
}

func newConnLimit(most int) *connLimit {
	return &connLimit{most: most, at: map[net.Conn]*chain.Element{}}
}

// moved is the server's ConnState; it does not block.
func (l *connLimit) moved(c net.Conn, to http.ConnState) {
	var over net.Conn
	l.mu.Lock()
	switch to {
	case http.StateNew:
		l.at[c] = l.order.PushBack(c)
		if l.order.Len() > l.most {
			over = l.order.Front().Value.(net.Conn)
			l.leave(over)
		}
	case http.StateHijacked, http.StateClosed:
		l.leave(c)
	}
	l.mu.Unlock()
	if over == nil {
		return
	}
	if t, ok := over.(*tls.Conn); ok { // its own Close waits until the peer reads
		over = t.NetConn()
	}
	_ = over.Close()
}

// leave needs mu.
func (l *connLimit) leave(c net.Conn) {
	if e := l.at[c]; e != nil {
		l.order.Remove(e)
		delete(l.at, c)
	}
}

package timd

import (
	"net"
	"net/http"

	"github.com/tim-wasm/tim/internal/fair"
)

// maxConnections bounds the connections of a listener that are not WebSockets,
// including those that have not sent a request yet, from one network: one host can open
// thousands a second, and the files of the store need descriptors, too.
var maxConnections = 5_000

// maxConnectionsOfAll is the same for all networks together. All clients of a gateway
// that comes back connect within seconds, and may be slow to say what they want: the
// oldest of them is no attacker, and comes again if it is closed.
const maxConnectionsOfAll = 25_000

// connLimit tracks the connections of a listener that are not WebSockets. If
// there are too many, it closes the oldest one of the network that has most: a
// request takes a moment only, and somebody who holds connections open loses
// their own.
type connLimit struct{ open *fair.Limit[net.Conn] }

func newConnLimit(most, mostOfAll int) connLimit {
	return connLimit{fair.New[net.Conn](most, mostOfAll)}
}

// moved is the ConnState of a server and of what stands in front of it; it does not
// block. A connection is known by the one below it, whose Close does not wait until the
// peer reads, as that of TLS does.
func (l connLimit) moved(c net.Conn, to http.ConnState) {
	for over, ok := c.(below); ok; over, ok = c.(below) {
		c = over.NetConn()
	}
	switch to {
	case http.StateNew:
		if over, full := l.open.Join(c, fair.WithoutPort(c.RemoteAddr().String())); full {
			_ = over.Close()
		}
	case http.StateHijacked, http.StateClosed:
		l.open.Leave(c)
	}
}

// below is what has a connection below it.
type below interface{ NetConn() net.Conn }

package timd

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/tim-wasm/tim/internal/gateway"
)

// maxConnections bounds the connections of a listener that are not WebSockets,
// those that have not asked for anything yet included: one host opens
// thousands a second, and the files of the store need descriptors, too.
var maxConnections = 5_000

// connLimit knows the connections of a listener that are not WebSockets. When
// there are too many, the oldest of the network that has most is closed: a
// request takes a moment, and whoever holds connections open pushes out their
// own.
type connLimit struct{ open *gateway.Fair[net.Conn] }

func newConnLimit(most int) connLimit {
	return connLimit{gateway.NewFair[net.Conn](most, most)}
}

// moved is the server's ConnState; it does not block.
func (l connLimit) moved(c net.Conn, to http.ConnState) {
	switch to {
	case http.StateNew:
		addr := c.RemoteAddr().String()
		if host, _, err := net.SplitHostPort(addr); err == nil {
			addr = host
		}
		if over, full := l.open.Join(c, addr); full {
			if t, ok := over.(*tls.Conn); ok { // its own Close waits until the peer reads
				over = t.NetConn()
			}
			_ = over.Close()
		}
	case http.StateHijacked, http.StateClosed:
		l.open.Leave(c)
	}
}

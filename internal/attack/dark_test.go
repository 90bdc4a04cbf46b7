package attack

import (
	"io"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// dark makes links go dark without closing them, as when a phone leaves its
// network: what the gateway sends is swallowed, or nobody reads it, and nothing
// comes back. The gateway has to give up such links by itself, and at the end of
// the suite it must hold no more than before. This attack is the first one,
// because that takes twice --silence.
func (x *attacker) dark() {
	for n := range 12 {
		page := NewPage(account(x.name("vanished")))
		conn, _, err := page.Login(x.addr)
		if err == nil {
			_, err = conn.Call(frame.SessionSync, object{"watch": []string{"carol"}})
		}
		if err != nil {
			x.failed("%v", err)
			return
		}
		// Keep the sockets referenced: one that is garbage-collected is closed.
		time.AfterFunc(10*time.Minute, func() { conn.Close() })
		switch n % 3 {
		case 0: // the other end of a proxy is gone
			go func() { _, _ = io.Copy(io.Discard, conn.TCPConn) }()
		case 1: // in the middle of a frame
			f := Frame(OpText, Request(9, frame.BlacklistGet, object{}))
			_, _ = conn.Write(f[:len(f)-1])
		case 2: // whoever comes back does not wait for the old link's end
			again, err := Dial(x.addr)
			if err != nil {
				x.failed("%v", err)
				return
			}
			a, err := again.Call(frame.Login, page.Params(frame.IntentResume))
			x.note("dark links that come back", came(a, err))
			if err != nil || a.Error != nil {
				x.failed("a user whose link was dark came back: %v %s", err, a.Text)
			}
			again.Close()
		}
		x.note("dark links", "open")
	}
	x.served("links are dark")
}

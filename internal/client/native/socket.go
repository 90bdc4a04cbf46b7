package native

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/session"
)

const (
	dialWithin = 15 * time.Second // the session's own limits are shorter
	readBuffer = 1 << 10          // more than most frames; a client has little to hear
)

// socket is one WebSocket of one generation. A goroutine reads it and posts what comes;
// only whoever works on the host's queue writes.
type socket struct {
	gws.BuiltinEventHandler
	host *host
	gen  session.Gen

	mu     sync.Mutex
	raw    net.Conn  // from the dial on
	conn   *gws.Conn // from the opening handshake on
	cancel context.CancelFunc
	closed bool // by us: what still comes is ignored
}

func (s *socket) dial(o Options) {
	ctx, cancel := context.WithTimeout(context.Background(), dialWithin)
	defer cancel()
	s.mu.Lock()
	s.cancel = cancel
	gone := s.closed
	s.mu.Unlock()
	if gone {
		return
	}
	header := http.Header{}
	header.Set("Sec-WebSocket-Protocol", frame.Subprotocol)
	if o.Origin != "" {
		header.Set("Origin", o.Origin)
	}
	conn, _, err := gws.NewClient(s, &gws.ClientOption{
		Addr:               o.URL,
		RequestHeader:      header,
		HandshakeTimeout:   dialWithin,
		ReadMaxPayloadSize: frame.MaxFrame,
		ReadBufferSize:     readBuffer,
		NewDialer:          func() (gws.Dialer, error) { return dialer{ctx, o.Dial, s}, nil },
	})
	if err != nil {
		s.host.post(func() {
			delete(s.host.sockets, s.gen)
			s.host.client.OnDialFailed(s.gen, err.Error())
		})
		return
	}
	s.mu.Lock()
	s.conn = conn
	gone = s.closed
	s.mu.Unlock()
	if gone {
		_ = conn.WriteClose(1000, nil)
		return
	}
	s.host.post(func() { s.host.client.OnOpen(s.gen) })
	go conn.ReadLoop() // this goroutine's stack has grown in the handshake
}

func (s *socket) OnMessage(_ *gws.Conn, m *gws.Message) {
	f, err := jsonframe.Decode(append([]byte(nil), m.Bytes()...))
	_ = m.Close()
	if err != nil {
		return // not a frame: as good as silence
	}
	s.host.post(func() { s.host.client.OnFrame(s.gen, f) })
}

func (s *socket) OnClose(_ *gws.Conn, err error) {
	code, reason := 1006, ""
	var c *gws.CloseError
	if errors.As(err, &c) {
		code, reason = int(c.Code), string(c.Reason)
	}
	s.host.post(func() {
		delete(s.host.sockets, s.gen)
		s.host.client.OnClose(s.gen, code, reason)
	})
}

func (s *socket) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

// write sends or loses a frame; a lost one shows as a close. It returns why one cannot
// be sent.
func (s *socket) write(r frame.Request) *fault.Error {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	text, err := jsonframe.Encode(r)
	switch {
	case errors.Is(err, jsonframe.ErrTooLarge):
		return client.TooLarge()
	case err != nil:
		return client.NoJSON(err.Error())
	case conn != nil:
		_ = conn.WriteMessage(gws.OpcodeText, text) // shows as a close, too
	}
	return nil
}

func (s *socket) close(code int, reason string) {
	s.mu.Lock()
	s.closed = true
	raw, conn, cancel := s.raw, s.conn, s.cancel
	s.mu.Unlock()
	if conn == nil {
		if cancel != nil {
			cancel()
		}
		if raw != nil { // as a browser does, nobody waits for the handshake to be answered
			_ = raw.Close()
		}
		return
	}
	_ = conn.WriteClose(uint16(code), []byte(reason))
}

type dialer struct {
	ctx  context.Context
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	s    *socket
}

func (d dialer) Dial(network, addr string) (net.Conn, error) {
	dial := d.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w := newWire(c)
	d.s.mu.Lock()
	d.s.raw = w
	gone := d.s.closed
	d.s.mu.Unlock()
	if gone {
		_ = w.Close()
	}
	return w, nil
}

package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// FuzzReader has our reader and that of another library read the same bytes. They hear
// the same messages, and end for the same reason, but where ours refuses more: what is
// too large, in too many pieces or has a length that is not in its shortest form.
func FuzzReader(f *testing.F) {
	f.Add(client(0x81, "hi"), byte(3))
	f.Add(bytes.Join([][]byte{client(0x01, "a\xe2"), client(0x89, "yo"), client(0x80, "\x82\xac"), client(0x88, "\x03\xe8bye")}, nil), byte(1))
	f.Add(client(0x82, string(make([]byte, 300))), byte(100))
	f.Add(client(0x88, "\x0b\xb8"), byte(0))
	f.Add(client(0x88, "\x03\xed"), byte(0))
	f.Add(append(client(0x00, "a"), client(0xf1, "b")...), byte(7))
	f.Add([]byte{0x81, 0x02, 'h', 'i'}, byte(0))
	f.Fuzz(func(t *testing.T, b []byte, part byte) {
		const limit, tooBig = 1 << 10, 1009
		want, ended := heardByLibrary(t, b, limit)
		got, code := heardTillClose(b, int(part)+1, limit)
		if code == frame.CloseBadFrame {
			require.True(t, slices.Equal(got, want[:min(len(got), len(want))]), "%q, not %q", got, want)
			return
		}
		require.True(t, slices.Equal(got, want), "%q, not %q", got, want)
		if ended == tooBig { // of a control frame, which is too large at any length that the library takes for this
			ended = closeProtocol
		}
		if ended != closeNormal || code == closeNormal { // 1000 is also how the library ends at the end of the bytes
			require.Equal(t, ended, code)
		}
	})
}

// heardTillClose is what our reader hears, and the code of the close frame that it
// would have sent; -1 for none.
func heardTillClose(b []byte, part, limit int) (all []string, code int) {
	var r reader
	for len(b) > 0 {
		now := bytes.Clone(b[:min(part, len(b))])
		b = b[len(now):]
		for len(now) > 0 {
			m, rest, ok, bad := r.next(now, limit)
			now = rest
			if bad == nil && ok && m.opcode == opClose {
				var reply int
				if _, reply, bad = closing(m.payload); bad == nil {
					return all, reply
				}
			}
			if bad != nil {
				return all, bad.code
			}
			if ok {
				all = append(all, fmt.Sprintf("%d %q", m.opcode, m.payload))
			}
		}
	}
	return all, -1
}

// heardByLibrary is the same of the library.
func heardByLibrary(t *testing.T, b []byte, limit int) (all []string, code int) {
	conn := &recorded{in: bytes.NewReader(b)}
	notes := &notes{}
	up := gws.NewUpgrader(notes, &gws.ServerOption{
		ReadMaxPayloadSize: limit, CheckUtf8Enabled: true, Logger: silent{},
		Recovery: func(gws.Logger) {},
	})
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))))
	require.NoError(t, err)
	socket, err := up.UpgradeFromConn(conn, bufio.NewReader(conn), r)
	require.NoError(t, err)
	conn.out = nil
	func() {
		defer func() { _ = recover() }() // at a length below zero, where ours refuses
		socket.ReadLoop()
	}()
	switch {
	case len(conn.out) < 2:
		return notes.all, -1
	case conn.out[1] == 0:
		return notes.all, 0
	}
	return notes.all, int(conn.out[2])<<8 | int(conn.out[3])
}

type recorded struct {
	net.Conn
	in  *bytes.Reader
	out []byte
}

func (r *recorded) Read(p []byte) (int, error) { return r.in.Read(p) }
func (r *recorded) Write(p []byte) (int, error) {
	r.out = append(r.out, p...)
	return len(p), nil
}
func (*recorded) Close() error                     { return nil }
func (*recorded) SetDeadline(time.Time) error      { return nil }
func (*recorded) SetReadDeadline(time.Time) error  { return nil }
func (*recorded) SetWriteDeadline(time.Time) error { return nil }

// notes are what the library has heard.
type notes struct {
	gws.BuiltinEventHandler
	all []string
}

func (n *notes) OnPing(_ *gws.Conn, payload []byte) {
	n.all = append(n.all, fmt.Sprintf("%d %q", opPing, payload))
}

func (n *notes) OnPong(_ *gws.Conn, payload []byte) {
	n.all = append(n.all, fmt.Sprintf("%d %q", opPong, payload))
}

func (n *notes) OnMessage(_ *gws.Conn, m *gws.Message) {
	n.all = append(n.all, fmt.Sprintf("%d %q", m.Opcode, m.Bytes()))
}

func (*notes) OnClose(*gws.Conn, error) {}

type silent struct{}

func (silent) Error(...any) {}

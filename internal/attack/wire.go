package attack

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Opcodes of RFC 6455, with the bit that ends a message.
const (
	OpText   = 0x81
	OpBinary = 0x82
	OpClose  = 0x88
	OpPing   = 0x89
	OpPong   = 0x8a
)

// patience is how long a gateway may take to answer on a busy machine. It only
// serves to find what hangs.
const patience = 30 * time.Second

// Conn is a client's end of a WebSocket that obeys no rule by itself: bytes are
// written unchanged, and pings are answered only while it is read.
type Conn struct {
	*net.TCPConn
	in  *bufio.Reader
	ids int64
}

// Handshake is the request of a well-behaved client.
const Handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + frame.Subprotocol + "\r\n\r\n"

// Connect opens a TCP connection and says nothing.
func Connect(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("%T is no TCP connection", c)
	}
	return &Conn{TCPConn: tcp, in: bufio.NewReader(tcp)}, nil
}

// Dial opens a WebSocket.
func Dial(addr string) (*Conn, error) {
	c, err := Connect(addr)
	if err != nil {
		return nil, err
	}
	status, err := c.Ask(Handshake)
	if err == nil && status != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the handshake was answered with %d", status)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Ask writes an HTTP request unchanged and returns the status of the answer.
func (c *Conn) Ask(request string) (int, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return 0, err
	}
	return c.Status()
}

// Status reads the answer to an HTTP request.
func (c *Conn) Status() (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
	}
	return r.StatusCode, c.SetDeadline(time.Time{})
}

// Frame makes a frame of a client. Its mask is zero, so a dump can be read.
func Frame(first byte, payload []byte) []byte { return MaskedFrame(first, payload, [4]byte{}) }

// MaskedFrame is Frame with a mask.
func MaskedFrame(first byte, payload []byte, mask [4]byte) []byte {
	b := make([]byte, 0, len(payload)+14)
	b = append(b, first)
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

// Request makes the text of a call. params is marshalled unless it is raw.
func Request(id int64, method string, params any) []byte {
	raw, ok := params.(json.RawMessage)
	if !ok {
		raw, _ = json.Marshal(params) // the suite's own values always marshal
	}
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, raw)
}

// frame makes a call under the next id.
func (c *Conn) frame(method string, params any) (int64, []byte) {
	c.ids++
	return c.ids, Frame(OpText, Request(c.ids, method, params))
}

// Send writes a call and returns its id.
func (c *Conn) Send(method string, params any) (int64, error) {
	id, f := c.frame(method, params)
	_, err := c.Write(f)
	return id, err
}

// Answer is what a gateway sent: an answer to a call, or a notification.
type Answer struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    fault.Code `json:"code"`
		Message string     `json:"message"`
	} `json:"error"`
	Text []byte `json:"-"` // as it came
}

// Code is the code of an answer, 0 for success.
func (a Answer) Code() fault.Code {
	if a.Error == nil {
		return 0
	}
	return a.Error.Code
}

// Closed is the error of a socket that the gateway has ended.
type Closed struct{ Code int } // 0: without a close frame

func (c Closed) Error() string { return fmt.Sprintf("the gateway closed with %d", c.Code) }

// CloseCode returns the code of a Closed, -1 for another error or none.
func CloseCode(err error) int {
	if c, ok := errors.AsType[Closed](err); ok {
		return c.Code
	}
	return -1
}

// Next reads a frame of any kind. A gateway's frames are complete messages, and
// not masked.
func (c *Conn) Next() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, ended(err)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, ended(err)
	}
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("the gateway announced a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return 0, nil, ended(err)
	}
	return head[0], payload, nil
}

// ended turns the plain end of a connection into a Closed; a deadline stays a
// deadline.
func ended(err error) error {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return err
	}
	return Closed{}
}

// Read returns the next text frame, answers pings before it, and turns a close
// frame into a Closed.
func (c *Conn) Read() (Answer, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return Answer{}, Closed{}
	}
	for {
		op, payload, err := c.Next()
		switch {
		case err != nil:
			return Answer{}, err
		case op == OpPing:
			if _, err := c.Write(Frame(OpPong, payload)); err != nil {
				return Answer{}, Closed{}
			}
		case op == OpClose && len(payload) >= 2:
			return Answer{}, Closed{int(binary.BigEndian.Uint16(payload))}
		case op == OpClose:
			return Answer{}, Closed{1005}
		case op == OpText:
			a := Answer{Text: payload}
			return a, json.Unmarshal(payload, &a)
		}
	}
}

// Await reads until a call is answered; seen is called with everything that
// comes before the answer, and with the answer.
func (c *Conn) Await(id int64, seen func(Answer)) (Answer, error) {
	for {
		a, err := c.Read()
		if err != nil {
			return a, err
		}
		if seen != nil {
			seen(a)
		}
		if a.Method == "" && a.ID == id {
			return a, nil
		}
	}
}

// Call sends a call and awaits its answer.
func (c *Conn) Call(method string, params any) (Answer, error) {
	id, err := c.Send(method, params)
	if err != nil {
		return Answer{}, Closed{}
	}
	return c.Await(id, nil)
}

// Drain reads to the end of the socket and returns the close code.
func (c *Conn) Drain() (int, error) {
	for {
		if _, err := c.Read(); err != nil {
			code := CloseCode(err)
			if code < 0 {
				return code, err
			}
			return code, nil
		}
	}
}

// Reset ends the connection with a RST, as a host does that has forgotten it:
// bytes under way are lost.
func (c *Conn) Reset() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// Lines joins the lines of an HTTP head.
func Lines(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

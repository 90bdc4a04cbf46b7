//go:build js && wasm

package host

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// socket is one WebSocket. It ends once: with a close, an error before it has
// opened, a send that throws, or our own Close, whichever comes first. Later
// callbacks are ignored.
type socket struct {
	host   *Host
	gen    session.Gen
	ws     safejs.Value
	scope  bridge.Scope
	opened bool
	broken safejs.Value // handle of breakLater's timer
}

// The names under which a WebSocket calls back.
var callbacks = [...]string{"onopen", "onmessage", "onerror", "onclose"}

// Dial implements client.Host.
func (h *Host) Dial(gen session.Gen) {
	if h.released {
		return
	}
	s := &socket{host: h, gen: gen}
	s.scope.OnPanic = h.config.OnPanic
	h.sockets[gen] = s
	if h.config.URL == "" {
		s.breakLater("no gateway is known: pass proxyServer to TIM.create")
		return
	}
	constructor := bridge.Global("WebSocket")
	if !bridge.IsFunction(constructor) {
		s.breakLater("there is no WebSocket here")
		return
	}
	ws, err := constructor.New(h.config.URL, bridge.NewArray(bridge.String(frame.Subprotocol)))
	if err != nil {
		s.breakLater(bridge.Message(bridge.Thrown(err)))
		return
	}
	s.ws = ws
	for i, f := range []func([]safejs.Value) any{s.onOpen, s.onMessage, s.onError, s.onClose} {
		bridge.Set(ws, callbacks[i], s.scope.Func(f).Value())
	}
}

// breakLater ends the socket after our caller has returned, for a reason that is
// known now: the client must not be called while it dials or writes.
func (s *socket) breakLater(detail string) {
	if !s.broken.IsUndefined() {
		return
	}
	f := s.scope.Func(func([]safejs.Value) any {
		s.lose(1006, detail)
		return nil
	})
	s.broken = bridge.Call(safejs.Global(), "setTimeout", f.Value(), bridge.Int(0))
}

// end detaches the socket and reports whether it was attached. Errors are
// ignored from now on, but still listened to: the package ws of Node throws an
// error without a listener, which ends the process, and closing a socket that
// is still connecting is such an error.
func (s *socket) end() bool {
	if s.host.sockets[s.gen] != s {
		return false
	}
	delete(s.host.sockets, s.gen)
	if bridge.IsObject(s.ws) {
		for _, name := range callbacks {
			bridge.Set(s.ws, name, safejs.Null())
		}
		bridge.Set(s.ws, "onerror", bridge.Noop())
	}
	if !s.broken.IsUndefined() {
		bridge.Call(safejs.Global(), "clearTimeout", s.broken)
	}
	s.scope.Release()
	return true
}

// closed ends a socket that the host has closed.
func (s *socket) closed(code int, reason string) {
	if s.end() {
		s.tell(code, reason)
	}
}

// lose ends a socket that the host may still consider open.
func (s *socket) lose(code int, reason string) {
	if s.end() {
		s.hangUp(code, reason)
		s.tell(code, reason)
	}
}

func (s *socket) tell(code int, reason string) {
	if s.opened {
		s.host.client.OnClose(s.gen, code, reason)
	} else {
		s.host.client.OnDialFailed(s.gen, closeText(code, reason))
	}
}

func (s *socket) onOpen([]safejs.Value) any {
	if !s.opened {
		s.opened = true
		s.host.client.OnOpen(s.gen)
	}
	return nil
}

// onError is called with nothing useful, and onClose follows. In some mini
// programs it does not follow, so an error before the opening ends the socket.
func (s *socket) onError(args []safejs.Value) any {
	if !s.opened {
		s.lose(1006, bridge.Message(bridge.Arg(args, 0)))
	}
	return nil
}

func (s *socket) onClose(args []safejs.Value) any {
	event := bridge.Object{Value: bridge.Arg(args, 0)}
	code := int(event.Number("code"))
	if code == 0 {
		code = 1006
	}
	s.closed(code, event.Text("reason"))
	return nil
}

func (s *socket) onMessage(args []safejs.Value) any {
	if !s.opened {
		return nil // a gateway sends nothing before the handshake
	}
	m, problem := parse(bridge.Field(bridge.Arg(args, 0), "data"))
	if problem != "" {
		s.lose(frame.CloseBadFrame, problem)
		return nil
	}
	s.host.client.OnFrame(s.gen, m)
	return nil
}

// parse reads one frame with the host's own JSON.parse; problem says what is wrong
// with it, or is "".
func parse(data safejs.Value) (m frame.Message, problem string) {
	if data.Type() != safejs.TypeString {
		return m, "the gateway sent a binary frame"
	}
	// A frame never has more UTF-16 units than bytes. Go returns the length only of
	// objects, hence the String object.
	boxed, err := bridge.Global("Object").Invoke(data)
	if err != nil {
		return m, "the gateway sent an unreadable frame"
	}
	if n, err := boxed.Length(); err != nil || n > frame.MaxFrame {
		return m, "the gateway sent a frame that is too large"
	}
	parsed, err := bridge.Global("JSON").Call("parse", data)
	if err != nil || !bridge.IsObject(parsed) {
		return m, "the gateway sent something that is not JSON-RPC"
	}
	o := bridge.ParsedBody(parsed)
	m.ID = o.Number("id")
	if m.Method = o.Text("method"); m.Method != "" {
		m.Body = bridge.ParsedBody(bridge.Field(parsed, "params"))
		return m, ""
	}
	if failure := bridge.ParsedBody(bridge.Field(parsed, "error")); failure != nil {
		m.Err = &fault.Error{Code: fault.Code(failure.Number("code")), Message: failure.Text("message")}
		return m, ""
	}
	m.Body = bridge.ParsedBody(bridge.Field(parsed, "result"))
	return m, ""
}

// Write implements client.Host.
func (h *Host) Write(gen session.Gen, r frame.Request) {
	s := h.sockets[gen]
	if s == nil || !s.opened {
		return
	}
	o := bridge.Wrap("jsonrpc", bridge.String("2.0"))
	if r.ID != 0 {
		bridge.Put(o, "id", bridge.Int(int(r.ID)))
	}
	bridge.Put(o, "method", bridge.String(r.Method))
	if r.Params != nil {
		bridge.Put(o, "params", bridge.ValueOf(r.Params))
	}
	text, err := bridge.Global("JSON").Call("stringify", o)
	switch {
	case err != nil:
		h.client.OnUnwritten(gen, r.ID, client.NoJSON(bridge.Message(bridge.Thrown(err))))
		return
	case bridge.Size(text) > frame.MaxFrame:
		h.client.OnUnwritten(gen, r.ID, client.TooLarge())
		return
	}
	if _, err = s.ws.Call("send", text); err != nil {
		s.breakLater(bridge.Message(bridge.Thrown(err)))
		bridge.Report(bridge.Thrown(err))
	}
}

// Close implements client.Host.
func (h *Host) Close(gen session.Gen, code int, reason string) {
	s := h.sockets[gen]
	if s == nil || !s.end() {
		return
	}
	s.hangUp(code, reason)
}

func (s *socket) hangUp(code int, reason string) {
	if !bridge.IsObject(s.ws) {
		return
	}
	// A page may close only with 1000 and with codes from 3000 on.
	if code < 3000 || code > 4999 {
		code = 1000
	}
	// If the reason is too long the host throws and does not close the socket.
	if _, err := s.ws.Call("close", bridge.Int(code), bridge.String(reason)); err != nil {
		bridge.Call(s.ws, "close")
	}
}

func closeText(code int, reason string) string {
	if reason != "" {
		return reason
	}
	if code == 1006 { // every failed dial has this code
		return ""
	}
	return "closed with " + itoa(code)
}

func itoa(n int) string {
	s, _ := bridge.Text(bridge.Call(safejs.Global(), "String", bridge.Int(n)))
	return s
}

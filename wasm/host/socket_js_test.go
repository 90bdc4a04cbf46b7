//go:build js && wasm

package host

import (
	"strings"
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// odd replaces the realm's WebSocket by a class with these members until the
// test's end. Its objects collect calls in a list named told, and have say(event,
// data), which calls the event's handler as it was when the socket was dialled,
// even if it has been removed since.
func odd(t *testing.T, members string) {
	t.Helper()
	class, err := bridge.Global("Function").New(`return class {
		told = [];
		known = {};
		constructor(url) { this.made?.(url); }
		say(name, event = {}) { (this['on' + name] ?? this.known[name])?.(event); }
		remember() { for (const name of ['open', 'message', 'error', 'close']) this.known[name] = this['on' + name]; }
		send(text) { this.told.push('send'); }
		close(...args) { this.told.push(['close', ...args].join(' ')); }
		` + members + `
	}`)
	require.NoError(t, err)
	made, err := class.Invoke()
	require.NoError(t, err)
	replace(t, "WebSocket", made)
}

// say lets the socket of a generation fire an event.
func say(t *testing.T, ws safejs.Value, name, event string) {
	t.Helper()
	_, err := ws.Call("say", bridge.String(name), bridge.Parse(event))
	require.NoError(t, err)
}

func told(t *testing.T, ws safejs.Value) string {
	t.Helper()
	text, err := bridge.Get(ws, "told").Call("join", ", ")
	require.NoError(t, err)
	s, _ := bridge.Text(text)
	return s
}

// dial returns the socket of generation 1, with its handlers remembered.
func dial(t *testing.T, h *Host) safejs.Value {
	t.Helper()
	h.Dial(1)
	ws := h.sockets[1].ws
	bridge.Call(ws, "remember")
	return ws
}

func TestSocketThatThrows(t *testing.T) {
	t.Run("when it is made", func(t *testing.T) {
		odd(t, `made() { throw new Error('not today'); }`)
		h, r := start(t, "/ws")
		h.Dial(1)
		r.nothing(t)
		r.expect(t, "failed 1")
	})
	t.Run("when it is listened to", func(t *testing.T) {
		odd(t, `set onopen(f) { throw new Error('not today'); }`)
		h, r := start(t, "/ws")
		h.Dial(1)
		h.Close(1, 4000, "enough")
		require.Empty(t, h.sockets)
		r.nothing(t)
	})
	t.Run("when it sends: the connection is lost, once, and later", func(t *testing.T) {
		odd(t, `send() { throw new Error('not today'); }`)
		h, r := start(t, "/ws")
		ws := dial(t, h)
		say(t, ws, "open", `{}`)
		r.expect(t, "open 1")
		h.Write(1, request(1, "x", nil))
		h.Write(1, request(2, "x", nil))
		r.nothing(t)
		r.expect(t, "close 1 1006 not today")
		require.Equal(t, "close 1000 not today", told(t, ws))
		settle(t, h, r)
	})
	t.Run("when it sends, and is closed before that is told", func(t *testing.T) {
		odd(t, `send() { throw new Error('not today'); }`)
		h, r := start(t, "/ws")
		ws := dial(t, h)
		say(t, ws, "open", `{}`)
		r.expect(t, "open 1")
		h.Write(1, request(1, "x", nil))
		h.Close(1, 4000, "enough")
		settle(t, h, r)
	})
	t.Run("when it closes", func(t *testing.T) {
		odd(t, `close(...args) { this.told.push(args.length); throw new Error('not today'); }`)
		h, r := start(t, "/ws")
		ws := dial(t, h)
		h.Close(1, 4000, "enough")
		require.Equal(t, "2, 0", told(t, ws), "a second time without a code and a reason, which some hosts refuse")
		settle(t, h, r)
	})
}

// settle waits until everything that was put off has run: a new timeout fires
// after those that were set before it.
func settle(t *testing.T, h *Host, r *recorder) {
	t.Helper()
	h.NextTask()
	r.expect(t, "task")
	h.StartTimer(1, 5)
	r.expect(t, "timer 1")
	r.nothing(t)
}

func TestSocketEventsInTheWrongOrder(t *testing.T) {
	const frame = `{"data":"{\"jsonrpc\":\"2.0\",\"method\":\"drain\"}"}`
	tests := []struct {
		name   string
		events [][2]string
		want   []string
		told   string
	}{
		{"open twice", [][2]string{{"open", `{}`}, {"open", `{}`}}, []string{"open 1"}, ""},
		{"a frame before open", [][2]string{{"message", frame}, {"open", `{}`}, {"message", frame}}, []string{"open 1", "frame 1"}, ""},
		{"an error before open, then open, a frame and close", [][2]string{{"error", `{}`}, {"open", `{}`}, {"message", frame}, {"close", `{"code":1000}`}}, []string{"failed 1"}, "close 1000 "},
		{"an error twice", [][2]string{{"error", `{}`}, {"error", `{}`}}, []string{"failed 1"}, "close 1000 "},
		{"close before open, then open", [][2]string{{"close", `{"code":1006}`}, {"open", `{}`}}, []string{"failed 1"}, ""},
		{"close twice, then an error and a frame", [][2]string{{"open", `{}`}, {"close", `{"code":4100,"reason":"drain"}`}, {"close", `{"code":1006}`}, {"error", `{}`}, {"message", frame}}, []string{"open 1", "close 1 4100 drain"}, ""},
		{"an error when open says nothing", [][2]string{{"open", `{}`}, {"error", `{}`}, {"message", frame}}, []string{"open 1", "frame 1"}, ""},
		{"events that are none", [][2]string{{"open", `null`}, {"close", `null`}}, []string{"open 1", "close 1 1006 "}, ""},
		{"a message that is none", [][2]string{{"open", `{}`}, {"message", `null`}}, []string{"open 1", "close 1 4106 the gateway sent a binary frame"}, "close 4106 the gateway sent a binary frame"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			odd(t, "")
			h, r := start(t, "/ws")
			ws := dial(t, h)
			for _, event := range test.events {
				say(t, ws, event[0], event[1])
			}
			for _, want := range test.want {
				r.expect(t, want)
			}
			require.Equal(t, test.told, told(t, ws))
			settle(t, h, r)
		})
	}
}

// A host that calls onclose within close does not end the socket twice for the
// client.
func TestSocketThatClosesWithinClose(t *testing.T) {
	odd(t, `close(code, reason) { this.say('close', { code: 1006 }); }`)
	h, r := start(t, "/ws")
	ws := dial(t, h)
	say(t, ws, "open", `{}`)
	r.expect(t, "open 1")
	say(t, ws, "message", `{"data":"{"}`)
	r.expect(t, "close 1 4106 the gateway sent something that is not JSON-RPC")
	h.Dial(2)
	h.Close(2, 4000, "enough")
	settle(t, h, r)
}

func TestSocketSpeaksAfterRelease(t *testing.T) {
	odd(t, "")
	h, r := start(t, "/ws")
	ws := dial(t, h)
	h.Release()
	for _, name := range []string{"open", "message", "error", "close"} {
		say(t, ws, name, `{}`)
	}
	_, err := bridge.Get(ws, "onerror").Invoke(bridge.NewObject())
	require.NoError(t, err)
	r.nothing(t)
}

func TestTooLargeIsNotSent(t *testing.T) {
	h, r := start(t, "/ws")
	h.Dial(1)
	r.expect(t, "open 1")
	h.Write(1, request(1, "x", frame.Fields{{Key: "text", Value: strings.Repeat("€", frame.MaxFrame/3+1)}}))
	r.expect(t, "unwritten 1 1 70402 "+client.TooLarge().Message)
	h.Write(1, request(2, "x", nil))
	r.expect(t, "frame 1")
	require.EqualValues(t, 2, r.frames[0].ID)
}

func TestWhatIsNoJSONIsNotSent(t *testing.T) {
	h, r := start(t, "/ws")
	h.Dial(1)
	r.expect(t, "open 1")
	whole, err := bridge.Global("BigInt").Invoke(1)
	require.NoError(t, err)
	h.Write(1, request(1, "x", bridge.Object{Value: bridge.Wrap("n", whole)}))
	require.Contains(t, <-r.told, "unwritten 1 1 2905 This operation is not available: check its name and arguments (its arguments cannot be made JSON: ")
	h.Write(1, request(2, "x", nil))
	r.expect(t, "frame 1")
	require.EqualValues(t, 2, r.frames[0].ID)
}

//go:build js && wasm

package host

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// recorder is a client that passes every call to the test, as text.
type recorder struct {
	told   chan string
	frames []frame.Message
}

func (r *recorder) tell(parts ...any) {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case session.Gen:
			b.WriteString(strconv.Itoa(int(p)))
		case session.Timer:
			b.WriteString(strconv.Itoa(int(p)))
		case int:
			b.WriteString(strconv.Itoa(p))
		case bool:
			b.WriteString(strconv.FormatBool(p))
		}
	}
	r.told <- b.String()
}

func (r *recorder) OnOpen(gen session.Gen)                    { r.tell("open", gen) }
func (r *recorder) OnDialFailed(gen session.Gen, _ string)    { r.tell("failed", gen) }
func (r *recorder) OnClose(gen session.Gen, c int, re string) { r.tell("close", gen, c, re) }
func (r *recorder) OnTimer(t session.Timer)                   { r.tell("timer", t) }
func (r *recorder) OnTask()                                   { r.tell("task") }
func (r *recorder) OnNetwork(online bool)                     { r.tell("network", online) }
func (r *recorder) OnShown()                                  { r.tell("shown") }
func (r *recorder) OnUnwritten(gen session.Gen, id int64, err *fault.Error) {
	r.tell("unwritten", gen, int(id), int(err.Code), err.Message)
}
func (r *recorder) OnFrame(gen session.Gen, m frame.Message) {
	r.frames = append(r.frames, m)
	r.tell("frame", gen)
}

func (r *recorder) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-r.told:
		require.Equal(t, want, got)
	case <-time.After(30 * time.Second):
		require.Failf(t, "nothing came", "want %q", want)
	}
}

func (r *recorder) nothing(t *testing.T) {
	t.Helper()
	select {
	case got := <-r.told:
		require.Failf(t, "unexpected", "%q", got)
	default:
	}
}

// server is the URL of the runner's WebSocket server, see web/e2e/lib/echo.mjs.
func server(path string) string {
	h, _ := bridge.Text(bridge.Get(bridge.Global("location"), "host"))
	return "ws://" + h + path
}

// start makes a host that is released at the test's end and must leave no function
// behind.
func start(t *testing.T, path string) (*Host, *recorder) {
	t.Helper()
	before := bridge.Live()
	r := &recorder{told: make(chan string, 100)}
	h := New(Config{
		URL:        server(path),
		StorageKey: "tim:test",
		Emit:       func(string, frame.Body) {},
		OnPanic:    func(reason string) { r.tell("panic", reason) },
	})
	h.Attach(r)
	t.Cleanup(func() {
		h.Release()
		require.Equal(t, before, bridge.Live(), "functions left behind")
	})
	return h, r
}

func request(id int64, method string, params frame.Body) frame.Request {
	return frame.Request{ID: id, Method: method, Params: params}
}

func TestSocketEcho(t *testing.T) {
	h, r := start(t, "/ws")
	h.Write(1, request(1, "early", nil)) // there is no socket: nothing happens
	h.Dial(1)
	r.nothing(t)
	r.expect(t, "open 1")
	params, err := bridge.Global("JSON").Call("parse", `{"deep":{"list":[1,"zwölf",null]}}`)
	require.NoError(t, err)
	h.Write(1, request(7, "noun.verb", frame.Fields{{Key: "body", Value: frame.Body(bridge.Object{Value: params})}, {Key: "n", Value: int64(1) << 40}}))
	r.expect(t, "frame 1")
	m := r.frames[0]
	require.EqualValues(t, 7, m.ID)
	require.Empty(t, m.Method)
	require.Nil(t, m.Err)
	require.Equal(t, "noun.verb", m.Body.Text("method"))
	require.Equal(t, frame.Subprotocol, m.Body.Text("protocol"))
	text, err := bridge.Global("JSON").Call("stringify", bridge.Get(m.Body.(bridge.Object).Value, "params"))
	require.NoError(t, err)
	got, _ := bridge.Text(text)
	require.Equal(t, `{"body":{"deep":{"list":[1,"zwölf",null]}},"n":1099511627776}`, got)

	h.Write(1, request(8, "fail", frame.Fields{{Key: "code", Value: 70001}, {Key: "message", Value: "expired"}}))
	r.expect(t, "frame 1")
	require.EqualValues(t, 70001, r.frames[1].Err.Code)
	require.Equal(t, "expired", r.frames[1].Err.Message)

	h.Write(1, request(9, "raw", frame.Fields{{Key: "text", Value: `{"jsonrpc":"2.0","method":"evicted","params":{"type":"multipleAccount"}}`}}))
	r.expect(t, "frame 1")
	require.Zero(t, r.frames[2].ID)
	require.Equal(t, "evicted", r.frames[2].Method)
	require.Equal(t, "multipleAccount", r.frames[2].Body.Text("type"))
}

func TestSocketEnds(t *testing.T) {
	tests := []struct {
		name    string
		request frame.Request
		want    string
	}{
		{"a close code", request(0, "close", frame.Fields{{Key: "code", Value: 4100}, {Key: "reason", Value: "drain"}}), "close 1 4100 drain"},
		{"no close at all", request(0, "drop", nil), "close 1 1006 "},
		{"no JSON", request(0, "raw", frame.Fields{{Key: "text", Value: "{"}}), "close 1 4106 the gateway sent something that is not JSON-RPC"},
		{"JSON of another kind", request(0, "raw", frame.Fields{{Key: "text", Value: "null"}}), "close 1 4106 the gateway sent something that is not JSON-RPC"},
		{"a binary frame", request(0, "binary", nil), "close 1 4106 the gateway sent a binary frame"},
		{"too large", request(0, "big", frame.Fields{{Key: "size", Value: frame.MaxFrame}}), "close 1 4106 the gateway sent a frame that is too large"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, r := start(t, "/ws")
			h.Dial(1)
			r.expect(t, "open 1")
			h.Write(1, test.request)
			r.expect(t, test.want)
			h.Close(1, 1000, "again") // it is gone: nothing happens
			h.Dial(2)
			r.expect(t, "open 2")
		})
	}
}

func TestSocketRefused(t *testing.T) {
	h, r := start(t, "/refuse")
	h.Dial(1)
	r.expect(t, "failed 1")
}

func TestSocketOfNoUse(t *testing.T) {
	for _, url := range []string{"", "ws://", "ftp://127.0.0.1"} {
		h, r := start(t, "/ws")
		h.config.URL = url
		h.Dial(1)
		r.nothing(t) // never from within Dial
		r.expect(t, "failed 1")

		h.Dial(2)
		h.Close(2, 1000, "")
		h.Dial(3)
		r.expect(t, "failed 3") // and 2 is not heard of
	}
}

func TestOwnCloseIsTheEnd(t *testing.T) {
	h, r := start(t, "/ws")
	h.Dial(1)
	ws := h.sockets[1].ws
	h.Close(1, 4000, "not wanted any more")
	h.Dial(2)
	r.expect(t, "open 2")
	h.Write(2, request(1, "x", nil))
	h.Close(2, 4000, "bye")
	h.Dial(3)
	r.expect(t, "open 3") // nothing of 1 and 2
	for _, name := range callbacks {
		require.Equal(t, name != "onerror", bridge.Get(ws, name).IsNull(), name)
	}
	require.True(t, bridge.Get(ws, "onerror").Equal(bridge.Noop()), "an error without a listener ends a Node process")
}

func TestTimers(t *testing.T) {
	h, r := start(t, "/ws")
	began := h.Now()
	h.StartTimer(session.TimerRetry, 30)
	h.StartTimer(session.TimerBeat, 1)
	h.StartTimer(session.TimerBeat, 10) // replaces the one before
	h.StartTimer(session.TimerPong, 5)
	h.StopTimer(session.TimerPong)
	h.StopTimer(session.TimerLogin) // was never set
	h.StartTimer(session.TimerExpire, 180*24*3600*1000)
	r.expect(t, "timer 4")
	require.GreaterOrEqual(t, h.Now()-began, int64(10))
	r.expect(t, "timer 3")
	require.GreaterOrEqual(t, h.Now()-began, int64(30))
	r.nothing(t) // setTimeout cannot wait 180 days
	require.True(t, h.timers[session.TimerExpire].running)
}

func TestLongTimerIsChained(t *testing.T) {
	h, r := start(t, "/ws")
	h.StartTimer(session.TimerExpire, longest+5)
	tm := h.timers[session.TimerExpire]
	h.fired(session.TimerExpire, tm) // after the first timeout the time is not up yet
	r.nothing(t)
	require.True(t, tm.running)
	tm.deadline = h.Now()
	h.fired(session.TimerExpire, tm)
	r.expect(t, "timer 7")
}

func TestNextTaskComesAfterPromises(t *testing.T) {
	p := bridge.NewPromise()
	h, r := start(t, "/ws")
	scope := &bridge.Scope{}
	defer scope.Release()
	first := scope.Func(func([]safejs.Value) any { r.tell("handler"); return nil })
	_, err := p.Value().Call("then", first.Value())
	require.NoError(t, err)
	p.Resolve(safejs.Undefined())
	h.NextTask()
	h.NextTask()
	r.nothing(t)
	r.expect(t, "handler")
	r.expect(t, "task")
	r.expect(t, "task")
}

// without removes a global for the rest of the test.
func without(t *testing.T, name string) {
	t.Helper()
	replace(t, name, safejs.Undefined())
}

// replace replaces a global for the rest of the test.
func replace(t *testing.T, name string, value safejs.Value) {
	t.Helper()
	old := bridge.Global(name)
	global, object := safejs.Global(), bridge.Global("Object")
	descriptor, err := object.Call("getOwnPropertyDescriptor", global, name)
	require.NoError(t, err)
	hidden := bridge.Parse(`{"configurable":true,"writable":true}`)
	bridge.Set(hidden, "value", value)
	_, err = object.Call("defineProperty", global, name, hidden)
	require.NoError(t, err, name)
	require.True(t, bridge.Global(name).Equal(value))
	t.Cleanup(func() {
		if descriptor.IsUndefined() {
			require.NoError(t, global.Delete(name))
		} else {
			_, err := object.Call("defineProperty", global, name, descriptor)
			require.NoError(t, err)
		}
		require.True(t, bridge.Global(name).Equal(old), name)
	})
}

func TestBareScope(t *testing.T) {
	for _, name := range []string{"MessageChannel", "sessionStorage", "navigator", "addEventListener", "WebSocket"} {
		without(t, name)
	}
	h, r := start(t, "/ws")
	for _, l := range h.listening {
		require.NotContains(t, []string{"online", "offline", "pageshow"}, l.event)
	}
	h.NextTask()
	r.expect(t, "task")
	require.Equal(t, "", h.Load())
	h.Store("x")
	require.True(t, h.Online())
	h.Dial(1)
	r.expect(t, "failed 1")
	h.NextTask()
	h.NextTask()
	r.expect(t, "task")
	h.Release() // overtakes the second
	other, told := start(t, "/ws")
	other.StartTimer(session.TimerBeat, 20)
	told.expect(t, "timer 4")
	r.nothing(t)
}

func TestClockNeverGoesBack(t *testing.T) {
	var fake float64 = 5000
	scope := &bridge.Scope{}
	defer scope.Release()
	date := bridge.Global("Date")
	real := bridge.Get(date, "now")
	bridge.Set(date, "now", scope.Func(func([]safejs.Value) any { return fake }).Value())
	defer bridge.Set(date, "now", real)
	c := clock{looked: true} // and found no performance, which Go's own glue cannot do without
	require.EqualValues(t, 5000, c.now())
	fake = 5010
	require.EqualValues(t, 5010, c.now())
	fake = 10 // the user set the clock back
	require.EqualValues(t, 5010, c.now())
	fake = 25
	require.EqualValues(t, 5025, c.now())
}

func TestStorage(t *testing.T) {
	h, _ := start(t, "/ws")
	require.Equal(t, "", h.Load())
	h.Store("secret")
	require.Equal(t, "secret", h.Load())
	other := New(Config{StorageKey: "tim:other"})
	require.Equal(t, "", other.Load())
	newer := New(h.config)
	newer.Store("newer")
	h.Store("")
	require.Equal(t, "newer", h.Load(), "that is not the older one's to forget")
	newer.Store("")
	n, err := bridge.Global("sessionStorage").Get("length")
	require.NoError(t, err)
	count, _ := bridge.Number(n)
	require.Zero(t, count)
}

func dispatch(t *testing.T, target safejs.Value, name string, with ...string) {
	t.Helper()
	event, err := bridge.Global("Event").New(name)
	require.NoError(t, err)
	for _, property := range with {
		require.NoError(t, event.Set(property, true))
	}
	_, err = target.Call("dispatchEvent", event)
	require.NoError(t, err)
}

func TestNewsOfNetworkAndPage(t *testing.T) {
	h, r := start(t, "/ws")
	window, document := safejs.Global(), bridge.Global("document")
	all := func() {
		dispatch(t, window, "offline")
		dispatch(t, window, "online")
		dispatch(t, document, "visibilitychange")
		dispatch(t, document, "resume")
		dispatch(t, window, "pageshow")
		dispatch(t, window, "pageshow", "persisted")
	}
	all()
	for _, want := range []string{"network false", "network true", "shown", "shown", "shown"} {
		r.expect(t, want)
	}
	r.nothing(t)
	h.Release()
	all()
	r.nothing(t)
}

func TestReleaseEndsAll(t *testing.T) {
	before := bridge.Live()
	h, r := start(t, "/ws")
	h.Dial(1)
	r.expect(t, "open 1")
	h.StartTimer(session.TimerBeat, 1)
	h.NextTask()
	h.Release()
	h.Release()
	require.Equal(t, before, bridge.Live())
	h.Dial(2)
	h.StartTimer(session.TimerBeat, 1)
	h.NextTask()
	h.Write(1, request(1, "x", nil))
	require.Equal(t, before, bridge.Live())

	other, told := start(t, "/ws")
	other.StartTimer(session.TimerBeat, 20)
	told.expect(t, "timer 4")
	r.nothing(t)
}

func TestPanicOfTheClientIsTold(t *testing.T) {
	h, r := start(t, "/ws")
	h.client = nil // whatever comes now panics
	h.StartTimer(session.TimerBeat, 0)
	select {
	case got := <-r.told:
		require.Contains(t, got, "panic ")
	case <-time.After(30 * time.Second):
		require.Fail(t, "nothing came")
	}
}

func TestRand(t *testing.T) {
	h, _ := start(t, "/ws")
	a, b := make([]byte, 16), make([]byte, 16)
	h.Rand(a)
	h.Rand(b)
	require.NotEqual(t, a, b)
	require.NotEqual(t, make([]byte, 16), a)
}

func TestCloseText(t *testing.T) {
	require.Equal(t, "closed with 4102", closeText(4102, ""))
	require.Equal(t, "why", closeText(4102, "why"))
	require.Empty(t, closeText(1006, ""))
}

package gateway_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/front"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/testlog"
	"github.com/tim-wasm/tim/internal/usersig"
)

const (
	app    = 1400000000
	key    = "a made-up key"
	within = 30 * time.Second // for what should happen at once, on a busy machine, too
)

// world is a gateway on a real registry in an embedded NATS.
type world struct {
	t   testing.TB
	g   *gateway.Gateway
	reg *control
	url string
	log *testlog.Buffer
}

type setup struct {
	times   gateway.Times
	options func(*gateway.Options)
	before  func(*gateway.Gateway)
}

func begin(t testing.TB, s setup) *world {
	t.Helper()
	ctx := context.Background()
	log := new(testlog.Buffer)
	logger := slog.New(slog.NewTextHandler(log, nil))
	b, err := bus.Open(ctx, bus.Options{Data: bus.Memory, Name: "test", Log: logger})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return beginOn(t, b, "n1", log, s)
}

func beginOn(t testing.TB, b *bus.Bus, node string, log *testlog.Buffer, s setup) *world {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(log, nil))
	w := &world{t: t, log: log}
	o := gateway.Options{
		Keys: func(id uint32) []string {
			if id == app {
				return []string{key}
			}
			return nil
		},
		Log: logger,
	}
	if s.options != nil {
		s.options(&o)
	}
	var err error
	w.g, err = gateway.New(o)
	require.NoError(t, err)
	w.g.Shorten(s.times)
	if s.before != nil {
		s.before(w.g)
	}
	reg, err := registry.Open(context.Background(), registry.Options{Bus: b, Node: node, Sockets: w.g, Log: logger})
	require.NoError(t, err)
	t.Cleanup(reg.Close)
	w.reg = &control{Registry: reg}
	seal := reg.SealKey()
	require.NoError(t, w.g.Use(w.reg, seal[:]))
	require.NoError(t, reg.Start())
	srv := behindFront(w.g)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		require.NoError(t, w.g.Drain(ctx))
		srv.Close()
		// Drain does not wait for a socket that was opened while it began.
		require.Eventually(t, func() bool { return w.g.Stats().Sockets == 0 }, within, time.Millisecond)
		require.Zero(t, w.g.Stats().Sessions)
		require.Zero(t, w.g.Held())
		require.NotContains(t, log.String(), key)
		require.NotContains(t, log.String(), "panicked")
	})
	w.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	return w
}

// control is the real registry, and lets a test bring about what it could not
// otherwise: a store that hangs, a lease that has lapsed.
type control struct {
	*registry.Registry
	dead  atomic.Bool
	await func() // holds Await up
	admit func(context.Context, place.Claim) (place.Outcome, error)
	probe func(context.Context, place.Holder) bool
	renew func() (place.Verdict, error)
	gate  chan struct{} // holds Release up until it is closed

	mu    sync.Mutex
	calls []string // what the gateway has told the registry
}

func (c *control) Live() bool { return !c.dead.Load() && c.Registry.Live() }

func (c *control) Await(ctx context.Context) error {
	if c.dead.Load() {
		return fault.New(fault.ServerTimeout)
	}
	if c.await != nil {
		c.await()
	}
	return c.Registry.Await(ctx)
}

func (c *control) Admit(ctx context.Context, claim place.Claim) (place.Outcome, error) {
	if c.admit != nil {
		return c.admit(ctx, claim)
	}
	if c.dead.Load() {
		return place.Outcome{}, fault.New(fault.ServerTimeout)
	}
	return c.Registry.Admit(ctx, claim)
}

func (c *control) Probe(ctx context.Context, h place.Holder) bool {
	if c.probe != nil {
		return c.probe(ctx, h)
	}
	return c.Registry.Probe(ctx, h)
}

func (c *control) Renew(ctx context.Context, p place.Place, signed, ends int64) (place.Verdict, error) {
	if c.renew != nil {
		return c.renew()
	}
	return c.Registry.Renew(ctx, p, signed, ends)
}

func (c *control) Detach(ctx context.Context, p place.Place, clean bool) error {
	c.note(map[bool]string{true: "detach clean", false: "detach"}[clean])
	return c.Registry.Detach(ctx, p, clean)
}

func (c *control) Release(ctx context.Context, p place.Place) error {
	c.note("release")
	if c.gate != nil {
		<-c.gate
	}
	return c.Registry.Release(ctx, p)
}

func (c *control) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, what)
}

func (c *control) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.calls...)
}

// peer is a raw WebSocket client.
type peer struct {
	t      testing.TB
	conn   *gws.Conn
	frames chan []byte
	closed chan *gws.CloseError
	pings  chan struct{}
	mute   atomic.Bool // answers no pings
	ids    int64
	gws.BuiltinEventHandler
}

func (w *world) dial() *peer {
	w.t.Helper()
	p, err := w.dialWith(nil)
	require.NoError(w.t, err)
	return p
}

func (w *world) dialWith(h http.Header) (*peer, error) {
	p := &peer{t: w.t, frames: make(chan []byte, 1024), closed: make(chan *gws.CloseError, 1), pings: make(chan struct{}, 64)}
	if h == nil {
		h = http.Header{}
	}
	if h.Get("Sec-WebSocket-Protocol") == "" {
		h.Set("Sec-WebSocket-Protocol", frame.Subprotocol)
	}
	conn, _, err := gws.NewClient(p, &gws.ClientOption{Addr: w.url, RequestHeader: h})
	if err != nil {
		return nil, err
	}
	p.conn = conn
	w.t.Cleanup(func() { _ = conn.NetConn().Close() })
	go conn.ReadLoop()
	return p, nil
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	p.frames <- append([]byte(nil), m.Bytes()...)
	_ = m.Close()
}

func (p *peer) OnPing(c *gws.Conn, payload []byte) {
	select {
	case p.pings <- struct{}{}:
	default:
	}
	if !p.mute.Load() {
		_ = c.WritePong(payload)
	}
}

func (p *peer) OnClose(_ *gws.Conn, err error) {
	ce, ok := errors.AsType[*gws.CloseError](err)
	if !ok {
		ce = &gws.CloseError{Code: 1006, Reason: []byte(err.Error())}
	}
	p.closed <- ce
}

func (p *peer) write(text string) {
	require.NoError(p.t, p.conn.WriteString(text))
}

// send writes a request and returns its id.
func (p *peer) send(method string, params any) int64 {
	p.t.Helper()
	p.ids++
	raw, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": p.ids, "method": method, "params": params})
	require.NoError(p.t, err)
	p.write(string(raw))
	return p.ids
}

// read returns the next frame.
func (p *peer) read() frame.Message {
	p.t.Helper()
	select {
	case text := <-p.frames:
		m, err := jsonframe.Decode(text)
		require.NoError(p.t, err, string(text))
		return m
	case <-time.After(within):
		require.FailNow(p.t, "no frame came")
		return frame.Message{}
	}
}

func (p *peer) call(method string, params any) frame.Message {
	p.t.Helper()
	id := p.send(method, params)
	m := p.read()
	require.Equal(p.t, id, m.ID, "%+v", m)
	return m
}

// expectClose waits for the close, and fails if a frame came before it.
func (p *peer) expectClose(code int) {
	p.t.Helper()
	select {
	case ce := <-p.closed:
		require.Equal(p.t, code, int(ce.Code), string(ce.Reason))
	case <-time.After(within):
		require.FailNow(p.t, "the socket was not closed")
	}
	select {
	case text := <-p.frames:
		require.FailNow(p.t, "an unexpected frame before the close", string(text))
	default:
	}
}

func (p *peer) expectOpen() {
	p.t.Helper()
	m := p.call(frame.Ping, map[string]any{})
	require.Nil(p.t, m.Err)
	require.InDelta(p.t, time.Now().UnixMilli(), m.Body.Number("serverTime"), 60_000)
}

func (p *peer) evicted(typ string) {
	p.t.Helper()
	m := p.read()
	require.Equal(p.t, frame.Evicted, m.Method, "%+v", m)
	require.Equal(p.t, typ, m.Body.Text("type"))
	p.expectClose(frame.CloseEvicted)
}

// who is one instance, by its secret, and the page that it lives in.
type who struct {
	user, instance, doc, intent, sig string
	expire                           time.Duration
}

func hexOf(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func page(user string) who {
	return who{user: user, instance: hexOf(16), doc: hexOf(8), intent: frame.IntentNew, expire: time.Hour}
}

func (i who) resume() who { i.intent = frame.IntentResume; return i }

func (i who) frame() map[string]any {
	sig := i.sig
	if sig == "" {
		sig = usersig.Sign(app, key, i.user, time.Now(), i.expire)
	}
	return map[string]any{
		"userID": i.user, "userSig": sig, "platform": "Web",
		"instance": i.instance, "doc": i.doc, "intent": i.intent,
	}
}

// login dials and logs in.
func (w *world) login(i who) (*peer, frame.Message) {
	w.t.Helper()
	p := w.dial()
	m := p.call(frame.Login, i.frame())
	require.Nil(w.t, m.Err)
	return p, m
}

// eventually polls f, for what has no event to wait for.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, within, 5*time.Millisecond, what)
}

// behindFront serves a gateway as timd does: a request that is nothing out of the
// ordinary does not reach net/http.
func behindFront(g *gateway.Gateway) *httptest.Server {
	srv := httptest.NewUnstartedServer(g)
	srv.Listener = front.New(srv.Listener, front.Options{
		Path: "/ws", HeaderTimeout: within, ErrorLog: log.Default(),
		ConnState: func(net.Conn, http.ConnState) {}, Accepts: g.Accepts, Open: g.Open,
	})
	srv.Start()
	return srv
}

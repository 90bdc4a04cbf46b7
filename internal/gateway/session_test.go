package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/testlog"
	"github.com/tim-wasm/tim/internal/usersig"
)

func bodyOf(m frame.Message) json.RawMessage {
	o, _ := m.Body.(*jsonframe.Object)
	if o == nil {
		return nil
	}
	return o.Raw
}

func echo(_ context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
	return struct {
		User string          `json:"user"`
		Got  json.RawMessage `json:"got"`
	}{s.User().UserID, params}, nil
}

func TestLogout(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p, _ := w.login(i)
	m := p.call(frame.Logout, map[string]any{})
	require.Nil(t, m.Err)
	require.JSONEq(t, `{}`, string(bodyOf(m)))
	p.expectClose(frame.CloseLoggedOut)
	require.Equal(t, []string{"release"}, w.reg.told(), "the place is released once, before the answer")
	require.Empty(t, w.g.Places())
	_, m = w.login(i)
	require.Contains(t, string(bodyOf(m)), `"resumed":false`)
}

// Nothing is delivered from the moment of the logout on, however long the
// store takes to learn of it.
func TestNothingAfterLogout(t *testing.T) {
	w := begin(t, setup{})
	w.reg.gate = make(chan struct{})
	p, _ := w.login(page("alice"))
	alice := place.User{SDKAppID: app, UserID: "alice"}
	sess := w.g.Sessions(alice)[0]
	require.True(t, sess.Notify("x.y", nil))
	require.Equal(t, "x.y", p.read().Method)
	p.send(frame.Logout, nil)
	<-sess.Context().Done()
	require.False(t, sess.Notify("x.y", nil))
	require.Zero(t, w.g.Deliver(alice, "x.y", nil))
	p.expectOpen() // the connection itself is alive
	close(w.reg.gate)
	m := p.read()
	require.Nil(t, m.Err)
	require.Empty(t, m.Method)
	p.expectClose(frame.CloseLoggedOut)
}

// A slow request delays neither pings nor the notice of a closed socket.
func TestSlowRequest(t *testing.T) {
	var begun, done atomic.Bool
	w := begin(t, setup{before: func(g *gateway.Gateway) {
		g.Handle("slow.one", func(ctx context.Context, _ *gateway.Session, _ json.RawMessage) (any, error) {
			begun.Store(true)
			<-ctx.Done()
			done.Store(true)
			return nil, ctx.Err()
		})
	}})
	p, _ := w.login(page("alice"))
	p.send("slow.one", nil)
	eventually(t, "the request is handled", begun.Load) // one that still waits when the socket ends never is
	p.expectOpen()
	require.NoError(t, p.conn.WriteClose(1000, nil))
	eventually(t, "the request is cancelled", done.Load)
}

func TestNotLoggedIn(t *testing.T) {
	w := begin(t, setup{before: func(g *gateway.Gateway) { g.Handle("echo.back", echo) }})
	p := w.dial()
	for _, method := range []string{frame.Logout, frame.Renew, "echo.back", "no.such"} {
		require.Equal(t, fault.NotLoggedIn, p.call(method, map[string]any{}).Err.Code, method)
	}
	p.expectOpen()
	require.Nil(t, p.call(frame.Login, page("alice").frame()).Err)
	require.Equal(t, frame.CodeNoMethod, p.call("no.such", map[string]any{}).Err.Code)
}

// A logout that is followed at once by the close counts, even if earlier requests
// are still under way: destroy() sends a logout and does not wait.
func TestLogoutAndCloseAtOnce(t *testing.T) {
	hold := make(chan struct{})
	w := begin(t, setup{before: func(g *gateway.Gateway) {
		g.Handle("slow.call", func(context.Context, *gateway.Session, json.RawMessage) (any, error) { <-hold; return nil, nil })
	}})
	i := page("alice")
	p, _ := w.login(i)
	p.send("slow.call", map[string]any{})
	p.send(frame.Logout, map[string]any{})
	require.NoError(t, p.conn.WriteClose(1000, nil))
	eventually(t, "told", func() bool { return len(w.reg.told()) > 0 })
	require.Equal(t, []string{"release"}, w.reg.told())
	close(hold)
	_, m := w.login(i)
	require.Contains(t, string(bodyOf(m)), `"resumed":false`)

	// The same holds while the login is still being decided on.
	asked, decide := make(chan struct{}), make(chan struct{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		close(asked)
		<-decide
		return w.reg.Registry.Admit(ctx, c)
	}
	p = w.dial()
	p.send(frame.Login, page("bob").frame())
	<-asked
	p.send(frame.Logout, map[string]any{})
	require.NoError(t, p.conn.WriteClose(1000, nil))
	eventually(t, "gone", func() bool { return w.g.Stats().Sockets == 1 })
	close(decide)
	eventually(t, "told", func() bool { return len(w.reg.told()) == 2 })
	require.Equal(t, []string{"release", "release"}, w.reg.told())

	// A logout that was refused before a login has no effect after it.
	w.reg.admit = nil
	p = w.dial()
	require.Equal(t, fault.NotLoggedIn, p.call(frame.Logout, map[string]any{}).Err.Code)
	require.Nil(t, p.call(frame.Login, page("carol").frame()).Err)
	require.NoError(t, p.conn.WriteClose(1001, nil))
	eventually(t, "told", func() bool { return len(w.reg.told()) == 3 })
	require.Equal(t, "detach clean", w.reg.told()[2])
}

func TestRenew(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p, _ := w.login(i)
	renew := func(sig string) frame.Message { return p.call(frame.Renew, map[string]any{"userSig": sig}) }
	now := time.Now()
	require.Equal(t, fault.SigOtherUser, renew(usersig.Sign(app, key, "bob", now, time.Hour)).Err.Code)
	require.Equal(t, fault.NoSuchApp, func() fault.Code {
		m := renew(usersig.Sign(app+1, key, "alice", now, time.Hour))
		if m.Err.Code == fault.SigOtherApp {
			return fault.NoSuchApp
		}
		return m.Err.Code
	}())
	require.Equal(t, fault.SigWrongKey, renew(usersig.Sign(app, "x", "alice", now, time.Hour)).Err.Code)
	require.Equal(t, frame.CodeBadParams, p.call(frame.Renew, map[string]any{"userSig": 1}).Err.Code)
	w.reg.renew = func() (place.Verdict, error) { return place.SigRevoked, nil }
	require.Equal(t, fault.SigRevoked, renew(usersig.Sign(app, key, "alice", now, time.Hour)).Err.Code)
	w.reg.renew = nil
	p.expectOpen()

	i.sig = usersig.Sign(app, key, "alice", time.Now(), 5*time.Second)
	end := time.Unix(time.Now().Unix()+6, 0)
	p, _ = w.login(i)
	now = time.Now()
	m := renew(usersig.Sign(app, key, "alice", now, time.Hour))
	require.Nil(t, m.Err)
	left := time.Unix(now.Unix(), 0).Add(time.Hour + time.Second)
	require.LessOrEqual(t, m.Body.Number("expiresIn"), left.Sub(now).Milliseconds())
	require.GreaterOrEqual(t, m.Body.Number("expiresIn"), time.Until(left).Milliseconds()-1)
	// The session lives on past the end of the first UserSig.
	select {
	case ce := <-p.closed:
		require.FailNow(t, "closed", "%v", ce)
	case <-time.After(time.Until(end) + 100*time.Millisecond):
	}
	p.expectOpen()
}

func TestUserSigExpires(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	signed := time.Now()
	i.sig = usersig.Sign(app, key, "alice", signed, 5*time.Second)
	p, m := w.login(i)
	end := time.Unix(signed.Unix()+6, 0) // valid while now <= time + expire, in whole seconds
	left := m.Body.Number("expiresIn")
	require.LessOrEqual(t, left, end.Sub(signed).Milliseconds())
	require.GreaterOrEqual(t, left, time.Until(end).Milliseconds()-1)
	p.evicted(frame.KickUserSigExpired)
	require.False(t, time.Now().Before(end), "evicted before the UserSig's end")
	require.Less(t, time.Since(end), 15*time.Second, "evicted at the end, not by a later check of a silent socket")
	eventually(t, "release", func() bool { return len(w.reg.told()) == 1 })
	require.Equal(t, []string{"release"}, w.reg.told())
}

func TestKickAndDrop(t *testing.T) {
	w := begin(t, setup{before: func(g *gateway.Gateway) {
		g.Handle("echo.back", echo)
	}})
	p, _ := w.login(page("alice"))
	at := w.g.Places()[0]
	stale := at
	stale.Attach++
	// While the login has not quite ended, a newer attachment may be on its way.
	eventually(t, "it is another attachment's place", func() bool { return !w.g.Kick(stale, frame.KickRESTAPI) })
	w.g.Drop(stale)
	p.expectOpen()
	require.True(t, w.g.Kick(at, frame.KickRESTAPI))
	require.False(t, w.g.Kick(at, frame.KickRESTAPI), "the place is gone")
	require.Zero(t, w.g.Deliver(at.User, "x.y", nil), "nothing is delivered after a kick")
	p.evicted(frame.KickRESTAPI)

	p, _ = w.login(page("bob"))
	w.g.Drop(w.g.Places()[0])
	p.expectClose(frame.CloseRecheck)
	require.Empty(t, w.reg.told(), "neither end is reported: the registry asked for both")
}

func TestHandlers(t *testing.T) {
	var ends, logins []string
	w := begin(t, setup{before: func(g *gateway.Gateway) {
		g.Handle("echo.back", echo)
		g.Handle("some.fault", func(context.Context, *gateway.Session, json.RawMessage) (any, error) {
			return nil, fault.New(fault.Blocked)
		})
		g.Handle("some.error", func(context.Context, *gateway.Session, json.RawMessage) (any, error) {
			return nil, errors.New("the disk is on fire")
		})
		g.Handle("too.much", func(context.Context, *gateway.Session, json.RawMessage) (any, error) {
			return strings.Repeat("x", frame.MaxFrame), nil
		})
		g.OnLogin(func(s *gateway.Session, resumed bool) {
			logins = append(logins, s.User().UserID)
			require.True(t, s.Notify("hello.there", json.RawMessage(`{"a":1}`)))
		})
		g.OnEnd(func(s *gateway.Session) { ends = append(ends, s.User().UserID) })
		require.Panics(t, func() { g.Handle("echo.back", echo) })
	}})
	p, _ := w.login(page("alice"))
	m := p.read()
	require.Equal(t, "hello.there", m.Method)
	require.JSONEq(t, `{"a":1}`, string(bodyOf(m)))
	require.JSONEq(t, `{"user":"alice","got":{"x":[1]}}`, string(bodyOf(p.call("echo.back", map[string]any{"x": []int{1}}))))
	require.Equal(t, fault.Blocked, p.call("some.fault", nil).Err.Code)
	require.Equal(t, fault.Internal, p.call("some.error", nil).Err.Code)
	require.Contains(t, w.log.String(), "the disk is on fire")
	require.Equal(t, fault.Internal, p.call("too.much", nil).Err.Code)
	// A notification gets no answer, whether its method is known or not.
	p.write(`{"jsonrpc":"2.0","method":"echo.back","params":{}}`)
	p.write(`{"jsonrpc":"2.0","method":"what"}`)
	p.expectOpen()
	p.call(frame.Logout, nil)
	p.expectClose(frame.CloseLoggedOut)
	require.Equal(t, []string{"alice"}, logins)
	require.Equal(t, []string{"alice"}, ends)
}

func TestDeliver(t *testing.T) {
	w := begin(t, setup{})
	p1, _ := w.login(page("alice"))
	pb, _ := w.login(page("bob"))
	alice := place.User{SDKAppID: app, UserID: "alice"}
	require.Equal(t, 1, w.g.Deliver(alice, "message.new", json.RawMessage(`{"n":1}`)))
	m := p1.read()
	require.Equal(t, "message.new", m.Method)
	require.EqualValues(t, 1, m.Body.Number("n"))
	require.Zero(t, w.g.Deliver(place.User{SDKAppID: app + 1, UserID: "alice"}, "message.new", nil))
	pb.expectOpen()
	require.Len(t, w.g.Sessions(alice), 1)
}

func TestDrain(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, _ := w.login(i)
	p2 := w.dial() // stands by
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	require.NoError(t, w.g.Drain(ctx))
	for _, p := range []*peer{p1, p2} {
		require.Equal(t, frame.Drain, p.read().Method)
		p.expectClose(frame.CloseDrain)
	}
	require.Equal(t, []string{"detach"}, w.reg.told(), "not as a closed page: the place waits for the client")
	_, err := w.dialWith(nil)
	require.Error(t, err, "new sockets are refused")
}

func TestDeadPeer(t *testing.T) {
	// Far longer than an answer takes on a machine that stalls for a moment.
	const silence = 2 * time.Second
	w := begin(t, setup{times: gateway.Times{Ask: 100 * time.Millisecond, Silence: silence}})
	p, _ := w.login(page("alice"))
	// The peer answers pings, as a browser does even while its timers sleep.
	for began := time.Now(); time.Since(began) < silence+time.Second; {
		select {
		case <-p.pings:
		case <-time.After(within):
			require.FailNow(t, "no ping came")
		}
	}
	require.Len(t, w.g.Places(), 1)
	p.mute.Store(true)
	p.expectClose(1006)
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })
	require.Equal(t, []string{"detach"}, w.reg.told())
}

func TestSlowConsumer(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{Write: 2 * time.Second, Linger: 200 * time.Millisecond}})
	i := page("alice")
	p := w.dialDeaf(i)
	alice := place.User{SDKAppID: app, UserID: "alice"}
	eventually(t, "login", func() bool { return len(w.g.Sessions(alice)) == 1 })
	big := json.RawMessage(`{"x":"` + strings.Repeat("x", 32<<10) + `"}`)
	began := time.Now()
	eventually(t, "the queue is full", func() bool { return w.g.Deliver(alice, "x.y", big) == 0 })
	eventually(t, "the session ends", func() bool { return len(w.g.Sessions(alice)) == 0 })
	eventually(t, "the socket ends", func() bool { return w.g.Stats().Sockets == 0 })
	require.Less(t, time.Since(began), within)
	_ = p.Close()
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })

	// A client that wakes up in time learns the reason.
	p = w.dialDeaf(page("bob"))
	bob := place.User{SDKAppID: app, UserID: "bob"}
	eventually(t, "login", func() bool { return len(w.g.Sessions(bob)) == 1 })
	eventually(t, "the queue is full", func() bool { return w.g.Deliver(bob, "x.y", big) == 0 })
	require.Equal(t, frame.CloseSlow, lastClose(t, p))
}

// What the kernel holds for a client that does not read is limited as well.
func TestWriteBuffer(t *testing.T) {
	w := begin(t, setup{})
	c := w.dialDeafBuffer(page("alice"), 4<<10)
	alice := place.User{SDKAppID: app, UserID: "alice"}
	eventually(t, "login", func() bool { return len(w.g.Sessions(alice)) == 1 })
	sess := w.g.Sessions(alice)[0]
	const size = 32 << 10
	big := json.RawMessage(`{"x":"` + strings.Repeat("x", size) + `"}`)
	taken := 0
	for ; sess.Notify("x.y", big); taken += size {
		// A writer that makes no progress for this long is stuck, because the
		// kernel's buffer is full. For the first message there is room.
		patience := 300 * time.Millisecond
		if taken == 0 {
			patience = within
		}
		until := time.Now().Add(patience)
		for sess.Queued() > 0 && time.Now().Before(until) {
			time.Sleep(time.Millisecond)
		}
		if sess.Queued() > 0 {
			break
		}
	}
	require.Positive(t, taken)
	require.Less(t, taken, 1<<20)
	require.NoError(t, c.Close())
}

// Sessions on two gateways with one store supersede and evict each other, and a
// farewell may come by either gateway.
func TestTwoGateways(t *testing.T) {
	log := new(testlog.Buffer)
	b, err := bus.Open(context.Background(), bus.Options{Data: bus.Memory, Name: "test"})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	w1 := beginOn(t, b, "n1", log, setup{})
	w2 := beginOn(t, b, "n2", log, setup{})
	i := page("alice")
	p1, m := w1.login(i)
	p2, _ := w2.login(i.resume())
	p1.expectClose(frame.CloseSuperseded)
	p3, _ := w1.login(page("alice"))
	p2.evicted(frame.KickMultipleAccount)
	p3.expectOpen()
	// A farewell from one gateway is valid at the other.
	p4 := w2.dial()
	require.Nil(t, p4.call(frame.Farewell, map[string]any{"token": m.Body.Text("farewell")}).Err)
	p3.expectOpen()
	// A farewell for a place that is attached on the other gateway closes its
	// socket at once, not only when places are next compared with their records.
	p5, m := w1.login(page("bob"))
	require.Nil(t, p4.call(frame.Farewell, map[string]any{"token": m.Body.Text("farewell")}).Err)
	p5.expectClose(frame.CloseRecheck)
	p3.expectOpen()
}

// dialDeaf logs in over a connection that nobody reads from.
func (w *world) dialDeaf(i who) net.Conn { return w.dialDeafBuffer(i, 0) }

// dialDeafBuffer is dialDeaf with a receive buffer of this size, or of the
// kernel's choice if it is 0.
func (w *world) dialDeafBuffer(i who, buffer int) net.Conn {
	c := w.rawDial()
	if buffer > 0 {
		require.NoError(w.t, c.(*net.TCPConn).SetReadBuffer(buffer))
	}
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "login", "params": i.frame()})
	require.NoError(w.t, err)
	_, err = c.Write(masked(0x81, text))
	require.NoError(w.t, err)
	return c
}

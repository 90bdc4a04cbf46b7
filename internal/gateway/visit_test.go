package gateway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
)

// lobby is a live room as the gateway sees it.
type lobby struct {
	mu   sync.Mutex // guards all
	in   map[*gateway.Visitor]string
	left int
	hold chan struct{} // holds up who wants to come in; nil: nobody
}

func (l *lobby) visit(ctx context.Context, v *gateway.Visitor, app uint32, groupID string) (leave func(), err error) {
	if l.hold != nil {
		select {
		case <-l.hold:
		case <-ctx.Done():
			return nil, fault.New(fault.ServerTimeout)
		}
	}
	if groupID == "gone" {
		return nil, fault.New(fault.NoSuchGroup)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in[v] = groupID
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.left++
		delete(l.in, v)
	}, nil
}

func (l *lobby) visitors() (out []*gateway.Visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for v := range l.in {
		out = append(out, v)
	}
	return out
}

func (l *lobby) gone() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

func (l *lobby) say(text string) (heard int) {
	for _, v := range l.visitors() {
		if v.Offer(jsonframe.Notification(frame.NoteMessages, []byte(`{"text":"`+text+`"}`)), 1<<10) {
			heard++
		}
	}
	return heard
}

// beginVisits begins a gateway with a lobby. Clients say in a header where they are.
func beginVisits(t *testing.T, s setup) (*world, *lobby) {
	l := &lobby{in: map[*gateway.Visitor]string{}}
	before := s.before
	s.before = func(g *gateway.Gateway) {
		g.HandleVisits(l.visit)
		if before != nil {
			before(g)
		}
	}
	options := s.options
	s.options = func(o *gateway.Options) {
		o.Visitors = 10
		o.ClientAddr = func(r *http.Request) string { return r.Header.Get("X-From") }
		if options != nil {
			options(o)
		}
	}
	return begin(t, s), l
}

func (w *world) from(addr string) *peer {
	w.t.Helper()
	p, err := w.dialWith(http.Header{"X-From": {addr}})
	require.NoError(w.t, err)
	return p
}

func inRoom(id string) map[string]any { return map[string]any{"sdkAppID": app, "groupID": id} }

func (p *peer) visits(id string) *peer {
	p.t.Helper()
	require.Nil(p.t, p.call(frame.RoomVisit, inRoom(id)).Err)
	return p
}

func (p *peer) hears(text string) {
	p.t.Helper()
	m := p.read()
	require.Equal(p.t, frame.NoteMessages, m.Method, "%+v", m)
	require.Equal(p.t, text, m.Body.Text("text"))
}

// A socket that nobody has logged in on listens to a live room. It may do nothing else
// but ping, and logging in ends the visit.
func TestVisit(t *testing.T) {
	w, l := beginVisits(t, setup{})
	p := w.from("1.1.1.1")
	require.Equal(t, fault.NoSuchGroup, p.call(frame.RoomVisit, inRoom("gone")).Err.Code)
	require.Equal(t, 1, w.g.StandingBy(), "it stands by after a refusal")
	p.visits("r")
	require.Zero(t, w.g.StandingBy(), "a visitor does not stand by")
	require.Equal(t, 1, l.say("hello"))
	p.hears("hello")
	for _, method := range []string{frame.GroupJoin, frame.MessageSend, frame.SessionSync, frame.Renew, "no.such"} {
		require.Equal(t, fault.NotLoggedIn, p.call(method, inRoom("r")).Err.Code, method)
	}
	require.Equal(t, fault.BadParameters, p.call(frame.RoomVisit, inRoom("other")).Err.Code, "one visit a connection")
	p.expectOpen()
	require.Nil(t, p.call(frame.Login, page("alice").frame()).Err)
	require.Empty(t, l.visitors())
	require.Zero(t, l.say("to nobody"))
	require.Equal(t, fault.BadParameters, p.call(frame.RoomVisit, inRoom("r")).Err.Code, "it is logged in")
	require.Len(t, w.g.Places(), 1)
}

// A visit ends with its socket, whoever ends that.
func TestVisitEnds(t *testing.T) {
	w, l := beginVisits(t, setup{})
	p := w.from("1.1.1.1").visits("r")
	v := l.visitors()[0]
	require.NoError(t, p.conn.NetConn().Close())
	eventually(t, "left", func() bool { return len(l.visitors()) == 0 })
	require.False(t, v.Offer([]byte("{}"), 1<<10))
	v.RoomOver() // too late

	p = w.from("1.1.1.1").visits("r")
	l.say("the end")
	l.visitors()[0].RoomOver()
	p.hears("the end")
	p.expectClose(frame.CloseRoomOver)

	p = w.from("1.1.1.1").visits("r")
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, w.g.Drain(ctx))
	require.Equal(t, frame.Drain, p.read().Method)
	p.expectClose(frame.CloseDrain)
	require.Empty(t, l.visitors())
	require.Equal(t, 3, l.gone(), "each left once")
}

// A visitor who is silent is pinged, and given up when they do not answer.
func TestSilentVisitor(t *testing.T) {
	w, l := beginVisits(t, setup{times: gateway.Times{Ask: 20 * time.Millisecond, Silence: within}})
	p := w.from("1.1.1.1").visits("r")
	<-p.pings
	require.Equal(t, 1, l.say("hello"))
	p.hears("hello")
	w, l = beginVisits(t, setup{times: gateway.Times{Ask: time.Millisecond, Silence: time.Millisecond}})
	p = w.from("1.1.1.1")
	p.mute.Store(true)
	p.send(frame.RoomVisit, inRoom("r"))
	require.EqualValues(t, 1006, (<-p.closed).Code)
	eventually(t, "left", func() bool { return len(l.visitors()) == 0 && w.g.Held() == 0 })
}

// A gateway that has no rooms for visitors says so, and one that does not serve the app.
func TestVisitRefused(t *testing.T) {
	closed, _ := beginVisits(t, setup{options: func(o *gateway.Options) { o.Visitors = 0 }})
	m := closed.from("1.1.1.1").call(frame.RoomVisit, inRoom("r"))
	require.Equal(t, fault.NotLoggedIn, m.Err.Code)
	require.Contains(t, m.Err.Message, "not open to visitors")
	w, l := beginVisits(t, setup{})
	p := w.from("1.1.1.1")
	require.Equal(t, fault.NoSuchApp, p.call(frame.RoomVisit, map[string]any{"sdkAppID": 1, "groupID": "r"}).Err.Code)
	require.Equal(t, frame.CodeBadParams, p.call(frame.RoomVisit, map[string]any{"sdkAppID": "x"}).Err.Code)
	require.Equal(t, frame.CodeBadParams, p.call(frame.RoomVisit, nil).Err.Code)
	require.Empty(t, l.visitors())
	require.Equal(t, 1, w.g.StandingBy())
}

// A network with too many visitors is refused further ones; of too many in all, the
// oldest of the network with most goes.
func TestTooManyVisitors(t *testing.T) {
	w, l := beginVisits(t, setup{before: func(g *gateway.Gateway) { g.LimitVisitors(2, 3) }})
	alone := w.from("1.1.1.1").visits("r")
	first, second := w.from("2.2.2.2").visits("r"), w.from("2.2.2.2").visits("r")
	third := w.from("2.2.2.2")
	require.Equal(t, fault.TooFrequent, third.call(frame.RoomVisit, inRoom("r")).Err.Code)
	other := w.from("3.3.3.3").visits("r")
	first.expectClose(frame.CloseTryLater)
	eventually(t, "the oldest has left", func() bool { return len(l.visitors()) == 3 })
	require.Nil(t, third.call(frame.Login, page("alice").frame()).Err)
	for _, p := range []*peer{alone, second, third, other} {
		p.expectOpen()
	}
}

// How often visits begin is bounded, for a network and for all of them.
func TestTooManyVisits(t *testing.T) {
	w, l := beginVisits(t, setup{before: func(g *gateway.Gateway) { g.LimitVisits(2, 3) }})
	p := w.from("1.1.1.1")
	for range 2 { // refused ones cost as much
		require.Equal(t, fault.NoSuchGroup, p.call(frame.RoomVisit, inRoom("gone")).Err.Code)
	}
	require.Equal(t, fault.TooFrequent, p.call(frame.RoomVisit, inRoom("r")).Err.Code)
	w.from("2.2.2.2").visits("r")
	require.Equal(t, fault.TooFrequent, w.from("3.3.3.3").call(frame.RoomVisit, inRoom("r")).Err.Code)
	require.Len(t, l.visitors(), 1)
}

// Somebody who hangs up while their visit is being opened is not in the room, and holds
// up nothing.
func TestHangUpWhileVisitOpens(t *testing.T) {
	w, l := beginVisits(t, setup{})
	l.hold = make(chan struct{})
	p := w.from("1.1.1.1")
	p.send(frame.RoomVisit, inRoom("r"))
	require.NoError(t, p.conn.NetConn().Close())
	eventually(t, "gone", func() bool { return w.g.Held() == 0 })
	require.Empty(t, l.visitors())
	require.Zero(t, l.gone())
}

// Visitors hang up at any moment, while they are told things, log in, and their room
// ends. The harness checks that nothing is left.
func TestVisitorsHangUp(t *testing.T) {
	w, l := beginVisits(t, setup{options: func(o *gateway.Options) { o.LoginRate = 1 << 20 },
		before: func(g *gateway.Gateway) { g.LimitVisitors(8, 4); g.LimitVisits(1<<20, 1<<20) }})
	stop := make(chan struct{})
	var beside, clients sync.WaitGroup
	beside.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			for _, v := range l.visitors() {
				if n%8 == 0 {
					v.RoomOver()
				}
			}
			l.say("x")
			for _, p := range w.g.Places() {
				w.g.Deliver(place.User{SDKAppID: app, UserID: p.UserID}, "x.y", nil)
			}
		}
	})
	for n := range 6 {
		r := rand.New(rand.NewPCG(uint64(n), 1))
		clients.Go(func() {
			for range 25 {
				bytes := callText(1, frame.RoomVisit, inRoom([]string{"r", "s", "gone"}[r.IntN(3)]))
				switch r.IntN(3) {
				case 0:
					bytes = append(bytes, callText(2, frame.RoomVisit, inRoom("t"))...)
				case 1:
					bytes = append(bytes, callText(2, frame.Login, page(fmt.Sprint("u", r.IntN(3))).frame())...)
				}
				c := w.rawDial()
				_, _ = c.Write(bytes)
				time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond) // the moment of hanging up
				_ = c.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	beside.Wait()
	// A visit that was being opened when its socket closed leaves the room after that.
	eventually(t, "all have gone", func() bool { return w.g.Held() == 0 && len(l.visitors()) == 0 })
}

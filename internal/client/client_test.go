package client

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/leaktest"
	"github.com/tim-wasm/tim/internal/session"
)

// place is a host whose network is the test itself.
type place struct {
	now     int64
	gen     session.Gen
	written []frame.Request
	events  []string
	stored  string
	on      func(name string)
	tasks   int
	offline bool
	dry     bool // randomness fails
	seed    uint64
}

func (p *place) Now() int64                             { return p.now }
func (p *place) Dial(gen session.Gen)                   { p.gen = gen }
func (p *place) Write(_ session.Gen, r frame.Request)   { p.written = append(p.written, r) }
func (p *place) Close(gen session.Gen, _ int, _ string) {}
func (p *place) StartTimer(session.Timer, int64)        {}
func (p *place) StopTimer(session.Timer)                {}
func (p *place) NextTask()                              { p.tasks++ }
func (p *place) Load() string                           { return p.stored }
func (p *place) Store(text string)                      { p.stored = text }
func (p *place) Online() bool                           { return !p.offline }
func (p *place) URL() string                            { return "ws://gw/ws" }
func (p *place) Rand(b []byte) {
	if p.dry {
		panic("no randomness")
	}
	p.seed++
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], p.seed)
	copy(b, word[:])
}

func (p *place) Emit(name string, data frame.Body) {
	p.events = append(p.events, name)
	if p.on != nil {
		p.on(name)
	}
}

func (p *place) last() frame.Request { return p.written[len(p.written)-1] }

func (p *place) answer(c *Client) {
	c.OnFrame(p.gen, frame.Message{ID: p.last().ID, Body: frame.Fields{
		{Key: "serverTime", Value: int64(1_700_000_000_000)}, {Key: "expiresIn", Value: int64(3_600_000)}, {Key: "farewell", Value: "sealed"},
	}})
}

// result collects how a call ended.
type result struct {
	times int
	err   *fault.Error
}

func (r *result) done(_ frame.Body, err *fault.Error) { r.times++; r.err = err }

func ready(t *testing.T, p *place) *Client { return readyWith(t, p, nil) }

func readyWith(t *testing.T, p *place, page Page) *Client {
	t.Helper()
	c := New(Options{SDKAppID: 1400000000, Platform: "Web", Page: page}, p)
	var r result
	c.Login("alice", "alicesig", r.done)
	c.OnOpen(p.gen)
	p.answer(c)
	require.Equal(t, result{times: 1}, r)
	require.False(t, c.Ready(), "not before a later task")
	c.OnTask()
	require.True(t, c.Ready())
	require.Equal(t, "alice", c.User())
	return c
}

func TestListenerMayCallLogoutAndLogin(t *testing.T) {
	p := &place{}
	c := ready(t, p)
	var login, logout, again result
	p.on = func(name string) {
		switch name {
		case frame.EventSDKNotReady:
			status, _ := c.Status()
			require.Equal(t, "loggedOut", status, "listeners meet a settled state")
			c.Logout(logout.done)
			c.Login("alice", "alicesig", login.done)
			c.Login("alice", "alicesig", again.done)
		}
	}
	c.OnFrame(p.gen, frame.Message{Method: frame.Evicted, Body: frame.Fields{{Key: "type", Value: "multipleAccount"}}})
	require.Equal(t, fault.NotLoggedIn, logout.err.Code)
	require.Equal(t, fault.LoginBusy, again.err.Code)
	require.Zero(t, login.times, "the login of the listener is under way")
	require.Contains(t, p.events, frame.EventKickedOut, "the event after the listener's is not lost")
	c.OnOpen(p.gen)
	p.answer(c)
	require.Equal(t, result{times: 1}, login)
}

func TestListenerMayDestroy(t *testing.T) {
	p := &place{}
	c := ready(t, p)
	var sent, destroyed result
	c.Send("message.send", nil, 0, sent.done)
	p.on = func(name string) {
		if name == frame.EventNetStateChange {
			c.Destroy(destroyed.done)
		}
	}
	c.OnClose(p.gen, 1006, "")
	require.Equal(t, result{times: 1}, destroyed)
	require.Equal(t, fault.Destroyed, sent.err.Code)
	require.Equal(t, frame.EventSDKDestroy, p.events[len(p.events)-1])
	require.Zero(t, c.Pending())
}

// A mini program's pool of randomness may be empty for a moment: then a login
// fails, the next one does not, and a reconnect happens all the same.
func TestRandomnessThatFails(t *testing.T) {
	p := &place{dry: true}
	c := New(Options{SDKAppID: 1400000000, Platform: "Web", Early: true}, p)
	require.NotZero(t, p.gen, "an instance needs none yet")
	var early result
	require.Panics(t, func() { c.Login("alice", "alicesig", early.done) })
	require.Equal(t, 1, early.times, "settled all the same")
	p = &place{}
	c = ready(t, p)
	p.dry = true
	c.OnClose(p.gen, 1006, "")
	before := p.gen
	c.OnTimer(session.TimerRetry)
	require.Greater(t, p.gen, before)
	var logout, login result
	c.Logout(logout.done)
	require.Equal(t, result{times: 1}, logout)
	var failed result
	require.Panics(t, func() { c.Login("alice", "alicesig", failed.done) })
	require.Equal(t, 1, failed.times, "settled all the same")
	require.Zero(t, c.Pending())
	p.dry = false
	c.Login("alice", "alicesig", login.done)
	require.Zero(t, login.times, "not 2025")
	c.OnOpen(p.gen)
	p.answer(c)
	require.Equal(t, result{times: 1}, login)
}

// A page that is frozen or in the back/forward cache may miss news of the
// network: when it is shown, and at a login, what the host says then counts.
func TestMissedNewsOfTheNetwork(t *testing.T) {
	p := &place{}
	c := ready(t, p)
	c.OnNetwork(false)
	c.OnClose(p.gen, 1006, "")
	before := p.gen
	c.OnTimer(session.TimerRetry)
	require.Equal(t, before, p.gen, "nothing is dialled while offline")
	c.OnShown() // without an online event before
	require.Greater(t, p.gen, before, "dialled at once")

	p = &place{offline: true}
	c = New(Options{SDKAppID: 1400000000, Platform: "Web", Early: true}, p)
	require.Zero(t, p.gen)
	p.offline = false
	var login result
	c.Login("alice", "alicesig", login.done)
	require.Zero(t, login.times, "the login goes on")
	c.OnOpen(p.gen)
	p.answer(c)
	require.Equal(t, result{times: 1}, login)
}

func TestAPanicLosesNothingElse(t *testing.T) {
	p := &place{}
	c := ready(t, p)
	var logout result
	p.on = func(name string) {
		if name == frame.EventSDKNotReady {
			panic("a bug")
		}
	}
	c.Logout(logout.done)
	require.PanicsWithValue(t, "a bug", func() { p.answer(c) })
	require.Equal(t, result{times: 1}, logout, "the promise settles all the same")
	p.on = nil
	var login result
	c.Login("bob", "bobsig", login.done)
	c.OnOpen(p.gen)
	p.answer(c)
	require.Equal(t, result{times: 1}, login, "the loop goes on")
}

func TestNothingOfTheUserRemains(t *testing.T) {
	for name, leave := range map[string]func(*Client, *place){
		"logout":         func(c *Client, p *place) { c.Logout(func(frame.Body, *fault.Error) {}); p.answer(c) },
		"offline logout": func(c *Client, p *place) { c.OnClose(p.gen, 1006, ""); c.Logout(func(frame.Body, *fault.Error) {}) },
		"kick": func(c *Client, p *place) {
			c.OnFrame(p.gen, frame.Message{Method: frame.Evicted, Body: frame.Fields{{Key: "type", Value: "multipleDevice"}}})
		},
		"destroy": func(c *Client, p *place) { c.Destroy(func(frame.Body, *fault.Error) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			p := &place{}
			c := ready(t, p)
			c.Send("message.send", frame.Fields{{Key: "text", Value: "a private word"}}, 0, func(frame.Body, *fault.Error) {})
			c.Renew("alicesig2", func(frame.Body, *fault.Error) {})
			require.Contains(t, p.stored, "alice")
			require.NotEmpty(t, leaktest.Find(c.machine, "alicesig"), "the search would find it")
			leave(c, p)
			p.written = nil // what has gone out over the wire
			require.Empty(t, p.stored)
			require.Empty(t, leaktest.Find(c, "alice", "a private word"))
			require.Zero(t, c.Pending())
		})
	}
}

func TestFarewellRidesTheNextConnection(t *testing.T) {
	p := &place{}
	c := ready(t, p)
	c.OnClose(p.gen, 1006, "")
	var logout, login result
	c.Logout(logout.done)
	require.Equal(t, result{times: 1}, logout)
	before := p.gen
	p.written = nil
	c.OnTimer(session.TimerRetry)
	require.Equal(t, before, p.gen, "nothing is dialled for somebody who is gone")
	c.Login("bob", "bobsig", login.done)
	c.OnOpen(p.gen)
	require.Len(t, p.written, 2)
	require.Equal(t, frame.Farewell, p.written[0].Method)
	require.Equal(t, "sealed", p.written[0].Params.Text("token"))
	require.Equal(t, frame.Login, p.written[1].Method)

	// Sent again until it was answered, and not afterwards.
	c.OnClose(p.gen, 1006, "")
	c.OnTimer(session.TimerRetry)
	p.written = nil
	c.OnOpen(p.gen)
	require.Equal(t, frame.Farewell, p.written[0].Method)
	c.OnFrame(p.gen, frame.Message{ID: p.written[0].ID, Body: frame.Fields{}})
	c.OnClose(p.gen, 1006, "")
	c.OnTimer(session.TimerRetry)
	p.written = nil
	c.OnOpen(p.gen)
	require.Len(t, p.written, 1)
	require.Equal(t, frame.Login, p.written[0].Method)
}

package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/frame"
)

// world is what surrounds a machine, as far as the invariants need it.
type world struct {
	t        *testing.T
	m        *Machine
	now      int64
	log      []string
	calls    Call
	open     map[Call]int64 // not settled yet, and when they must be
	logouts  map[Call]bool
	conn     Gen // the connection that exists, 0 for none
	isOpen   bool
	written  []frame.Request // on it
	heardAt  int64           // the last frame on it
	tokens   float64         // frames that the gateway would accept at once now
	filledAt int64
	online   bool
	local    bool // the gateway is on this machine
	provider bool // the app gives UserSigs when asked
	asked    Ask  // waits for the provider's answer
	proven   bool // a connection has opened while the host says offline
	ready    bool // SDK_READY was the last of the two
	admitted bool // a login has resolved since the session began
	tasked   bool // and a later task has come since then
	wanted   bool // a dial would be for a session
	visiting bool // the running step found the page listening to a live room, or about to
	visited  bool // it was let in there before the step, or by it
	timers   map[Timer]int64
	tasks    int
	dead     bool
	faithful bool
	ids      []int64
	login    int64
	status   string
	net      string
	stored   string
}

const fuzzUser, fuzzSig = "walkuser", "walksig"

func newWorld(t *testing.T, local, provider bool) *world {
	return &world{
		t: t, m: newTestMachine(true, local, provider), online: true, local: local, provider: provider, open: map[Call]int64{}, logouts: map[Call]bool{},
		timers: map[Timer]int64{}, status: StatusLoggedOut, net: netConnected, now: 1000,
	}
}

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	tail := w.log
	if len(tail) > 60 {
		tail = tail[len(tail)-60:]
	}
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(tail, "\n"))
}

// call makes a call that must have settled after that many ms.
func (w *world) call(within int64) Call {
	w.calls++
	w.open[w.calls] = w.now + within
	return w.calls
}

// pass lets time pass. If it is served faithfully, whatever is due comes in
// order and exactly on time.
func (w *world) pass(ms int64) {
	if !w.faithful {
		w.now += ms
		return
	}
	end := w.now + ms
	for {
		if w.tasks > 0 {
			w.tasks--
			w.tasked = w.tasks == 0
			w.step(TaskCame{})
			continue
		}
		next := Timer(0)
		for t, due := range w.timers {
			if due <= end && (next == 0 || due < w.timers[next] || due == w.timers[next] && t < next) {
				next = t
			}
		}
		if next == 0 {
			w.now = end
			return
		}
		w.now = max(w.now, w.timers[next])
		delete(w.timers, next)
		w.step(TimerFired{Timer: next})
	}
}

// recover makes network and gateway good from now on: whatever happened
// before, the session must be ready or over soon, with every call settled.
func (w *world) recover() {
	if !w.mayDial() {
		w.online = true
		w.step(NetworkChanged{Online: true})
	}
	const soon = 60_000
	for end := w.now + soon; ; {
		switch {
		case w.asked != 0:
			w.answer(fmt.Sprint(fuzzSig, w.asked), "")
		case w.conn != 0 && !w.isOpen:
			w.isOpen = true
			w.step(Opened{Gen: w.conn})
		case w.conn != 0 && len(w.written) > 0:
			r := w.written[0]
			w.written = w.written[1:]
			w.heardAt = w.now
			w.step(Received{Gen: w.conn, Frame: answerOf(r.ID, 3_600_000, frame.Heartbeat)})
		case len(w.open) == 0 && w.tasks == 0 && (w.m.state == Ready || w.m.state == LoggedOut || w.m.state == Visiting):
			return
		case w.now >= end:
			w.fatal("neither ready nor out %d ms after all is well, or calls are open: %v", soon, w.open)
		default:
			w.pass(100)
		}
	}
}

// answer is the provider's.
func (w *world) answer(sig, failed string) {
	ask := w.asked
	w.asked = 0
	w.step(Provided{Ask: ask, UserSig: sig, Failed: failed})
}

// step feeds one input and checks everything that came of it.
func (w *world) step(in Input) {
	w.log = append(w.log, fmt.Sprintf("%d %T%+v", w.now, in, in))
	if _, ok := in.(Login); ok {
		w.wanted = true
	}
	if timer, ok := in.(TimerFired); ok && timer.Timer == TimerAsk {
		w.asked = 0 // its answer would come too late
	}
	if logout, ok := in.(Logout); ok {
		w.logouts[logout.Call] = true
	}
	if _, ok := in.(NetworkChanged); ok {
		w.proven = false
	}
	if opened, ok := in.(Opened); ok && w.conn != 0 && opened.Gen == w.conn {
		w.proven = !w.online
	}
	resolved, reason := w.admitted, w.m.reason
	w.visiting, w.visited = w.visits(), w.visits() && w.m.acc.admitted
	effects := w.m.Step(w.now, in)
	w.visited = w.visited || w.visits() && w.m.acc.admitted
	for _, e := range effects {
		w.log = append(w.log, "    "+describe(e))
		w.check(e)
		if _, ok := e.(Emit); ok && e.(Emit).Name == frame.EventSDKReady && !(resolved && w.tasked) {
			w.fatal("SDK_READY not in a later task than login's promise")
		}
	}
	w.log = append(w.log, "    = "+w.m.state.String())
	if _, login := in.(Login); w.visiting && !w.dead && !login && w.m.reason != reason {
		w.fatal("a visit has changed why nobody is logged in, from %q to %q", reason, w.m.reason)
	}
	w.settled()
}

func (w *world) mayDial() bool { return w.online || w.local || w.proven }

func (w *world) check(e Effect) {
	if w.dead {
		if _, ok := e.(Settle); !ok {
			w.fatal("after destroy: %s", describe(e))
		}
	}
	switch e := e.(type) {
	case Dial:
		if w.conn != 0 {
			w.fatal("a second dial while connection %d lives", w.conn)
		}
		if !w.mayDial() {
			w.fatal("a dial while offline")
		}
		if e.Gen > 1 && !w.wanted && !w.visits() {
			w.fatal("a dial for nobody")
		}
		w.conn, w.isOpen, w.written = e.Gen, false, nil
		w.tokens, w.filledAt = frame.Burst, w.now
	case Write:
		w.write(e)
	case Close:
		if e.Gen != w.conn {
			w.fatal("close of a connection that is not there")
		}
		w.lose(w.conn)
	case StartTimer:
		if e.After < 0 || e.After > forever {
			w.fatal("a timer in the past or beyond all time")
		}
		if e.Timer == TimerRetry && (e.After < 1 || e.After > lateCap) {
			w.fatal("a retry after %d ms", e.After)
		}
		w.timers[e.Timer] = w.now + e.After
	case StopTimer:
		if _, set := w.timers[e.Timer]; !set {
			w.fatal("a timer is stopped that is not set")
		}
		delete(w.timers, e.Timer)
	case NextTask:
		w.tasks++
		w.tasked, w.admitted = false, true
	case Settle:
		if _, open := w.open[e.Call]; !open {
			w.fatal("call %d settled twice", e.Call)
		}
		if w.logouts[e.Call] && e.Err == nil && w.ready {
			w.fatal("logout resolves before SDK_NOT_READY")
		}
		delete(w.open, e.Call)
	case Emit:
		w.event(e)
	case Notify:
		if (w.m.UserID() == "") != w.visits() || (e.Method == frame.RoomVisit) != w.visits() {
			w.fatal("a notification for nobody, or what was said in a room for somebody")
		}
	case AskSig:
		if !w.provider || w.m.acc.userID != e.UserID || e.UserID == "" {
			w.fatal("the provider is asked for nobody")
		}
		if w.asked != 0 {
			w.fatal("the provider is asked while it has not answered")
		}
		w.asked = e.Ask
	case Store:
		w.stored = e.Text
	case Leave:
		if w.m.state != LoggedOut || e.Token == "" {
			w.fatal("a farewell of somebody who stays")
		}
	}
}

func (w *world) write(e Write) {
	if e.Gen != w.conn || !w.isOpen {
		w.fatal("write to a connection that is not open")
	}
	w.tokens = min(frame.Burst, w.tokens+float64(w.now-w.filledAt)*frame.Rate/1000) - 1
	w.filledAt = w.now
	if w.tokens < 0 {
		w.fatal("a flood")
	}
	switch e.Request.Method {
	case frame.Login:
		w.login = e.Request.ID
		intent := frame.IntentNew
		if w.admitted {
			intent = frame.IntentResume
		}
		if got := e.Request.Params.Text("intent"); got != intent {
			w.fatal("a login frame with intent %s", got)
		}
		logins := 1
		for _, r := range w.written {
			if r.Method == frame.Login {
				logins++
			}
		}
		if logins > 1+maxDuplicates {
			w.fatal("%d login frames on one connection", logins)
		}
	case frame.RoomVisit:
		if len(w.written) > 0 || e.Request.Params.Text("groupID") != w.m.acc.group {
			w.fatal("a connection visits one live room, before anything else")
		}
	case frame.Logout:
		if w.visiting {
			w.fatal("a logout of nobody")
		}
		for _, r := range w.written {
			if r.Method == frame.Logout {
				w.fatal("a second logout frame on one connection")
			}
		}
	default:
		if !w.admitted && w.m.state != Visiting || w.m.link.admittedAt == 0 {
			w.fatal("%s before this connection was admitted", e.Request.Method)
		}
	}
	if n := len(w.ids); n > 0 && e.Request.ID <= w.ids[n-1] {
		w.fatal("request ids must grow")
	}
	w.ids = append(w.ids, e.Request.ID)
	w.written = append(w.written, e.Request)
}

func (w *world) event(e Emit) {
	switch e.Name {
	case frame.EventSDKReady:
		if w.ready {
			w.fatal("SDK_READY twice")
		}
		w.ready = true
	case frame.EventSDKNotReady:
		if !w.ready {
			w.fatal("SDK_NOT_READY without SDK_READY")
		}
		w.ready = false
	case frame.EventKickedOut:
		if w.ready || w.m.state != LoggedOut || w.visiting {
			w.fatal("KICKED_OUT before SDK_NOT_READY, in the session or of nobody")
		}
	case frame.EventNetStateChange:
		state := e.Data.Text("state")
		if state == w.net || !w.admitted && !w.visited {
			w.fatal("NET_STATE_CHANGE %s after %s", state, w.net)
		}
		w.net = state
	case frame.EventUserSigWillExpire:
		if !w.ready {
			w.fatal("USERSIG_WILL_EXPIRE of a session that is not ready")
		}
	case frame.EventLoginStatusChange:
		status, reason := e.Data.Text("status"), e.Data.Text("reason")
		if now, why := w.m.Status(); now != status || why != reason {
			w.fatal("LOGIN_STATUS_CHANGE says %s %s, getLoginStatus %s %s", status, reason, now, why)
		}
		w.status = status
	case frame.EventSDKDestroy:
		if w.ready {
			w.fatal("SDK_DESTROY before SDK_NOT_READY")
		}
		w.dead = true
	}
}

// settled checks what must hold between two inputs.
func (w *world) settled() {
	status, _ := w.m.Status()
	if status != w.status {
		w.fatal("LOGIN_STATUS_CHANGE said %s, getLoginStatus %s", w.status, status)
	}
	if w.m.IsReady() != (w.ready && w.m.state != LoggingOut) {
		w.fatal("isReady %v, SDK_READY %v", w.m.IsReady(), w.ready)
	}
	if (w.conn != 0) != (w.m.link.phase != linkNone) || w.isOpen != (w.m.link.phase == linkOpen) {
		w.fatal("the machine and the world disagree on the connection")
	}
	switch w.m.state {
	case LoggedOut:
		w.out()
	case Fetching:
		if !w.has(TimerAsk) || w.has(TimerAttempt) || w.has(TimerRetry) {
			w.fatal("waiting for the provider without a bound, or for something else as well")
		}
	case Waiting:
		if _, retry := w.timers[TimerRetry]; w.mayDial() != retry {
			w.fatal("waiting for nothing, or for a timer while offline")
		}
		if w.conn != 0 {
			w.fatal("waiting with a connection")
		}
	case Connecting, Authenticating:
		if w.conn == 0 || !w.has(TimerAttempt) {
			w.fatal("an attempt without a connection or a bound")
		}
	case Syncing, Ready, Visiting:
		if w.conn == 0 || !w.isOpen || !w.has(TimerBeat) || w.has(TimerAttempt) || w.has(TimerRetry) {
			w.fatal("connected without a connection or a heartbeat, or still trying")
		}
		if w.faithful && w.now-w.heardAt > 30_000 {
			w.fatal("a silent link is not noticed")
		}
	case LoggingOut:
		if !w.has(TimerCalls) {
			w.fatal("a logout without a bound")
		}
	}
	if w.visits() {
		w.nobody()
	}
	out, held := 0, 0
	for _, p := range w.m.calls {
		switch {
		case p.method == frame.Renew:
		case p.id != 0:
			out++
		default:
			held++
		}
	}
	if out > frame.Window || held > 0 && w.m.state == Ready && out < frame.Window && !w.has(TimerPace) {
		w.fatal("%d calls are out, and %d wait for nothing", out, held)
	}
	if w.m.acc.login != 0 && !w.has(TimerLogin) {
		w.fatal("a login without a bound")
	}
	if len(w.m.calls) > 0 && !w.has(TimerCalls) {
		w.fatal("calls without a bound")
	}
	if w.faithful {
		for call, by := range w.open {
			if w.now > by {
				w.fatal("call %d is open %d ms too long", call, w.now-by)
			}
		}
	}
}

func (w *world) has(t Timer) bool { _, set := w.timers[t]; return set }

// out checks what must hold while nobody is logged in.
func (w *world) out() {
	w.wanted, w.admitted, w.asked = false, false, 0
	if len(w.timers) != 0 {
		w.fatal("timers of nobody: %v", w.timers)
	}
	if len(w.open) != 0 {
		w.fatal("calls of nobody: %v", w.open)
	}
	w.nobody()
	if w.m.acc != (account{}) || w.m.outage != (outage{}) {
		w.fatal("nobody is logged in, but %+v %+v", w.m.acc, w.m.outage)
	}
}

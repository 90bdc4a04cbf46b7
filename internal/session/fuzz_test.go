package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session/remains"
)

// FuzzMachine feeds a machine any sequence of inputs, sensible or not, and
// holds it to the invariants of the design at every step.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(64) {
		r := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 60+r.IntN(400))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t)
		w.run(script)
	})
}

// TestRandomWalks does the same in every test run, without the fuzzer.
func TestRandomWalks(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		script := make([]byte, 40+r.IntN(600))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		newWorld(t).run(script)
	}
}

// world is what surrounds a machine, as far as the invariants need it.
type world struct {
	t      *testing.T
	m      *Machine
	now    int64
	log    []string
	calls  Call
	open   map[Call]bool // not settled yet
	conn   Gen           // the connection that exists, 0 for none
	isOpen bool
	online bool
	ready  bool // SDK_READY was the last of the two
	wanted bool // a dial would be for a session
	timers map[Timer]bool
	tasks  int
	dead   bool
	ids    []int64
	login  int64
	status string
}

const fuzzUser, fuzzSig = "walkuser", "walksig"

func newWorld(t *testing.T) *world {
	w := &world{t: t, m: newTestMachine(true), online: true, open: map[Call]bool{}, timers: map[Timer]bool{}, status: StatusLoggedOut, now: 1000}
	return w
}

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	tail := w.log
	if len(tail) > 60 {
		tail = tail[len(tail)-60:]
	}
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(tail, "\n"))
}

// run plays a script; each input takes one to three bytes of it.
func (w *world) run(script []byte) {
	w.step(Create{Early: len(script)%2 == 0})
	i := 0
	next := func() int {
		if i >= len(script) {
			return 0
		}
		i++
		return int(script[i-1])
	}
	for i < len(script) {
		in := w.choose(next)
		if in != nil {
			w.step(in)
		}
	}
	w.step(Destroy{Call: w.call()})
	if len(w.open) != 0 {
		w.fatal("calls that never settled: %v", w.open)
	}
	if len(w.timers) != 0 {
		w.fatal("timers left after destroy: %v", w.timers)
	}
	if w.conn != 0 {
		w.fatal("connection left after destroy")
	}
}

func (w *world) call() Call {
	w.calls++
	w.open[w.calls] = true
	return w.calls
}

func (w *world) choose(next func() int) Input {
	// What is due in a good run comes often enough to reach deep states.
	gen := w.m.link.gen
	if next()%8 == 0 {
		gen -= Gen(next() % 3)
	}
	switch k := next() % 40; {
	case k < 4:
		user := fuzzUser
		if next()%5 == 0 {
			user = "other"
		}
		stored := ""
		if next()%2 == 0 {
			stored = storeText(user, strings.Repeat("ab", 16))
		}
		return Login{Call: w.call(), UserID: user, UserSig: fuzzSig, Stored: stored}
	case k < 5:
		return Logout{Call: w.call()}
	case k < 6:
		if next()%8 == 0 {
			return Destroy{Call: w.call()}
		}
		return Renew{Call: w.call(), UserSig: "renewed"}
	case k < 9:
		return Send{Call: w.call(), Method: "message.send", Params: frame.Fields{}, Within: int64(next()) * 100}
	case k < 14:
		if gen == w.conn && !w.isOpen {
			w.isOpen = true
			return Opened{Gen: gen}
		}
		if gen != w.conn {
			return Opened{Gen: gen}
		}
	case k < 15:
		if gen == w.conn && w.isOpen {
			return nil
		}
		w.lose(gen)
		return DialFailed{Gen: gen, Detail: "refused"}
	case k < 17:
		if gen == w.conn && !w.isOpen {
			return nil
		}
		w.lose(gen)
		code := []int{1006, 1000, 1001, 4000, 4001, 4002, 4100, 4102, 4103, 4105, 4106}[next()%11]
		reason := []string{"", "multipleDevice", "userSigExpired", "REST_API_Kick", "junk"}[next()%5]
		return Closed{Gen: gen, Code: code, Reason: reason}
	case k < 27:
		if gen == w.conn && !w.isOpen {
			return nil
		}
		return Received{Gen: gen, Frame: w.frame(next)}
	case k < 32:
		for t := range int(TimerCalls) {
			t := Timer(1 + (t+next())%int(TimerCalls))
			if w.timers[t] {
				delete(w.timers, t)
				w.now += int64(next()) * 40
				return TimerFired{Timer: t}
			}
		}
	case k < 34:
		if w.tasks > 0 {
			w.tasks--
			return TaskCame{}
		}
	case k < 36:
		w.online = !w.online
		return NetworkChanged{Online: w.online}
	case k < 37:
		return Shown{}
	default:
		w.now += int64(next()) * 200
	}
	return nil
}

func (w *world) lose(gen Gen) {
	if gen == w.conn {
		w.conn, w.isOpen = 0, false
	}
}

func (w *world) frame(next func() int) frame.Message {
	id := w.login
	if len(w.ids) > 0 && next()%2 == 0 {
		id = w.ids[next()%len(w.ids)]
	}
	switch next() % 10 {
	case 0, 1, 2, 3:
		return frame.Message{ID: id, Body: frame.Fields{{Key: "expiresIn", Value: int64(next()) * 1000}, {Key: "serverTime", Value: int64(1_700_000_000_000)}, {Key: "heartbeat", Value: int64(15_000)}, {Key: "farewell", Value: "sealed"}}}
	case 4:
		codes := []fault.Code{fault.SigExpired, fault.SigWrongKey, fault.ServerTimeout, frame.CodeDuplicate, fault.SigRevoked, fault.Internal}
		return frame.Message{ID: id, Err: fault.New(codes[next()%len(codes)])}
	case 5:
		return frame.Message{Method: frame.Evicted, Body: frame.Fields{{Key: "type", Value: frame.KickMultipleAccount}}}
	case 6:
		return frame.Message{Method: frame.Drain}
	case 7:
		return frame.Message{ID: id}
	case 8:
		return frame.Message{Method: "message.received", Body: frame.Fields{}}
	default:
		return frame.Message{ID: int64(next())}
	}
}

// step gives one input and checks everything that came of it.
func (w *world) step(in Input) {
	w.log = append(w.log, fmt.Sprintf("%d %T%+v", w.now, in, in))
	if _, ok := in.(Login); ok {
		w.wanted = true
	}
	for _, e := range w.m.Step(w.now, in) {
		w.log = append(w.log, "    "+describe(e))
		w.check(e)
	}
	w.log = append(w.log, "    = "+w.m.state.String())
	w.settled()
}

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
		if !w.online {
			w.fatal("a dial while offline")
		}
		if e.Gen > 1 && !w.wanted {
			w.fatal("a dial for nobody")
		}
		w.conn, w.isOpen = e.Gen, false
	case Write:
		if e.Gen != w.conn || !w.isOpen {
			w.fatal("write to a connection that is not open")
		}
		if e.Request.Method == frame.Login {
			w.login = e.Request.ID
		}
		w.ids = append(w.ids, e.Request.ID)
	case Close:
		if e.Gen != w.conn {
			w.fatal("close of a connection that is not there")
		}
		w.conn, w.isOpen = 0, false
	case StartTimer:
		if e.After < 0 {
			w.fatal("a timer in the past")
		}
		w.timers[e.Timer] = true
	case StopTimer:
		delete(w.timers, e.Timer)
	case NextTask:
		w.tasks++
	case Settle:
		if !w.open[e.Call] {
			w.fatal("call %d settled twice", e.Call)
		}
		delete(w.open, e.Call)
	case Emit:
		w.event(e)
	case Notify:
		if w.m.UserID() == "" {
			w.fatal("a notification for nobody")
		}
	case Store, Leave:
	}
}

func (w *world) event(e Emit) {
	switch e.Name {
	case EventSDKReady:
		if w.ready {
			w.fatal("SDK_READY twice")
		}
		w.ready = true
	case EventSDKNotReady:
		if !w.ready {
			w.fatal("SDK_NOT_READY without SDK_READY")
		}
		w.ready = false
	case EventKickedOut:
		if w.ready || w.m.state != LoggedOut {
			w.fatal("KICKED_OUT before SDK_NOT_READY or in the session")
		}
	case EventLoginStatusChange:
		w.status = e.Data.Text("status")
	case EventSDKDestroy:
		if w.ready {
			w.fatal("SDK_DESTROY before SDK_NOT_READY")
		}
		w.dead = true
	}
}

// settled is what must hold between two inputs.
func (w *world) settled() {
	status, _ := w.m.Status()
	if status != w.status {
		w.fatal("LOGIN_STATUS_CHANGE said %s, getLoginStatus %s", w.status, status)
	}
	if w.ready != w.m.announced {
		w.fatal("announced %v, SDK_READY %v", w.m.announced, w.ready)
	}
	switch w.m.state {
	case LoggedOut:
		w.wanted = false
		if len(w.timers) != 0 && !(len(w.timers) == 1 && w.timers[TimerCalls]) {
			w.fatal("timers of nobody: %v", w.timers)
		}
		if secret := remains.Find(w.m, fuzzUser, fuzzSig, "renewed"); secret != "" {
			w.fatal("nobody is logged in, but %s is still held", secret)
		}
		if w.m.acc != (account{}) {
			w.fatal("nobody is logged in, but %+v", w.m.acc)
		}
	case Waiting:
		if w.online && !w.timers[TimerRetry] {
			w.fatal("waiting for nothing")
		}
		if w.conn != 0 {
			w.fatal("waiting with a connection")
		}
	case Connecting, Authenticating:
		if w.conn == 0 || !w.timers[TimerAttempt] && !w.timers[TimerLogin] {
			w.fatal("an attempt without a connection or a bound")
		}
	case Syncing, Ready:
		if w.conn == 0 || !w.isOpen || !w.timers[TimerBeat] {
			w.fatal("connected without a connection or a heartbeat")
		}
	case LoggingOut:
		if !w.timers[TimerCalls] {
			w.fatal("a logout without a bound")
		}
	}
	if len(w.m.calls) > 0 && !w.timers[TimerCalls] {
		w.fatal("calls without a bound")
	}
}

package session

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// FuzzMachine feeds a machine any sequence of inputs, sensible or not, and
// checks the invariants of the design at every step.
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
		walk(t, script)
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
		walk(t, script)
	}
}

func walk(t *testing.T, script []byte) {
	local := len(script) > 0 && script[0]%8 >= 4
	provider := len(script) > 1 && script[1]%3 == 0
	newWorld(t, local, provider).run(script)
}

// run plays a script; each input takes one to three bytes of it. The first
// byte says whether the gateway is on this machine, and whether time is served
// faithfully: every timer when it is due, and every task before time goes on.
// Otherwise timers and tasks may come late, early or never.
func (w *world) run(script []byte) {
	i := 0
	next := func() int {
		if i >= len(script) {
			return 0
		}
		i++
		return int(script[i-1])
	}
	first := next()
	w.faithful = first%2 == 0
	w.step(Create{Early: first%4 < 2})
	for i < len(script) {
		if in := w.choose(next); in != nil {
			w.step(in)
		}
	}
	if w.faithful && !w.dead {
		w.recover()
	}
	w.step(Destroy{Call: w.call(0)})
	if len(w.timers) != 0 {
		w.fatal("timers left after destroy: %v", w.timers)
	}
	if w.conn != 0 {
		w.fatal("connection left after destroy")
	}
}

func (w *world) choose(next func() int) Input {
	if w.asked != 0 && next()%4 == 0 {
		w.provide(next)
		return nil
	}
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
		sig := fuzzSig
		if w.provider && next()%2 == 0 {
			sig = ""
		}
		return Login{Call: w.call(10_000), UserID: user, UserSig: sig, Stored: stored}
	case k < 5:
		if next()%2 == 0 {
			return w.room(next)
		}
		return Logout{Call: w.call(3_000)}
	case k < 6:
		if next()%8 == 0 {
			return Destroy{Call: w.call(0)}
		}
		return Renew{Call: w.call(renewWithin), UserSig: "renewed"}
	case k < 9:
		within := int64(next()) * 100
		limit := within
		if limit == 0 {
			limit = callWithin
		}
		eager := 0
		if next()%32 == 0 {
			eager = next() % 64
		}
		for range eager {
			w.step(Send{Call: w.call(limit), Method: "message.send", Params: frame.Fields{}, Within: within})
		}
		return Send{Call: w.call(limit), Method: "message.send", Params: frame.Fields{}, Within: within}
	case k < 14:
		if gen == w.conn && gen != 0 && !w.isOpen {
			w.isOpen = true
			return Opened{Gen: gen}
		}
		if gen != w.conn || gen == 0 {
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
		code := []int{1006, 1000, 1001, 4000, 4001, 4002, 4003, 4042, 4100, 4102, 4103, 4105, 4106, 4208}[next()%14]
		reason := []string{"", "multipleDevice", "userSigExpired", "REST_API_Kick", "junk"}[next()%5]
		return Closed{Gen: gen, Code: code, Reason: reason}
	case k < 27:
		if gen == w.conn && !w.isOpen {
			return nil
		}
		if k == 26 {
			return Unwritten{Gen: gen, ID: w.frame(next).ID, Err: fault.New(fault.BadParameters)}
		}
		if gen == w.conn {
			w.heardAt = w.now
		}
		return Received{Gen: gen, Frame: w.frame(next)}
	case k < 32:
		if w.faithful {
			w.pass(int64(next()) * 40)
			return nil
		}
		for t := range int(TimerAsk) {
			t := Timer(1 + (t+next())%int(TimerAsk))
			if _, set := w.timers[t]; set {
				delete(w.timers, t)
				w.now += int64(next()) * 40
				return TimerFired{Timer: t}
			}
		}
	case k < 34:
		if w.tasks > 0 {
			w.tasks--
			w.tasked = w.tasks == 0 // they come in the order in which they were asked for
			return TaskCame{}
		}
	case k < 36:
		w.online = !w.online
		return NetworkChanged{Online: w.online}
	case k < 37:
		return Shown{}
	default:
		w.pass(int64(next()) * 200)
	}
	return nil
}

// provide has the app's provider answer what it was asked, or something else.
func (w *world) provide(next func() int) {
	sig := fmt.Sprint(fuzzSig, next()%4)
	switch next() % 8 {
	case 0:
		w.answer("", "the server is down")
	case 1:
		w.answer(fuzzSig, "") // the same again
	case 2:
		w.answer("", "")
	case 3:
		w.step(Provided{Ask: Ask(next() % 8), UserSig: sig}) // to a question of long ago, or to none
	default:
		w.answer(sig, "")
	}
}

func (w *world) lose(gen Gen) {
	if gen == w.conn {
		w.conn, w.isOpen, w.written = 0, false, nil
	}
}

func (w *world) frame(next func() int) frame.Message {
	id := w.login
	if len(w.ids) > 0 && next()%2 == 0 {
		id = w.ids[next()%len(w.ids)]
	}
	switch next() % 10 {
	case 0, 1, 2, 3:
		left, beat := int64(next())*1000, int64(frame.Heartbeat)
		switch next() % 8 {
		case 0:
			left, beat = -left, -beat
		case 1:
			left, beat = math.MaxInt64-left, math.MaxInt64
		}
		return answerOf(id, left, beat)
	case 4:
		codes := []fault.Code{fault.SigExpired, fault.SigWrongKey, fault.ServerTimeout, frame.CodeDuplicate, fault.SigRevoked, fault.Internal, fault.NoSuchGroup}
		return frame.Message{ID: id, Err: fault.New(codes[next()%len(codes)])}
	case 5:
		return frame.Message{Method: frame.Evicted, Body: frame.Fields{{Key: "type", Value: frame.KickMultipleAccount}}}
	case 6:
		return frame.Message{Method: frame.Drain}
	case 7:
		return frame.Message{ID: id}
	case 8:
		if next()%2 == 0 {
			return frame.Message{Method: frame.NoteMessages, Body: frame.Fields{}}
		}
		return frame.Message{Method: "message.received", Body: frame.Fields{}}
	default:
		return frame.Message{ID: int64(next())}
	}
}

func answerOf(id, left, beat int64) frame.Message {
	return frame.Message{ID: id, Body: frame.Fields{
		{Key: "expiresIn", Value: left}, {Key: "serverTime", Value: int64(1_700_000_000_000)},
		{Key: "heartbeat", Value: beat}, {Key: "farewell", Value: "sealed"},
	}}
}

package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/leaktest"
)

// visits reports whether the page listens to a live room, or is about to.
func (w *world) visits() bool { return w.m.acc.group != "" }

// room is a call about a live room. Without a login the page listens to it, or leaves it.
func (w *world) room(next func() int) Input {
	in := Send{Method: frame.GroupJoin, Params: frame.Fields{{Key: "groupID", Value: []string{"r", "s", ""}[next()%3]}}}
	limit := int64(callWithin)
	switch next() % 4 {
	case 0:
		in.Method = frame.GroupQuit
	case 1:
		in.Params = append(in.Params.(frame.Fields), frame.Field{Key: "type", Value: "Public"})
	default:
		in.Params = append(in.Params.(frame.Fields), frame.Field{Key: "type", Value: liveRoom})
		if w.m.state == LoggedOut || w.visits() {
			limit = loginWithin
		}
	}
	in.Call = w.call(limit)
	return in
}

// nobody checks the same, whether the page listens to a live room or not.
func (w *world) nobody() {
	for _, t := range []Timer{TimerWarn, TimerExpire, TimerCalls, TimerPace, TimerAsk} {
		if w.has(t) {
			w.fatal("a timer of nobody: %s", timerNames[t])
		}
	}
	if w.stored != "" || w.ready || w.m.UserID() != "" || w.status != StatusLoggedOut {
		w.fatal("nobody is logged in, but stored is %q, user %q, ready %v, status %s", w.stored, w.m.UserID(), w.ready, w.status)
	}
	kept := w.m.tried // by the login after one that has failed
	w.m.tried = tried{}
	if secret := leaktest.Find(w.m, fuzzUser, fuzzSig, "renewed"); secret != "" {
		w.fatal("nobody is logged in, but %s is still held", secret)
	}
	if w.m.tried = kept; kept != (tried{}) && w.m.reason != ReasonLoginFailed {
		w.fatal("no login has failed, but an instance is still held")
	}
	if err := w.m.gate(); err == nil || err.Code == fault.LoginPending || err.Code == fault.NotReady {
		w.fatal("nobody is logged in, but calls are let in or told to wait: %v", err)
	}
}

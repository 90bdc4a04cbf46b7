//go:build js && wasm

package host

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/session"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// longest is the longest time that setTimeout can wait; a longer one fires at
// once.
const longest = 1<<31 - 1

// clock is monotonic, in ms.
type clock struct {
	performance    safejs.Value
	looked         bool
	last, slippage float64
}

func (c *clock) now() int64 {
	if !c.looked {
		c.looked = true
		if p := bridge.Global("performance"); bridge.IsFunction(bridge.Get(p, "now")) {
			c.performance = p
		}
	}
	if bridge.IsObject(c.performance) {
		n, _ := bridge.Number(bridge.Call(c.performance, "now"))
		return int64(n)
	}
	// Date follows the user's clock. If that is set back, time goes on from where it
	// was.
	n, _ := bridge.Number(bridge.Call(bridge.Global("Date"), "now"))
	if n += c.slippage; n < c.last {
		c.slippage += c.last - n
		n = c.last
	}
	c.last = n
	return int64(n)
}

// timer is one of the session's timers. Its function is made once; handle is that
// of setTimeout while the timer runs.
type timer struct {
	f        *bridge.Func
	handle   safejs.Value
	running  bool
	deadline int64
}

// StartTimer implements client.Host.
func (h *Host) StartTimer(t session.Timer, after int64) {
	if h.released {
		return
	}
	h.StopTimer(t)
	tm := h.timers[t]
	if tm == nil {
		tm = &timer{}
		tm.f = h.scope.Func(func([]safejs.Value) any {
			h.fired(t, tm)
			return nil
		})
		h.timers[t] = tm
	}
	tm.deadline = h.Now() + max(after, 0)
	h.arm(tm, max(after, 0))
}

func (h *Host) arm(tm *timer, after int64) {
	tm.handle = bridge.Call(safejs.Global(), "setTimeout", tm.f.Value(), bridge.Int(int(min(after, longest))))
	tm.running = true
}

// fired checks the clock, and sets the timer again if its time is not up yet: long
// times need several timeouts, and hosts fire up to a ms early.
func (h *Host) fired(t session.Timer, tm *timer) {
	if !tm.running {
		return
	}
	tm.running = false
	if left := tm.deadline - h.Now(); left > 0 {
		h.arm(tm, left)
		return
	}
	h.client.OnTimer(t)
}

// StopTimer implements client.Host.
func (h *Host) StopTimer(t session.Timer) {
	tm := h.timers[t]
	if tm == nil || !tm.running {
		return
	}
	tm.running = false
	bridge.Call(safejs.Global(), "clearTimeout", tm.handle)
	tm.handle = safejs.Undefined()
}

// tasks posts messages to itself: a message, unlike a timer, arrives at once even
// in a hidden tab.
type tasks struct {
	post    *bridge.Func
	in, out safejs.Value // the ports of a MessageChannel, if there is one
	pending int          // without one, a timer runs while this is not 0
	timer   safejs.Value
}

// NextTask implements client.Host.
func (h *Host) NextTask() {
	if h.released {
		return
	}
	k := &h.tasks
	if k.post == nil {
		k.post = h.scope.Func(func([]safejs.Value) any {
			k.arrived()
			h.client.OnTask()
			return nil
		})
		if channel, err := bridge.Global("MessageChannel").New(); err == nil {
			k.in, k.out = bridge.Get(channel, "port1"), bridge.Get(channel, "port2")
			bridge.Set(k.in, "onmessage", k.post.Value())
		}
	}
	k.pending++
	if bridge.IsObject(k.out) {
		k.keeps("ref")
		bridge.Call(k.out, "postMessage", bridge.Int(0))
	} else if k.pending == 1 {
		k.wait()
	}
}

func (k *tasks) wait() {
	k.timer = bridge.Call(safejs.Global(), "setTimeout", k.post.Value(), bridge.Int(0))
}

func (k *tasks) arrived() {
	k.pending--
	if k.pending == 0 {
		k.keeps("unref")
	} else if !bridge.IsObject(k.out) {
		k.wait()
	}
}

// keeps says whether the port keeps the process alive, as an open one does in Node.
// Where there is no such method, each error that a call of it throws would stay until
// Go's collector finds it, which knows nothing of JavaScript's memory.
func (k *tasks) keeps(how string) {
	if bridge.IsFunction(bridge.Get(k.in, how)) {
		bridge.Call(k.in, how)
	}
}

func (k *tasks) close() {
	bridge.Set(k.in, "onmessage", safejs.Null())
	bridge.Call(k.in, "close")
	bridge.Call(k.out, "close")
	if k.pending > 0 {
		bridge.Call(safejs.Global(), "clearTimeout", k.timer)
	}
	k.in, k.out, k.timer = safejs.Undefined(), safejs.Undefined(), safejs.Undefined()
}

package gateway

import (
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
)

// Observer is called with what happens, for counters. Its methods must be fast
// and may be called from any goroutine. Code 0 means success.
type Observer interface {
	// Login reports that a login frame was decided on.
	Login(code fault.Code, took time.Duration)
	// Handled reports that another request was answered. method is one that
	// exists, or "unknown".
	Handled(method string, code fault.Code, took time.Duration)
	// Evicted reports that a session was told it is kicked out.
	Evicted(typ string)
	// Closed reports that a socket has ended, with our close code or else the
	// client's; 1006 when there was none.
	Closed(code int)
}

// Stats are the gateway's gauges and totals.
type Stats struct {
	Sockets  int64 // open now
	Sessions int64 // logged in now
	Logins   int64 // since the start
}

type counters struct{ sockets, sessions, logins atomic.Int64 }

// Stats returns a snapshot.
func (g *Gateway) Stats() Stats {
	return Stats{Sockets: g.stats.sockets.Load(), Sessions: g.stats.sessions.Load(), Logins: g.stats.logins.Load()}
}

type nobody struct{}

func (nobody) Login(fault.Code, time.Duration)           {}
func (nobody) Handled(string, fault.Code, time.Duration) {}
func (nobody) Evicted(string)                            {}
func (nobody) Closed(int)                                {}

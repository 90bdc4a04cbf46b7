package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// How many streams one gateway serves at once: in all, of one app, and of one
// administrator, where each open console is one stream.
const (
	maxWatchers        = 64
	maxWatchersOfApp   = 16
	maxWatchersOfAdmin = 8
)

// watchers counts streams.
type watchers struct {
	mu  sync.Mutex // guards the counts
	all int
	of  map[watcher]int // of an app: with an empty administrator
}

type watcher struct {
	app   uint32
	admin string
}

// enter counts one more stream, or returns who has too many. leave takes it off
// the count.
func (w *watchers) enter(app uint32, admin string) (leave func(), tooMany string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := []watcher{{app, ""}, {app, admin}}
	switch {
	case w.all >= maxWatchers:
		return nil, "all apps together have"
	case w.of[keys[0]] >= maxWatchersOfApp:
		return nil, "this app has"
	case w.of[keys[1]] >= maxWatchersOfAdmin:
		return nil, "this administrator has"
	}
	w.add(keys, 1)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.add(keys, -1)
	}, ""
}

// add changes the counts; mu is held.
func (w *watchers) add(keys []watcher, n int) {
	if w.of == nil {
		w.of = map[watcher]int{}
	}
	w.all += n
	for _, k := range keys {
		if w.of[k] += n; w.of[k] == 0 {
			delete(w.of, k)
		}
	}
}

var (
	aliveEvery  = 15 * time.Second // something is written at least as often
	writeWithin = 10 * time.Second // a reader that stalls for longer is dropped
)

// line is one line of the stream. Type says which fields it has:
//
//	hello   Time, Counts                 first of all
//	event   Time, Event                  something happened to an instance
//	counts  Time, Counts                 every few seconds while they change
//	alive   Time                         nothing happened for 15 s
//	end     Time, ErrorCode, ErrorInfo   the stream ends
type line struct {
	Type      string
	Time      int64
	Event     *event     `json:",omitempty"`
	Counts    *counts    `json:",omitempty"`
	ErrorCode fault.Code `json:",omitempty"`
	ErrorInfo string     `json:",omitempty"`
}

// event is a registry.Event with the API's names.
type event struct {
	Kind       registry.Kind // login, logout, disconnect, kick, lost, resumed
	Reason     string        `json:",omitempty"`
	UserID     string
	InstanceID string
	Platform   place.Platform
	Gateway    string   `json:",omitempty"`
	Address    string   `json:",omitempty"`
	KickedList []kicked `json:",omitempty"` // of a login
}

type kicked struct {
	InstanceID string
	Platform   place.Platform
	Type       string
}

// sessionWatch streams lines of JSON from now on, until the caller goes, its
// UserSig expires or is voided, or timd drains. A page reads it with fetch.
func (a *API) sessionWatch(ctx context.Context, c *call) (reply, error) {
	leave, tooMany := a.watchers.enter(c.app, c.admin)
	if tooMany != "" {
		return nil, fault.With(fault.RESTTooFrequent, tooMany+" too many open streams on this gateway: close one")
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.stop, cancel)()
	events, err := a.o.Sessions.Watch(ctx, c.app)
	if err != nil {
		return nil, err
	}
	first, err := a.counts.get(ctx, a.o.Sessions, c.app)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	c.w.Header().Set("X-Accel-Buffering", "no")
	s := stream{w: c.w, out: http.NewResponseController(c.w), now: a.o.Now}
	a.pump(ctx, c, s, events, first)
	return nil, errStreamed
}

func (a *API) pump(ctx context.Context, c *call, s stream, events <-chan registry.Event, last counts) {
	if !s.write(line{Type: "hello", Counts: &last}) {
		return
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	count := time.NewTimer(0)
	defer count.Stop()
	expiry := time.NewTimer(time.Unix(c.ends+1, 0).Sub(a.o.Now()))
	defer expiry.Stop()
	for {
		ok := true
		select {
		case <-ctx.Done():
			if a.stop.Err() != nil {
				s.end(fault.With(fault.ServerTimeout, "this gateway is restarting: connect again"))
			}
			return
		case <-expiry.C:
			s.end(fault.With(fault.RESTSignature, "70001: it has expired"))
			return
		case e, open := <-events:
			if !open {
				s.end(fault.New(fault.ServerTimeout))
				return
			}
			ok = s.write(line{Type: "event", Time: e.Time, Event: eventOf(e)})
			if e.UserID == c.admin && e.Kind == registry.Kick && a.kickedOut(ctx, c) {
				s.end(fault.With(fault.RESTSignature, "70052: this administrator was kicked out"))
				return
			}
		case <-count.C:
			now, err := a.counts.get(ctx, a.o.Sessions, c.app)
			if err == nil && now != last {
				last = now
				ok = s.write(line{Type: "counts", Counts: &now})
			}
			count.Reset(countEvery)
		case <-alive.C:
			if a.kickedOut(ctx, c) {
				s.end(fault.With(fault.RESTSignature, "70052: this administrator was kicked out"))
				return
			}
			ok = s.write(line{Type: "alive"})
		}
		if !ok {
			return
		}
	}
}

// kickedOut reports whether the administrator was kicked since the stream
// began.
func (a *API) kickedOut(ctx context.Context, c *call) bool {
	v, err := a.o.Sessions.Get(ctx, c.user(c.admin))
	return err == nil && v.KickedAt >= c.signed
}

func eventOf(e registry.Event) *event {
	out := &event{
		Kind: e.Kind, Reason: e.Reason, UserID: e.UserID, InstanceID: e.Instance,
		Platform: e.Platform, Gateway: e.Gateway, Address: e.Addr,
	}
	for _, k := range e.Kicked {
		out.KickedList = append(out.KickedList, kicked{k.Instance, k.Platform, k.Type})
	}
	return out
}

// stream writes lines and flushes each of them.
type stream struct {
	w   http.ResponseWriter
	out *http.ResponseController
	now func() time.Time
}

func (s stream) write(l line) bool {
	if l.Time == 0 {
		l.Time = s.now().UnixMilli()
	}
	_ = s.out.SetWriteDeadline(time.Now().Add(writeWithin)) // only a test's writer has no deadlines
	ok := json.NewEncoder(s.w).Encode(l) == nil && s.out.Flush() == nil
	// HTTP/2 would end the stream at this deadline even if nothing is written.
	_ = s.out.SetWriteDeadline(time.Time{})
	return ok
}

func (s stream) end(f *fault.Error) {
	s.write(line{Type: "end", ErrorCode: f.Code, ErrorInfo: f.Message})
}

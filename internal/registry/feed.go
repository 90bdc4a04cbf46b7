package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// Events go two ways. Live events go to whoever is watching, on a plain
// subject, those of a moment together. Durable ones (Options.Events) are stored
// in the record by the compare-and-set that makes them; from there they are
// copied to bus.StreamEvents, of type Event as JSON, one subject for each user,
// and leave the record at its next change. So an event is in the stream once if
// and only if its change happened, whatever dies in between. Webhooks are sent
// from a durable consumer of that stream.

// eventAge is how long durable events are kept for a receiver that is down.
const eventAge = 7 * 24 * time.Hour

func eventSubject(u place.User) string {
	return bus.SubjectEvents + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + bus.UserToken(u.UserID)
}

func liveSubject(app uint32) string {
	return bus.SubjectPresence + strconv.FormatUint(uint64(app), 10)
}

func (r *Registry) openEvents(ctx context.Context) error {
	return r.bus.OpenEvents(ctx, bus.StreamEvents, "tim: what happened to instances, for webhooks", bus.SubjectEvents+"*.*", eventAge)
}

// Watch returns the events of an app from now on, from all gateways, until ctx
// or the registry ends. A reader that falls more than 1024 signals behind misses
// some.
func (r *Registry) Watch(ctx context.Context, app uint32) (<-chan Event, error) {
	heard := make(chan []byte, 1024)
	stop, err := r.bus.Subscribe(liveSubject(app), func(data []byte) {
		select {
		case heard <- data:
		default: // the reader is too far behind
		}
	})
	if err != nil {
		return nil, fmt.Errorf("registry: events cannot be watched: %w", err)
	}
	// The server must know of the subscription before the caller relies on it.
	if err := r.bus.Flush(r.o.callTimeout); err != nil {
		stop()
		return nil, fmt.Errorf("registry: events cannot be watched: %w", err)
	}
	events := make(chan Event)
	watching := r.goes(func() {
		defer close(events)
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.ctx.Done():
				return
			case data := <-heard:
				var together []Event
				if json.Unmarshal(slices.Concat([]byte("["), data, []byte("]")), &together) != nil {
					continue
				}
				for _, e := range together {
					select {
					case events <- e:
					case <-ctx.Done():
						return
					case <-r.ctx.Done():
						return
					}
				}
			}
		}
	})
	if !watching {
		stop()
		close(events)
	}
	return events, nil
}

func (k Kind) durable() bool {
	return k == Login || k == Logout || k == Disconnect || k == Kick
}

// queue adds the durable events of a step to the record that it is about to
// store, and removes those that have reached the stream.
func (r *Registry) queue(ctx context.Context, u place.User, st *step) {
	if !r.o.Events {
		return
	}
	out := st.next.Out
	if len(out) > 0 {
		if last, _, err := r.lastEvent(ctx, u); err == nil {
			old := r.now() - eventAge.Milliseconds()
			out = slices.DeleteFunc(slices.Clone(out), func(e Event) bool { return e.N <= last || e.Time < old })
		}
	}
	for _, e := range st.events {
		if e.Kind.durable() {
			e.SDKAppID, e.UserID = 0, "" // the key says so
			out = append(out, e)
		}
	}
	st.next.Out = out
}

const (
	// feedHold is how long a live event waits for others, with which it goes out in one
	// signal: one for each event would cost as much as its login's answer.
	feedHold = 10 * time.Millisecond
	feedMost = 256 // events at most; this many go out at once
)

// feedWriters have room for the events of a moment, and nothing in them.
var feedWriters = sync.Pool{New: func() any { w := make(jsonframe.Writer, 0, 16<<10); return &w }}

// feed holds the live events that are about to go out, and the users whom they are of.
type feed struct {
	sending sync.Mutex // held while a signal goes out: none overtakes another; taken first

	mu     sync.Mutex                   // guards what follows
	apps   map[uint32]*jsonframe.Writer // events of each app, with commas between them
	events int
	users  []place.User // whose durable events are among them
}

// add has events of a user go out with others.
func (f *feed) add(r *Registry, u place.User, events []Event) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	if f.apps == nil {
		f.apps = map[uint32]*jsonframe.Writer{}
	}
	w := f.apps[u.SDKAppID]
	if w == nil {
		w = feedWriters.Get().(*jsonframe.Writer)
		f.apps[u.SDKAppID] = w
	}
	for i := range events {
		*w = events[i].append(*w)
	}
	if r.changed != nil && slices.ContainsFunc(events, func(e Event) bool { return e.Kind.durable() }) {
		f.users = append(f.users, u)
	}
	first := f.events == 0
	f.events += len(events)
	full := f.events >= feedMost
	f.mu.Unlock()
	if full || first && !r.goes(func() { r.sleep(feedHold); f.send(r) }) {
		f.send(r)
	}
}

// send sends what waits.
func (f *feed) send(r *Registry) {
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	apps, users := f.apps, f.users
	f.apps, f.users, f.events = nil, nil, 0
	f.mu.Unlock()
	for app, w := range apps {
		_ = r.bus.Publish(liveSubject(app), *w) // which keeps nothing of it
		*w = (*w)[:0]
		feedWriters.Put(w)
	}
	if len(users) > 0 {
		r.changed(users)
	}
}

// tell publishes the events of a step that has been stored.
func (r *Registry) tell(u place.User, st step) {
	r.feed.add(r, u, st.events)
	for _, e := range st.events {
		r.history.add(u, e)
	}
	if r.o.Events && len(st.next.Out) > 0 {
		r.goes(func() { r.copyEvents(u, st.next.Out) })
	}
}

// lastEvent returns the number of a user's newest event in the stream, and its
// position there.
func (r *Registry) lastEvent(ctx context.Context, u place.User) (n, seq uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	v, err := r.store.LastAtLeader(ctx, bus.StreamEvents, eventSubject(u))
	if errors.Is(err, bus.ErrNoValue) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	var e Event
	if err := json.Unmarshal(v.Data, &e); err != nil {
		return 0, 0, err
	}
	return e.N, v.Seq, nil
}

// copyEvents copies the events of a record that are missing in the stream. The
// expected sequence keeps two gateways from copying the same one. What is left is tried
// again, and copied by the record's next change or by the next walk if this gateway dies.
// It returns false if something is left.
func (r *Registry) copyEvents(u place.User, out []Event) (all bool) {
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	for try := 0; try < 20; try++ {
		last, seq, err := r.lastEvent(ctx, u)
		for i := 0; err == nil && i < len(out); i++ {
			e := out[i]
			if e.N <= last {
				continue
			}
			e.SDKAppID, e.UserID = u.SDKAppID, u.UserID
			seq, err = r.store.Put(ctx, eventSubject(u), e.json(), seq, 0)
		}
		if err == nil {
			return true
		}
		if !errors.Is(err, bus.ErrConflict) {
			if ctx.Err() != nil || !r.sleep(100*time.Millisecond) {
				break
			}
		}
	}
	if r.now()-out[len(out)-1].Time < sweepEvery.Milliseconds() { // else a walk will come to it
		time.AfterFunc(time.Minute, func() { r.goes(func() { r.copyEvents(u, out) }) })
	}
	return false
}

package inbox

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// watched is a user whose status sessions here watch. Guarded by Inbox.mu.
type watched struct {
	by   map[*Session]struct{}
	told Status // what they were told last
	// A user is looked at, and told of, once in statusEvery, however often their
	// status changes: due means that a look is to come, which sees the newest.
	next time.Time
	due  bool
}

// statusEvery is the least time between two statuses of one user that are
// pushed to those who watch them.
const statusEvery = time.Second

// watchUsers subscribes a session to the statuses of users.
func (s *Session) watchUsers(ctx context.Context, userIDs []string) error {
	in, app := s.in, s.user.SDKAppID
	if s.watching(userIDs) > maxWatches {
		return fault.With(fault.BadParameters, "over 200 users watched")
	}
	now, err := in.statuses(ctx, app, userIDs, false)
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.watches == nil { // closed meanwhile: nobody would end these watches
		return fault.New(fault.NotLoggedIn)
	}
	for i, id := range userIDs {
		u := place.User{SDKAppID: app, UserID: id}
		w := in.watch[u]
		if w == nil {
			w = &watched{by: map[*Session]struct{}{}, told: now[i]}
			in.watch[u] = w
		}
		w.by[s] = struct{}{}
		s.watches[u] = struct{}{}
	}
	return nil
}

// watching returns how many users the session would watch with these added.
func (s *Session) watching(userIDs []string) int {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	n := len(s.watches)
	for _, id := range userIDs {
		if _, ok := s.watches[place.User{SDKAppID: s.user.SDKAppID, UserID: id}]; !ok {
			n++
		}
	}
	return n
}

// watchedBy returns the statuses of those whom a session watches, for one that
// was not told of what changed while it was away; mu is held.
func (in *Inbox) watchedBy(s *Session) []Status {
	out := make([]Status, 0, len(s.watches))
	for u := range s.watches {
		out = append(out, in.watch[u].told)
	}
	return out
}

// unwatchUsers ends it; none named means all.
func (s *Session) unwatchUsers(userIDs []string) {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(userIDs) == 0 {
		for u := range s.watches {
			in.unwatch(s, u)
		}
	}
	for _, id := range userIDs {
		in.unwatch(s, place.User{SDKAppID: s.user.SDKAppID, UserID: id})
	}
}

// unwatch needs mu.
func (in *Inbox) unwatch(s *Session, u place.User) {
	delete(s.watches, u)
	w := in.watch[u]
	if w == nil {
		return
	}
	delete(w.by, s)
	if len(w.by) == 0 {
		delete(in.watch, u)
	}
}

func (in *Inbox) sawStatus(data []byte) {
	var sig statusSignal
	if json.Unmarshal(data, &sig) != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	u := place.User{SDKAppID: sig.App, UserID: sig.User}
	if w := in.watch[u]; w != nil && !w.due {
		w.due = true
		in.lookSoon(u, w.next.Sub(in.now()))
	}
}

// lookSoon has the watcher look at a user whose look is due; mu is held.
func (in *Inbox) lookSoon(u place.User, after time.Duration) {
	if after > 0 {
		in.work.later(after, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.lookSoon(u, 0)
		})
		return
	}
	in.dueNow = append(in.dueNow, u)
	select {
	case in.dueSignal <- struct{}{}:
	default:
	}
}

// lookAtDue looks at users whose status has changed, one batch at a time.
func (in *Inbox) lookAtDue() {
	for {
		select {
		case <-in.work.ctx.Done():
			return
		case <-in.dueSignal:
		}
		for app, ids := range in.takeDue() {
			for part := range slices.Chunk(ids, lookBatch) {
				in.lookAgain(app, part)
			}
		}
	}
}

// takeDue returns whom to look at now, by app.
func (in *Inbox) takeDue() map[uint32][]string {
	in.mu.Lock()
	defer in.mu.Unlock()
	due := in.dueNow
	in.dueNow = nil
	now := in.now()
	out := map[uint32][]string{}
	for _, u := range due {
		w := in.watch[u]
		if w == nil || !w.due {
			continue
		}
		if wait := w.next.Sub(now); wait > 0 {
			in.lookSoon(u, wait) // told of meanwhile
			continue
		}
		w.due, w.next = false, now.Add(statusEvery)
		out[u.SDKAppID] = append(out[u.SDKAppID], u.UserID)
	}
	return out
}

// lookAgain is look past the caches.
func (in *Inbox) lookAgain(app uint32, userIDs []string) {
	ctx, cancel := context.WithTimeout(in.work.ctx, storeTimeout)
	defer cancel()
	if err := bus.Spread(len(userIDs), func(i int) error {
		_, err := in.docs.fresh(ctx, docSubject(place.User{SDKAppID: app, UserID: userIDs[i]}, docStatus))
		return err
	}); err != nil {
		in.report(err) // the sweep finds it
		return
	}
	in.look(ctx, app, userIDs, true)
}

// look compares the statuses of watched users with what their watchers were
// told, and tells them what has changed. What comes too soon after the last one
// is left to the next sweep.
func (in *Inbox) look(ctx context.Context, app uint32, userIDs []string, current bool) {
	now, err := in.statuses(ctx, app, userIDs, current)
	if err != nil {
		in.report(err)
		return
	}
	tell := map[*Session][]Status{}
	in.mu.Lock()
	at := in.now()
	for _, st := range now {
		w := in.watch[place.User{SDKAppID: app, UserID: st.UserID}]
		if w == nil || w.told == st || !current && at.Before(w.next) {
			continue
		}
		w.told, w.next = st, at.Add(statusEvery)
		for s := range w.by {
			tell[s] = append(tell[s], st)
		}
	}
	in.mu.Unlock()
	for s, list := range tell {
		params := encode(statusNote{list})
		s.user.mu.Lock()
		if s.live {
			s.push(frame.NoteStatus, params)
		}
		s.user.mu.Unlock()
	}
}

// lookBatch is how many users are looked at together.
const lookBatch = 500

// sweep looks at all who are watched.
func (in *Inbox) sweep() {
	byApp := map[uint32][]string{}
	in.mu.Lock()
	for u := range in.watch {
		byApp[u.SDKAppID] = append(byApp[u.SDKAppID], u.UserID)
	}
	in.mu.Unlock()
	for app, ids := range byApp {
		for part := range slices.Chunk(ids, lookBatch) {
			ctx, cancel := context.WithTimeout(in.work.ctx, sweepEvery)
			in.look(ctx, app, part, false)
			cancel()
		}
	}
}

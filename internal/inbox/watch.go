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

// watched is a user whose status sessions here watch. Inbox.mu guards it.
type watched struct {
	by   map[*Session]struct{}
	told Status // what the sessions were told last
	// However often a user's status changes, it is looked up and pushed only once
	// in statusEvery.
	next time.Time // when it may be looked up again
	due  bool      // it will be looked up, and the newest status found
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
	if s.closed { // meanwhile: nobody would end these watches
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
		put(&s.watches, u, struct{}{})
	}
	return nil
}

// watching returns how many users the session would watch if these were added.
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

// watchedBy returns the statuses of those whom a session watches. A session that
// was away gets them, since it was not told what changed meanwhile; mu is held.
func (in *Inbox) watchedBy(s *Session) []Status {
	out := make([]Status, 0, len(s.watches))
	for u := range s.watches {
		out = append(out, in.watch[u].told)
	}
	return out
}

// unwatchUsers ends the subscription to users, or to all if none is named.
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

// unwatch ends a session's subscription to one user; mu is held.
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
	for _, id := range append(sig.More, sig.User) {
		u := place.User{SDKAppID: sig.App, UserID: id}
		if w := in.watch[u]; w != nil && !w.due {
			w.due = true
			in.lookSoon(u, w.next.Sub(in.now()))
		}
	}
}

// lookSoon has lookUpDue look up a user's status after a while; mu is held.
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

// lookUpDue looks up users whose status has changed, one batch at a time.
func (in *Inbox) lookUpDue() {
	for {
		select {
		case <-in.work.ctx.Done():
			return
		case <-in.dueSignal:
		}
		for app, ids := range in.takeDue() {
			for part := range slices.Chunk(ids, lookBatch) {
				in.lookUpNow(app, part)
			}
		}
	}
}

// takeDue returns the users to look up now, by app.
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
			in.lookSoon(u, wait) // it was pushed meanwhile
			continue
		}
		w.due, w.next = false, now.Add(statusEvery)
		out[u.SDKAppID] = append(out[u.SDKAppID], u.UserID)
	}
	return out
}

// lookUpNow looks up statuses in the stores, not in the caches.
func (in *Inbox) lookUpNow(app uint32, userIDs []string) {
	ctx, cancel := context.WithTimeout(in.work.ctx, storeTimeout)
	defer cancel()
	if err := bus.Spread(len(userIDs), func(i int) error {
		_, err := in.docs.fresh(ctx, docSubject(place.User{SDKAppID: app, UserID: userIDs[i]}, docStatus))
		return err
	}); err != nil {
		in.report(err) // the next sweep finds the change
		return
	}
	in.notifyWatchers(ctx, app, userIDs, true)
}

// notifyWatchers compares the statuses of watched users with what their watchers
// were told, and pushes what has changed. A change too soon after the last one is
// left to the next sweep.
func (in *Inbox) notifyWatchers(ctx context.Context, app uint32, userIDs []string, current bool) {
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
		if s.live && !s.push(frame.NoteStatus, params) {
			s.stall() // it is told of all statuses when it is live again
		}
		s.user.mu.Unlock()
	}
}

// lookBatch is how many users are looked up together.
const lookBatch = 500

// sweep looks up all users who are watched.
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
			in.notifyWatchers(ctx, app, part, false)
			cancel()
		}
	}
}

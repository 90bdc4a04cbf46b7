package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Status types of the original.
const (
	statusOnline  = 1
	statusOffline = 2
)

// Status is whether a user is online, and what he says about himself.
type Status struct {
	UserID       string `json:"userID"`
	StatusType   int    `json:"statusType"` // 1 online, 2 offline
	CustomStatus string `json:"customStatus"`
}

// sweepEvery is how often watched users are looked at, for the changes whose
// signal was lost.
const sweepEvery = 10 * time.Second

type statusNote struct {
	Statuses []Status `json:"statuses"`
}

type statusSignal struct {
	App  uint32 `json:"app"`
	User string `json:"user"`
}

// statuses gives the statuses of users of one app, in that order; current as
// Presence has it.
func (in *Inbox) statuses(ctx context.Context, app uint32, userIDs []string, current bool) ([]Status, error) {
	online := make([]bool, len(userIDs))
	var err error
	if in.o.Presence != nil {
		for range userIDs { // each is a read of the registry
			spend(ctx, 0)
		}
		online, err = in.o.Presence.Online(ctx, app, userIDs, current)
		if err == nil && len(online) != len(userIDs) {
			err = fmt.Errorf("inbox: Presence gave %d answers for %d users", len(online), len(userIDs))
		}
	} else {
		for i, id := range userIDs {
			online[i] = in.local(User{app, id}) != nil
		}
	}
	if err != nil {
		return nil, err
	}
	custom, err := readAll[string](ctx, in, app, userIDs, docStatus)
	if err != nil {
		return nil, err
	}
	out := make([]Status, len(userIDs))
	for i, id := range userIDs {
		out[i] = Status{UserID: id, StatusType: statusOffline, CustomStatus: custom[i]}
		if online[i] {
			out[i].StatusType = statusOnline
		}
	}
	return out, nil
}

// StatusChanged says that a user came or went, on whatever gateway: those who
// watch him are told on every gateway. With a Presence it is called by whoever
// stores what that tells, once it is stored: a session ends before that.
func (in *Inbox) StatusChanged(u User) {
	if err := in.signal(signalStatus, statusSignal{u.SDKAppID, u.UserID}); err != nil {
		in.o.Report(err)
	}
}

func (in *Inbox) setStatus(ctx context.Context, u User, custom string) (Status, error) {
	if !validText(custom, 128) {
		return Status{}, fault.With(fault.BadParameters, "customStatus is over 128 bytes")
	}
	if _, _, err := update(ctx, in, u, docStatus, func(v *string) (bool, error) {
		was := *v
		*v = custom
		return was != custom, nil
	}); err != nil {
		return Status{}, err
	}
	in.StatusChanged(u)
	return Status{u.UserID, statusOnline, custom}, nil
}

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
		w := User{app, id}
		if in.watch[w] == nil {
			in.watch[w] = map[*Session]struct{}{}
			in.known[w] = now[i]
		}
		in.watch[w][s] = struct{}{}
		s.watches[w] = struct{}{}
	}
	return nil
}

// watching returns how many users the session would watch with these added.
func (s *Session) watching(userIDs []string) int {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	n := len(s.watches)
	for _, id := range userIDs {
		if _, ok := s.watches[User{s.user.SDKAppID, id}]; !ok {
			n++
		}
	}
	return n
}

// watchedBy gives the statuses of those whom a session watches, for one that
// was not told of what changed while it was away; mu is held.
func (in *Inbox) watchedBy(s *Session) []Status {
	out := make([]Status, 0, len(s.watches))
	for w := range s.watches {
		out = append(out, in.known[w])
	}
	return out
}

// unwatchUsers ends it; none named means all.
func (s *Session) unwatchUsers(userIDs []string) {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(userIDs) == 0 {
		for w := range s.watches {
			in.unwatch(s, w)
		}
	}
	for _, id := range userIDs {
		in.unwatch(s, User{s.user.SDKAppID, id})
	}
}

// unwatch needs mu.
func (in *Inbox) unwatch(s *Session, w User) {
	delete(s.watches, w)
	delete(in.watch[w], s)
	if len(in.watch[w]) == 0 {
		delete(in.watch, w)
		delete(in.known, w)
	}
}

func (in *Inbox) sawStatus(m *nats.Msg) {
	var sig statusSignal
	if json.Unmarshal(m.Data, &sig) != nil {
		return
	}
	in.mu.Lock()
	_, watched := in.watch[User{sig.App, sig.User}]
	in.mu.Unlock()
	if watched {
		ctx, cancel := context.WithTimeout(in.work.ctx, storeTimeout)
		defer cancel()
		// A status that somebody set a moment ago must not come from the cache.
		if _, err := in.docs.fresh(ctx, docSubject(User{sig.App, sig.User}, docStatus)); err != nil {
			in.report(err)
			return
		}
		in.look(ctx, sig.App, []string{sig.User}, true)
	}
}

// look compares the statuses of watched users with what their watchers were
// told, and tells them what has changed.
func (in *Inbox) look(ctx context.Context, app uint32, userIDs []string, current bool) {
	now, err := in.statuses(ctx, app, userIDs, current)
	if err != nil {
		in.report(err)
		return
	}
	tell := map[*Session][]Status{}
	in.mu.Lock()
	for _, st := range now {
		w := User{app, st.UserID}
		if _, ok := in.watch[w]; !ok || in.known[w] == st {
			continue
		}
		in.known[w] = st
		for s := range in.watch[w] {
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

func (in *Inbox) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-in.work.ctx.Done():
			return
		case <-t.C:
		}
		byApp := map[uint32][]string{}
		in.mu.Lock()
		for w := range in.watch {
			byApp[w.SDKAppID] = append(byApp[w.SDKAppID], w.UserID)
		}
		in.mu.Unlock()
		for app, ids := range byApp {
			for part := range slices.Chunk(ids, 500) {
				ctx, cancel := context.WithTimeout(in.work.ctx, sweepEvery)
				in.look(ctx, app, part, false)
				cancel()
			}
		}
	}
}

// sawLive brings an online-only message to the sessions here.
func (in *Inbox) sawLive(m *nats.Msg) {
	var n liveNote
	if err := json.Unmarshal(m.Data, &n); err != nil || n.Content == nil {
		return
	}
	r := n.record()
	for side := range 2 {
		if side == 1 && r.pair.users[0] == r.pair.users[1] {
			return
		}
		u := in.local(r.pair.user(side))
		if u == nil {
			continue
		}
		params := encode(messagesNote{Messages: []Message{liveMessage(r, side)}})
		u.mu.Lock()
		if !u.firstOf(n) {
			u.mu.Unlock()
			continue
		}
		for s := range u.sessions {
			mine := r.By == side && (s.instance == n.Content.Instance || n.Content.NoSync)
			switch up := s.syncing; {
			case mine:
			case s.live:
				s.push(frame.NoteMessages, params)
			case up != nil && len(up.lives) < keptLive && up.liveBytes+len(params) <= syncLives:
				up.lives = append(up.lives, params) // after what it catches up with
				up.liveBytes += len(params)
			}
		}
		u.mu.Unlock()
	}
}

// keptLive is how many online-only messages of a user are remembered: more
// than one sender has under way when his link breaks.
const keptLive = 64

// came is an online-only message that came by, and when, in Unix ms.
type came struct {
	key string
	at  int64
}

// firstOf tells whether an online-only message has not come by before: a send
// is tried again after a lost connection. mu is held.
func (u *user) firstOf(n liveNote) bool {
	since := n.At - u.in.o.Dedup.Milliseconds()
	if slices.ContainsFunc(u.lives, func(c came) bool { return c.key == n.Key && c.at > since }) {
		return false
	}
	if len(u.lives) == keptLive {
		u.lives = slices.Delete(u.lives, 0, 1)
	}
	u.lives = append(u.lives, came{n.Key, n.At})
	return true
}

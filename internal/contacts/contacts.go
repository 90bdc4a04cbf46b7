package contacts

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// Bus is what contacts need of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
}

// People is what contacts need of an inbox.
type People interface {
	Profiles(ctx context.Context, app uint32, userIDs []string) ([]inbox.Profile, error)
	Blocks(ctx context.Context, u place.User, other string) (bool, error)
	MaySay(ctx context.Context, u place.User, what string) error
	Serve(ctx context.Context, u place.User, method string, params json.RawMessage, grows bool, f func(ctx context.Context) (any, error)) (json.RawMessage, *fault.Error)
}

// Options of Open. People is required.
type Options struct {
	People People
	// Known reports whether an account exists; nil: every UserID does.
	Known func(ctx context.Context, u place.User) (bool, error)
	// Frame is how many bytes a result has at most; 48 KB when 0.
	Frame int
	// Now is the clock, AfterFunc its timers; nil: those of package time.
	Now       func() time.Time
	AfterFunc func(d time.Duration, f func()) inbox.Timer
	// Report gets what went wrong in the background; nil: dropped.
	Report func(err error)
}

// Contacts are the contacts of one gateway's users. Their methods may be called
// from any goroutine.
type Contacts struct {
	o        Options
	books    *books
	follower bus.Follower

	mu     sync.Mutex // guards what follows, and what it holds
	closed bool
	here   map[place.User]*present
}

// present is a user who has sessions here. There is one for everybody who is online.
type present struct {
	c        *Contacts
	user     place.User
	sessions *Session
	changed  lists       // whose change the sessions have yet to be told
	timer    inbox.Timer // while it runs, the sessions are not notified
}

// Session is one attached instance of a user.
type Session struct {
	p    *present
	push inbox.Push
	next *Session // of the same user
}

// Open makes the stream where it is missing and begins to follow it. The bus
// stays the caller's.
func Open(ctx context.Context, b Bus, o Options) (*Contacts, error) {
	if o.Known == nil {
		o.Known = func(context.Context, place.User) (bool, error) { return true, nil }
	}
	if o.Frame == 0 {
		o.Frame = 48 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) inbox.Timer { return time.AfterFunc(d, f) }
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	log, err := b.OpenLog(ctx, bus.LogConfig{Stream: bus.StreamContacts, Subjects: bus.SubjectContacts + ">", Keep: 1})
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	log = inbox.Charged(log)
	c := &Contacts{o: o, books: newBooks(log, o.Now), here: map[place.User]*present{}}
	c.follower = log.Follower(c.saw, func(err error) { o.Report(fmt.Errorf("contacts: %w", err)) })
	if err := c.follower.Start(ctx); err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	return c, nil
}

// Close ends what Open began. No session is notified any more.
func (c *Contacts) Close() {
	c.follower.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, p := range c.here {
		p.stop()
	}
	clear(c.here)
}

func (p *present) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// Attach begins a session. push queues a notification for its client and returns
// at once; it is called with a lock held and must not call the Session.
func (c *Contacts) Attach(u place.User, push inbox.Push) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.here[u]
	if p == nil {
		p = &present{c: c, user: u}
		if !c.closed {
			c.here[u] = p
		}
	}
	s := &Session{p: p, push: push, next: p.sessions}
	p.sessions = s
	return s
}

// Close ends a session: when it returns nothing is pushed any more.
func (s *Session) Close() {
	p, c := s.p, s.p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := &p.sessions; *at != nil; at = &(*at).next {
		if *at == s {
			*at = s.next
			break
		}
	}
	if p.sessions == nil && c.here[p.user] == p {
		p.stop()
		delete(c.here, p.user)
	}
}

// lists are lists whose changes a client is notified of.
type lists uint8

const (
	listFriends lists = 1 << iota
	listApplications
	listGroups
)

// names returns the lists as a client knows them.
func (l lists) names() (out []string) {
	for n, name := range []string{"friends", "applications", "groups"} {
		if l&(1<<n) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// saw takes a record of the stream and has the user's sessions notified.
func (c *Contacts) saw(v bus.Value) {
	u, k, err := parse(v.Subject)
	if err == nil {
		err = c.books.saw(u, k, v.Seq, v.Data)
	}
	if err != nil {
		c.o.Report(fmt.Errorf("contacts: record %d of %s: %w", v.Seq, v.Subject, err))
		return
	}
	entries, grouped := c.books.size(u)
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.here[u]
	if p == nil {
		return
	}
	switch k.kind {
	case kindIn, kindOut, kindRead:
		p.changed |= listApplications
	case kindFriend:
		p.changed |= listFriends
		if grouped {
			p.changed |= listGroups
		}
	case kindGroup:
		p.changed |= listFriends | listGroups
	}
	if p.timer == nil {
		p.tell(spacing(entries))
	}
}

// spacing is how long a user is not notified again after a notification. It
// grows with their book, so that whoever reads a long list after each one
// spends only a small part of the time on it.
func spacing(entries int) time.Duration {
	return time.Second + time.Duration(entries)*4*time.Millisecond
}

type changedNote struct {
	Lists []string `json:"lists"`
}

// tell notifies a user's sessions of what has changed, and does so again after
// a while if more has; mu is held.
func (p *present) tell(pause time.Duration) {
	p.timer = nil
	if p.changed == 0 {
		return
	}
	told := p.changed
	p.changed = 0
	if params, err := jsonframe.Marshal(changedNote{told.names()}); err == nil { // plain strings, so always
		for s := p.sessions; s != nil; s = s.next {
			if !s.push(frame.NoteContacts, params) {
				// It is gone and will be closed, or the gateway may not deliver for a moment.
				p.changed = told
			}
		}
	}
	c := p.c
	p.timer = c.o.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed && c.here[p.user] == p {
			p.tell(pause)
		}
	})
}

// who names another user of the same app.
func who(u place.User, id string) place.User { return place.User{SDKAppID: u.SDKAppID, UserID: id} }

// fault returns what a caller is told about an error; anything unexpected is
// reported.
func (c *Contacts) fault(what string, err error) *fault.Error {
	f := bus.Fault(err)
	if f.Code == fault.Internal {
		c.o.Report(fmt.Errorf("contacts: %s: %w", what, err))
	}
	return f
}

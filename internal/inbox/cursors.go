package inbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// How far a user has acknowledged is stored in a stream that nobody follows,
// because it is written for each message that was seen and read only at logins.

const (
	// ackDelay is how long acknowledgements are gathered, to store them with one
	// write.
	ackDelay = 250 * time.Millisecond
	// ackEvery is the least time between two writes for a user who goes on
	// acknowledging, as each one costs as much as a message in the store. It is also how
	// much of that a crash forgets: a login without a cursor of its own is then sent
	// once more what its user has seen. The last session that ends stores at once.
	ackEvery = 5 * time.Second
)

// unsaved holds cursors that were acknowledged here and are not stored yet. They
// outlive their sessions by a moment. It has a lock of its own: whoever
// acknowledges waits for the lock of their user, and nobody else is to wait
// for that.
type unsaved struct {
	mu  sync.Mutex // guards what follows
	all map[place.User]positions
}

func (s *unsaved) add(u place.User, pos positions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[u] = s.all[u].union(pos)
}

func (s *unsaved) of(u place.User) positions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[u]
}

// saved notes that a user's cursor is stored up to a position.
func (s *unsaved) saved(u place.User, pos positions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[u].within(pos) {
		delete(s.all, u)
	}
}

func (s *unsaved) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// acks is what a gateway knows of a user's cursor.
type acks struct {
	acked   positions    // highest acknowledged
	stored  storedCursor // what is known to be stored of it
	writing bool         // store is running
	wrote   time.Time    // when it last began to
	flush   Timer
}

// storedCursor is a user's cursor as it is stored.
type storedCursor struct {
	pos positions
	rev uint64 // where it stands in its own stream; 0: there is none, or it is not known
}

// keepStored keeps what is known to be stored.
func (a *acks) keepStored(c storedCursor) {
	if c.rev > a.stored.rev {
		a.stored = c
	}
}

// wait returns how long acknowledgements are gathered now.
func (a *acks) wait(now time.Time) time.Duration {
	left := ackEvery - now.Sub(a.wrote)
	return max(ackDelay, min(left, ackEvery)) // a clock may be set back
}

// ofAcks returns the user's acks; mu is held.
func (u *user) ofAcks() *acks {
	if u.acks == nil {
		u.acks = &acks{}
	}
	return u.acks
}

// ack notes that an instance has shown its user everything up to pos.
func (u *user) ack(pos positions) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.ofAcks()
	if pos.within(a.acked) { // stored already, or about to be
		return
	}
	a.acked = a.acked.union(pos)
	u.in.unsaved.add(u.User, pos)
	u.storeSoon()
}

// storeSoon has the cursor stored in a while, unless it will be; mu is held.
func (u *user) storeSoon() {
	if u.acks.flush == nil {
		u.acks.flush = u.in.work.later(u.acks.wait(u.in.now()), u.store)
	}
}

// store writes the cursor of a user, which never goes back. A store that is at
// work also writes what is acknowledged meanwhile.
func (u *user) store() {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.acks
	if a == nil {
		return
	}
	if a.flush != nil {
		a.flush.Stop()
		a.flush = nil
	}
	pos := a.acked
	if pos.within(a.stored.pos) || a.writing {
		return
	}
	a.writing, a.wrote = true, u.in.now()
	for {
		from := a.stored
		u.mu.Unlock()
		stored, err := u.in.advance(u.User, from, pos)
		if err == nil {
			u.in.unsaved.saved(u.User, stored.pos)
		} else {
			u.in.o.Report(err)
		}
		u.mu.Lock()
		a.keepStored(stored)
		if pos = a.acked; err == nil && !pos.within(a.stored.pos) && len(u.sessions) == 0 {
			continue // nobody will acknowledge more, and Close waits for this
		}
		a.writing = false
		if !pos.within(a.stored.pos) {
			u.storeSoon()
		}
		return
	}
}

// acknowledged returns up to where at least one of the user's instances has
// shown everything.
func (u *user) acknowledged(ctx context.Context) (positions, error) {
	unsaved := u.in.unsaved.of(u.User) // before the read: it is deleted once it is stored
	c, err := u.in.cursorOf(ctx, u.User)
	if err != nil {
		return positions{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if c.rev > 0 {
		u.ofAcks().keepStored(c)
	}
	return c.pos.union(unsaved), nil
}

// advance stores a user's cursor unless the stored one is at pos or beyond. It
// returns what is stored afterwards; from is what the caller knows to be stored.
func (in *Inbox) advance(u place.User, from storedCursor, pos positions) (storedCursor, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	for !pos.within(from.pos) {
		pos = pos.union(from.pos)
		rev, _, err := in.store.cursors.Append(ctx, cursorSubject(u), []byte(in.text(cursor{pos: pos})), from.rev, "")
		if err == nil {
			return storedCursor{pos, rev}, nil
		}
		if !in.retry(ctx, err) {
			return storedCursor{}, err
		}
		if from, err = in.cursorOf(ctx, u); err != nil {
			return storedCursor{}, err
		}
	}
	return from, nil
}

// cursorOf reads a user's cursor.
func (in *Inbox) cursorOf(ctx context.Context, u place.User) (storedCursor, error) {
	v, err := in.store.cursors.Last(ctx, cursorSubject(u))
	if errors.Is(err, bus.ErrNoValue) {
		return storedCursor{}, nil
	}
	if err != nil {
		return storedCursor{}, err
	}
	c, ok := parseCursor(string(v.Data), in.o.Partitions)
	if !ok {
		return storedCursor{}, fmt.Errorf("what is stored at %s is no cursor", v.Subject)
	}
	if !c.pos.within(everything) { // of another number of partitions, so it says nothing of these
		c.pos = positions{}
	}
	return storedCursor{c.pos, v.Seq}, nil
}

// text and parse write and read cursors for the partitions of this store.
func (in *Inbox) text(c cursor) string             { return c.text(in.o.Partitions) }
func (in *Inbox) parse(text string) (cursor, bool) { return parseCursor(text, in.o.Partitions) }

// everything is how far a call without a cursor reaches: beyond every record.
var everything = func() (p positions) {
	for n := range p {
		p[n] = sequenceOf(math.MaxUint64)
	}
	return p
}()

// seen returns how far an instance has seen the logs, according to its cursor;
// without a cursor, everything. A cursor of a store with other partitions says
// nothing of this one.
func (in *Inbox) seen(text string) (positions, error) {
	if text == "" {
		return everything, nil
	}
	c, ok := in.parse(text)
	if !ok || !c.pos.within(everything) {
		return positions{}, badCursor()
	}
	return c.pos, nil
}

package inbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// What a user has acknowledged is stored in a stream that nobody follows: it is
// written for each message that was seen, and read at logins only.

// ackDelay gathers acknowledgements: one write for many.
const ackDelay = 250 * time.Millisecond

// ack notes that an instance has shown its user everything up to pos.
func (u *user) ack(pos positions) {
	u.in.mu.Lock()
	defer u.in.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if pos.within(u.acked) { // it is stored, or waits for it already
		return
	}
	u.acked = u.acked.union(pos)
	u.in.unsaved[u.User] = u.in.unsaved[u.User].union(pos)
	if u.flush == nil {
		u.flush = u.in.work.later(ackDelay, u.store)
	}
}

// store writes the cursor of a user, which only ever grows. What comes while
// one store is at work is that one's, too.
func (u *user) store() {
	u.mu.Lock()
	if u.flush != nil {
		u.flush.Stop()
		u.flush = nil
	}
	pos := u.acked
	if pos.within(u.stored.pos) || u.writing {
		u.mu.Unlock()
		return
	}
	u.writing = true
	for {
		from := u.stored
		u.mu.Unlock()
		stored, err := u.in.advance(u.User, from, pos)
		if err == nil {
			u.in.saved(u.User, stored.pos)
		} else {
			u.in.o.Report(err)
		}
		u.mu.Lock()
		u.keepStored(stored)
		if pos = u.acked; err == nil && !pos.within(u.stored.pos) && len(u.sessions) == 0 {
			continue // nobody will acknowledge more, and Close waits for this
		}
		u.writing = false
		if !pos.within(u.stored.pos) && u.flush == nil {
			u.flush = u.in.work.later(ackDelay, u.store)
		}
		u.mu.Unlock()
		return
	}
}

// saved: a user's cursor is stored up to a position.
func (in *Inbox) saved(u place.User, pos positions) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.unsaved[u].within(pos) {
		delete(in.unsaved, u)
	}
}

// storedCursor is a user's cursor as it is stored.
type storedCursor struct {
	pos positions
	rev uint64 // where it stands in its own stream; 0: there is none, or it is not known
}

// keepStored keeps what is known to be stored; mu is held.
func (u *user) keepStored(c storedCursor) {
	if c.rev > u.stored.rev {
		u.stored = c
	}
}

// acknowledged is up to where any of the user's instances has shown everything.
func (u *user) acknowledged(ctx context.Context) (positions, error) {
	u.in.mu.Lock()
	unsaved := u.in.unsaved[u.User] // before the read: it goes once it is stored
	u.in.mu.Unlock()
	c, err := u.in.cursorOf(ctx, u.User)
	if err != nil {
		return positions{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keepStored(c)
	return c.pos.union(unsaved), nil
}

// advance stores a user's cursor unless it stands there, or behind it, already.
// It returns what is stored then; from is what the caller knows.
func (in *Inbox) advance(u place.User, from storedCursor, pos positions) (storedCursor, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	for !pos.within(from.pos) {
		pos = pos.union(from.pos)
		rev, _, err := appendOnce(ctx, in.store.cursors, cursorSubject(u), []byte(in.text(cursor{pos: pos})), from.rev, "")
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
	return storedCursor{c.pos, v.Seq}, nil
}

// text and parse are the form of cursors in this store.
func (in *Inbox) text(c cursor) string             { return c.text(in.o.Partitions) }
func (in *Inbox) parse(text string) (cursor, bool) { return parseCursor(text, in.o.Partitions) }

// everything is up to where a call without a cursor goes.
var everything = func() (p positions) {
	for n := range p {
		p[n] = sequenceOf(math.MaxUint64)
	}
	return p
}()

// seen is up to where an instance has seen what its cursor says.
func (in *Inbox) seen(text string) positions {
	if c, ok := in.parse(text); ok {
		return c.pos
	}
	return everything
}

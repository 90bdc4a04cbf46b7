package contacts

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// books holds the books of users that were read a moment ago. The follower
// keeps them current, and each is read again after bookAge, in case the
// follower has missed something during an outage.
type books struct {
	log bus.Log
	now func() time.Time

	mu    sync.Mutex // guards what follows, and what it holds
	all   map[place.User]*book
	bytes int // of all, about
}

// book is all entries of a user.
type book struct {
	read     chan struct{} // closed once the book was read, or could not be
	whole    bool
	at       time.Time // when it was read
	entries  map[key]held
	revision uint64 // position of the newest entry
	bytes    int
}

// held is an entry and its position; the zero held stands for an entry that
// never existed.
type held struct {
	entry
	rev  uint64
	size int
}

func (h held) there() bool { return h.rev != 0 && !h.Gone }

const (
	bookAge   = 5 * time.Minute
	goneFor   = 10 * time.Minute // longer than a book is kept
	maxBytes  = 64 << 20         // of all books
	entrySize = 200              // about what an entry takes besides its text
	// goneAtOnce is how many ended entries one read of a book removes.
	goneAtOnce = 32

	appendWithin = 2 * time.Second // of a single attempt
	retryAfter   = 50 * time.Millisecond
)

func newBooks(log bus.Log, now func() time.Time) *books {
	return &books{log: log, now: now, all: map[place.User]*book{}}
}

// saw takes a record of the stream.
func (d *books) saw(u place.User, k key, rev uint64, data []byte) error {
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.all[u]; b != nil {
		d.put(b, k, held{e, rev, len(data)})
	}
	return nil
}

// put needs mu.
func (d *books) put(b *book, k key, h held) {
	if h.rev <= b.entries[k].rev {
		return
	}
	grown := h.size
	if b.entries[k].rev == 0 {
		grown += entrySize
	} else {
		grown -= b.entries[k].size
	}
	b.entries[k] = h
	b.revision = max(b.revision, h.rev)
	b.bytes += grown
	d.bytes += grown
}

// drop needs mu.
func (d *books) drop(u place.User, b *book) {
	if d.all[u] == b {
		delete(d.all, u)
		d.bytes -= b.bytes
	}
}

// with calls f with a user's book. f must not block, and must not keep anything
// of it.
func (d *books) with(ctx context.Context, u place.User, f func(b *book)) error {
	for {
		d.mu.Lock()
		b := d.all[u]
		if b != nil && b.whole && d.now().Sub(b.at) < bookAge {
			f(b)
			d.mu.Unlock()
			return nil
		}
		if b == nil || b.whole {
			if b != nil {
				d.drop(u, b)
			}
			b = &book{read: make(chan struct{}), entries: map[key]held{}}
			d.all[u] = b
			d.mu.Unlock()
			if err := d.load(ctx, u, b); err != nil {
				return err
			}
			continue
		}
		d.mu.Unlock()
		select { // somebody else reads it
		case <-b.read:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// load reads a book that has been entered already, so that what the follower
// brings meanwhile is not lost.
func (d *books) load(ctx context.Context, u place.User, b *book) error {
	defer close(b.read)
	var values [classes][]bus.Value
	err := bus.Spread(classes, func(i int) (err error) {
		values[i], err = d.class(ctx, u, uint32(i))
		return err
	})
	ended, err := d.loaded(u, b, slices.Concat(values[:]...), err)
	// What cannot be removed now is left to the next reader.
	_ = bus.Spread(len(ended), func(i int) error { return d.log.Remove(ctx, ended[i].Subject, ended[i].Seq) })
	return err
}

// loaded puts what was read into a book, or removes the book if the read
// failed; ended holds entries that ended long ago.
func (d *books) loaded(u place.User, b *book, values []bus.Value, err error) (ended []bus.Value, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// The newest entry stays even if it has ended: without it the book's
	// revision would go back to an earlier one.
	var newest uint64
	for _, v := range values {
		newest = max(newest, v.Seq)
	}
	for _, v := range values {
		var e entry
		if err == nil {
			err = json.Unmarshal(v.Data, &e)
		}
		if err != nil {
			break
		}
		if e.Gone && v.Seq < newest && len(ended) < goneAtOnce && d.now().Sub(v.Time) > goneFor {
			ended = append(ended, v)
			continue
		}
		if _, k, err := parse(v.Subject); err == nil {
			d.put(b, k, held{e, v.Seq, len(v.Data)})
		}
	}
	if err != nil {
		d.drop(u, b)
		return nil, err
	}
	b.whole, b.at = true, d.now()
	if d.bytes > maxBytes {
		d.makeRoom(b)
	}
	return ended, nil
}

// class reads the entries of a class, even if they are more than one read
// returns.
func (d *books) class(ctx context.Context, u place.User, class uint32) ([]bus.Value, error) {
	pattern := classPattern(u, class)
	values, err := d.log.LastUnder(ctx, pattern)
	if !errors.Is(err, bus.ErrTooMany) {
		return values, err
	}
	subjects, err := d.log.Subjects(ctx, pattern)
	if err != nil {
		return nil, err
	}
	values, err = d.log.LastAll(ctx, subjects)
	found := values[:0]
	for _, v := range values {
		if v.Seq != 0 {
			found = append(found, v)
		}
	}
	return found, err
}

// size returns how many entries a user's book has, and whether it has groups, as
// far as it was read.
func (d *books) size(u place.User) (entries int, grouped bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.all[u]
	if b == nil || !b.whole {
		return 0, true
	}
	for k := range b.entries {
		grouped = grouped || k.kind == kindGroup
	}
	return len(b.entries), grouped
}

// makeRoom forgets books, an eighth of what there may be, but not one; mu is
// held.
func (d *books) makeRoom(but *book) {
	for u, b := range d.all { // any of them: the order is random
		if b != but && b.whole {
			d.drop(u, b)
		}
		if d.bytes < maxBytes*7/8 {
			return
		}
	}
}

// get returns an entry without reading the whole book for it.
func (d *books) get(ctx context.Context, u place.User, k key) (held, error) {
	d.mu.Lock()
	if b := d.all[u]; b != nil && b.whole && d.now().Sub(b.at) < bookAge {
		h := b.entries[k]
		d.mu.Unlock()
		return h, nil
	}
	d.mu.Unlock()
	return d.fresh(ctx, u, k)
}

// fresh reads an entry from the store, and updates the book with it.
func (d *books) fresh(ctx context.Context, u place.User, k key) (held, error) {
	v, err := d.log.Last(ctx, subjectOf(u, k))
	if errors.Is(err, bus.ErrNoValue) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if b := d.all[u]; b != nil && b.entries[k].Gone { // it was removed
			b.bytes -= entrySize + b.entries[k].size
			d.bytes -= entrySize + b.entries[k].size
			delete(b.entries, k)
		}
		return held{}, nil
	}
	if err != nil {
		return held{}, err
	}
	var e entry
	if err := json.Unmarshal(v.Data, &e); err != nil {
		return held{}, err
	}
	if err := d.saw(u, k, v.Seq, v.Data); err != nil {
		return held{}, err
	}
	return held{e, v.Seq, len(v.Data)}, nil
}

// change writes an entry by compare-and-set. next returns what it becomes of
// what it was, and whether there is anything to write; it may be called more
// than once.
func (d *books) change(ctx context.Context, u place.User, k key, next func(was held) (entry, bool, error)) error {
	subject := subjectOf(u, k)
	var wrote []byte
	for read := d.get; ; read = d.fresh {
		was, err := read(ctx, u, k)
		if err != nil {
			return err
		}
		if wrote != nil {
			if now, err := jsonframe.Marshal(was.entry); err == nil && string(now) == string(wrote) {
				return nil // an earlier attempt, whose answer was lost, has stored it
			}
		}
		e, write, err := next(was)
		if err != nil || !write {
			return err
		}
		data, err := jsonframe.Marshal(e)
		if err != nil {
			return err
		}
		rev, err := d.append(ctx, subject, data, was.rev)
		if err == nil {
			return d.saw(u, k, rev, data)
		}
		if errors.Is(err, bus.ErrConflict) && ctx.Err() == nil {
			continue
		}
		if bus.Fault(err).Code != fault.ServerTimeout || bus.Sleep(ctx, retryAfter) != nil {
			return err
		}
		wrote = data
	}
}

// append makes a single attempt with a time limit of its own, so that a leader
// that died in between costs only a part of the call's time.
func (d *books) append(ctx context.Context, subject string, data []byte, expect uint64) (uint64, error) {
	one, cancel := context.WithTimeout(ctx, appendWithin)
	defer cancel()
	rev, _, err := d.log.Append(one, subject, data, expect, "")
	return rev, err
}

// end ends an entry, if it is there.
func (d *books) end(ctx context.Context, u place.User, k key, nonce string) error {
	return d.change(ctx, u, k, func(was held) (entry, bool, error) {
		return entry{Gone: true, Nonce: nonce}, was.there(), nil
	})
}

package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/turns"
)

// conversation is the newest record of a log as this gateway knows it. It may
// be out of date: the compare-and-set of an append finds that out.
type conversation struct {
	pair    pair // never changed, nor its log's subject
	subject string

	appending turns.One // one writer of this gateway at a time, unless it was dropped from the cache meanwhile

	mu    sync.Mutex // guards what follows
	known bool
	last  *record // nil: there is none; never changed, only replaced

	entered [2]entered // what was last seen of its users' documents; a turn of appending guards it

	sending atomic.Pointer[sending] // the last message that was appended, until it is taken
}

// sending is a message on its way to the store: its record for those who follow
// the log, who need not decode it then.
type sending struct {
	data   []byte
	record *record
}

// took returns the record of a message that this gateway has just appended, once;
// nil for any other.
func (c *conversation) took(v bus.Value) *record {
	s := c.sending.Load()
	if s == nil || !bytes.Equal(s.data, v.Data) || !c.sending.CompareAndSwap(s, nil) {
		return nil
	}
	s.record.pos = v.Seq
	return s.record
}

// newest returns the newest record if it is known.
func (c *conversation) newest() (last *record, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.known
}

// forget has the next append read the newest record from the store.
func (c *conversation) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.last = false, nil
}

// read takes the newest record from the store; nil: there is none.
func (c *conversation) read(last *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.last = true, last
}

// advance takes a record, unless it knows a newer one or nothing at all.
func (c *conversation) advance(r *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && (c.last == nil || c.last.pos < r.pos) {
		c.last = r.lean()
	}
}

// conversations caches the newest records, most of them not in use at any
// time.
type conversations struct {
	mu  sync.Mutex // guards what follows
	all map[pair]*conversation
	// logs is all by subject: the follower's records come with theirs, and to take one
	// apart costs more than to find its conversation.
	logs map[string]*conversation
}

const maxCached = 50_000

func newConversations() *conversations {
	return &conversations{all: map[pair]*conversation{}, logs: map[string]*conversation{}}
}

func (c *conversations) get(p pair) *conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.all[p]
	if v == nil {
		if len(c.all) >= maxCached {
			for k, v := range c.all { // any eighth of them: the order is random
				delete(c.logs, v.subject)
				delete(c.all, k)
				if len(c.all) < maxCached*7/8 {
					break
				}
			}
		}
		v = &conversation{pair: p, subject: p.subject()}
		c.all[p], c.logs[v.subject] = v, v
	}
	return v
}

// of returns the conversation of a log if it is cached, else nil.
func (c *conversations) of(subject string) *conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logs[subject]
}

// lean returns the record without its content; the cache needs only its state.
func (r *record) lean() *record {
	if r == nil {
		return nil
	}
	l := *r
	l.Message, l.Target, l.Members, l.Pin = nil, nil, nil, nil
	return &l
}

// load reads the newest record of a conversation; nil if there is none.
func (in *Inbox) load(ctx context.Context, p pair) (*record, error) {
	e, err := in.store.messages.Last(ctx, p.subject())
	if errors.Is(err, bus.ErrNoValue) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(e)
}

func decode(e bus.Value) (*record, error) {
	p, err := parsePair(e.Subject)
	if err != nil {
		return nil, err
	}
	return decodeOf(p, e)
}

// decodeOf is decode where the subject has been parsed.
func decodeOf(p pair, e bus.Value) (*record, error) {
	r := &record{}
	if err := decodeRecord(e.Data, r); err != nil {
		return nil, err
	}
	r.pair, r.pos = p, e.Seq
	return r, nil
}

// append adds the record that build makes from the newest one. build is called
// again if somebody else was faster, and may return nil to add nothing. dup
// reports that a record with this msgID was stored before; r is that one.
func (in *Inbox) append(ctx context.Context, p pair, msgID string, build func(prev *record) (*record, error)) (r *record, dup bool, err error) {
	ctx, cancel := bus.Within(ctx, storeTimeout, 0)
	defer cancel()
	c := in.convs.get(p)
	done, err := c.appending.Take(ctx)
	if err != nil {
		return nil, false, err
	}
	defer done()
	for {
		last, known := c.newest()
		if !known {
			if last, err = in.load(ctx, p); err != nil {
				return nil, false, err
			}
			last = last.lean()
			c.read(last)
		}
		if r, err = build(last); err != nil || r == nil {
			return nil, false, err
		}
		var expect uint64
		if last != nil {
			expect = last.pos
		}
		_, of := p.group()
		betweenTwo := r.Kind == kindMessage && !of
		if betweenTwo { // before it is stored, so that no message lacks the documents
			if err := in.enterBoth(ctx, p, r.By, &c.entered); err != nil {
				return nil, false, err
			}
		}
		data := encode(r)
		if data == nil {
			return nil, false, fmt.Errorf("inbox: a record of %s has no JSON form", c.subject)
		}
		if betweenTwo {
			own := *r
			own.pair = p
			c.sending.Store(&sending{data, &own})
		}
		pos, dup, err := in.store.messages.Append(ctx, c.subject, data, expect, msgID)
		if err != nil || dup {
			c.sending.Store(nil) // otherwise the follower takes it, which may be later than this
		}
		if err != nil {
			c.forget() // whatever has happened
			if in.retry(ctx, err) {
				continue
			}
			return nil, false, err
		}
		if dup {
			e, err := in.store.messages.At(ctx, pos)
			if err != nil {
				return nil, true, err
			}
			r, err := decode(e)
			return r, true, err
		}
		r.pair, r.pos = p, pos
		c.advance(r)
		return r, false, nil
	}
}

// retry reports whether an append may be tried again. It waits a moment first
// if the store did not answer.
func (in *Inbox) retry(ctx context.Context, err error) bool {
	if errors.Is(err, bus.ErrConflict) {
		return ctx.Err() == nil
	}
	if f := bus.Fault(err); f.Code != fault.ServerTimeout {
		return false
	}
	return in.work.pause(ctx, 50*time.Millisecond) == nil
}

package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// peers is what a user keeps of his conversations, by the other's UserID.
type peers map[string]settings

// settings of one conversation for one of its users.
type settings struct {
	Pinned bool `json:"p,omitempty"`
	// Cleared: messages up to this position are gone for this user, and
	// ClearedSent of the peer's were counted by then, in the conversation that
	// began at Epoch.
	Cleared     uint64 `json:"c,omitempty"`
	ClearedSent uint64 `json:"n,omitempty"`
	Epoch       int64  `json:"e,omitempty"`
	// Hidden: the conversation is not listed until something newer comes.
	Hidden  uint64 `json:"h,omitempty"`
	Draft   string `json:"d,omitempty"`
	Custom  string `json:"u,omitempty"`
	Deleted bool   `json:"x,omitempty"` // single messages were deleted
}

// cleared is up to where ClearedSent counts.
func (s settings) cleared() uint64 { return max(s.Cleared, s.Hidden) }

// kept counts the conversations whose settings say something: prune leaves
// these in the list, so that their number needs a bound.
func (p peers) kept() (n int) {
	for _, set := range p {
		if set != (settings{}) {
			n++
		}
	}
	return n
}

// docs are the documents of TIM_DOC. Reads that may be old come from a cache
// that the follower keeps current; writes are compare-and-set.
type docs struct {
	log   bus.Log
	mu    sync.Mutex
	cache map[string]doc
	bytes int // of cache
	// turns counts invalidations, so that a read that was overtaken by one
	// does not put its old answer back.
	turns uint64

	writing map[string]*crowd
}

// crowd is those of this gateway who want to write one document.
type crowd struct {
	turn chan struct{} // holds a token while one of them writes
	size int
}

type doc struct {
	rev  uint64 // 0: there is none
	data []byte
}

// saw tells of a document that the follower brought.
func (d *docs) saw(subject string, rev uint64, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.HasSuffix(subject, "."+docCursor) { // written for every message, read at logins only
		d.turns++
	}
	if have, ok := d.cache[subject]; ok && have.rev < rev {
		d.bytes += len(data) - len(have.data)
		d.cache[subject] = doc{rev, data}
	}
}

// fresh reads past the cache.
func (d *docs) fresh(ctx context.Context, subject string) (doc, error) {
	d.mu.Lock()
	turn := d.turns
	d.mu.Unlock()
	e, err := d.log.Last(ctx, subject)
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return doc{}, err
	}
	got := doc{e.Seq, e.Data}
	d.put(subject, got, turn)
	return got, nil
}

func (d *docs) put(subject string, got doc, turn uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turns != turn {
		return
	}
	d.bytes -= len(d.cache[subject].data)
	delete(d.cache, subject)
	if len(d.cache) >= maxCached || d.bytes >= maxCachedBytes {
		for k, v := range d.cache {
			delete(d.cache, k)
			d.bytes -= len(v.data)
			if len(d.cache) < maxCached*7/8 && d.bytes < maxCachedBytes*7/8 {
				break
			}
		}
	}
	d.cache[subject] = got
	d.bytes += len(got.data)
}

// maxCachedBytes bounds the documents that are cached, beside their number: one
// may have thousands of conversations in it.
const maxCachedBytes = 64 << 20

func (d *docs) get(ctx context.Context, subject string) (doc, error) {
	d.mu.Lock()
	got, ok := d.cache[subject]
	d.mu.Unlock()
	if ok {
		return got, nil
	}
	return d.fresh(ctx, subject)
}

// queue waits for the turn to write a document, until done is called.
// Compare-and-set lets one of a crowd through and sends all others round again,
// so that the last of five hundred who write to one user would not get there in
// time. Only other gateways are left to be in the way of the one whose turn it is.
func (d *docs) queue(ctx context.Context, subject string) (done func(), err error) {
	d.mu.Lock()
	c := d.writing[subject]
	if c == nil {
		c = &crowd{turn: make(chan struct{}, 1)}
		d.writing[subject] = c
	}
	c.size++
	d.mu.Unlock()
	leave := func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if c.size--; c.size == 0 {
			delete(d.writing, subject)
		}
	}
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// read gives a document, the zero T when there is none.
func read[T any](ctx context.Context, in *Inbox, u place.User, kind string) (v T, err error) {
	got, err := in.docs.get(ctx, docSubject(u, kind))
	if err != nil || got.rev == 0 {
		return v, err
	}
	return v, json.Unmarshal(got.data, &v)
}

// readAll gives the documents of many users, in that order.
func readAll[T any](ctx context.Context, in *Inbox, app uint32, userIDs []string, kind string) ([]T, error) {
	out := make([]T, len(userIDs))
	var missing []string
	var at []int
	in.docs.mu.Lock()
	turn := in.docs.turns
	for i, id := range userIDs {
		subject := docSubject(place.User{SDKAppID: app, UserID: id}, kind)
		got, ok := in.docs.cache[subject]
		if !ok {
			missing, at = append(missing, subject), append(at, i)
			continue
		}
		if got.rev != 0 {
			_ = json.Unmarshal(got.data, &out[i])
		}
	}
	in.docs.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	entries, err := in.store.documents.LastAll(ctx, missing)
	if err != nil {
		return nil, err
	}
	for n, e := range entries {
		in.docs.put(missing[n], doc{e.Seq, e.Data}, turn)
		if e.Seq != 0 {
			if err := json.Unmarshal(e.Data, &out[at[n]]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Bounds of one document, in bytes. What a user sets stops at the first, so
// that conversations which others begin find room up to the second; NATS takes
// 1 MB.
const (
	maxSettings = 512 << 10
	maxDoc      = 960 << 10
)

// update changes a document by compare-and-set. change may be called more
// than once and must not change the same document itself; it returns false when
// there is nothing to write.
func update[T any](ctx context.Context, in *Inbox, u place.User, kind string, change func(v *T) (bool, error)) (v T, rev uint64, err error) {
	return updateWithin(ctx, in, u, kind, maxDoc, change)
}

// updateWithin is update with a bound: a change that makes the document larger
// than it was, and larger than the bound, is refused.
func updateWithin[T any](ctx context.Context, in *Inbox, u place.User, kind string, bound int, change func(v *T) (bool, error)) (v T, rev uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	subject := docSubject(u, kind)
	done, err := in.docs.queue(ctx, subject)
	if err != nil {
		return v, 0, err
	}
	defer done()
	for read := in.docs.get; ; read = in.docs.fresh {
		have, err := read(ctx, subject)
		if err != nil {
			return v, 0, err
		}
		v = *new(T)
		if have.rev != 0 {
			if err := json.Unmarshal(have.data, &v); err != nil {
				return v, 0, err
			}
		}
		write, err := change(&v)
		if err != nil || !write {
			return v, have.rev, err
		}
		data, err := jsonframe.Marshal(v)
		if err != nil {
			return v, 0, err
		}
		if len(data) > bound && len(data) > len(have.data) {
			return v, 0, conversationsFull(u)
		}
		rev, _, err := appendOnce(ctx, in.store.documents, subject, data, have.rev, "")
		if err == nil {
			in.docs.saw(subject, rev, data)
			return v, rev, nil
		}
		if !in.retry(ctx, err) {
			return v, 0, err
		}
	}
}

// conversationsFull says whose list of conversations takes no more. Other
// documents cannot come to their bound.
func conversationsFull(u place.User) error {
	return fault.With(fault.ConversationsFull, "of "+u.UserID)
}

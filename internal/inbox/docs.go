package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/turns"
)

// docs holds the documents of a stream, TIM_DOC or TIM_CONV. Reads that may be
// slightly out of date come from a cache that the follower keeps current;
// writes are compare-and-set.
type docs struct {
	log  bus.Log
	most int // in cache

	writing turns.ByKey[string] // by subject: one writer of this gateway at a time

	mu      sync.Mutex // guards what follows
	cache   map[string]doc
	bytes   int // of cache
	reading map[string]*reading
}

func newDocs(log bus.Log, most int) *docs {
	return &docs{log: log, most: most, cache: map[string]doc{}, reading: map[string]*reading{}}
}

// reading is a document that is being read. The follower may bring a newer one
// meanwhile than the read returns.
type reading struct {
	readers int
	newest  doc
}

type doc struct {
	rev  uint64 // 0: there is none
	data []byte
}

// saw takes a document that the follower brought.
func (d *docs) saw(subject string, rev uint64, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.reading[subject]; r != nil && r.newest.rev < rev {
		r.newest = doc{rev, data}
	}
	if have, ok := d.cache[subject]; ok && have.rev < rev {
		d.bytes += len(data) - len(have.data)
		d.cache[subject] = doc{rev, data}
	}
}

// fresh reads a document from the store, not from the cache.
func (d *docs) fresh(ctx context.Context, subject string) (doc, error) {
	d.mu.Lock()
	d.begin(subject)
	d.mu.Unlock()
	e, err := d.log.Last(ctx, subject)
	if errors.Is(err, bus.ErrNoValue) {
		e, err = bus.Value{}, nil
	}
	return d.end(subject, doc{e.Seq, e.Data}, err), err
}

// begin notes that a document is being read; mu is held.
func (d *docs) begin(subject string) {
	r := d.reading[subject]
	if r == nil {
		r = &reading{}
		d.reading[subject] = r
	}
	r.readers++
}

// end takes what was read into the cache, unless that failed, and returns the
// newest that is known of it.
func (d *docs) end(subject string, got doc, err error) doc {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.reading[subject]
	if r.readers--; r.readers == 0 {
		delete(d.reading, subject)
	}
	if err != nil {
		return doc{}
	}
	if r.newest.rev > got.rev {
		got = r.newest
	}
	d.put(subject, got)
	return got
}

// put caches a document, and makes room for it by dropping an eighth of the
// cache if that is full; mu is held.
func (d *docs) put(subject string, got doc) {
	d.bytes -= len(d.cache[subject].data)
	delete(d.cache, subject)
	if len(d.cache) >= d.most || d.bytes >= maxCachedBytes {
		for k, v := range d.cache {
			delete(d.cache, k)
			d.bytes -= len(v.data)
			if len(d.cache) < d.most*7/8 && d.bytes < maxCachedBytes*7/8 {
				break
			}
		}
	}
	d.cache[subject] = got
	d.bytes += len(got.data)
}

// maxCachedPeers is how many documents of conversations are cached. A
// conversation in use has two of them, of some 200 bytes each.
const maxCachedPeers = 200_000

// maxCachedBytes bounds the size of the cached documents; their number is
// bounded, too.
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

// of is get for a document of a user. Each message looks at some, of which most are
// cached: no subject is made for those.
func (d *docs) of(ctx context.Context, u place.User, kind string) (doc, error) {
	var room [subjectRoom]byte
	subject := appendDocSubject(room[:0], u, kind)
	d.mu.Lock()
	got, ok := d.cache[string(subject)]
	d.mu.Unlock()
	if ok {
		return got, nil
	}
	return d.fresh(ctx, string(subject))
}

// read returns a document, or the zero T if there is none.
func read[T any](ctx context.Context, in *Inbox, u place.User, kind string) (v T, err error) {
	got, err := in.docs.of(ctx, u, kind)
	if err != nil || got.rev == 0 {
		return v, err
	}
	return bodyOf[T](got)
}

// bodyOf is not a part of read, where v would be allocated also for a document that
// there is not.
func bodyOf[T any](d doc) (v T, err error) { return v, json.Unmarshal(d.data, &v) }

// readAll returns the documents of many users, in their order.
func readAll[T any](ctx context.Context, in *Inbox, app uint32, userIDs []string, kind string) ([]T, error) {
	out := make([]T, len(userIDs))
	var missing []string
	var at []int
	in.docs.mu.Lock()
	for i, id := range userIDs {
		subject := docSubject(place.User{SDKAppID: app, UserID: id}, kind)
		got, ok := in.docs.cache[subject]
		if !ok {
			in.docs.begin(subject)
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
	for n, subject := range missing {
		var got doc
		if err == nil {
			got = doc{entries[n].Seq, entries[n].Data}
		}
		if got = in.docs.end(subject, got, err); got.rev != 0 && err == nil {
			err = json.Unmarshal(got.data, &out[at[n]])
		}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// update changes a document of TIM_DOC by compare-and-set. change may be called
// more than once and must not change the same document itself; it returns false
// when there is nothing to write.
func update[T any](ctx context.Context, in *Inbox, u place.User, kind string, change func(v *T) (bool, error)) (v T, rev uint64, err error) {
	return updateAt(ctx, in, in.docs, docSubject(u, kind), func(v *T, _ bool) (bool, error) { return change(v) })
}

// updateAt is update for any document; there reports whether it has a body.
func updateAt[T any](ctx context.Context, in *Inbox, d *docs, subject string, change func(v *T, there bool) (bool, error)) (v T, rev uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// Without turns each compare-and-set would let one writer through and send all
	// others round again, and of five hundred who write to one user the last would
	// run out of time. With them only writers on other gateways can interfere.
	done, err := d.writing.Take(ctx, subject)
	if err != nil {
		return v, 0, err
	}
	defer done()
	for read := d.get; ; read = d.fresh {
		have, err := read(ctx, subject)
		if err != nil {
			return v, 0, err
		}
		v = *new(T)
		if len(have.data) > 0 {
			if err := json.Unmarshal(have.data, &v); err != nil {
				return v, 0, err
			}
		}
		write, err := change(&v, len(have.data) > 0)
		if err != nil || !write {
			return v, have.rev, err
		}
		data, err := jsonframe.Marshal(v)
		if err != nil {
			return v, 0, err
		}
		rev, _, err := d.log.Append(ctx, subject, data, have.rev, "")
		if err == nil {
			d.saw(subject, rev, data)
			return v, rev, nil
		}
		if !in.retry(ctx, err) {
			return v, 0, err
		}
	}
}

package cluster

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// audit follows every record of the registry as NATS stores it, and notes what
// must never be seen there.
type audit struct {
	limit  int
	ledger *ledger

	mu        sync.Mutex
	records   map[string]registry.Record // by key
	seqs      map[string]uint64
	last, gap uint64 // the newest sequence number; the newest one before which some were missed
	seen      int
	followed  int // changes seen from one revision of a record to the next
	evictions []eviction
}

// eviction is a change of a record that evicted an instance.
type eviction struct {
	key, hash, typ string
	at             time.Time
	attached       bool // according to the record, there was a socket
}

func follow(t testing.TB, js jetstream.JetStream, l *ledger, limit int) *audit {
	t.Helper()
	a := &audit{limit: limit, ledger: l, records: map[string]registry.Record{}, seqs: map[string]uint64{}}
	kv, err := js.KeyValue(t.Context(), "tim_users")
	if err != nil {
		t.Fatal(err)
	}
	w, err := kv.WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for e := range w.Updates() {
			if e != nil && e.Operation() == jetstream.KeyValuePut {
				a.saw(e.Key(), e.Value(), e.Revision(), e.Created())
			}
		}
	}()
	t.Cleanup(func() { _ = w.Stop() })
	return a
}

// web returns the Web instances of a record that have a place.
func web(r registry.Record) (hashes []string) {
	for _, in := range r.Instances {
		if in.Platform == place.Web {
			hashes = append(hashes, in.Hash)
		}
	}
	return hashes
}

func (a *audit) saw(key string, data []byte, seq uint64, at time.Time) {
	var now registry.Record
	if err := json.Unmarshal(data, &now); err != nil {
		a.ledger.violation("record %s cannot be read: %v", key, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if seq <= a.last { // seen before the watch was reopened
		return
	}
	if seq != a.last+1 {
		a.gap = seq
	}
	a.last = seq
	a.seen++
	was, known := a.records[key]
	// False if one of its revisions in between was missed.
	next := known && a.seqs[key] >= a.gap
	a.records[key], a.seqs[key] = now, seq
	if n := len(web(now)); n > a.limit {
		a.ledger.violation("record %s has %d instances, %d may be: %s", key, n, a.limit, data)
	}
	if !next {
		return
	}
	a.followed++
	if now.Last < was.Last {
		a.ledger.violation("record %s: attach numbers went back from %d to %d", key, was.Last, now.Last)
	}
	old := map[string]bool{}
	for _, e := range was.Evicted {
		old[e.Hash] = true
	}
	for _, e := range now.Evicted {
		if old[e.Hash] {
			continue
		}
		ev := eviction{key: key, hash: e.Hash, typ: e.Type, at: at}
		for _, in := range was.Instances {
			ev.attached = ev.attached || in.Hash == e.Hash && in.Down == 0
		}
		a.evictions = append(a.evictions, ev)
		if e.Type == frame.KickMultipleAccount && len(web(now)) < a.limit {
			a.ledger.violation("record %s: %s was evicted without need: %d of %d places are taken: %s", key, e.Hash, len(web(now)), a.limit, data)
		}
	}
	// The other way round: an instance that has lost its place and is not
	// among the evicted has left, or did not come back in time.
	for _, in := range was.Instances {
		f := a.ledger.of(in.Hash)
		if f == nil || contains(now, in.Hash) {
			continue
		}
		a.ledger.mu.Lock()
		gone := f.left || !f.kicked.IsZero()
		a.ledger.mu.Unlock()
		if !gone && in.Down == 0 {
			a.ledger.violation("record %s: %s lost its place and nobody evicted it", key, in.Hash)
		}
	}
}

// contains reports whether a record names an instance at all.
func contains(r registry.Record, hash string) bool {
	for _, in := range r.Instances {
		if in.Hash == hash {
			return true
		}
	}
	for _, e := range r.Evicted {
		if e.Hash == hash {
			return true
		}
	}
	return false
}

func (a *audit) all() []eviction {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]eviction(nil), a.evictions...)
}

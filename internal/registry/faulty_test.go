package registry

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// faulty is a store that answers late, not at all, or with an old value. It
// also checks every record that it stores against the limits.
type faulty struct {
	store
	h *history
}

type history struct {
	mu       sync.Mutex
	rng      *rand.Rand
	off      bool
	past     map[string][]bus.Value
	settings map[uint64]Settings
	wrong    []string
	late     int        // writes whose caller has given up on them and that are still to come
	arrived  *sync.Cond // on mu
	stored   int
	faults   int
}

func newHistory(seed uint64) *history {
	h := &history{rng: rand.New(rand.NewPCG(seed, 2)), past: map[string][]bus.Value{}, settings: map[uint64]Settings{0: defaultSettings()}}
	h.arrived = sync.NewCond(&h.mu)
	return h
}

// knows adds settings to check records against. It is safe to call while
// background work of a registry stores records.
func (h *history) knows(s Settings) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings[s.Revision] = s
}

// postpone counts a late write; the returned function reports its arrival.
func (h *history) postpone() (arrived func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.late--; h.late == 0 {
			h.arrived.Broadcast()
		}
	}
}

// quiet waits until no late write is under way. It is not a WaitGroup, because
// a registry's background work may begin another one at any time, even during
// the wait.
func (h *history) quiet() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.late > 0 {
		h.arrived.Wait()
	}
}

// violations returns the records that must never have been stored.
func (h *history) violations() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.wrong)
}

// dice returns a random number from 0 to 99, or 99 when faults are off.
func (h *history) dice() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.off {
		return 99
	}
	n := h.rng.IntN(100)
	return n
}

func (h *history) fault() { h.mu.Lock(); h.faults++; h.mu.Unlock() }

func (f *faulty) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	if f.h.dice() < 20 { // a follower that is behind
		f.h.mu.Lock()
		defer f.h.mu.Unlock()
		f.h.faults++
		past := f.h.past[subject]
		i := f.h.rng.IntN(len(past) + 1)
		if i == 0 {
			return bus.Value{}, bus.ErrNoValue
		}
		return past[i-1], nil
	}
	return f.store.Last(ctx, stream, subject)
}

func (f *faulty) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	if strings.HasPrefix(subject, bus.BucketSubject(bus.BucketUsers, "")) && f.h.dice() < 3 {
		f.h.fault()
		return bus.Value{}, context.DeadlineExceeded
	}
	return f.store.LastAtLeader(ctx, stream, subject)
}

func (f *faulty) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if !strings.HasPrefix(subject, bus.BucketSubject(bus.BucketUsers, "")) {
		return f.store.Put(ctx, subject, data, seq, ttl)
	}
	switch n := f.h.dice(); {
	case n < 5: // the request is lost
		f.h.fault()
		return 0, context.DeadlineExceeded
	case n < 10: // the answer is lost
		f.h.fault()
		_, _ = f.put(ctx, subject, data, seq, ttl)
		return 0, context.DeadlineExceeded
	case n < 15: // the request arrives after the caller has given up
		f.h.fault()
		arrived := f.h.postpone()
		go func() {
			defer arrived()
			time.Sleep(time.Duration(n-10) * time.Millisecond)
			_, _ = f.put(context.Background(), subject, data, seq, ttl)
		}()
		return 0, context.DeadlineExceeded
	}
	return f.put(ctx, subject, data, seq, ttl)
}

func (f *faulty) put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	n, err := f.store.Put(ctx, subject, data, seq, ttl)
	if err != nil {
		return n, err
	}
	r, derr := decodeRecord(data)
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	f.h.stored++
	f.h.past[subject] = append(f.h.past[subject], bus.Value{Subject: subject, Data: data, Seq: n})
	s, ok := f.h.settings[r.Settings]
	if derr != nil || ok && overLimit(s, r.Instances) || len(r.Evicted) > maxEvicted {
		f.h.wrong = append(f.h.wrong, "stored: "+string(data))
	}
	return n, nil
}

package registry

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// Each gateway ends the places of the sockets that it lost. If a gateway dies, the others
// find its places in a walk over all records when grace is over, and a walk every ten
// minutes finds the rest. Of such a walk each gateway does a part, since every record is
// read at every walk: what that costs does not grow with the gateways, and it comes in
// the minute in which the sockets of the one that died have just logged in again.

const sweepEvery = 10 * time.Minute

// orphanAfter is longer than any login takes from the record to the socket.
const orphanAfter = time.Minute

// sweepKind says which records a walk comes to, the later kinds to more of them.
type sweepKind int

const (
	// sweepTurn is this gateway's part, another one in each of the walks that come every
	// ten minutes: what only this gateway can tell of a record it can tell at some time.
	sweepTurn sweepKind = iota
	// sweepPart is this gateway's part, the same in each of them.
	sweepPart
	// sweepAll is all, because something could not be done that no other gateway knows of.
	sweepAll
)

// sweeps is when the next walk of each kind is due; zero: none is.
type sweeps struct {
	mu   sync.Mutex
	at   [sweepAll + 1]time.Time
	wake chan struct{}
}

// sweepIn schedules a walk after d, or earlier.
func (r *Registry) sweepIn(d time.Duration, kind sweepKind) {
	at := time.Now().Add(d)
	r.sweeps.mu.Lock()
	defer r.sweeps.mu.Unlock()
	if old := r.sweeps.at[kind]; !old.IsZero() && !at.Before(old) {
		return
	}
	r.sweeps.at[kind] = at
	poke(r.sweeps.wake)
}

// rank returns how many gateways there are, and which of them this one is.
func (r *Registry) rank() (rank, of int) {
	all := r.Gateways()
	return slices.Index(all, r.self), len(all)
}

// next returns which walk is due next, and when.
func (s *sweeps) next() (kind sweepKind, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, t := range s.at {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			kind, at = sweepKind(k), t
		}
	}
	return kind, at
}

// begun notes that a walk begins.
func (s *sweeps) begun(kind sweepKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[kind] = time.Time{}
}

func (r *Registry) keepSweeping() {
	r.sweepIn(r.o.Grace+time.Second, sweepPart)
	r.sweepIn(r.untilTurn(time.Now()), sweepTurn)
	for {
		kind, at := r.sweeps.next()
		t := time.NewTimer(time.Until(at))
		select {
		case <-r.ctx.Done():
			t.Stop()
			return
		case <-r.sweeps.wake:
			t.Stop()
			continue
		case <-t.C:
		}
		r.sweeps.begun(kind)
		begun := time.Now()
		if err := r.sweepNow(r.ctx, kind); err != nil && r.ctx.Err() == nil {
			r.log.Warn("registry: not all records could be checked", "error", err)
			r.sweepIn(5*time.Second, kind)
		}
		if kind == sweepTurn {
			r.sweepIn(r.untilTurn(begun), sweepTurn)
		}
	}
}

// untilTurn returns how long it is until this gateway's walk in the period of sweepEvery
// after this one. In each period the gateways walk one after the other, in its first
// half: all of them at once would be felt.
func (r *Registry) untilTurn(begun time.Time) time.Duration {
	rank, of := r.rank()
	next := begun.Truncate(sweepEvery).Add(sweepEvery)
	return time.Until(next) + sweepEvery/2*time.Duration(2*rank+1)/time.Duration(2*of)
}

// sweepNow walks over what a kind of walk comes to.
func (r *Registry) sweepNow(ctx context.Context, kind sweepKind) error {
	e, err := r.bus.Extent(ctx, usersStream)
	if err != nil {
		return err
	}
	records := span{keys: everyRecord, from: 1, to: e.Newest, gentle: true}
	if rank, of := r.rank(); kind != sweepAll && of > 1 {
		if kind == sweepTurn {
			rank = (rank + int(time.Now().Unix()/int64(sweepEvery.Seconds()))) % of
		}
		records.share = shareOf(e, rank, of)
	}
	return r.sweep(ctx, records)
}

// share is which positions of a stream are this gateway's in a walk that gateways share:
// of so many blocks of the same length each of them has one, and so on. A record that
// changes meanwhile gets another position, behind the end of the walk: whoever changes it
// takes over what is to be done (mind).
type share struct {
	block, rank, of uint64
	apart           float64 // how many positions there are for each record
}

// shareBlocks is how many blocks each gateway has at least. In some of them there are
// many records and in others few, as users come often and rarely.
const shareBlocks = 16

// shareOf returns the share of one of so many gateways in a stream. The length of a block
// is a power of two, as they must agree on it, and the stream grows while they ask how
// long it is.
func shareOf(e bus.Extent, rank, of int) *share {
	length := e.Newest + 1 - e.Oldest
	most := length / uint64(of*shareBlocks)
	return &share{
		block: uint64(1) << max(bits.Len64(most)-1, 0), rank: uint64(rank), of: uint64(of),
		apart: max(1, float64(length)/float64(max(e.Values, 1))),
	}
}

func (s *share) has(seq uint64) bool { return s == nil || seq/s.block%s.of == s.rank }

// next returns the first position of the share from seq on, and how many records are to
// be read there at once: as many as may be in the rest of the block, and some more.
func (s *share) next(seq uint64) (from uint64, records int) {
	if s == nil {
		return seq, recordsAtOnce
	}
	if n := seq / s.block; !s.has(seq) {
		seq = (n + (s.rank+s.of-n%s.of)%s.of) * s.block
	}
	left := s.block - seq%s.block
	return seq, int(min(uint64(2*float64(left)/s.apart)+16, left, recordsAtOnce))
}

// sweep tidies the records of a span.
func (r *Registry) sweep(ctx context.Context, records span) error {
	copies := r.o.Events
	return r.walk(ctx, records, func(u place.User, rec Record, _ uint64) error {
		for i := range rec.Instances {
			// The record says that it has been attached here for some time,
			// and no socket has it. (An attach number is at least the time of
			// the attach.)
			in := &rec.Instances[i]
			if in.Gateway == r.self && in.Down == 0 && r.now()-int64(in.Attach) > orphanAfter.Milliseconds() {
				r.orphan(in.holder(u).Place)
			}
		}
		rec = lapse(rec, r.lapsed(ctx))
		now := r.now()
		_, c := tidy(rec, r.rules(u.SDKAppID), u, now)
		if copies && len(rec.Out) > 0 && now-rec.Out[0].Time > time.Minute.Milliseconds() {
			copies = r.copyEvents(u, rec.Out) // else so many of them would wait for nothing
		}
		r.endAt(u, c.Due)
		if !c.Write {
			return nil
		}
		err := r.tidyUser(ctx, u, nil)
		if unanswered(err) {
			r.endAgain(u)
			if !r.Live() {
				return err // and so would be all others
			}
		}
		return nil
	})
}

// appKeys are those of an app's records.
func appKeys(app uint32) string { return strconv.FormatUint(uint64(app), 10) + ".*" }

// orphan detaches a place whose socket has gone without the record learning of
// it, unless the socket was attached since the walk began.
func (r *Registry) orphan(p place.Place) {
	if r.attached(p) {
		return
	}
	r.unreported.add(socketEnd{place: p, since: r.now()})
}

// everyRecord is the filter of all records.
const everyRecord = ">"

// recordsAtOnce is how many records a batch has at most. Before each batch NATS counts
// what is left of the stream, for which it looks at all its subjects: 20 ms with 100,000
// users. So batches are large; bus.Batch limits their bytes.
const recordsAtOnce = 4096

// span says which records a walk comes to.
type span struct {
	keys     string // everyRecord, or the appKeys of an app
	from, to uint64 // the first position in the stream, and the last one; 0: there is no last one
	share    *share // nil: all
	gentle   bool   // nobody waits for it: it leaves most of the time to others
}

// walk calls f for each record of a span that can be read, as records does.
func (r *Registry) walk(ctx context.Context, s span, f func(u place.User, rec Record, seq uint64) error) error {
	return r.records(ctx, s, func(u place.User, v bus.Value) error {
		rec, err := decodeRecord(v.Data)
		if err != nil {
			r.log.Error("registry: "+err.Error(), "sdkAppID", u.SDKAppID, "userID", u.UserID)
			return nil
		}
		return f(u, rec, v.Seq)
	})
}

// gentleRest is how many times longer than a batch has taken a gentle walk rests before
// the next one, and gentleMost how long at most.
const (
	gentleRest = 3
	gentleMost = 2 * time.Second
)

// records calls f for each record of a span. Records that change meanwhile may come
// twice, or not at all where the span has an end. Without one it may go on for as long as
// records change.
func (r *Registry) records(ctx context.Context, s span, f func(u place.User, v bus.Value) error) error {
	filter := s.keys
	if filter != everyRecord {
		filter = bus.BucketSubject(bus.BucketUsers, filter)
	}
	for from := s.from; ; {
		start := time.Now()
		at, n := s.share.next(from)
		if s.to > 0 && at > s.to {
			return nil
		}
		values, err := r.bus.Batch(ctx, usersStream, filter, at, n)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return err
		}
		if len(values) == 0 {
			return nil
		}
		for _, v := range values {
			if s.to > 0 && v.Seq > s.to {
				return nil
			}
			from = v.Seq + 1
			u, ok := userOf(v.Subject)
			if !ok || !s.share.has(v.Seq) {
				continue
			}
			if err := f(u, v); err != nil {
				return err
			}
		}
		if s.gentle && !r.sleepCtx(ctx, min(gentleRest*time.Since(start), gentleMost)) {
			return ctx.Err()
		}
	}
}

// endings holds the users whose records are to be tidied, and when. One time a user is
// enough: tidying finds the next.
type endings struct {
	mu sync.Mutex // guards at
	at map[place.User]ending
}

type ending struct {
	due int64  // ms
	rec *known // as this gateway has written it last; nil: it is to be read
}

// add returns false if the record is tidied by then anyway.
func (e *endings) add(u place.User, due int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old, ok := e.at[u]
	if ok && old.due <= due {
		return false
	}
	if e.at == nil {
		e.at = make(map[place.User]ending)
	}
	e.at[u] = ending{due, old.rec}
	return true
}

// knows notes what was written of a record that is to be tidied; a zero one: it is to be
// read.
func (e *endings) knows(u place.User, at known) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if to, ok := e.at[u]; ok {
		to.rec = nil
		if at.seq > 0 {
			kept := at // for most records nothing is to be kept
			to.rec = &kept
		}
		e.at[u] = to
	}
}

// done returns what is known of a record that is tidied now.
func (e *endings) done(u place.User, due int64) *known {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.at[u]
	if old.due == due {
		delete(e.at, u)
	}
	return old.rec
}

// endAt schedules the tidying of a user's record at a time (ms); 0 for never.
func (r *Registry) endAt(u place.User, due int64) {
	if due == 0 || r.o.noTimers || !r.endings.add(u, due) {
		return
	}
	wait := time.Duration(due-r.now())*time.Millisecond + time.Millisecond
	time.AfterFunc(max(wait, time.Millisecond), func() {
		rec := r.endings.done(u, due)
		r.goes(func() {
			select {
			case r.tidySlots <- struct{}{}:
			case <-r.ctx.Done():
				return
			}
			err := errAway
			if r.Live() { // else so many of them would wait for nothing
				err = r.tidyUser(r.ctx, u, rec)
			}
			<-r.tidySlots
			if unanswered(err) {
				r.endAgain(u)
			}
		})
	})
}

// endAfter is how long after a record could not be tidied that is tried again, at least.
const endAfter = 5 * time.Second

func (r *Registry) endAgain(u place.User) {
	r.endAt(u, r.now()+endAfter.Milliseconds()+rand.Int64N(endAfter.Milliseconds()))
}

// mind takes over ending the places of a record that has just been dealt with here where
// that was for gateways to do that are not known to be alive. at is the record
// if this gateway has just written it.
func (r *Registry) mind(u place.User, rec *Record, at known) {
	defer r.endings.knows(u, at)
	var s rules
	for i := range rec.Instances {
		in := &rec.Instances[i]
		if in.Down == 0 || in.Gateway != r.self && r.leases.live(in.Gateway) {
			continue
		}
		if s.Grace == 0 {
			s = r.rules(u.SDKAppID)
		}
		r.endAt(u, in.due(s))
	}
}

// tidyUser ends the places in one record whose time is over. at is what is known of it,
// or nil.
func (r *Registry) tidyUser(ctx context.Context, u place.User, at *known) error {
	if at != nil && at.link != r.links.Load() {
		at = nil // a server that has lost its last writes would take another record for this one
	}
	return r.mutateKnown(ctx, "end", u, at, func(rec Record, s rules, _ string, now int64) step {
		next, c := tidy(rec, s, u, now)
		st := c.step(next)
		st.after = func() { r.endAt(u, c.Due) }
		return st
	})
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/layout"
)

// A gateway holds a key whose value ends by itself 15 s after it was last
// stored. A gateway that finds no such key takes the instances of the key's
// owner for disconnected. The owner itself neither sends nor delivers from
// then on, until it has the key again and has compared each of its places.

// leases holds this gateway's own lease and what it knows of the others.
type leases struct {
	mu      sync.Mutex
	seq     uint64
	until   time.Time
	term    uint64 // counts how often the lease was gained
	checked uint64 // the term whose places have all been compared
	gained  chan struct{}
	others  map[string]lease

	// vouched is until while all places of this term have been compared, else nil:
	// what Live reads without a lock, as every frame in or out asks it.
	vouched atomic.Pointer[time.Time]
}

// note brings vouched up to date; mu is held.
func (l *leases) note() {
	if l.checked != l.term {
		l.vouched.Store(nil)
		return
	}
	until := l.until
	l.vouched.Store(&until)
}

type lease struct {
	live  bool
	since int64     // of !live: ms
	asked time.Time // of !live
}

// believedDead is how long a gateway counts as dead without asking again. It
// may only have been cut off for a moment.
const believedDead = time.Second

func leaseKey(gateway string) string { return bus.BucketSubject(bus.BucketLeases, gateway) }

func (r *Registry) openLease(ctx context.Context) error {
	l := &r.leases
	l.gained = make(chan struct{})
	l.others = make(map[string]lease)
	if r.bus.Embedded() {
		// No other process can have this node's data: its earlier boots are
		// dead, even if their leases have some seconds left.
		node, _, _ := strings.Cut(r.self, ".")
		if err := r.bus.Purge(ctx, leaseStream, leaseKey(node+".*")); err != nil {
			return err
		}
	}
	if err := bus.Retry(ctx, r.renewLease); err != nil {
		return fmt.Errorf("registry: the lease cannot be taken: %w", err)
	}
	l.mu.Lock()
	l.checked = l.term // there is no place yet
	l.note()
	l.mu.Unlock()
	if err := bus.Retry(ctx, r.pollLeases); err != nil {
		return fmt.Errorf("registry: the leases cannot be read: %w", err)
	}
	r.goes(func() {
		for wait := r.o.leaseTTL / 3; r.untilRenewal(wait); {
			wait = r.o.leaseTTL / 3
			r.recent.turn(time.Now())
			if !r.bus.Up() {
				continue
			}
			ctx, cancel := context.WithTimeout(r.ctx, r.o.callTimeout)
			if err := r.renewLease(ctx); err != nil {
				r.log.Warn("registry: this gateway's lease could not be renewed", "error", err)
				wait = min(wait, time.Second)
			}
			if err := r.pollLeases(ctx); err != nil {
				r.log.Warn("registry: the leases of other gateways could not be read", "error", err)
			}
			cancel()
		}
	})
	return nil
}

// untilRenewal waits for d, or until the connection comes back. It returns
// false when the registry is being closed.
func (r *Registry) untilRenewal(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.natsBack:
	case <-r.ctx.Done():
		return false
	}
	return true
}

// renewLease stores the key again.
func (r *Registry) renewLease(ctx context.Context) error {
	l := &r.leases
	l.mu.Lock()
	seq := l.seq
	l.mu.Unlock()
	for {
		sent := time.Now()
		n, err := r.store.Put(ctx, leaseKey(r.self), layout.Encode(r.self), seq, r.o.leaseTTL)
		if errors.Is(err, bus.ErrConflict) {
			v, err := r.store.LastAtLeader(ctx, leaseStream, leaseKey(r.self))
			if err != nil && !errors.Is(err, bus.ErrNoValue) {
				return err
			}
			seq = v.Seq
			continue
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
		lost := !sent.Before(l.until)
		l.seq, l.until = n, sent.Add(r.o.leaseTTL)
		if lost {
			l.term++
			close(l.gained)
			l.gained = make(chan struct{})
		}
		term := l.term
		l.note()
		l.mu.Unlock()
		r.liveAgain.wake()
		if lost && term > 1 {
			r.log.Warn("registry: this gateway's lease had lapsed; it compares every session with its record")
			r.checkSoon()
		}
		return nil
	}
}

func (r *Registry) dropLease() {
	if r.leases.gained == nil || !r.bus.Up() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.bus.Purge(ctx, leaseStream, leaseKey(r.self)); err != nil {
		r.log.Warn("registry: this gateway's lease could not be returned; it lapses by itself", "error", err)
	}
}

// Live implements gateway.Registry.
func (r *Registry) Live() bool {
	until := r.leases.vouched.Load()
	return until != nil && time.Now().Before(*until) && r.bus.Up()
}

// errAway means that NATS has been away for so long that waiting is pointless.
var errAway = errors.New("NATS cannot be reached")

// awaitLive waits until this gateway may admit: the election of another NATS
// server takes some seconds, and the connection to the old one is lost before.
// It does not wait in an outage that has already lasted longer than an
// operation may take.
func (r *Registry) awaitLive(ctx context.Context) error {
	for {
		changed := r.liveAgain.next()
		switch {
		case r.Live():
			return nil
		case r.away() > r.o.opTimeout:
			return errAway
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errAway
		case <-r.ctx.Done():
			return errAway
		}
	}
}

// Await implements gateway.Registry.
func (r *Registry) Await(ctx context.Context) error {
	if r.Live() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.opTimeout)
	defer cancel()
	if err := r.awaitLive(ctx); err != nil {
		return r.fail(err)
	}
	return nil
}

// broadcast wakes all its waiters at once.
type broadcast struct {
	mu sync.Mutex
	c  chan struct{}
}

// next returns a channel that the next wake closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{})
	}
	return b.c
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		close(b.c)
		b.c = nil
	}
}

// away returns for how long NATS has not answered, as far as this gateway
// knows.
func (r *Registry) away() (d time.Duration) {
	if since := r.downSince.Load(); since != nil {
		d = time.Since(*since)
	}
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	return max(d, time.Since(r.leases.until))
}

// connection notes that the connection to NATS was lost or is back.
func (r *Registry) connection(up bool) {
	if up {
		r.downSince.Store(nil)
		r.liveAgain.wake()
		poke(r.natsBack)
		r.checkSoon()
		return
	}
	r.links.Add(1)
	now := time.Now()
	r.downSince.CompareAndSwap(nil, &now)
}

// held waits until this gateway has its lease: a place on a gateway without
// one would count as disconnected.
func (l *leases) held(ctx context.Context, r *Registry) error {
	for {
		l.mu.Lock()
		ok, gained := time.Now().Before(l.until), l.gained
		l.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-gained:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// passed notes that all places have been compared in this term.
func (l *leases) passed(term uint64) {
	l.mu.Lock()
	l.checked = max(l.checked, term)
	l.note()
	l.mu.Unlock()
}

// current returns the term, and whether its places have all been compared.
func (l *leases) current() (term uint64, vouched bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, l.checked == l.term
}

// live reports whether a gateway has a lease, as far as is known.
func (l *leases) live(gateway string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.others[gateway].live
}

// pollLeases reads which gateways there are.
func (r *Registry) pollLeases(ctx context.Context) error {
	prefix := leaseKey("")
	present := make(map[string]bool)
	for seq := uint64(1); ; {
		v, err := r.bus.Next(ctx, leaseStream, prefix+">", seq)
		if errors.Is(err, bus.ErrNoValue) {
			break
		}
		if err != nil {
			return err
		}
		present[strings.TrimPrefix(v.Subject, prefix)] = true
		seq = v.Seq + 1
	}
	l := &r.leases
	l.mu.Lock()
	var missing []string
	for gw, is := range l.others {
		if is.live && !present[gw] {
			missing = append(missing, gw)
		}
	}
	for gw := range present {
		if gw != r.self {
			l.others[gw] = lease{live: true}
		}
	}
	l.mu.Unlock()
	for _, gw := range missing {
		// A follower may be behind: ask the leader before any instance counts
		// as disconnected.
		if _, err := r.askLease(ctx, gw, r.now()); err != nil {
			return err
		}
	}
	return nil
}

// askLease asks the leader whether a gateway is alive, and notes the answer.
func (r *Registry) askLease(ctx context.Context, gw string, since int64) (lease, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	_, err := r.store.LastAtLeader(ctx, leaseStream, leaseKey(gw))
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return lease{}, err
	}
	is := lease{live: err == nil, since: since, asked: time.Now()}
	r.leases.mu.Lock()
	was, known := r.leases.others[gw]
	r.leases.others[gw] = is
	r.leases.mu.Unlock()
	if !is.live && (was.live || !known) {
		r.log.Info("registry: a gateway is gone", "gateway", gw)
		r.gatewayGone()
	}
	return is, nil
}

// lapsed returns a function that reports since when the instances of a gateway
// count as disconnected.
func (r *Registry) lapsed(ctx context.Context) func(gateway string) (since int64, yes bool) {
	return func(gw string) (int64, bool) {
		if gw == r.self {
			return 0, false
		}
		r.leases.mu.Lock()
		is, ok := r.leases.others[gw]
		r.leases.mu.Unlock()
		switch {
		case !ok:
			var err error
			// Nobody knows how long it has been gone: no longer than this
			// gateway has known of it.
			if is, err = r.askLease(ctx, gw, r.started); err != nil {
				return 0, false
			}
		case !is.live && time.Since(is.asked) > believedDead:
			if now, err := r.askLease(ctx, gw, is.since); err == nil {
				is = now
			}
		}
		return is.since, !is.live
	}
}

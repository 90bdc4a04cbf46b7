// Package registry keeps who is online where, in NATS key-value: one record a
// user, changed by compare-and-set only. It implements gateway.Registry.
//
//	registry.go       Open, Close, and the goroutines of a Registry
//	record.go         a user's record: what is stored
//	write.go          how that is written
//	read.go           how it is read
//	admit.go          who is admitted and who has to go (enforce): pure
//	change.go         what else may happen to a record: pure
//	ports.go          what it needs of a bus
//	store.go          the compare-and-set around them
//	lease.go          which gateways are alive
//	sockets.go        what is asked of the gateway of this process
//	signal.go         kick, probe and drop, to the gateway that holds a socket
//	check.go          places of this gateway compared with the records, all at once
//	round.go          the same all the time, some a second
//	sweep.go          places that nobody else ends
//	settings.go       the settings of an app and their rules
//	settingsstore.go  how they are stored and reach every gateway
//	admin.go          what the server API asks for
//	ban.go            users who are kept out for a time
//	event.go, feed.go what happened, for webhooks and the console
//	history.go        a user's newest logins and how they ended
//
// The record is the truth and sockets follow it. Every attach has a number
// from the compare-and-set; whatever names an older one is ignored. A signal
// may be late or repeated, and is lost with the gateway that sends it: the others
// compare their places with the records when one has gone, every five minutes,
// and after every reconnect.
package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// Streams of the registry's buckets.
var (
	usersStream  = bus.BucketStream(bus.BucketUsers)
	configStream = bus.BucketStream(bus.BucketConfig)
	leaseStream  = bus.BucketStream(bus.BucketLeases)
)

// Options of Open. Bus, Node and Sockets are required.
type Options struct {
	Bus Bus
	// Sockets is the gateway of this process.
	Sockets Sockets
	// Node is this gateway's name, unique in the cluster; a random boot id is
	// added to it.
	Node string
	// Grace is how long an instance with a lost link counts as disconnected
	// before its place ends; 60 s when 0. CleanGrace is the same after a page
	// was closed; 5 s when 0.
	Grace, CleanGrace time.Duration
	// Known reports whether an account was imported; nil when everybody may
	// log in.
	Known func(ctx context.Context, u place.User) (bool, error)
	// Events turns on the durable events for webhooks (bus.StreamEvents).
	Events bool
	// History is how long a user's newest logins and their ends are kept for
	// administrators; 0: nothing is kept.
	History time.Duration
	// Log is slog.Default when nil.
	Log *slog.Logger
	// Observe, if given, receives each operation on the store: its name, how
	// long it took, how often its compare-and-set met another write, and its
	// error. It must not block.
	Observe func(op string, took time.Duration, conflicts int, err error)

	// For tests: the clock, the length of a lease and the time between two looks at the settings.
	now         func() time.Time
	leaseTTL    time.Duration
	check       time.Duration
	wrap        func(store) store
	lose        func(s signal, to string) (lost bool, copies int)
	noTimers    bool // no check, walk or tidying begins by itself
	opTimeout   time.Duration
	callTimeout time.Duration
	retry       time.Duration
}

// Registry implements gateway.Registry. It is safe for concurrent use.
type Registry struct {
	o     Options
	bus   Bus
	store store
	log   *slog.Logger
	self  string // node and boot id
	seal  [32]byte

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	wg      sync.WaitGroup
	closing sync.Mutex // held where goes starts a goroutine and where Close ends all of them

	changed    func([]place.User) // nil or set before Start
	unlisten   []func()           // end the subscriptions to signals and to notices of settings
	settings   settingsCache
	leases     leases
	recent     recent
	unreported unreported
	doubts     doubts
	sweeps     sweeps
	endings    endings
	history    logbook
	feed       feed
	strangers  strangers
	checks     checks
	rounds     rounds
	checkNow   chan struct{} // compare all places now
	natsBack   chan struct{} // the connection is back: renew the lease now
	tidySlots  chan struct{} // limits the work that ends places
	leaveSlots chan struct{} // limits what the gateway reports of sockets that end
	started    int64
	liveAgain  broadcast                 // wakes the waiters for a live gateway
	links      atomic.Uint64             // counts how often NATS was lost
	downSince  atomic.Pointer[time.Time] // since when NATS cannot be reached; nil when it can
	failedAt   atomic.Int64              // Unix second of the last log line about a silent store
}

// Open takes this gateway's lease and makes the buckets if they are absent.
func Open(ctx context.Context, o Options) (*Registry, error) {
	if o.Bus == nil || o.Node == "" || o.Sockets == nil {
		return nil, errors.New("registry: Bus, Node and Sockets are required")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Grace, 60*time.Second)
	def(&o.CleanGrace, 5*time.Second)
	o.CleanGrace = min(o.CleanGrace, o.Grace) // a closed page gets no more time than a lost link
	def(&o.leaseTTL, 15*time.Second)
	def(&o.check, 30*time.Second)
	def(&o.opTimeout, 8*time.Second)
	def(&o.callTimeout, 2*time.Second)
	def(&o.retry, 50*time.Millisecond)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.now == nil {
		o.now = time.Now
	}
	r := &Registry{
		o: o, bus: o.Bus, log: o.Log,
		self:     token(o.Node) + "." + randomHex(6),
		checkNow: make(chan struct{}, 1), natsBack: make(chan struct{}, 1),
		rounds:    rounds{gone: make(chan struct{}, 1), next: time.Now().Add(roundEvery)},
		sweeps:    sweeps{wake: make(chan struct{}, 1)},
		tidySlots: make(chan struct{}, 64), leaveSlots: make(chan struct{}, 64),
	}
	r.store = r.bus
	if o.wrap != nil {
		r.store = o.wrap(r.bus)
	}
	r.started = r.now()
	r.ctx, r.stop = context.WithCancel(context.Background())
	if err := r.open(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Registry) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, b := range []struct{ name, description string }{
		{bus.BucketUsers, "tim: one record a user"},
		{bus.BucketConfig, "tim: settings of the apps"},
		{bus.BucketLeases, "tim: gateways that are alive"},
	} {
		if err := r.bus.OpenBucket(ctx, b.name, b.description); err != nil {
			return err
		}
	}
	if r.o.Events {
		if err := r.openEvents(ctx); err != nil {
			return err
		}
	}
	if err := r.openHistory(ctx); err != nil {
		return err
	}
	if err := r.openSeal(ctx); err != nil {
		return err
	}
	if err := r.openSettings(ctx); err != nil {
		return err
	}
	return r.openLease(ctx)
}

// OnChange sets the function that is called with the users who come or go, soon
// after their records say so, on the gateway that stored it. f must not block. Call
// OnChange before Start.
func (r *Registry) OnChange(f func([]place.User)) { r.changed = f }

// Start begins to answer signals and to check the gateway's places. Call it
// once, before the first socket is accepted.
func (r *Registry) Start() error {
	if err := r.listen(); err != nil {
		return err
	}
	r.bus.OnChange(r.connection)
	if !r.o.noTimers {
		r.goes(r.keepChecking)
		r.goes(r.keepSweeping)
	}
	return nil
}

// Close stores what waits for the history, and returns the lease. The gateway's
// sockets should be gone by then: whatever is still attached counts as disconnected
// from now on.
func (r *Registry) Close() {
	r.closing.Lock()
	closed := r.ctx.Err() != nil
	r.stop()
	r.closing.Unlock()
	if closed {
		return
	}
	for _, stop := range r.unlisten {
		stop()
	}
	r.wg.Wait()
	r.history.end()
	r.dropLease()
}

// Gateway returns this gateway's name in records and events: node and boot id.
func (r *Registry) Gateway() string { return r.self }

// SealKey returns a random key that all gateways of the cluster share, for
// sealing farewell tokens. It outlives restarts.
func (r *Registry) SealKey() [32]byte { return r.seal }

func (r *Registry) openSeal(ctx context.Context) error {
	subject := bus.BucketSubject(bus.BucketConfig, "seal")
	for {
		v, err := r.bus.LastAtLeader(ctx, configStream, subject)
		if err == nil && len(v.Data) == len(r.seal) {
			copy(r.seal[:], v.Data)
			return nil
		}
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return fmt.Errorf("registry: the sealing key cannot be read: %w", err)
		}
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		if _, err := r.bus.Put(ctx, subject, key[:], v.Seq, 0); err != nil && !errors.Is(err, bus.ErrConflict) {
			return fmt.Errorf("registry: the sealing key cannot be stored: %w", err)
		}
	}
}

// goes runs f in a goroutine that Close waits for; after Close it returns false
// instead. f must end when r.ctx does.
func (r *Registry) goes(f func()) bool {
	r.closing.Lock()
	defer r.closing.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		f()
	}()
	return true
}

// poke wakes whoever waits for c, which holds one element; several pokes are one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for d; it returns false when the registry is being closed.
func (r *Registry) sleep(d time.Duration) bool { return r.sleepCtx(r.ctx, d) }

// sleepCtx waits for d; it returns false when ctx ends first or the registry is
// being closed.
func (r *Registry) sleepCtx(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-r.ctx.Done():
		return false
	}
}

func (r *Registry) now() int64 { return r.o.now().UnixMilli() }

// rules returns what an app's decisions go by at this moment.
func (r *Registry) rules(app uint32) rules {
	return rules{
		Settings: r.settings.get(app),
		Grace:    r.o.Grace.Milliseconds(), CleanGrace: r.o.CleanGrace.Milliseconds(),
	}
}

// key returns the subject of a user's record.
func key(u place.User) string {
	return bus.BucketSubject(bus.BucketUsers, strconv.FormatUint(uint64(u.SDKAppID), 10)+"."+bus.UserToken(u.UserID))
}

// userOf is key's inverse.
func userOf(subject string) (place.User, bool) {
	var u place.User
	rest, ok := strings.CutPrefix(subject, bus.BucketSubject(bus.BucketUsers, ""))
	app, id, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return u, false
	}
	n, err := strconv.ParseUint(app, 10, 32)
	if err != nil {
		return u, false
	}
	u.SDKAppID = uint32(n)
	u.UserID, err = bus.UserOfToken(id)
	return u, err == nil
}

// token replaces the characters that must not stand in a subject.
func token(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, name)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

package live

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/turns"
)

// Bus is what live rooms need of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, handle func(data []byte)) (stop func(), err error)
	Flush(within time.Duration) error
}

// Key names a room.
type Key struct {
	App uint32
	ID  string // the groupID
}

func (k Key) class() int { return int(bus.Hash32(k.ID) % classes) }

// Options of Open. Zero values mean the defaults.
type Options struct {
	// Changed is called with users who came into a room on this gateway, and who
	// left it, in that order: at most once a second for a room, and with nobody who
	// came and went in between. nil: nobody is told.
	Changed func(k Key, all []Move)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Report gets the errors of background work; nil: they are dropped.
	Report func(err error)
}

// Rooms are the live rooms that have members on this gateway.
type Rooms struct {
	o     Options
	bus   Bus
	name  string // of this gateway, in what gateways tell each other
	stats counters
	turns turns.ByKey[int] // of the classes

	mu      sync.Mutex // guards what follows, and all that it holds
	closed  bool
	rooms   map[Key]*audience
	classes [classes]class
	sources map[Key]*rate.Limiter     // what is said from this gateway
	spoken  map[speaker]*rate.Limiter // what members may say who have left since they spoke
	counts  map[Key]map[string]count
	told    map[Key]struct{} // the rooms of the newest report of this gateway
	fresh   map[Key]struct{} // those that have members here since, to be reported soon
	untold  map[Key]*moves

	listings map[listed]*listing
	asking   map[uint64]*listing // those that are not complete, by the number of the ask
	asked    uint64              // how many asks there have been

	ctx     context.Context // ends with Close
	end     context.CancelFunc
	stops   []func() // end listening to what concerns all rooms
	running sync.WaitGroup
}

// Open begins to listen to the reports of other gateways. The caller keeps the bus
// and closes it after the Rooms.
func Open(b Bus, o Options) (*Rooms, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	var name [9]byte
	_, _ = rand.Read(name[:]) // never fails
	r := &Rooms{
		o: o, bus: b, name: base64.RawURLEncoding.EncodeToString(name[:]),
		rooms: map[Key]*audience{}, sources: map[Key]*rate.Limiter{}, spoken: map[speaker]*rate.Limiter{}, counts: map[Key]map[string]count{},
		told: map[Key]struct{}{}, fresh: map[Key]struct{}{}, untold: map[Key]*moves{},
		listings: map[listed]*listing{}, asking: map[uint64]*listing{},
	}
	r.ctx, r.end = context.WithCancel(context.Background())
	for _, s := range []struct {
		subject string
		heard   func(data []byte)
	}{{bus.SubjectRoomed, r.heardReport}, {bus.SubjectAllRooms, r.heardBroadcast}, {bus.SubjectRoomNewest + r.name, r.heardNewest}} {
		stop, err := b.Subscribe(s.subject, s.heard)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.stops = append(r.stops, stop)
	}
	r.every(reportEvery, r.report)
	r.every(sweepEvery, r.sweep)
	if o.Changed != nil {
		r.every(tellEvery, r.tellMoves)
	}
	return r, nil
}

// every calls f again and again until Close.
func (r *Rooms) every(pause time.Duration, f func()) {
	r.running.Go(func() {
		t := time.NewTicker(pause)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-r.ctx.Done():
				return
			}
		}
	})
}

// Close ends the delivery. Other gateways learn that the members here are gone.
func (r *Rooms) Close() {
	r.mu.Lock()
	r.closed = true
	stops := slices.Clone(r.stops)
	for c := range r.classes {
		if stop := r.classes[c].stop; stop != nil {
			stops = append(stops, stop)
		}
	}
	r.mu.Unlock()
	r.end()
	for _, stop := range stops {
		stop()
	}
	r.running.Wait()
	r.report() // of no members any more
}

// Message is what somebody says in a room.
type Message struct {
	ID       string // a repetition has the same one
	Priority Priority
	// From is the sender. Their session on Instance does not get the message, as it
	// is answered with it; none of theirs does if NoSync is set.
	From, Instance string
	NoSync         bool
	Body           json.RawMessage // the Message as clients see it
}

// Say brings a message to the members of a room on all gateways. It refuses the
// message with 10006 if too much is said there, or by a member who is not trusted
// with more than others.
func (r *Rooms) Say(k Key, m Message, trusted bool) error {
	if err := r.takes(k, m, trusted); err != nil {
		return err
	}
	return r.signal(k, signal{App: k.App, Room: k.ID, Said: &said{
		ID: m.ID, Priority: m.Priority, From: m.From, Instance: m.Instance, NoSync: m.NoSync, Body: m.Body,
	}})
}

func (r *Rooms) takes(k Key, m Message, trusted bool) error {
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !trusted {
		one := r.rooms[k].find(m.From)
		if one == nil {
			return fault.With(fault.GroupNotPermitted, "only members send messages to a live room: join it first")
		}
		if !one.says.AllowN(now, costOf(len(m.Body))) {
			return fault.With(fault.GroupTooFrequent, "a member says at most "+strconv.Itoa(memberRate)+" short messages a second in a live room")
		}
	}
	l := r.sources[k]
	if l == nil {
		l = newAllowance()
		r.sources[k] = l
	}
	if !allows(l, m.Priority, len(m.Body), now) {
		return fault.With(fault.GroupTooFrequent, "too much is said in this live room now")
	}
	return nil
}

// Since returns since when a user is in a room with a session on this gateway, and
// whether they are.
func (r *Rooms) Since(k Key, userID string) (at time.Time, here bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.rooms[k].find(userID)
	if one == nil {
		return at, false
	}
	return one.since, true
}

// Here reports whether a room has members on this gateway.
func (r *Rooms) Here(k Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms[k] != nil
}

// Stats are gauges and totals of this gateway.
type Stats struct {
	Rooms, Members int   // now; a member for each session
	Visitors       int   // now
	Messages       int64 // said in rooms that have members or visitors here
	Frames         int64 // queued for members
	Thinned        int64 // messages for which a room had no allowance left
	Missed         int64 // messages that members who read slowly did not get
}

type counters struct{ messages, frames, thinned, missed atomic.Int64 }

// Stats returns a snapshot.
func (r *Rooms) Stats() Stats {
	s := Stats{
		Messages: r.stats.messages.Load(), Frames: r.stats.frames.Load(),
		Thinned: r.stats.thinned.Load(), Missed: r.stats.missed.Load(),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Rooms = len(r.rooms)
	for _, m := range r.rooms {
		s.Members += len(m.sessions) - m.visitors
		s.Visitors += m.visitors
	}
	return s
}

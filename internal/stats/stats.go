// Package stats counts what happens in an app, hour by hour: logins, messages, and
// how many instances were connected at once, over all gateways.
//
//	stats.go  counting, and adding to the document of the day
//	read.go   the days that are kept
//
// A gateway counts in memory, which costs a message one addition. Once a minute it
// adds what it has counted to the one document that an app has of each day, by
// compare-and-set. The document also says, for each gateway, how many instances it
// had then and the number of its newest addition: so an addition whose answer was lost
// is not made twice, and the most of one gateway together with what the others have
// is how many instances were connected. A gateway that dies loses what it counted in its last
// minute. Days and hours are those of UTC; what is counted belongs to the hour in
// which it is added.
//
// app.mu guards the counts of one app, never across a call of the store.
// Stats.adding is held by the one Add that runs.
package stats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

const (
	every    = time.Minute          // how often a gateway adds
	current  = 3 * time.Minute      // how long what a gateway had online counts
	known    = time.Hour            // how long a document knows of a gateway's newest addition
	maxKnown = 256                  // of how many gateways
	keep     = 400 * 24 * time.Hour // how long a day is kept
	tries    = 20                   // of a compare-and-set, in one call
)

// storeTimeout limits one addition or reading.
const storeTimeout = 8 * time.Second

// Bus is what Stats needs of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenBucket(ctx context.Context, bucket, description string) error
	Last(ctx context.Context, stream, subject string) (bus.Value, error)
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
}

// Options of Stats. Bus and Gateway are required.
type Options struct {
	Bus     Bus
	Gateway string           // sets this process apart from all others
	Now     func() time.Time // time.Now when nil
	Report  func(error)      // receives what went wrong in the background
}

// Stats counts on one gateway. It is safe for concurrent use.
type Stats struct {
	o    Options
	apps sync.Map // uint32 to *app

	adding chan struct{} // holds a value while Add runs
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// app is what was counted of one app and not added yet.
type app struct {
	messages atomic.Int64

	mu           sync.Mutex // guards what follows
	logins       int64
	online, most int64 // instances that are connected; the most since the last addition

	// Add's own.
	last    int64     // online of the last addition
	number  uint64    // of the newest addition
	pending *addition // may have been stored or not
}

// addition is what a gateway adds to an hour.
type addition struct {
	at               time.Time
	logins, messages int64
	most, online     int64
	number           uint64
}

// Open makes the bucket if it is absent, and begins to add once a minute.
func Open(ctx context.Context, o Options) (*Stats, error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.work.Go(func() { s.run(life) })
	return s, nil
}

// prepare is Open without what adds by itself.
func prepare(ctx context.Context, o Options) (*Stats, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := o.Bus.OpenBucket(ctx, bus.BucketStats, "tim: what happened in an app, by day"); err != nil {
		return nil, err
	}
	return &Stats{o: o, adding: make(chan struct{}, 1), stop: func() {}}, nil
}

// run adds once a minute, each gateway at another second.
func (s *Stats) run(life context.Context) {
	for wait := rand.N(every); ; wait = every {
		timer := time.NewTimer(wait)
		select {
		case <-life.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := s.Add(life); err != nil && life.Err() == nil && s.o.Report != nil {
			s.o.Report(err)
		}
	}
}

// Close adds what is left.
func (s *Stats) Close(ctx context.Context) {
	s.stop()
	s.work.Wait()
	if err := s.Add(ctx); err != nil && s.o.Report != nil {
		s.o.Report(err)
	}
}

func (s *Stats) of(sdkAppID uint32) *app {
	if a, ok := s.apps.Load(sdkAppID); ok {
		return a.(*app)
	}
	a, _ := s.apps.LoadOrStore(sdkAppID, &app{})
	return a.(*app)
}

// Came counts an instance that is connected from now on, and its login unless it only
// came back.
func (s *Stats) Came(sdkAppID uint32, login bool) {
	a := s.of(sdkAppID)
	a.mu.Lock()
	defer a.mu.Unlock()
	if login {
		a.logins++
	}
	a.online++
	a.most = max(a.most, a.online)
}

// Left takes back what Came said of an instance. It may be called before it.
func (s *Stats) Left(sdkAppID uint32) {
	a := s.of(sdkAppID)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online--
}

// Sent counts a message.
func (s *Stats) Sent(sdkAppID uint32) { s.of(sdkAppID).messages.Add(1) }

// Add adds what was counted to the day's documents. What could not be added is added
// by the next call.
func (s *Stats) Add(ctx context.Context) (err error) {
	select {
	case s.adding <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.adding }()
	s.apps.Range(func(id, a any) bool {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		err = errors.Join(err, s.addOf(ctx, id.(uint32), a.(*app)))
		return true
	})
	return err
}

func (s *Stats) addOf(ctx context.Context, id uint32, a *app) error {
	now := s.o.Now()
	if a.pending != nil && now.Sub(a.pending.at) > known/2 {
		a.pending = nil // the document may have forgotten it: rather once too little than twice
	}
	if a.pending != nil {
		if err := s.settle(ctx, id, *a.pending); err != nil {
			return err
		}
		a.pending = nil
	}
	next := a.take()
	if next.logins == 0 && next.messages == 0 && next.most == 0 && a.last == 0 {
		return nil
	}
	a.number++
	next.at, next.number = now, a.number
	a.last, a.pending = next.online, &next
	if err := s.settle(ctx, id, next); err != nil {
		return err
	}
	a.pending = nil
	return nil
}

// take returns what was counted since the last call.
func (a *app) take() addition {
	a.mu.Lock()
	defer a.mu.Unlock()
	online := max(a.online, 0)
	next := addition{logins: a.logins, messages: a.messages.Swap(0), most: a.most, online: online}
	a.logins, a.most = 0, online
	return next
}

// document is a day of an app.
type document struct {
	Hours    [24]Hour           `json:"h"`
	Gateways map[string]gateway `json:"g"`
}

// gateway is what a gateway said in its newest addition.
type gateway struct {
	At     int64  `json:"t"` // Unix s
	Online int64  `json:"o,omitempty"`
	Number uint64 `json:"n"`
}

// settle makes an addition unless it has been made.
func (s *Stats) settle(ctx context.Context, id uint32, add addition) error {
	where := subject(id, add.at)
	for range tries {
		v, err := s.o.Bus.LastAtLeader(ctx, bus.BucketStream(bus.BucketStats), where)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return fmt.Errorf("statistics of app %d cannot be read: %w", id, err)
		}
		var d document
		if len(v.Data) > 0 {
			if err := json.Unmarshal(v.Data, &d); err != nil {
				return fmt.Errorf("statistics of app %d cannot be read: %w", id, err)
			}
		}
		if d.Gateways[s.o.Gateway].Number >= add.number {
			return nil
		}
		d.add(s.o.Gateway, add)
		data, err := json.Marshal(d)
		if err != nil {
			return err
		}
		_, err = s.o.Bus.Put(ctx, where, data, v.Seq, keep)
		if err == nil {
			return nil
		}
		if !errors.Is(err, bus.ErrConflict) {
			return fmt.Errorf("statistics of app %d cannot be stored: %w", id, err)
		}
	}
	return fmt.Errorf("statistics of app %d could not be stored: other gateways were faster %d times", id, tries)
}

// add enters an addition of a gateway.
func (d *document) add(from string, add addition) {
	if d.Gateways == nil {
		d.Gateways = map[string]gateway{}
	}
	online := add.most
	for name, g := range d.Gateways {
		age := add.at.Sub(time.Unix(g.At, 0))
		switch {
		case name == from:
		case age < current:
			online += g.Online
		case age > known || len(d.Gateways) > maxKnown:
			delete(d.Gateways, name)
		}
	}
	d.Gateways[from] = gateway{add.at.Unix(), add.online, add.number}
	h := &d.Hours[add.at.UTC().Hour()]
	h.Logins += add.logins
	h.Messages += add.messages
	h.Peak = max(h.Peak, online)
}

func subject(id uint32, day time.Time) string {
	return bus.BucketSubject(bus.BucketStats, strconv.FormatUint(uint64(id), 10)+"."+day.UTC().Format("20060102"))
}

package group

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/turns"
)

// Bus is what groups need of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
	// Batch returns the first values from a position on; any replica may answer.
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
}

// Options of Open. Zero values mean the defaults.
type Options struct {
	// Admin reports whether a UserID is that of an administrator of the app; nil:
	// nobody is one.
	Admin func(userID string) bool
	// Known reports whether an account exists; nil: every UserID has one.
	Known func(ctx context.Context, u place.User) (bool, error)
	// Profiles returns the nicks and avatars of users, in the order of userIDs;
	// nil: users have none.
	Profiles func(ctx context.Context, app uint32, userIDs []string) ([]Profile, error)
	// Online reports who is online, in the order of userIDs; nil: nobody is.
	Online func(ctx context.Context, app uint32, userIDs []string) ([]bool, error)
	// Log takes the changes of groups that are reported among their messages;
	// nil: they are not reported.
	Log Log
	// Live knows who is in which live room; nil: groups of type AVChatRoom are
	// refused with 2998. The caller closes it.
	Live *live.Rooms
	// Hooks are asked before groups change and told afterwards; nil: nobody is.
	Hooks Hooks
	// Frame is the most bytes that a result or notification has; 48 KB.
	Frame int
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Report gets the errors of background work; nil: they are dropped.
	Report func(err error)
}

// Profile is what a member list shows of a user's profile.
type Profile struct{ Nick, Avatar string }

func (o Options) withDefaults() Options {
	if o.Admin == nil {
		o.Admin = func(string) bool { return false }
	}
	if o.Known == nil {
		o.Known = func(context.Context, place.User) (bool, error) { return true, nil }
	}
	if o.Profiles == nil {
		o.Profiles = func(_ context.Context, _ uint32, ids []string) ([]Profile, error) {
			return make([]Profile, len(ids)), nil
		}
	}
	if o.Online == nil {
		o.Online = func(_ context.Context, _ uint32, ids []string) ([]bool, error) { return make([]bool, len(ids)), nil }
	}
	if o.Frame == 0 {
		o.Frame = 48 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	return o
}

// Room serves groups on one gateway. Its methods may be called from any
// goroutine.
type Room struct {
	o           Options
	bus         Bus
	log         bus.Log
	follower    bus.Follower
	turns       turns.ByKey[key] // for changes of membership
	rates       rates
	listeners   listeners
	managers    managers
	groupCounts groupCounts
	online      counts
	tidying     tidying

	ctx     context.Context // ends with Close
	end     context.CancelFunc
	jobs    jobs // background work that somebody waits for
	chores  jobs // background work that nobody waits for
	running sync.WaitGroup
}

// Open creates the stream where it is missing and begins to follow it. The caller
// keeps the bus and closes it after the Room.
func Open(ctx context.Context, b Bus, o Options) (*Room, error) {
	log, err := b.OpenLog(ctx, bus.LogConfig{Stream: bus.StreamGroups, Subjects: bus.SubjectGroups + ">", Keep: 1})
	if err != nil {
		return nil, fmt.Errorf("group: %w", err)
	}
	r := &Room{
		o: o.withDefaults(), bus: b, log: log,
		rates: newRates(), listeners: newListeners(), online: counts{all: map[key]count{}},
		jobs: newJobs(), chores: newJobs(), tidying: tidying{groups: map[key]struct{}{}},
	}
	r.ctx, r.end = context.WithCancel(context.Background())
	r.follower = log.Follower(r.saw, func(err error) { r.report("following", err) })
	if err := r.follower.Start(ctx); err != nil {
		r.end()
		r.follower.Close()
		return nil, fmt.Errorf("group: %w", err)
	}
	r.jobs.start(r.ctx, &r.running, jobsAtOnce)
	r.chores.start(r.ctx, &r.running, choresAtOnce)
	return r, nil
}

// Close ends what Open began; sessions are notified no longer. Callers end the
// calls that are under way themselves.
func (r *Room) Close() {
	r.end()
	r.follower.Close()
	r.running.Wait()
}

// report passes an error of background work to Options.Report, unless it comes
// from closing the room.
func (r *Room) report(what string, err error) {
	if r.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		r.o.Report(fmt.Errorf("group: %s: %w", what, err))
	}
}

// random returns an ID that is unlike any other.
func (r *Room) random() string {
	b := drawn()
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func drawn() (b [12]byte) {
	_, _ = rand.Read(b[:]) // never fails
	return b
}

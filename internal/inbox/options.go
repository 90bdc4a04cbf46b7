package inbox

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

// Options of Open. Zero values mean the defaults.
type Options struct {
	MaxAge   time.Duration // messages older than this go; 90 days, negative keeps them
	MaxCount int64         // records a conversation keeps; 20,000, negative keeps all
	Dedup    time.Duration // how long a repetition is recognised; 2 min
	MaxBody  int           // bytes of payload and cloudCustomData together; 12 KB
	Rate     float64       // messages a second from one user; 20
	Burst    int           // messages at once from one user; 60
	// GroupRate is how many messages a second one group takes on this gateway; 40.
	GroupRate int
	Revoke    time.Duration // how long a message can be revoked; 2 min
	Missed    int           // messages delivered at login at most; 200
	Frame     int           // bytes of one notification or result; 48 KB
	SyncIdle  time.Duration // how long a sync waits to be asked for more; 1 min
	// Conversations is how many a user has at most; 10,000.
	Conversations int

	// What one user may do in a day, on all gateways together; negative: no limit.
	QuotaBytes         int64 // that their calls store; 1 GB
	QuotaConversations int   // that they begin; 500

	// Partitions is how many streams the logs of conversations are divided among,
	// 16 at most; 1. The store's layout says how many: all gateways use the same
	// number, for as long as the store exists.
	Partitions int

	// Known reports whether an account exists; nil: every UserID does.
	Known func(ctx context.Context, u place.User) (bool, error)
	// Presence knows who is online; nil: whoever has a session in this process.
	Presence Presence
	// Groups knows who is in which group; nil: groups have no messages.
	Groups Groups
	// Rooms brings messages to live rooms; nil: they have no messages.
	Rooms Rooms
	// Media keeps files; nil: messages cannot name any.
	Media Media
	// Now is the clock, AfterFunc its timers; nil: those of package time.
	Now       func() time.Time
	AfterFunc func(d time.Duration, f func()) Timer
	// OnQuota is called for each portion of a quota that is taken from the store
	// for a user, and for each call that is refused because of a quota. It must
	// not block.
	OnQuota func(quota string, refused bool)
	// OnBlock is called when a user has put others on their blacklist, those
	// included who are on it already, before the call is answered; nil: nobody is
	// told.
	OnBlock func(ctx context.Context, u place.User, userIDs []string) error
	// Hooks are asked and told of what is sent; nil: nobody is.
	Hooks Hooks
	// Traced says that calls may hold spans of package trace.
	Traced bool
	// Report is called with errors of work in the background.
	Report func(err error)

	reach time.Duration // how long a call waits for a follower; reachWithin
}

// Timer is a time.Timer, as far as the inbox needs it.
type Timer interface {
	Stop() bool
}

// Presence knows which users of an app are online on any gateway. Online returns
// an answer for each user, in their order; current asks for the present state,
// without it the answers may be a moment old.
type Presence interface {
	Online(ctx context.Context, sdkAppID uint32, userIDs []string, current bool) ([]bool, error)
}

// storeTimeout bounds one operation on the stores; then it fails with 70169.
const storeTimeout = 8 * time.Second

func (o Options) withDefaults() Options {
	def(&o.MaxAge, 90*24*time.Hour)
	def(&o.MaxCount, 20_000)
	def(&o.Dedup, 2*time.Minute)
	def(&o.MaxBody, 12<<10)
	def(&o.Rate, 20)
	def(&o.Burst, 60)
	def(&o.GroupRate, 40)
	def(&o.Revoke, 2*time.Minute)
	def(&o.Missed, 200)
	def(&o.Frame, 48<<10)
	def(&o.SyncIdle, time.Minute)
	def(&o.QuotaBytes, 1<<30)
	def(&o.QuotaConversations, 500)
	o.QuotaBytes, o.QuotaConversations = max(0, o.QuotaBytes), max(0, o.QuotaConversations)
	def(&o.Conversations, 10_000)
	def(&o.Partitions, 1)
	def(&o.reach, reachWithin)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
	}
	if o.OnQuota == nil {
		o.OnQuota = func(string, bool) {}
	}
	if o.OnBlock == nil {
		o.OnBlock = func(context.Context, place.User, []string) error { return nil }
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.MaxAge < 0 {
		o.MaxAge = 0
	}
	if o.MaxAge > 0 {
		o.Dedup = min(o.Dedup, o.MaxAge)
	}
	if o.MaxCount < 0 {
		o.MaxCount = -1
	}
	return o
}

func def[T int | int64 | float64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

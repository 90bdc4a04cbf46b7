package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/trace"
)

// Options of a Gateway. Keys is required.
type Options struct {
	// Keys returns the secret keys of an app, nil when it is not served here.
	Keys func(sdkAppID uint32) []string

	// LoginTimeout counts from the login frame; default 10 s.
	LoginTimeout time.Duration
	// Silence is how long a client may be silent before it is pinged, and how
	// long it then has to answer before it is given up; default 23 s. Clients
	// send something every 20 s.
	Silence time.Duration
	// LoginRate is the number of new logins that a user may make in a minute;
	// default 300. Resumes and renewals of the UserSig have a rate of their own,
	// four times as high, because any login can claim to be a resume. A login is
	// charged to its user, whatever connection, instance or session it comes
	// from. Each gateway counts by itself, from its start, so clients of one
	// user that spread over n gateways have n times the rate.
	LoginRate int
	// Visitors is how many sockets that nobody has logged in on may listen to live
	// rooms at once; 0: none.
	Visitors int
	// AllowOrigin judges a WebSocket request's Origin; nil allows all.
	AllowOrigin func(*http.Request) bool
	// ClientAddr returns the client's address without its port; nil uses the
	// peer's.
	ClientAddr func(*http.Request) string

	Log      *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
	Observer Observer         // nil: nobody observes
	Trace    *trace.Tracer    // follows logins; nil: nobody does
}

// times are the durations that tests shorten.
type times struct {
	standBy  time.Duration // before the first frame
	login    time.Duration // from the login frame to its answer
	ask      time.Duration // silence after which the client is pinged
	silence  time.Duration // after that ping, until the client is given up
	write    time.Duration // one write
	hold     time.Duration // how long an answer that nobody waits for is kept back
	linger   time.Duration // wait for the peer to see a close frame
	registry time.Duration // one call to the registry, whose own limit is shorter
	retry    time.Duration // how long to go on telling the registry of an end
}

// Gateway serves the WebSockets of one timd. It implements registry.Sockets.
type Gateway struct {
	// Set before serving, read without a lock.
	o        Options
	registry Registry
	times    times
	seal     sealer
	handlers map[string]Handler
	visit    VisitHandler // nil: nobody visits
	onLogin  []func(*Session, bool)
	onEnd    []func(*Session)

	// These have locks of their own.
	stats    counters
	gate     *gate
	room     room
	standby  *fair.Limit[*socket] // sockets that have not logged in yet
	failures *limiter[culprit]    // invalid UserSigs
	logins   *limiter[place.User]
	resumes  *limiter[place.User]
	visitors *fair.Limit[*socket] // sockets that listen to a live room
	visits   *limiter[string]     // how often they begin to, by network
	allVisit *limiter[struct{}]   // from all networks together

	mu       sync.RWMutex // guards these
	sockets  map[*socket]struct{}
	users    map[place.User][]*Session // at most one for each instance; a list is replaced, never changed
	claims   map[instanceKey]*claimInFlight
	refused  map[string]struct{} // refused origins that have been logged
	draining bool

	// work counts sockets and what the registry has still to be told. Only a
	// counted goroutine, one that holds the lock of a counted socket, or Drain
	// may add to it: Drain would miss what others add while it waits.
	work   sync.WaitGroup
	hands  hands
	poller func() *poller // nil where there is none
	stop   context.Context
	halt   context.CancelFunc
}

type instanceKey struct {
	place.User
	instance string
}

// claimInFlight keeps the kicks that the registry sends for a place after it has
// admitted a session there and before the session is bound here. Gateway.mu guards
// it.
type claimInFlight struct {
	waiting int
	kicks   map[uint64]string // by attach number; "" is a drop; nil: none
}

// New returns a Gateway that serves once Use has set its registry.
func New(o Options) (*Gateway, error) {
	if o.Keys == nil {
		return nil, errors.New("gateway: Keys is needed")
	}
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = 10 * time.Second
	}
	if o.Silence <= 0 {
		o.Silence = 23 * time.Second
	}
	if o.LoginRate <= 0 {
		o.LoginRate = 300
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.ClientAddr == nil {
		o.ClientAddr = peerAddr
	}
	g := &Gateway{
		o: o,
		times: times{
			standBy:  frame.StandBy * time.Millisecond,
			login:    o.LoginTimeout,
			ask:      o.Silence,
			silence:  o.Silence,
			write:    10 * time.Second,
			hold:     250 * time.Millisecond,
			linger:   2 * time.Second,
			registry: 10 * time.Second,
			retry:    time.Minute,
		},
		handlers: map[string]Handler{},
		sockets:  map[*socket]struct{}{},
		users:    map[place.User][]*Session{},
		claims:   map[instanceKey]*claimInFlight{},
		refused:  map[string]struct{}{},
	}
	g.failures = newLimiter[culprit](perMinute(maxFailures), o.Now)
	g.logins = newLimiter[place.User](perMinute(o.LoginRate), o.Now)
	g.resumes = newLimiter[place.User](perMinute(o.LoginRate*resumesPerLogin), o.Now)
	g.gate = newGate(time.Now)
	g.standby = fair.New[*socket](maxStandBy, maxStandByAll)
	g.visitors = fair.New[*socket](maxVisitors, o.Visitors)
	g.visits = newLimiter[string](visitRate, o.Now)
	g.allVisit = newLimiter[struct{}](visitRateAll, o.Now)
	g.stop, g.halt = context.WithCancel(context.Background())
	g.hands = hands{work: &g.work, end: g.stop.Done(), free: make(chan *socket)}
	g.poller = sync.OnceValue(func() *poller { return newPoller(g.stop) })
	return g, nil
}

// Use sets the registry, which was opened with this Gateway as its Sockets.
// Call it once, before the first request. sealKey is 32 bytes that all
// gateways of a cluster share; it seals the farewell tokens.
func (g *Gateway) Use(r Registry, sealKey []byte) (err error) {
	g.registry = r
	g.seal, err = newSealer(sealKey)
	return err
}

// Drain tells every client to reconnect elsewhere and closes its socket. It
// returns when the registry has been told of every end, or with ctx's error. New
// sockets are refused as soon as it is called.
func (g *Gateway) Drain(ctx context.Context) error {
	defer g.halt()
	g.mu.Lock()
	g.draining = true
	all := make([]*socket, 0, len(g.sockets))
	for s := range g.sockets {
		all = append(all, s)
	}
	g.mu.Unlock()
	for _, s := range all {
		g.drainSocket(s)
	}
	done := make(chan struct{})
	go func() {
		g.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gateway) drainSocket(s *socket) {
	if sess := s.session(); sess != nil && g.take(sess) {
		g.detach(sess.place, false)
	}
	s.finish(drainFrame, frame.CloseDrain, drainReason)
}

// take removes a session from those that are attached here. It returns true to
// only one caller, which then tells the registry.
func (g *Gateway) take(sess *Session) bool {
	g.mu.Lock()
	taken := g.takeLocked(sess)
	g.mu.Unlock()
	if taken {
		g.ended(sess)
	}
	return taken
}

func (g *Gateway) takeLocked(sess *Session) bool {
	list := g.users[sess.place.User]
	for i, other := range list {
		if other != sess {
			continue
		}
		g.stats.sessions.Add(-1)
		if len(list) == 1 {
			delete(g.users, sess.place.User)
			return true
		}
		// A new slice, because another goroutine may be reading the old one.
		rest := make([]*Session, 0, len(list)-1)
		rest = append(rest, list[:i]...)
		g.users[sess.place.User] = append(rest, list[i+1:]...)
		return true
	}
	return false
}

// ended runs once for each session that was bound.
func (g *Gateway) ended(sess *Session) {
	sess.cancel()
	for _, f := range g.onEnd {
		g.hook(func() { f(sess) })
	}
}

// tell tells the registry something in the background. It tries again until that
// succeeds, for at most times.retry; after that the registry finds out by comparing
// its records with Places.
func (g *Gateway) tell(what string, f func(context.Context) error) {
	g.work.Go(func() {
		if err := g.try(f); err == nil {
			return
		}
		until := time.Now().Add(g.times.retry)
		for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-g.stop.Done():
				timer.Stop()
				return
			}
			err := g.try(f)
			if err == nil {
				return
			}
			if time.Now().After(until) {
				g.o.Log.Warn("the registry could not be told; it will notice by itself", "what", what, "error", err)
				return
			}
		}
	})
}

func (g *Gateway) try(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), g.times.registry)
	defer cancel()
	return f(ctx)
}

// evict sends evicted {type} as the last frame of a session that was taken.
func (g *Gateway) evict(sess *Session, typ string) {
	if sess.s.finish(evictedFrame(typ), frame.CloseEvicted, typ) {
		g.o.Observer.Evicted(typ)
	}
}

// expire ends a session whose UserSig has expired.
func (g *Gateway) expire(sess *Session) {
	if !g.take(sess) {
		return
	}
	g.release(sess.place)
	g.evict(sess, frame.KickUserSigExpired)
}

func (g *Gateway) release(p place.Place) {
	g.tell("release", func(ctx context.Context) error { return g.registry.Release(ctx, p) })
}

func (g *Gateway) detach(p place.Place, clean bool) {
	g.tell("detach", func(ctx context.Context) error { return g.registry.Detach(ctx, p, clean) })
}

package rest

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/registry"
)

// WebhookOptions of StartWebhook. All but Observe, Log and the times are
// needed.
type WebhookOptions struct {
	URL *url.URL
	// Keys gives the secret keys of an app.
	Keys func(sdkAppID uint32) []string
	// Events is the durable consumer of the registry's events.
	Events jetstream.Consumer
	// Observe, if given, gets each attempt: nil for one that was taken.
	Observe func(err error)
	// Log is slog.Default when nil.
	Log *slog.Logger

	// Timeout of one attempt, 10 s; the pause after a failed one doubles from
	// FirstPause, 0.5 s, to LongestPause, 1 min.
	Timeout, FirstPause, LongestPause time.Duration
}

// Webhook sends State.StateChange. An event stays in its durable stream until
// the receiver has taken it, so each is sent at least once, whatever dies in
// between; a receiver that is down for less than 7 days loses nothing. Events
// of one user are sent one after the other.
type Webhook struct {
	o      WebhookOptions
	client *http.Client
	pull   jetstream.ConsumeContext
	lanes  [laneCount]lane
	seed   maphash.Seed
	stop   context.Context
	halt   context.CancelFunc
	wg     sync.WaitGroup
	down   atomic.Bool // said in the log
}

const (
	// laneCount is how many users' events are on their way at once.
	laneCount = 16
	// ahead is how many events are fetched and not sent yet.
	ahead = 128
	// holdEvery is well below the consumer's AckWait of 10 s.
	holdEvery = 3 * time.Second
)

// StartWebhook begins to send.
func StartWebhook(o WebhookOptions) (*Webhook, error) {
	if o.URL == nil || o.Keys == nil || o.Events == nil {
		return nil, errors.New("rest: URL, Keys and Events are needed")
	}
	if o.Observe == nil {
		o.Observe = func(error) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Timeout, 10*time.Second)
	def(&o.FirstPause, 500*time.Millisecond)
	def(&o.LongestPause, time.Minute)
	w := &Webhook{
		o: o, seed: maphash.MakeSeed(),
		client: &http.Client{
			Timeout: o.Timeout,
			// A redirect would make a GET of it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: laneCount, IdleConnTimeout: time.Minute,
				ForceAttemptHTTP2: true, TLSHandshakeTimeout: o.Timeout,
			},
		},
	}
	w.stop, w.halt = context.WithCancel(context.Background())
	for i := range w.lanes {
		l := &w.lanes[i]
		l.wake = make(chan struct{}, 1)
		w.wg.Add(1)
		go w.run(l)
	}
	w.wg.Add(1)
	go w.hold()
	var err error
	w.pull, err = o.Events.Consume(w.sort,
		jetstream.PullMaxMessages(ahead),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if w.stop.Err() == nil {
				o.Log.Warn("the webhook's queue cannot be read at the moment", "error", err)
			}
		}))
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Close stops sending. What was not taken is given back to the queue.
func (w *Webhook) Close() {
	if w.pull != nil {
		w.pull.Stop()
	}
	w.halt()
	w.wg.Wait()
	w.client.CloseIdleConnections()
}

// lane holds the events of some users, in order.
type lane struct {
	mu   sync.Mutex
	list []jetstream.Msg
	wake chan struct{}
}

func (l *lane) put(m jetstream.Msg) {
	l.mu.Lock()
	l.list = append(l.list, m)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// first gives the oldest event, which stays in the lane; nil when there is
// none.
func (l *lane) first() jetstream.Msg {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return nil
	}
	return l.list[0]
}

func (l *lane) dropFirst() {
	l.mu.Lock()
	l.list = l.list[1:]
	l.mu.Unlock()
}

// all does something to each event that waits here.
func (l *lane) all(f func(jetstream.Msg) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.list {
		_ = f(m) // what cannot be said now, the queue finds out by itself
	}
}

// sort puts an event into its user's lane.
func (w *Webhook) sort(m jetstream.Msg) {
	w.lanes[maphash.String(w.seed, m.Subject())%laneCount].put(m)
}

func (w *Webhook) run(l *lane) {
	defer w.wg.Done()
	for {
		m := l.first()
		if m != nil {
			if !w.deliver(m) {
				break
			}
			l.dropFirst()
			continue
		}
		select {
		case <-w.stop.Done():
		case <-l.wake:
			continue
		}
		break
	}
	l.all(jetstream.Msg.Nak)
}

// deliver tries until the receiver has taken the event; false at Close.
func (w *Webhook) deliver(m jetstream.Msg) bool {
	var e registry.Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		w.o.Log.Error("an event in the webhook's queue is not readable and is left out", "error", err)
		_ = m.Term()
		return true
	}
	cb, wanted := callbackOf(&e)
	if !wanted {
		_ = m.Ack()
		return true
	}
	for pause := w.o.FirstPause; ; pause = min(pause*2, w.o.LongestPause) {
		err := w.attempt(&e, cb)
		if err != nil && w.stop.Err() != nil {
			return false
		}
		w.o.Observe(err)
		if err == nil {
			if w.down.CompareAndSwap(true, false) {
				w.o.Log.Info("the webhook's receiver takes events again")
			}
			w.ack(m)
			return true
		}
		if w.down.CompareAndSwap(false, true) {
			w.o.Log.Warn("the webhook's receiver does not take events; they are kept and sent again", "error", err)
		}
		if !w.wait(pause) {
			return false
		}
	}
}

func (w *Webhook) attempt(e *registry.Event, cb callback) error {
	keys := w.o.Keys(e.SDKAppID)
	if len(keys) == 0 {
		return errors.New("no key for the event's SDKAppID: start every timd with the same --app")
	}
	r, err := request(w.stop, w.o.URL, keys, e, cb, time.Now())
	if err != nil {
		return err
	}
	return post(w.client, r)
}

// ack ends an event; when that fails, it is sent once more some time.
func (w *Webhook) ack(m jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := m.DoubleAck(ctx); err != nil && w.stop.Err() == nil {
		w.o.Log.Warn("an event was sent and could not be ended; it is sent again", "error", err)
	}
}

// wait pauses before the next attempt, with some jitter; false at Close.
func (w *Webhook) wait(pause time.Duration) bool {
	t := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer t.Stop()
	select {
	case <-w.stop.Done():
		return false
	case <-t.C:
		return true
	}
}

// hold tells the queue that what is in the lanes is being worked on: it would
// go to another gateway, too.
func (w *Webhook) hold() {
	defer w.wg.Done()
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop.Done():
			return
		case <-tick.C:
			for i := range w.lanes {
				w.lanes[i].all(jetstream.Msg.InProgress)
			}
		}
	}
}

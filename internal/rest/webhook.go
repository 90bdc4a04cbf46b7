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
// required.
type WebhookOptions struct {
	URL *url.URL
	// Keys returns the secret keys of an app.
	Keys func(sdkAppID uint32) []string
	// Events is the durable consumer of the registry's events.
	Events jetstream.Consumer
	// Observe, if given, receives the result of each attempt: nil if it was
	// accepted.
	Observe func(err error)
	// Log is slog.Default when nil.
	Log *slog.Logger

	// Timeout of one attempt, 10 s by default. The backoff after a failed one
	// doubles from FirstBackoff, 0.5 s, to MaxBackoff, 1 min.
	Timeout, FirstBackoff, MaxBackoff time.Duration
}

// Webhook sends State.StateChange. An event stays in its durable stream until
// the receiver has accepted it, so each is sent at least once, whatever dies
// in between; a receiver that is down for less than 7 days loses nothing.
// Events of one user are sent one after the other. An event that is refused
// delays no other user's, and one that is left without an answer only those
// that share its sender, for Timeout.
type Webhook struct {
	o      WebhookOptions
	client *http.Client
	pull   jetstream.ConsumeContext
	queues [senders]*userQueues
	seed   maphash.Seed
	stop   context.Context
	halt   context.CancelFunc
	wg     sync.WaitGroup
	// refused is how many users wait because the receiver refused their event.
	refused  atomic.Int64
	unserved atomic.Bool // this has been logged
}

const (
	// senders is how many events are on their way at once.
	senders = 16
	// ahead is how many events are fetched but not sent yet.
	ahead = 128
	// holdEvery is well below the consumer's AckWait of 10 s.
	holdEvery = 3 * time.Second
)

// StartWebhook starts sending.
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
	def(&o.FirstBackoff, 500*time.Millisecond)
	def(&o.MaxBackoff, time.Minute)
	w := &Webhook{
		o: o, seed: maphash.MakeSeed(),
		client: &http.Client{
			Timeout: o.Timeout,
			// A redirect would turn it into a GET.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: senders, IdleConnTimeout: time.Minute,
				ForceAttemptHTTP2: true, TLSHandshakeTimeout: o.Timeout,
			},
		},
	}
	w.stop, w.halt = context.WithCancel(context.Background())
	for i := range w.queues {
		w.queues[i] = newUserQueues()
		w.wg.Add(1)
		go w.run(w.queues[i])
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

// Close stops sending. Events that were not accepted go back to the durable
// queue.
func (w *Webhook) Close() {
	if w.pull != nil {
		w.pull.Stop()
	}
	w.halt()
	w.wg.Wait()
	w.client.CloseIdleConnections()
}

// sort puts an event into the queues of its user's sender.
func (w *Webhook) sort(m jetstream.Msg) {
	w.queues[maphash.String(w.seed, m.Subject())%senders].put(m)
}

func (w *Webhook) run(q *userQueues) {
	defer w.wg.Done()
	defer q.all(jetstream.Msg.Nak)
	idle := time.NewTimer(0)
	defer idle.Stop()
	for w.stop.Err() == nil {
		m, in := q.next()
		if m != nil && in <= 0 {
			w.deliver(q, m)
			continue
		}
		var due <-chan time.Time
		if m != nil {
			idle.Reset(in)
			due = idle.C
		}
		select {
		case <-w.stop.Done():
		case <-q.wake:
		case <-due:
		}
	}
}

// errNoKey means that this gateway does not serve the event's app; another one
// may.
var errNoKey = errors.New("no key for the event's SDKAppID: start every timd with the same --app")

// deliver makes one attempt to send a user's first event.
func (w *Webhook) deliver(q *userQueues, m jetstream.Msg) {
	var e registry.Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		w.o.Log.Error("an event in the webhook's queue cannot be read and is skipped", "error", err)
		_ = m.Term()
		q.taken(m)
		return
	}
	cb, wanted := callbackOf(&e)
	if !wanted {
		_ = m.Ack()
		q.taken(m)
		return
	}
	err := w.attempt(&e, cb)
	if err != nil && w.stop.Err() != nil {
		return // Close aborted it
	}
	w.o.Observe(err)
	switch {
	case err == nil:
		w.ack(m)
		if q.taken(m) && w.refused.Add(-1) == 0 {
			w.o.Log.Info("the webhook's receiver accepts every event again")
		}
	case errors.Is(err, errNoKey):
		if w.unserved.CompareAndSwap(false, true) {
			w.o.Log.Warn("events wait for a timd that serves their app", "error", err, "SDKAppID", e.SDKAppID)
		}
		_ = m.NakWithDelay(w.o.MaxBackoff)
		q.taken(m)
	default:
		if q.failed(m, w.backoff) && w.refused.Add(1) == 1 {
			w.o.Log.Warn("the webhook's receiver does not accept events; they are kept and sent again", "error", err)
		}
	}
}

func (w *Webhook) attempt(e *registry.Event, cb callback) error {
	keys := w.o.Keys(e.SDKAppID)
	if len(keys) == 0 {
		return errNoKey
	}
	r, err := request(w.stop, w.o.URL, keys, e, cb, time.Now())
	if err != nil {
		return err
	}
	return post(w.client, r)
}

// ack marks an event as done; if that fails, it will be sent once more.
func (w *Webhook) ack(m jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := m.DoubleAck(ctx); err != nil && w.stop.Err() == nil {
		w.o.Log.Warn("an event was sent but could not be marked as done; it will be sent again", "error", err)
	}
}

// backoff returns how long to wait after that many failures, with some jitter.
func (w *Webhook) backoff(failures int) time.Duration {
	p := w.o.FirstBackoff
	for ; failures > 1 && p < w.o.MaxBackoff; failures-- {
		p *= 2
	}
	p = min(p, w.o.MaxBackoff)
	return p/2 + rand.N(p/2+1)
}

// hold tells the durable queue that the waiting events are being worked on, or
// they would go to another gateway, too.
func (w *Webhook) hold() {
	defer w.wg.Done()
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop.Done():
			return
		case <-tick.C:
			for i := range w.queues {
				w.queues[i].all(jetstream.Msg.InProgress)
			}
		}
	}
}

package rest

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
)

// WebhookOptions of StartWebhook. URL, Keys and one of the consumers are
// required.
type WebhookOptions struct {
	URL *url.URL
	// Keys returns the secret keys of an app.
	Keys func(sdkAppID uint32) []string
	// Events is the durable consumer of the registry's events, Notices that of
	// what Hooks.Tell has queued; nil for what is not sent.
	Events, Notices jetstream.Consumer
	// Observe, if given, receives the result of each attempt: nil if it was
	// accepted.
	Observe func(err error)
	// Log is slog.Default when nil.
	Log *slog.Logger

	// Timeout of one attempt, 10 s by default. The backoff after a failed one
	// doubles from FirstBackoff, 0.5 s, to MaxBackoff, 1 min.
	Timeout, FirstBackoff, MaxBackoff time.Duration
}

// Webhook sends State.StateChange and notices. An event stays in its durable
// stream until the receiver has accepted it, so each is sent at least once,
// whatever dies in between; a receiver that is down for less than 7 days loses
// nothing. Events of one user are sent one after the other. An event that is
// refused delays no other user's, and one that is left without an answer only
// those that share its sender, for Timeout.
//
// A notice that the receiver goes on refusing while it accepts others, or for an
// hour, is skipped: what is in it comes from a user, who could otherwise fill
// the queue with what a receiver trips over.
type Webhook struct {
	o      WebhookOptions
	client *http.Client
	pulls  []jetstream.ConsumeContext
	queues [senders]*userQueues
	seed   maphash.Seed
	stop   context.Context
	halt   context.CancelFunc
	wg     sync.WaitGroup
	// refused is how many users wait because the receiver has refused their
	// event.
	refused  atomic.Int64
	unserved atomic.Bool  // this has been logged
	accepted atomic.Int64 // how many the receiver has accepted
}

const (
	// senders is how many events are on their way at once.
	senders = 16
	// ahead is how many events may be fetched and not yet sent.
	ahead = 128
	// holdEvery is well below the consumer's AckWait of 10 s.
	holdEvery = 3 * time.Second
	// A notice may be given up after so many failed attempts, and in so much time.
	skipAfter  = 6
	skipWithin = time.Hour
)

// StartWebhook starts sending.
func StartWebhook(o WebhookOptions) (*Webhook, error) {
	if o.URL == nil || o.Keys == nil || o.Events == nil && o.Notices == nil {
		return nil, errors.New("rest: URL, Keys and Events or Notices are needed")
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
		client: newReceiver(senders, o.Timeout),
	}
	w.stop, w.halt = context.WithCancel(context.Background())
	for i := range w.queues {
		w.queues[i] = newUserQueues()
		w.wg.Add(1)
		go w.run(w.queues[i])
	}
	w.wg.Add(1)
	go w.hold()
	for _, c := range []jetstream.Consumer{o.Events, o.Notices} {
		if c == nil {
			continue
		}
		pull, err := c.Consume(w.sort,
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
		w.pulls = append(w.pulls, pull)
	}
	return w, nil
}

// Close stops sending. Events that were not accepted go back to the durable
// queue.
func (w *Webhook) Close() {
	for _, pull := range w.pulls {
		pull.Stop()
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
	read, queued := noticeOf, false
	if queued = strings.HasPrefix(m.Subject(), bus.SubjectNotices); queued {
		read = readNotice
	}
	n, wanted, err := read(m.Data())
	if err != nil {
		w.o.Log.Error("an event in the webhook's queue cannot be read and is skipped", "error", err)
		_ = m.Term()
		q.taken(m)
		return
	}
	if !wanted {
		_ = m.Ack()
		q.taken(m)
		return
	}
	err = w.attempt(n)
	if err != nil && w.stop.Err() != nil {
		return // Close aborted it
	}
	w.o.Observe(err)
	switch {
	case err == nil:
		w.accepted.Add(1)
		w.ack(m)
		w.settled(q.taken(m))
	case errors.Is(err, errNoKey):
		if w.unserved.CompareAndSwap(false, true) {
			w.o.Log.Warn("events wait for a timd that serves their app", "error", err, "SDKAppID", n.App)
		}
		_ = m.NakWithDelay(w.o.MaxBackoff)
		q.taken(m)
	default:
		var status statusError
		refused := errors.As(err, &status) && !status.fromProxy()
		first, skip := q.failed(m, refused, w.accepted.Load(), w.backoff)
		if first && w.refused.Add(1) == 1 {
			w.o.Log.Warn("the webhook's receiver does not accept events; they are kept and sent again", "error", err)
		}
		if queued && skip {
			w.o.Log.Warn("a notice that the webhook's receiver does not accept is skipped", "command", n.Command, "id", n.ID, "error", err)
			_ = m.Term()
			w.settled(q.skipped(m))
		}
	}
}

// settled counts a user who no longer waits, if they did.
func (w *Webhook) settled(waited bool) {
	if waited && w.refused.Add(-1) == 0 {
		w.o.Log.Info("the webhook's receiver accepts every event again")
	}
}

func (w *Webhook) attempt(n notice) error {
	keys := w.o.Keys(n.App)
	if len(keys) == 0 {
		return errNoKey
	}
	r, err := request(w.stop, w.o.URL, keys, n, time.Now())
	if err != nil {
		return err
	}
	_, err = post(w.client, r)
	if errors.Is(err, errBrokenOff) {
		return nil // accepted, and what it says does not matter here
	}
	return err
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

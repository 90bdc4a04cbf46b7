package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxQueued   = 2048 // spans that wait to be sent
	maxBatch    = 512
	sendEvery   = 2 * time.Second
	sendWithin  = 5 * time.Second
	closeWithin = time.Second
)

// Options of a Tracer.
type Options struct {
	// Endpoint is the collector's URL, for example http://127.0.0.1:4318. Without a
	// path spans go to /v1/traces.
	Endpoint string
	// Sample is the share of logins and messages that are followed, above 0 and at
	// most 1.
	Sample float64
	// Version and Node say which timd it is.
	Version, Node string
	// Log is slog.Default when nil.
	Log *slog.Logger
}

// Check returns what is wrong with the endpoint or the share.
func (o Options) Check() error {
	u, err := url.Parse(o.Endpoint)
	switch {
	case err == nil && u.User != nil:
		return errors.New("leave user and password out of the URL")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("give the URL of a collector that takes OTLP over HTTP, for example http://127.0.0.1:4318")
	case !(o.Sample > 0 && o.Sample <= 1):
		return errors.New("give a share above 0 and at most 1")
	}
	return nil
}

// Tracer begins traces and sends their spans. It is safe for concurrent use.
type Tracer struct {
	o      Options
	url    string
	http   *http.Client
	queue  chan *Span
	closed chan struct{} // closed by Close
	close  sync.Once
	over   chan struct{} // closed when nothing is sent any more

	sent, dropped atomic.Uint64
}

// Start returns a Tracer, whose Close ends it. It sends nothing yet, so a collector
// that is not there does not matter.
func Start(o Options) (*Tracer, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	t := &Tracer{
		o: o, url: u.String(), http: &http.Client{Timeout: sendWithin},
		queue: make(chan *Span, maxQueued), closed: make(chan struct{}), over: make(chan struct{}),
	}
	go t.run()
	return t, nil
}

// Counts returns how many spans were sent, and how many were dropped.
func (t *Tracer) Counts() (sent, dropped uint64) { return t.sent.Load(), t.dropped.Load() }

// take queues a span, or drops it if there is no room: nobody waits.
func (t *Tracer) take(s *Span) {
	select {
	case t.queue <- s:
	default:
		t.dropped.Add(1)
	}
}

// Close sends what is queued, for closeWithin at most, and ends the Tracer. Spans that
// end later are lost.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.close.Do(func() { close(t.closed) })
	<-t.over
}

// run sends spans: a batch as soon as it is full, fewer after sendEvery.
func (t *Tracer) run() {
	defer close(t.over)
	defer t.http.CloseIdleConnections()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // a collector that is slow must not hold up the end
		<-t.closed
		time.AfterFunc(closeWithin, cancel)
	}()
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	batch := make([]*Span, 0, maxBatch)
	send := func() {
		if len(batch) > 0 {
			t.send(ctx, batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	for {
		select {
		case s := <-t.queue:
			if batch = append(batch, s); len(batch) == maxBatch {
				send()
			}
		case <-tick.C:
			send()
		case <-t.closed:
			for {
				select {
				case s := <-t.queue:
					if batch = append(batch, s); len(batch) == maxBatch {
						send()
					}
					continue
				default:
				}
				send()
				return
			}
		}
	}
}

// send sends spans once. What the collector does not take is dropped: a trace is not
// worth keeping memory for.
func (t *Tracer) send(ctx context.Context, batch []*Span) {
	if err := t.post(ctx, t.body(batch)); err != nil {
		t.dropped.Add(uint64(len(batch)))
		t.o.Log.Warn("spans could not be sent: check --otlp-endpoint and the collector", "error", err, "spans", len(batch))
		return
	}
	t.sent.Add(uint64(len(batch)))
}

func (t *Tracer) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := t.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s", answer.Status)
	}
	return nil
}

package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/testlog"
)

// queue replaces the webhook's queue on NATS. hand passes an event to the webhook.
type queue struct {
	jetstream.Consumer
	jetstream.ConsumeContext
	hand jetstream.MessageHandler
}

func (q *queue) Consume(h jetstream.MessageHandler, _ ...jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	q.hand = h
	return q, nil
}

func (q *queue) Stop() {}

// queued is an event in the queue; state receives what becomes of it.
type queued struct {
	jetstream.Msg
	event registry.Event
	state chan string

	delivered uint64
}

func newQueued(app uint32, user string, n uint64) *queued {
	return &queued{state: make(chan string, 8), event: registry.Event{
		N: n, SDKAppID: app, UserID: user, Kind: registry.Login, Reason: registry.Register,
	}}
}

func (m *queued) Data() []byte {
	data, err := json.Marshal(m.event)
	if err != nil {
		panic(err)
	}
	return data
}
func (m *queued) Subject() string                  { return fmt.Sprint(m.event.SDKAppID, m.event.UserID) }
func (m *queued) Nak() error                       { m.state <- "back"; return nil }
func (m *queued) NakWithDelay(time.Duration) error { m.state <- "later"; return nil }
func (m *queued) DoubleAck(context.Context) error  { m.state <- "taken"; return nil }
func (m *queued) InProgress() error                { return nil }

func (m *queued) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: m.event.N}, NumDelivered: max(m.delivered, 1)}, nil
}

func (m *queued) became(t *testing.T, want string) {
	t.Helper()
	select {
	case s := <-m.state:
		require.Equal(t, want, s, "%s %d", m.event.UserID, m.event.N)
	case <-time.After(30 * time.Second):
		t.Fatalf("event %d of %s is not %s", m.event.N, m.event.UserID, want)
	}
}

// An event that the receiver refuses delays its own user's events and nobody
// else's; afterwards that user's events come in order.
func TestWebhookOneRefused(t *testing.T) {
	var mu sync.Mutex
	refusing := true
	var mallory []string
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var cb callback
		_ = json.Unmarshal(body, &cb)
		mu.Lock()
		defer mu.Unlock()
		if cb.Info.ToAccount != "mallory" {
			return
		}
		if refusing {
			http.Error(w, "not this one", http.StatusInternalServerError)
			return
		}
		mallory = append(mallory, r.Header.Get(IDHeader))
	}))
	defer back.Close()
	target, err := ParseWebhook(back.URL)
	require.NoError(t, err)
	q, logs := &queue{}, new(testlog.Buffer)
	w, err := StartWebhook(WebhookOptions{
		URL: target, Events: q, Log: slog.New(slog.NewTextHandler(logs, nil)),
		Keys: func(app uint32) []string {
			if app != 1 {
				return nil
			}
			return []string{"key"}
		},
		FirstBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
	})
	require.NoError(t, err)
	var hers []*queued
	for n := range 3 {
		m := newQueued(1, "mallory", uint64(n+1))
		hers = append(hers, m)
		q.hand(m)
	}
	// Enough users for some of them to share mallory's userQueues.
	var others []*queued
	for n := range 200 {
		m := newQueued(1, fmt.Sprint("user-", n), 1)
		others = append(others, m)
		q.hand(m)
	}
	for _, m := range others {
		m.became(t, "taken")
	}
	// Another app's event is for a gateway that has its key.
	foreign := newQueued(2, "alice", 1)
	q.hand(foreign)
	foreign.became(t, "later")

	mu.Lock()
	require.Empty(t, mallory)
	refusing = false
	mu.Unlock()
	for _, m := range hers {
		m.became(t, "taken")
	}
	mu.Lock()
	require.Equal(t, []string{"1-6d616c6c6f7279-1", "1-6d616c6c6f7279-2", "1-6d616c6c6f7279-3"}, mallory)
	refusing = true
	mu.Unlock()
	require.Eventually(t, func() bool { return strings.Count(logs.String(), "accepts every event again") == 1 }, 30*time.Second, time.Millisecond)

	// Close puts back what was not accepted.
	last := []*queued{newQueued(1, "mallory", 4), newQueued(1, "mallory", 5)}
	for _, m := range last {
		q.hand(m)
	}
	w.Close()
	for _, m := range last {
		m.became(t, "back")
	}
}

// A durable queue hands an event out again when it has not heard for a while that the
// event is being worked on. If the event is still waiting here, its newest copy takes
// its place.
func TestEventHandedOutAgain(t *testing.T) {
	l := newUserQueues()
	for delivered := range uint64(3) {
		for n := range uint64(3) {
			m := newQueued(1, "alice", n+1)
			m.delivered = delivered + 1
			l.put(m)
		}
	}
	for n := range uint64(3) {
		m, _ := l.next()
		require.NotNil(t, m)
		require.Equal(t, n+1, m.(*queued).event.N)
		require.EqualValues(t, 3, m.(*queued).delivered, "the durable queue accepts an answer to the newest copy")
		l.taken(m)
	}
	m, _ := l.next()
	require.Nil(t, m)
}

// A notice that the receiver keeps refusing while it accepts others is given up, and so
// is a refused one behind it, after a single attempt: its user would fill the queue
// otherwise. While the receiver accepts nothing, nothing is given up for an hour.
func TestWebhookGivesUpNotices(t *testing.T) {
	var mu sync.Mutex
	attempts, down := map[string]int{}, true
	tried := make(chan struct{}, 1000)
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(IDHeader)
		mu.Lock()
		defer mu.Unlock()
		attempts[id]++
		if down || strings.HasPrefix(id, "bad") {
			http.Error(w, "no", http.StatusInternalServerError)
		}
		tried <- struct{}{}
	}))
	defer back.Close()
	target, err := ParseWebhook(back.URL)
	require.NoError(t, err)
	q := &queue{}
	w, err := StartWebhook(WebhookOptions{
		URL: target, Notices: q, Keys: func(uint32) []string { return []string{"key"} },
		Log: slog.New(slog.NewTextHandler(new(testlog.Buffer), nil)), FirstBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond,
	})
	require.NoError(t, err)
	defer w.Close()
	hand := func(user, id string) *queuedNotice {
		m := &queuedNotice{queued: newQueued(1, user, 1), id: id}
		q.hand(m)
		return m
	}
	first, second, good := hand("mallory", "bad1"), hand("mallory", "bad2"), hand("mallory", "good1")
	for range 3 * skipAfter {
		<-tried
	}
	require.Empty(t, first.state, "nothing is given up while the receiver is down")
	mu.Lock()
	down = false
	mu.Unlock()
	hand("alice", "good2").became(t, "taken")
	first.became(t, "given up")
	second.became(t, "given up")
	good.became(t, "taken")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []int{1, 1}, []int{attempts["bad2"], attempts["good1"]})
}

// queuedNotice is a notice in the queue.
type queuedNotice struct {
	*queued
	id string
}

func (m *queuedNotice) Data() []byte {
	data, _ := json.Marshal(notice{ID: m.id, App: 1, Command: AfterC2C, Body: json.RawMessage("{}")})
	return data
}
func (m *queuedNotice) Subject() string { return bus.SubjectNotices + m.queued.Subject() }
func (m *queuedNotice) Term() error     { m.state <- "given up"; return nil }

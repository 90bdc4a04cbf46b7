package timd

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/media"
	"github.com/tim-wasm/tim/internal/rest"
)

// metrics are what /metrics returns. It implements gateway.Observer.
type metrics struct {
	all *prometheus.Registry

	logins    *prometheus.CounterVec
	loginTime prometheus.Histogram
	resumed   prometheus.Counter
	requests  *prometheus.CounterVec
	evictions *prometheus.CounterVec
	closes    *prometheus.CounterVec

	storeTime   *prometheus.HistogramVec
	conflicts   *prometheus.CounterVec
	storeErrors *prometheus.CounterVec
	natsLost    prometheus.Counter
	quotas      *prometheus.CounterVec

	calls        *prometheus.CounterVec
	callTime     *prometheus.HistogramVec
	hooks        *prometheus.CounterVec
	bucketTime   *prometheus.HistogramVec
	bucketErrors *prometheus.CounterVec
	asks         *prometheus.CounterVec
	askTime      prometheus.Histogram
}

// quick are buckets for operations of some milliseconds, in seconds.
var quick = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics() *metrics {
	m := &metrics{all: prometheus.NewRegistry()}
	add := func(c prometheus.Collector) { m.all.MustRegister(c) }
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		add(c)
		return c
	}
	one := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		add(c)
		return c
	}
	times := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: quick}, labels)
		add(h)
		return h
	}
	m.logins = counter("tim_logins_total", "Login frames by result code; 0 is a success.", "code")
	m.loginTime = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tim_login_seconds", Help: "From a login frame to its answer.", Buckets: quick})
	add(m.loginTime)
	m.resumed = one("tim_reconnects_total", "Logins that resumed a place the user still had.")
	m.requests = counter("tim_requests_total", "Other requests of clients by method and result code.", "method", "code")
	m.evictions = counter("tim_evictions_total", "Sessions that were told they were kicked out, by type.", "type")
	m.closes = counter("tim_closes_total", "Sockets that ended, by close code.", "code")
	m.storeTime = times("tim_registry_seconds", "Operations of the registry.", "op")
	m.conflicts = counter("tim_registry_conflicts_total", "Compare-and-set writes that lost to another write.", "op")
	m.storeErrors = counter("tim_registry_errors_total", "Operations of the registry that failed.", "op")
	m.natsLost = one("tim_nats_disconnects_total", "Times that the connection to NATS was lost.")
	m.quotas = counter("tim_quota_total", "What a user may use over all gateways (bytes, conversations, messages): portions that this gateway took for a user, and calls refused because one was used up.", "quota", "event")
	m.calls = counter("tim_api_calls_total", "Calls of the server API by command and error code.", "command", "code")
	m.callTime = times("tim_api_seconds", "Calls of the server API, except timd_session/watch.", "command")
	m.bucketTime = times("tim_media_bucket_seconds", "Operations of the bucket that files are kept in (--media-s3-endpoint): put, get until the first bytes are there, free.", "op")
	m.bucketErrors = counter("tim_media_bucket_errors_total", "Operations of the bucket that failed, after all tries.", "op")
	m.hooks = counter("tim_webhook_attempts_total", "Attempts to deliver a webhook by result.", "result")
	m.asks = counter("tim_webhook_questions_total", "What the webhook's receiver was to be asked, by callback and result: allowed, refused, unanswered, not_asked (it is down, or too many wait for it).", "command", "result")
	m.askTime = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tim_webhook_question_seconds", Help: "From a question to the webhook's receiver to its end.", Buckets: quick})
	add(m.askTime)
	add(collectors.NewGoCollector())
	add(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Login implements gateway.Observer.
func (m *metrics) Login(code fault.Code, took time.Duration) {
	m.logins.WithLabelValues(number(code)).Inc()
	m.loginTime.Observe(took.Seconds())
}

// Handled implements gateway.Observer.
func (m *metrics) Handled(method string, code fault.Code, _ time.Duration) {
	m.requests.WithLabelValues(method, number(code)).Inc()
}

// Evicted implements gateway.Observer.
func (m *metrics) Evicted(typ string) { m.evictions.WithLabelValues(typ).Inc() }

// Closed implements gateway.Observer. Clients choose close codes freely, and
// each label costs memory.
func (m *metrics) Closed(code int) {
	label := "other"
	switch {
	case code >= 1000 && code <= 1015 || code >= 4000 && code < 4200:
		label = strconv.Itoa(code)
	case frame.BusyFor(code) > 0:
		label = "busy"
	}
	m.closes.WithLabelValues(label).Inc()
}

// registry is registry.Options.Observe.
func (m *metrics) registry(op string, took time.Duration, conflicts int, err error) {
	m.storeTime.WithLabelValues(op).Observe(took.Seconds())
	m.conflicts.WithLabelValues(op).Add(float64(conflicts))
	if err != nil {
		m.storeErrors.WithLabelValues(op).Inc()
	}
}

// quota is inbox.Options.OnQuota.
func (m *metrics) quota(quota string, refused bool) {
	event := "taken"
	if refused {
		event = "refused"
	}
	m.quotas.WithLabelValues(quota, event).Inc()
}

// called is rest.Options.Observe.
func (m *metrics) called(command string, code fault.Code, took time.Duration) {
	m.calls.WithLabelValues(command, number(code)).Inc()
	if command != "timd_session/watch" { // lasts as long as somebody watches
		m.callTime.WithLabelValues(command).Observe(took.Seconds())
	}
}

// delivered is rest.WebhookOptions.Observe.
func (m *metrics) delivered(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.hooks.WithLabelValues(result).Inc()
}

// bucket is bucket.Options.Observe.
func (m *metrics) bucket(op string, took time.Duration, err error) {
	m.bucketTime.WithLabelValues(op).Observe(took.Seconds())
	if err != nil {
		m.bucketErrors.WithLabelValues(op).Inc()
	}
}

// asked is rest.HooksOptions.Observe.
func (m *metrics) asked(command string, result rest.Asked, took time.Duration) {
	m.asks.WithLabelValues(command, string(result)).Inc()
	m.askTime.Observe(took.Seconds())
}

// queues shows how many events wait for the webhook's receiver in the queues
// that are sent from here.
func (m *metrics) queues(of ...jetstream.Consumer) {
	m.gauge("tim_webhook_waiting", "Events of the whole cluster that the webhook's receiver has not accepted yet; -1 when NATS does not answer.", func() float64 {
		return float64(waitingIn(context.Background(), of...))
	})
}

func (m *metrics) gauge(name, help string, f func() float64) {
	m.all.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

func (m *metrics) counter(name, help string, f func() float64) {
	m.all.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f))
}

// inbox shows what the inbox holds for sessions. It is zero once the last
// session has gone, and for idle users a few minutes later.
func (m *metrics) inbox(in *inbox.Inbox) {
	m.gauge("tim_inbox_users", "Users who have a session on this gateway.", func() float64 { return float64(in.Stats().Users) })
	m.gauge("tim_inbox_watched", "Users whose status a session on this gateway watches.", func() float64 { return float64(in.Stats().Watched) })
	m.gauge("tim_inbox_unsaved", "Users whose acknowledged messages are not stored yet.", func() float64 { return float64(in.Stats().Unsaved) })
	m.gauge("tim_inbox_idle", "Users whose last session on this gateway has ended and whose conversations are kept for a few minutes.", func() float64 { return float64(in.Stats().Idle) })
	m.gauge("tim_inbox_idle_bytes", "Bytes that the conversations of those users take, about.", func() float64 { return float64(in.Stats().IdleBytes) })
	m.counter("tim_inbox_idle_returned_total", "Users who came back while their conversations were kept.", func() float64 { return float64(in.Stats().Returned) })
	m.counter("tim_inbox_held_up_total", "Times that delivery waited because the records of some users came faster than they could be pushed.", func() float64 { return float64(in.Stats().HeldUp) })
}

// rooms shows who is in live rooms here and what they get.
func (m *metrics) rooms(r *live.Rooms) {
	m.gauge("tim_rooms", "Live rooms that have members or visitors on this gateway.", func() float64 { return float64(r.Stats().Rooms) })
	m.gauge("tim_room_members", "Members of live rooms on this gateway, one for each session.", func() float64 { return float64(r.Stats().Members) })
	m.gauge("tim_room_visitors", "Clients that listen to live rooms on this gateway without a login.", func() float64 { return float64(r.Stats().Visitors) })
	m.counter("tim_room_messages_total", "Messages that live rooms with members on this gateway were sent.", func() float64 { return float64(r.Stats().Messages) })
	m.counter("tim_room_frames_total", "Frames of messages that were queued for members of live rooms.", func() float64 { return float64(r.Stats().Frames) })
	m.counter("tim_room_thinned_total", "Messages for which a live room had no allowance left: no member here got them.", func() float64 { return float64(r.Stats().Thinned) })
	m.counter("tim_room_missed_total", "Messages that members of live rooms did not get because they read slowly, counted once for each member.", func() float64 { return float64(r.Stats().Missed) })
}

// media shows what is going on with files.
func (m *metrics) media(files *media.Media) {
	m.gauge("tim_media_uploads", "Uploads under way.", func() float64 { return float64(files.Stats().Uploads) })
	m.gauge("tim_media_downloads", "Downloads under way.", func() float64 { return float64(files.Stats().Downloads) })
	m.gauge("tim_media_sizes_waiting", "Images that wait for their smaller sizes.", func() float64 { return float64(files.Stats().Sizes) })
	m.gauge("tim_media_bytes", "Bytes that files take up in NATS.", func() float64 { return float64(files.Stats().Stored) })
}

func number(code fault.Code) string { return strconv.Itoa(int(code)) }

// serveMetrics serves /metrics, in Prometheus' text format.
func serveMetrics(_ context.Context, t *running) error {
	m := t.metrics
	m.gauge("tim_sockets", "Open sockets.", func() float64 { return float64(t.gateway.Stats().Sockets) })
	m.gauge("tim_sessions", "Sessions that are logged in on this gateway.", func() float64 { return float64(t.gateway.Stats().Sessions) })
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	m.gauge("tim_nats_up", "Whether this gateway is connected to NATS.", func() float64 { return truth(t.bus.Up()) })
	m.gauge("tim_store_bytes", "Bytes that the store holds.", func() float64 { return float64(t.bus.Room().Used) })
	m.gauge("tim_store_limit_bytes", "Bytes that the store may hold; 0 when no limit is known.", func() float64 { return float64(t.bus.Room().Limit) })
	m.gauge("tim_store_filling", "Whether the store holds 80 % of its limit or more: time to act.", func() float64 { return truth(t.bus.Room().Fill >= bus.Filling) })
	m.gauge("tim_store_full", "Whether messages are refused because the store is full.", func() float64 { return truth(t.storeFull()) })
	m.counter("tim_login_history_lost_total", "Logins and their ends that are missing in the history of their user, because the store was slow or away.",
		func() float64 { return float64(t.reg.HistoryLost()) })
	m.gauge("tim_live", "Whether this gateway holds its lease, so that it may admit logins and deliver.", func() float64 { return truth(t.reg.Live()) })
	if t.cert != nil {
		m.gauge("tim_tls_expires_seconds", "When the TLS certificate that is served expires, in Unix seconds.", func() float64 { return float64(t.cert.expires().Unix()) })
	}
	var down atomic.Bool
	t.bus.OnChange(func(up bool) {
		if !up && !down.Swap(true) {
			m.natsLost.Inc()
		} else if up {
			down.Store(false)
		}
	})
	t.gateway.OnLogin(func(_ *gateway.Session, resumed bool) {
		if resumed {
			m.resumed.Inc()
		}
	})
	t.ops.Handle("/metrics", promhttp.HandlerFor(m.all, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return nil
}

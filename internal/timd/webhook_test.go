package timd

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/usersig"
)

// receiver is a back end that accepts webhooks, or refuses them for a while.
type receiver struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	down  bool
	tried chan struct{}
	got   chan hook
}

// toldBy returns the flags of a timd that sends its webhooks to a receiver.
func toldBy(r *receiver, events ...string) webhookOptions {
	o := webhookOptions{url: r.URL + "/tim?token=mine", events: events, timeout: 2 * time.Second}
	require.NoError(r.t, o.check())
	return o
}

type hook struct {
	EventTime int64
	Info      struct {
		Action string
		To     string `json:"To_Account"`
		Reason string
	}
	KickedDevice []struct{ Platform string }
	id, platform string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, tried: make(chan struct{}, 100), got: make(chan hook, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	down := r.down
	r.mu.Unlock()
	if down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		r.tried <- struct{}{}
		return
	}
	body, _ := io.ReadAll(q.Body)
	at, id := q.Header.Get(rest.TimestampHeader), q.Header.Get(rest.IDHeader)
	v1 := "v1=" + rest.SignWebhook(keyA, at, id, q.URL.RawQuery, body)
	h := hook{id: id, platform: q.URL.Query().Get("OptPlatform")}
	sent, _ := strconv.ParseInt(at, 10, 64)
	ok := q.Header.Get(rest.SignatureHeader) == v1 &&
		time.Since(time.Unix(sent, 0)).Abs() < time.Minute &&
		json.Unmarshal(body, &h) == nil &&
		q.Method == "POST" && q.URL.Path == "/tim" &&
		q.URL.Query().Get("SdkAppid") == strconv.Itoa(appA) &&
		q.URL.Query().Get("CallbackCommand") == "State.StateChange" &&
		q.URL.Query().Get("contenttype") == "json" &&
		q.URL.Query().Get("ClientIP") == "127.0.0.1" &&
		q.URL.Query().Get("token") == "mine" &&
		!strings.Contains(string(body), keyA)
	if !ok {
		r.t.Errorf("the webhook is wrong: %s %s %v", q.URL, body, q.Header)
	}
	r.got <- h
}

func (r *receiver) set(down bool) {
	r.mu.Lock()
	r.down = down
	r.mu.Unlock()
}

func (r *receiver) next() hook {
	r.t.Helper()
	select {
	case h := <-r.got:
		return h
	case <-time.After(30 * time.Second):
		r.t.Fatal("no webhook came")
		return hook{}
	}
}

func (r *receiver) expect(action, reason string, kicked ...string) hook {
	r.t.Helper()
	h := r.next()
	var platforms []string
	for _, k := range h.KickedDevice {
		platforms = append(platforms, k.Platform)
	}
	require.Equal(r.t, []any{action, reason, kicked}, []any{h.Info.Action, h.Info.Reason, platforms})
	require.InDelta(r.t, time.Now().UnixMilli(), h.EventTime, 60_000)
	return h
}

func TestWebhook(t *testing.T) {
	back := newReceiver(t)
	s := newStage(t, func(o *options) { o.webhook = toldBy(back); o.grace = time.Second })
	first := s.online("alice")
	h := back.expect("Login", "Register")
	require.Equal(t, "alice", h.Info.To)
	require.Equal(t, "Web", h.platform)

	// An eviction is one Login, without a Logout of the evicted instance.
	second := s.online("alice")
	first.until("kickedOut multipleAccount")
	back.expect("Login", "Register", "Web")

	// A lost connection that is back in time sends nothing at all.
	s.gateway.Drop(s.gateway.Places()[0])
	second.until("netStateChange")
	second.until("netStateChange")
	require.NoError(t, second.Logout(t.Context()))
	back.expect("Logout", "Unregister")

	// The server API's kick is not an event for the back end that made it.
	third := s.online("alice")
	back.expect("Login", "Register")
	s.call("im_open_login_svc/kick", `{"UserID":"alice"}`)
	third.until(everyKick)
	last := s.online("alice")
	back.expect("Login", "Register")

	// An instance that is destroyed sends a logout; a closed page, and one
	// whose network is gone, do not.
	last.Destroy()
	back.expect("Logout", "Unregister")
	page, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, page.login("alice", sign("alice"), someInstance, frame.IntentNew).Err)
	back.expect("Login", "Register")
	require.NoError(t, page.conn.WriteClose(1001, nil))
	back.expect("Disconnect", "LinkClose")
	gone := s.online("alice")
	back.expect("Login", "Register")
	gone.lose()
	back.expect("Disconnect", "TimeOut")

	// An instance that is evicted by neither a login nor a call is a Disconnect for
	// the back end.
	brief := s.member("Web")
	require.Zero(t, brief.login("alice", usersig.Sign(appA, keyA, "alice", time.Now(), 3*time.Second)))
	back.expect("Login", "Register")
	brief.until("kickedOut userSigExpired")
	back.expect("Disconnect", "LinkClose")
	s.call("timd_config/set", `{"WebInstances":2}`)
	surplus, stays := s.online("alice"), s.online("alice")
	back.expect("Login", "Register")
	back.expect("Login", "Register")
	s.call("timd_config/set", `{"WebInstances":1}`)
	surplus.until("kickedOut multipleAccount")
	back.expect("Disconnect", "LinkClose")
	require.True(t, stays.State().Ready)
	require.Empty(t, back.got)
}

// Events that happen while the receiver or timd is down arrive later, in order.
func TestWebhookEventsOutlastDowntime(t *testing.T) {
	t.Parallel()
	back := newReceiver(t)
	back.set(true)
	data := filepath.Join(t.TempDir(), "data")
	change := func(o *options) { o.webhook = toldBy(back); o.data = data }
	s := openStage(t, change)
	for _, user := range []string{"alice", "bob"} {
		require.NoError(t, s.online(user).Logout(t.Context()))
	}
	<-back.tried
	<-back.tried
	require.Eventually(t, func() bool { return strings.Contains(body(t, s.url+"/metrics"), "tim_webhook_waiting 4\n") },
		30*time.Second, 10*time.Millisecond, "what is not in the queue yet is found a minute later")
	s.end()
	back.set(false)
	t.Cleanup(openStage(t, change).end)
	got := map[string][]string{}
	names := map[string]bool{}
	for len(names) < 4 {
		h := back.next()
		if !names[h.id] { // an event may come more than once, with the same ID
			names[h.id] = true
			got[h.Info.To] = append(got[h.Info.To], h.Info.Action)
		}
	}
	require.Equal(t, map[string][]string{"alice": {"Login", "Logout"}, "bob": {"Login", "Logout"}}, got)
}

func TestMetricsAndReadiness(t *testing.T) {
	nats, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	nats.Start()
	require.True(t, nats.ReadyForConnections(30*time.Second))
	defer nats.Shutdown()
	s := newStage(t, func(o *options) { o.nats = nats.ClientURL(); o.data = "" })
	require.Equal(t, 200, status(t, s.url+"/readyz"))
	s.online("alice")
	s.online("alice")
	require.Equal(t, fault.SigWrongKey, s.member("Web").login("alice", signWith(keyB, "alice")))
	s.call("timd_config/get", `{}`)
	s.post("timd_config/nothing", good(), `{}`)
	lines := []string{
		"tim_sessions 1", `tim_logins_total{code="0"} 2`, `tim_logins_total{code="70009"} 1`,
		`tim_evictions_total{type="multipleAccount"} 1`, "tim_reconnects_total 0", "tim_nats_up 1", "tim_live 1",
		`tim_registry_seconds_count{op=`, `tim_registry_conflicts_total{op=`, "tim_login_seconds_count 3",
		`tim_api_calls_total{code="0",command="timd_config/get"} 1`, `tim_api_calls_total{code="60009",command="unknown"} 1`,
	}
	// A login is counted after its answer, and an eviction later still.
	var text, missing string
	require.Eventually(t, func() bool {
		text = body(t, s.url+"/metrics")
		i := slices.IndexFunc(lines, func(line string) bool { return !strings.Contains(text, line) })
		if i >= 0 {
			missing = lines[i]
		}
		return i < 0
	}, 30*time.Second, 10*time.Millisecond, lazy(func() string { return "no " + missing + " in\n" + text }))

	nats.Shutdown()
	nats.WaitForShutdown()
	require.Eventually(t, func() bool { return status(t, s.url+"/readyz") == 503 }, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, 200, status(t, s.url+"/healthz"))
	require.Contains(t, body(t, s.url+"/metrics"), "tim_nats_up 0")
}

// lazy is a message that is only made when a test fails.
type lazy func() string

func (l lazy) String() string { return l() }

func body(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}

package rest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/testlog"
)

// asker returns Hooks that ask a receiver, and a channel of the outcomes.
func asker(t *testing.T, answer http.HandlerFunc, change func(*HooksOptions)) (*Hooks, chan Asked) {
	back := httptest.NewServer(answer)
	t.Cleanup(back.Close)
	target, err := ParseWebhook(back.URL + "/tim")
	require.NoError(t, err)
	results := make(chan Asked, 2*maxAsking+downAfter)
	o := HooksOptions{
		URL: target, Keys: func(uint32) []string { return []string{"key"} }, Wanted: map[string]bool{BeforeC2C: true},
		Timeout: 30 * time.Second, Log: slog.New(slog.NewTextHandler(new(testlog.Buffer), nil)),
		Observe: func(_ string, result Asked, _ time.Duration) { results <- result },
	}
	if change != nil {
		change(&o)
	}
	h, err := NewHooks(o)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h, results
}

func (h *Hooks) askFor(ctx context.Context) (Answer, error) {
	return h.Ask(ctx, 7, BeforeC2C, fault.RefusedByApp, map[string]any{"From_Account": "alice"})
}

// The answers that a receiver can give, and what Ask returns for each.
func TestAsk(t *testing.T) {
	var says atomic.Value
	h, results := asker(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		q, sent := r.URL.Query(), r.Header.Get(TimestampHeader)
		var got map[string]any
		if json.Unmarshal(body, &got) != nil || got["CallbackCommand"] != BeforeC2C || got["From_Account"] != "alice" || got["EventTime"] == nil ||
			q.Get("SdkAppid") != "7" || q.Get("CallbackCommand") != BeforeC2C || q.Get("OptPlatform") != "Web" || q.Get("ClientIP") != "192.0.2.1" ||
			r.Header.Get(SignatureHeader) != "v1="+SignWebhook("key", sent, r.Header.Get(IDHeader), r.URL.RawQuery, body) {
			t.Errorf("the question is wrong: %s %s", r.URL, body)
		}
		_, _ = io.WriteString(w, says.Load().(string))
	}, nil)
	ctx := WithCaller(t.Context(), "Web", "192.0.2.1")
	for _, c := range []struct {
		says string
		code fault.Code
		text string
	}{
		{`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`, 0, ""},
		{`{"ErrorCode":1}`, fault.RefusedByApp, fault.RefusedByApp.Text()},
		{`{"ErrorCode":1,"ErrorInfo":"no advertising"}`, fault.RefusedByApp, fault.With(fault.RefusedByApp, "no advertising").Message},
		{`{"ErrorCode":120001,"ErrorInfo":"Top up first."}`, 120001, "Top up first."},
		{`{"ErrorCode":130000}`, 130000, fault.RefusedByApp.Text()},
		{`{"ErrorCode":130001}`, fault.RefusedByApp, fault.RefusedByApp.Text()},
		{`{"ErrorCode":-5}`, fault.RefusedByApp, fault.RefusedByApp.Text()},
		{`{"ErrorCode":120002,"ErrorInfo":"` + strings.Repeat("é", maxInfo) + `"}`, 120002, strings.Repeat("é", maxInfo/2)},
	} {
		says.Store(c.says)
		answer, err := h.askFor(ctx)
		if c.code == 0 {
			require.NoError(t, err)
			require.NotNil(t, answer)
			require.Equal(t, AskedAllowed, <-results)
			continue
		}
		var f *fault.Error
		require.ErrorAs(t, err, &f, c.says)
		require.Equal(t, []any{c.code, c.text}, []any{f.Code, f.Message}, c.says)
		require.Equal(t, AskedRefused, <-results)
	}
	says.Store(`{"ErrorCode":2}`)
	_, err := h.askFor(ctx)
	require.ErrorIs(t, err, ErrDropped)
	require.Equal(t, AskedRefused, <-results)

	says.Store(`{"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"***"}}],"CloudCustomData":"c"}`)
	answer, err := h.askFor(ctx)
	require.NoError(t, err)
	typ, payload, ok, err := answer.MsgBody()
	require.NoError(t, err)
	require.Equal(t, []any{"TIMTextElem", `{"text":"***"}`, true}, []any{typ, string(payload), ok})
	cloud, ok := answer.Text("CloudCustomData")
	require.Equal(t, []any{"c", true}, []any{cloud, ok})

	// The receiver is not asked about callbacks that it does not want.
	answer, err = h.Ask(ctx, 7, AfterC2C, fault.RefusedByApp, nil)
	require.NoError(t, err)
	require.Nil(t, answer)
	var none *Hooks
	require.False(t, none.Wants(BeforeC2C))
}

// An invalid answer counts as none: the question counts as allowed, or as refused if
// Refuse is set, and no field of the answer is used.
func TestAskInvalidAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"empty":   func(http.ResponseWriter, *http.Request) {},
		"HTML":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"list":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"ErrorCode":1}]`) },
		"no code": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ActionStatus":"FAIL"}`) },
		"words":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ErrorCode":"1"}`) },
		"null":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ErrorCode":null}`) },
		"twice": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ErrorCode":1,"ErrorCode":0}`)
		},
		"HTTP 500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"ErrorCode":1}`, 500) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ErrorCode":1,"ErrorInfo":"`+strings.Repeat("x", 4*maxAnswer)+`"}`)
		},
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"ErrorCode":1}`)
		},
	} {
		for _, refuse := range []bool{false, true} {
			h, results := asker(t, answer, func(o *HooksOptions) { o.Refuse = refuse })
			got, err := h.askFor(t.Context())
			require.Nil(t, got, name)
			require.Equal(t, AskedUnanswered, <-results, name)
			if refuse {
				require.ErrorIs(t, err, fault.New(fault.RefusedByApp), name)
			} else {
				require.NoError(t, err, name)
			}
		}
	}
}

// A silent receiver delays a caller by at most Timeout and gets at most maxAsking
// questions at once. After downAfter of them it gets none for a while.
func TestAskSilent(t *testing.T) {
	silent := make(chan struct{})
	h, results := asker(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the caller hang up
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}, func(o *HooksOptions) { o.Timeout = 200 * time.Millisecond })
	defer close(silent)
	trips := &trips{RoundTripper: h.client.Transport}
	h.client.Transport = trips
	var wg sync.WaitGroup
	for range 2 * maxAsking {
		wg.Go(func() {
			_, err := h.askFor(t.Context())
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, trips.most.Load(), int64(maxAsking))
	require.Len(t, results, 2*maxAsking)
	for range 2 * maxAsking {
		require.NotEqual(t, AskedAllowed, <-results)
	}
	h.asking.mu.Lock()
	h.asking.until = time.Now().Add(time.Hour)
	h.asking.mu.Unlock()
	_, err := h.askFor(t.Context())
	require.NoError(t, err)
	require.Equal(t, AskedNot, <-results)
}

// trips counts the requests that are under way. The receiver's own count may be
// higher, since it may learn late that a caller has hung up.
type trips struct {
	http.RoundTripper
	now, most atomic.Int64
}

func (c *trips) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return c.RoundTripper.RoundTrip(r)
}

// A question whose caller hangs up has no outcome, and does not count as a failure of
// the receiver.
func TestAskHangUp(t *testing.T) {
	came := make(chan struct{})
	h, results := asker(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		came <- struct{}{}
		<-r.Context().Done()
	}, nil)
	for range downAfter {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := h.askFor(ctx)
			done <- err
		}()
		<-came
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
	require.Empty(t, results)
	h.asking.mu.Lock()
	defer h.asking.mu.Unlock()
	require.Zero(t, h.asking.silent)
	require.Empty(t, h.asking.slots)
}

// A receiver that is down is asked one question at a time, now and then, until
// it answers.
func TestTurnstile(t *testing.T) {
	s, now, ctx := newTurnstile(), time.Unix(1, 0), t.Context()
	for n := range downAfter {
		require.NoError(t, s.enter(ctx, now))
		change := s.leave(now, false, false)
		require.Equal(t, n == downAfter-1, change == wentDown)
	}
	require.ErrorIs(t, s.enter(ctx, now.Add(downFor-1)), errNotAsked)
	now = now.Add(downFor)
	require.NoError(t, s.enter(ctx, now))
	require.ErrorIs(t, s.enter(ctx, now), errNotAsked, "only one question finds out whether it is back")
	require.Equal(t, noChange, s.leave(now, false, false))
	require.ErrorIs(t, s.enter(ctx, now), errNotAsked)
	now = now.Add(downFor)
	require.NoError(t, s.enter(ctx, now))
	require.Equal(t, cameBack, s.leave(now, true, false))
	require.NoError(t, s.enter(ctx, now))
	require.Equal(t, noChange, s.leave(now, true, false))

	// maxAsking questions are under way at once, maxWaiting wait, and further ones are
	// not asked.
	for range maxAsking {
		require.NoError(t, s.enter(ctx, now))
	}
	waiting, stop := context.WithCancel(ctx)
	ends := make(chan error, maxWaiting)
	for range maxWaiting {
		go func() { ends <- s.enter(waiting, now) }()
	}
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.waiting == maxWaiting }, 30*time.Second, time.Millisecond)
	require.ErrorIs(t, s.enter(ctx, now), errNotAsked)
	s.leave(now, true, false)
	require.NoError(t, <-ends)
	stop()
	for range maxWaiting - 1 {
		require.ErrorIs(t, <-ends, errNotAsked)
	}
	require.Zero(t, s.waiting)
}

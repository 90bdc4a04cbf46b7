package timd

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// span is what the test reads of a span.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Attributes                          []struct {
		Key   string
		Value struct{ IntValue string }
	}
	Status struct{ Code int }
}

func (s span) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.IntValue
		}
	}
	return ""
}

// spanCollector is a collector of OTLP over HTTP.
type spanCollector struct {
	*httptest.Server
	mu    sync.Mutex // guards what follows
	text  strings.Builder
	spans []span
}

func newSpanCollector(t *testing.T) *spanCollector {
	c := &spanCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []span }
			}
		}
		if err != nil || json.Unmarshal(body, &e) != nil {
			t.Errorf("%s is no request of OTLP: %v", body, err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text.Write(body)
		for _, of := range e.ResourceSpans {
			for _, in := range of.ScopeSpans {
				c.spans = append(c.spans, in.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// of waits for a whole trace: its first span, and its parts by their names.
func (c *spanCollector) of(t *testing.T, name, code string, parts int) (whole span, of map[string]span) {
	t.Helper()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			if s.Name != name || s.attribute("tim.code") != code {
				continue
			}
			of = map[string]span{}
			for _, p := range c.spans {
				if p.TraceID == s.TraceID && p.ParentSpanID == s.SpanID {
					of[p.Name] = p
				}
			}
			if whole = s; len(of) == parts {
				return true
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond, "no whole trace of %s", name)
	return whole, of
}

// A login and a message are followed from their beginning to their end, and nothing of
// who or what is said to the collector.
func TestTraces(t *testing.T) {
	collector := newSpanCollector(t)
	s := newStage(t, func(o *options) { o.trace = traceOptions{collector.URL, 1} })
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	for _, so := range []*socket{alice, bob} {
		so.call(2, frame.SessionSync, `{}`, &notes)
	}
	id := frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{1})
	alice.call(3, frame.MessageSend, `{"id":"`+id+`","to":"bob","type":"TIMTextElem","payload":{"text":"a secret"}}`, &notes)

	whole, parts := collector.of(t, "login", "", 3)
	require.Equal(t, "1400000001", whole.attribute("tim.sdk_app_id"))
	require.Zero(t, whole.Status)
	for _, name := range []string{"login.verify", "login.registry", "login.answer"} {
		require.Contains(t, parts, name)
	}
	whole, parts = collector.of(t, frame.MessageSend, "", 3)
	require.Empty(t, whole.ParentSpanID)
	for _, name := range []string{"message.checks", "message.append", "message.delivery"} {
		require.Contains(t, parts, name)
	}

	so, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.NotNil(t, so.login("mallory", sign("alice"), "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", frame.IntentNew).Err)
	whole, parts = collector.of(t, "login", "70013", 1)
	require.Equal(t, 2, whole.Status.Code)
	require.Equal(t, "70013", parts["login.verify"].attribute("tim.code"))
	collector.mu.Lock()
	defer collector.mu.Unlock()
	for _, private := range []string{"secret", "alice", "bob", "mallory", sign("alice"), "127.0.0.1"} {
		require.NotContains(t, collector.text.String(), private)
	}
}

// A collector that is not there harms nothing.
func TestTracesWithoutACollector(t *testing.T) {
	s := newStage(t, func(o *options) { o.trace = traceOptions{"http://127.0.0.1:0", 1} })
	alice := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	var notes []frame.Message
	id := frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{1})
	sent := decoded(t, alice.call(2, frame.MessageSend, `{"id":"`+id+`","to":"bob","type":"TIMTextElem","payload":{"text":"hello"}}`, &notes))
	require.NotNil(t, sent["message"])
	require.Eventually(t, func() bool { return strings.Contains(s.logs.String(), "--otlp-endpoint") }, time.Minute, 20*time.Millisecond)
}

func TestTraceFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--otlp-endpoint", "127.0.0.1:4318"}, {"--otlp-endpoint", "http://h", "--otlp-sample", "0"}, {"--otlp-endpoint", "http://h", "--otlp-sample", "2"},
		{"--otlp-sample", "often"}, {"--otlp-sample", "NaN"},
	} {
		_, err := parseServe(append([]string{"--dev"}, args...), func(string) (string, bool) { return "", false }, io.Discard)
		require.ErrorContains(t, err, "otlp-", "%v", args)
	}
	o, err := parseServe([]string{"--dev", "--otlp-endpoint", "http://127.0.0.1:4318", "--otlp-sample", "0.01"}, func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(t, err)
	require.Equal(t, traceOptions{"http://127.0.0.1:4318", 0.01}, o.trace)
}

package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/testlog"
)

// collector returns a collector that passes on what it is sent.
func collector(t *testing.T) (url string, requests <-chan export) {
	t.Helper()
	got := make(chan export, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		var e export
		if err := d.Decode(&e); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		got <- e
		fmt.Fprint(w, `{"partialSuccess":{}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func startTracer(t *testing.T, endpoint string) (*Tracer, *testlog.Buffer) {
	t.Helper()
	logs := new(testlog.Buffer)
	tracer, err := Start(Options{Endpoint: endpoint, Sample: 1, Version: "1.2.3", Node: "g1", Log: slog.New(slog.NewTextHandler(logs, nil))})
	require.NoError(t, err)
	t.Cleanup(tracer.Close)
	return tracer, logs
}

// A trace arrives at the collector as OTLP says.
func TestASpanAndItsPart(t *testing.T) {
	url, requests := collector(t)
	tracer, _ := startTracer(t, url)
	began := time.Now()
	whole := tracer.Begin("login")
	ctx := With(t.Context(), whole)
	part := Of(ctx).Child("login.verify")
	part.End(0)
	part.End(7) // only the first call counts
	whole.Int("tim.sdk_app_id", 1400000000)
	whole.End(70003)
	tracer.Close()

	got := <-requests
	require.Len(t, got.ResourceSpans, 1)
	text := func(key, v string) keyValue { return keyValue{key, value{String: v}} }
	require.Equal(t, []keyValue{text("service.name", "timd"), text("service.version", "1.2.3"), text("service.instance.id", "g1")}, got.ResourceSpans[0].Resource.Attributes)
	require.Equal(t, scope{"timd", "1.2.3"}, got.ResourceSpans[0].ScopeSpans[0].Scope)
	spans := got.ResourceSpans[0].ScopeSpans[0].Spans
	require.Len(t, spans, 2)
	for _, s := range spans {
		require.Regexp(t, "^[0-9a-f]{32}$", s.TraceID)
		require.Regexp(t, "^[0-9a-f]{16}$", s.SpanID)
		start, err := strconv.ParseInt(s.Start, 10, 64)
		require.NoError(t, err)
		end, err := strconv.ParseInt(s.End, 10, 64)
		require.NoError(t, err)
		require.LessOrEqual(t, began.UnixNano(), start)
		require.LessOrEqual(t, start, end)
	}
	first, second := spans[0], spans[1]
	require.Equal(t, []any{"login.verify", kindInternal, second.SpanID, second.TraceID, status{}}, []any{first.Name, first.Kind, first.ParentSpanID, first.TraceID, first.Status})
	require.Empty(t, first.Attributes)
	require.Equal(t, []any{"login", kindServer, "", status{statusError}}, []any{second.Name, second.Kind, second.ParentSpanID, second.Status})
	require.Equal(t, []keyValue{{"tim.sdk_app_id", value{Int: "1400000000"}}, {codeKey, value{Int: "70003"}}}, second.Attributes)
	sent, dropped := tracer.Counts()
	require.Equal(t, []uint64{2, 0}, []uint64{sent, dropped})
}

// Without a Tracer, or for what is not sampled, nothing happens and nothing is
// allocated.
func TestNobodyFollows(t *testing.T) {
	var off *Tracer
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(10_000, func() {
		s := off.Begin("login")
		s.Int("k", 1)
		Of(With(ctx, s)).Child("part").End(0)
		s.End(1)
	}))
	off.Close()
	tracer := &Tracer{o: Options{Sample: 1e-300}}
	require.Nil(t, tracer.Begin("login"))
}

// Whoever ends a span waits neither for a collector that does not answer nor for one
// that is not there, and the Tracer ends without them.
func TestADeadCollector(t *testing.T) {
	silent := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-silent:
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(silent) })
	refuses := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refuses.Close)
	for name, url := range map[string]string{"silent": hangs.URL, "gone": "http://127.0.0.1:0", "refuses": refuses.URL} {
		tracer, logs := startTracer(t, url)
		const many = maxQueued + 2*maxBatch
		for range many {
			tracer.Begin("message.send").End(0)
		}
		tracer.Close()
		sent, dropped := tracer.Counts()
		require.Equal(t, []uint64{0, many}, []uint64{sent, dropped}, name)
		require.Contains(t, logs.String(), "--otlp-endpoint", name)
		tracer.Begin("late").End(0)
	}
}

// A context without a span is left as it is.
func TestNoSpan(t *testing.T) {
	ctx := context.Background()
	require.Equal(t, ctx, With(ctx, nil))
	require.Nil(t, Of(ctx))
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{Sample: 1}, {Endpoint: "127.0.0.1:4318", Sample: 1}, {Endpoint: "grpc://h:4317", Sample: 1}, {Endpoint: "http://", Sample: 1},
		{Endpoint: "http://user:word@h", Sample: 1},
		{Endpoint: "http://h"}, {Endpoint: "http://h", Sample: 1.1}, {Endpoint: "http://h", Sample: -1},
	} {
		require.Error(t, o.Check(), "%+v", o)
		_, err := Start(o)
		require.Error(t, err)
	}
	require.NoError(t, Options{Endpoint: "https://h:4318/otlp/v1/traces", Sample: 0.01}.Check())
}

package timd

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/layout"
)

// Before timd is ready it answers health checks, and other requests wait. If the start
// takes long, they are told why.
func TestStarting(t *testing.T) {
	s := newStarting()
	h := s.before(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusTeapot, "ready") }))
	get := func(ctx context.Context, path string) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		return w.Result()
	}
	says := func(path string, status int, text string) *http.Response {
		t.Helper()
		r := get(t.Context(), path)
		require.Equal(t, status, r.StatusCode, path)
		got, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, text+"\n", string(got), path)
		return r
	}
	says("/healthz", http.StatusOK, "ok")
	says("/readyz", http.StatusServiceUnavailable, "starting")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	get(gone, "/ws") // it returns, because the client has hung up

	waits := func() <-chan int {
		status := make(chan int, 1)
		go func() { status <- get(t.Context(), "/ws").StatusCode }()
		return status
	}
	one := waits()
	s.takesLong("the store is being brought to layout 2: 7 %")
	require.Equal(t, http.StatusServiceUnavailable, <-one)
	says("/readyz", http.StatusServiceUnavailable, "the store is being brought to layout 2: 7 %")
	require.Equal(t, "5", says("/ws", http.StatusServiceUnavailable, "the store is being brought to layout 2: 7 %").Header.Get("Retry-After"))
	says("/healthz", http.StatusOK, "ok")

	s.takesLong("")
	two := waits()
	s.done()
	require.Equal(t, http.StatusTeapot, <-two)
	says("/readyz", http.StatusTeapot, "ready")
}

// A start on a store of a later layout fails with an error of one line and leaves nothing
// open.
func TestALaterLayoutEndsTheStart(t *testing.T) {
	o := options{listen: "127.0.0.1:0", data: t.TempDir(), dev: true, admins: list{"administrator"}, grace: time.Minute, loginWithin: 10 * time.Second, node: "test"}
	log := slog.New(slog.DiscardHandler)
	b, err := bus.Open(t.Context(), bus.Options{Data: o.data, Log: log})
	require.NoError(t, err)
	_, err = b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
	require.NoError(t, err)
	_, err = b.Put(t.Context(), bus.BucketSubject(bus.BucketConfig, "layout"), []byte(`{"version":3}`), 0, 0)
	require.NoError(t, err)
	b.Close()
	for range 2 { // the directory's lock is free again
		_, err = start(t.Context(), o, log)
		require.ErrorIs(t, err, layout.ErrNewer)
		require.NotContains(t, err.Error(), "\n")
	}
}

package rest

import (
	"bufio"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/accounts"
	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/usersig"
)

// nobody is a registry without sessions and without events.
type nobody struct{ Sessions }

func (nobody) Get(context.Context, place.User) (registry.View, error) {
	return registry.View{}, nil
}

func (nobody) List(context.Context, uint32, string, int) ([]registry.View, string, error) {
	return nil, "", nil
}

func (nobody) Watch(context.Context, uint32) (<-chan registry.Event, error) {
	return make(chan registry.Event), nil
}

// accountsOf opens the accounts of a store in memory.
func accountsOf(t *testing.T, admins ...string) *accounts.Accounts {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	a, err := accounts.Open(t.Context(), b, accounts.Policy{Admins: admins})
	require.NoError(t, err)
	return a
}

// One administrator cannot use up the streams of their app, nor one app those of others.
func TestStreamsOfOneAreBounded(t *testing.T) {
	api, err := New(Options{
		Sessions: nobody{}, Accounts: accountsOf(t, "a", "b", "c"), Rate: 1000,
		Keys: func(uint32) []string { return []string{"key"} },
	})
	require.NoError(t, err)
	srv := httptest.NewServer(api)
	defer srv.Close()
	defer api.Close()
	// watch opens a stream and returns its first line.
	watch := func(app uint32, admin string) (string, func()) {
		q := url.Values{
			"sdkappid": {strconv.Itoa(int(app))}, "identifier": {admin},
			"usersig": {usersig.Sign(app, "key", admin, time.Now(), time.Hour)},
		}
		resp, err := http.Post(srv.URL+"/v4/timd_session/watch?"+q.Encode(), "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		lines := bufio.NewScanner(resp.Body)
		require.True(t, lines.Scan())
		return lines.Text(), func() { resp.Body.Close() }
	}
	hello := func(app uint32, admin string) func() {
		t.Helper()
		line, end := watch(app, admin)
		require.Contains(t, line, `"hello"`)
		return end
	}
	refused := func(app uint32, admin, says string) {
		t.Helper()
		line, end := watch(app, admin)
		end()
		require.Contains(t, line, "60007")
		require.Contains(t, line, says)
	}
	first := hello(1, "a")
	for range maxWatchersOfAdmin - 1 {
		defer hello(1, "a")()
	}
	refused(1, "a", "this administrator")
	for range maxWatchersOfApp - maxWatchersOfAdmin {
		defer hello(1, "b")()
	}
	refused(1, "c", "this app")
	defer hello(2, "a")() // another app's are counted separately
	first()
	require.Eventually(t, func() bool {
		line, end := watch(1, "a")
		defer end()
		return strings.Contains(line, `"hello"`)
	}, 30*time.Second, 20*time.Millisecond, "a stream that has ended makes room for another")
}

// A quiet stream stays open as long as somebody reads it: a deadline is for
// one write and must not keep running afterwards, as it would with HTTP/2.
func TestWatchOutlivesItsDeadlines(t *testing.T) {
	oldAlive, oldWrite := aliveEvery, writeWithin
	// Three lines take longer than the server's time-outs, and the pause before
	// each is longer than the deadline of a write. A request is shorter than the
	// time-outs, even on a busy machine.
	aliveEvery, writeWithin = time.Second, 500*time.Millisecond
	defer func() { aliveEvery, writeWithin = oldAlive, oldWrite }()
	for _, http2 := range []bool{false, true} {
		api, err := New(Options{
			Sessions: nobody{}, Accounts: accountsOf(t, "administrator"),
			Keys: func(uint32) []string { return []string{"key"} },
		})
		require.NoError(t, err)
		srv := httptest.NewUnstartedServer(api)
		srv.EnableHTTP2 = http2
		srv.Config.ReadTimeout, srv.Config.WriteTimeout = 2*time.Second, 2*time.Second
		srv.StartTLS()
		client := &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}}
		q := url.Values{
			"sdkappid": {"1"}, "identifier": {"administrator"},
			"usersig": {usersig.Sign(1, "key", "administrator", time.Now(), time.Hour)},
		}
		resp, err := client.Post(srv.URL+"/v4/timd_session/watch?"+q.Encode(), "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		require.Equal(t, http2, resp.ProtoMajor == 2)
		lines := bufio.NewScanner(resp.Body)
		for _, want := range []string{"hello", "alive", "alive", "alive"} {
			require.True(t, lines.Scan(), "HTTP/%d, %s: %v", resp.ProtoMajor, want, lines.Err())
			require.Contains(t, lines.Text(), `"Type":"`+want+`"`)
		}
		api.Close()
		require.True(t, lines.Scan())
		require.Contains(t, lines.Text(), `"Type":"end"`)
		resp.Body.Close()
		srv.Close()
	}
}

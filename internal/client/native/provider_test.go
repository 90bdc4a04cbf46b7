package native_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/client/native/faultnet"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// TestProviderAfterTheEnd has a page lose its network, sleep beyond the end of
// its UserSig and come back: the gateway refuses the old one, takes the one
// that the app's provider gives, and the page keeps its place. On a busy machine
// half of the UserSig's time may pass before the network is lost: then the
// provider is asked in between, and gives another short one.
func TestProviderAfterTheEnd(t *testing.T) {
	server := startTimd(t)
	net, err := faultnet.New(server.addr)
	require.NoError(t, err)
	defer net.Close()
	var (
		mu    sync.Mutex
		asked []string
		end   time.Time
	)
	rec := newRecorder()
	back := make(chan struct{}, 8)
	o := rec.options("ws://"+net.Addr()+"/ws", nil)
	o.OnEvent = func(name string, data frame.Body) {
		rec.on(name, data)
		if name == frame.EventLoginStatusChange && data.Text("status") == session.StatusReady {
			back <- struct{}{}
		}
	}
	o.Provider = func(userID, reason string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, userID+" "+reason)
		valid := time.Hour
		if reason != session.AskExpired {
			valid = 8 * time.Second
			end = time.Now().Add(valid)
		}
		return sign(userID, valid), nil
	}
	c := native.New(o)
	defer c.Destroy()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	_, err = c.Login(ctx, "sleeper", "")
	require.NoError(t, err)
	<-back
	net.Set(faultnet.Hole, 0)
	c.SetOnline(false)
	net.Cut()
	for over := false; !over; { // the UserSig's time is what passes
		mu.Lock()
		left := time.Until(end) + 1500*time.Millisecond
		mu.Unlock()
		time.Sleep(left)
		over = left <= 0
	}
	net.Set(faultnet.Pass, 0)
	c.SetOnline(true)
	select {
	case <-back:
	case <-ctx.Done():
		events, _ := rec.snapshot()
		t.Fatal("it did not come back", events)
	}
	mu.Lock()
	defer mu.Unlock()
	asked = slices.DeleteFunc(asked, func(what string) bool { return what == "sleeper expiring" })
	require.Equal(t, []string{"sleeper login", "sleeper expired"}, asked)
	events, wrong := rec.snapshot()
	require.Empty(t, wrong)
	for _, e := range events {
		require.NotContains(t, e, frame.EventKickedOut)
		require.NotContains(t, e, frame.EventSDKNotReady)
	}
}

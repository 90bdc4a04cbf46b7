package native_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// eager returns a client that is ready, what it records, and a context of a minute.
func eager(t *testing.T) (context.Context, *native.Client, *recorder) {
	t.Helper()
	server := startTimd(t)
	rec := newRecorder()
	ready := make(chan struct{})
	o := rec.options("ws://"+server.addr+"/ws", nil)
	o.OnEvent = func(name string, data frame.Body) {
		rec.on(name, data)
		if name == frame.EventSDKReady {
			close(ready)
		}
	}
	c := native.New(o)
	t.Cleanup(c.Destroy)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	_, err := c.Login(ctx, "eager", sign("eager", time.Hour))
	require.NoError(t, err)
	<-ready
	return ctx, c, rec
}

// An app may make as many calls at once as it likes. The client keeps the
// wire's limits by itself, so the gateway has no reason to close the
// connection, and every call is answered.
func TestManyCallsAtOnce(t *testing.T) {
	ctx, c, rec := eager(t)
	const calls = 2 * frame.Burst
	failed := make(chan error, calls)
	var wait sync.WaitGroup
	for range calls {
		wait.Go(func() {
			if _, err := c.Send(ctx, "profile.get", frame.Fields{}); err != nil {
				failed <- err
			}
		})
	}
	wait.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	events, wrong := rec.snapshot()
	require.Empty(t, wrong)
	for _, e := range events {
		require.NotContains(t, e, frame.EventNetStateChange, "the connection was kept")
	}
}

// A call that no frame holds, or whose parameters are no JSON, rejects at once with the
// reason, and not when its time is up.
func TestACallThatCannotBeWritten(t *testing.T) {
	ctx, c, _ := eager(t)
	_, err := c.Send(ctx, frame.ProfileSet, frame.Fields{{Key: "nick", Value: strings.Repeat("x", frame.MaxFrame)}})
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
	_, err = c.Send(ctx, frame.ProfileSet, frame.Fields{{Key: "nick", Value: func() {}}})
	require.ErrorIs(t, err, fault.New(fault.InvalidOperation))
	_, err = c.Send(ctx, frame.ProfileGet, frame.Fields{})
	require.NoError(t, err)
}

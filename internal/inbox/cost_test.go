package inbox

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The context of a call is like one with a timeout, whoever looks at it and when.
func TestCallContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, hangUp := context.WithCancel(context.WithValue(t.Context(), t, "of the caller"))
		short, cancel := context.WithTimeout(parent, storeTimeout/2)
		defer cancel()
		at, ok := newCall(short).Deadline()
		require.True(t, ok)
		require.Equal(t, storeTimeout/2, time.Until(at))

		over, late, left := newCall(parent), newCall(parent), newCall(parent)
		at, _ = left.Deadline()
		require.Equal(t, storeTimeout, time.Until(at))
		stored(left, 7)
		require.EqualValues(t, 7, costOf(left).stored.Load())
		require.Equal(t, "of the caller", left.Value(t))
		require.NoError(t, over.Err())
		over.finish()
		require.ErrorIs(t, over.Err(), context.Canceled)
		<-over.Done()
		require.ErrorIs(t, over.Err(), context.Canceled)

		goroutines := runtime.NumGoroutine()
		child, cancel := context.WithCancel(left)
		defer cancel()
		require.Equal(t, goroutines, runtime.NumGoroutine(), "a child needs no goroutine")
		require.EqualValues(t, 7, costOf(child).stored.Load())
		require.Equal(t, "of the caller", child.Value(t))
		hangUp()
		<-child.Done()
		require.ErrorIs(t, left.Err(), context.Canceled)
		require.ErrorIs(t, newCall(parent).Err(), context.Canceled)

		asked, unasked := newCall(t.Context()), newCall(t.Context())
		<-asked.Done()
		require.ErrorIs(t, asked.Err(), context.DeadlineExceeded)
		require.ErrorIs(t, unasked.Err(), context.DeadlineExceeded)
		<-unasked.Done()
		require.ErrorIs(t, unasked.Err(), context.DeadlineExceeded)
		require.ErrorIs(t, late.Err(), context.Canceled, "what came first")
		<-late.Done()
		require.ErrorIs(t, late.Err(), context.Canceled)

		// What Err has said once it says for ever.
		parent, hangUp = context.WithCancel(t.Context())
		before, after := newCall(parent), newCall(parent)
		after.finish()
		require.ErrorIs(t, after.Err(), context.Canceled)
		time.Sleep(storeTimeout)
		require.ErrorIs(t, before.Err(), context.DeadlineExceeded)
		hangUp()
		require.ErrorIs(t, before.Err(), context.DeadlineExceeded)
		<-after.Done()
		require.ErrorIs(t, after.Err(), context.Canceled)
	})
}

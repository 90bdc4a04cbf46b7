package turns

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestOneAtATime: those who wait for a turn get it one after the other, in the
// order in which they came.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns ByKey[string]
		done, err := turns.Take(t.Context(), "a")
		require.NoError(t, err)
		var order []int // guarded by the turn
		for n := range 3 {
			go func() {
				done, err := turns.Take(t.Context(), "a")
				if err == nil {
					order = append(order, n)
					done()
				}
			}()
			synctest.Wait() // it waits now
		}
		require.Empty(t, order)
		done()
		synctest.Wait()
		require.Equal(t, []int{0, 1, 2}, order)
		require.Zero(t, turns.Len())
	})
}

// TestHangUp: who gives up waiting gets an error, leaves nothing behind and does
// not keep the turn from the next one.
func TestHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns ByKey[string]
		done, err := turns.Take(t.Context(), "a")
		require.NoError(t, err)
		ctx, hangUp := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := turns.Take(ctx, "a")
			failed <- err
		}()
		synctest.Wait()
		hangUp()
		require.ErrorIs(t, <-failed, context.Canceled)
		done()
		done, err = turns.Take(t.Context(), "a")
		require.NoError(t, err)
		done()
		require.Zero(t, turns.Len())
	})
}

// TestOtherKeys: the turn of one key does not keep back that of another.
func TestOtherKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns ByKey[string]
		one, err := turns.Take(t.Context(), "a")
		require.NoError(t, err)
		other, err := turns.Take(t.Context(), "b")
		require.NoError(t, err)
		one()
		other()
		require.Zero(t, turns.Len())
	})
}

// TestHangUpAtItsTurn: a turn that comes to somebody at the moment in which they give
// up is the next one's.
func TestHangUpAtItsTurn(t *testing.T) {
	var turn One
	for range 2000 {
		done, err := turn.Take(t.Context())
		require.NoError(t, err)
		ctx, hangUp := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			if done, err := turn.Take(ctx); err == nil {
				done()
			}
		})
		wait.Go(hangUp)
		wait.Go(done)
		last, err := turn.Take(t.Context())
		require.NoError(t, err)
		last()
		wait.Wait()
	}
	require.False(t, turn.taken)
	require.Nil(t, turn.waiting)
}

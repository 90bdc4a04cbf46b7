package turns

import (
	"context"
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

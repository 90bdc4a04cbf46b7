package gateway

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/place"
)

// There is no room while a crowd waits at the gate, and again as soon as it is through.
func TestRoomBehindTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := New(Options{Keys: func(uint32) []string { return nil }})
		require.NoError(t, err)
		defer g.halt()
		answer := make(chan struct{})
		var wg sync.WaitGroup
		come := func(n int, name string) {
			for i := range n {
				u := place.User{UserID: fmt.Sprint(name, i)}
				wg.Go(func() {
					_, ok := g.gate.enter(context.Background(), u)
					<-answer
					if ok {
						g.gate.leave(u, true)
					}
				})
			}
			synctest.Wait()
		}
		come(gateWide+roomGate, "first")
		require.Positive(t, g.Room())
		come(1, "late")
		require.Zero(t, g.Room())
		close(answer)
		wg.Wait()
		require.Positive(t, g.Room())
	})
}

// Only so many sockets are opened that do not log in; the others wait for a moment and
// not for them.
func TestRoomForTheSilent(t *testing.T) {
	most := roomSilent * runtime.GOMAXPROCS(0)
	start := time.Unix(1e9, 0)
	var r room
	require.Equal(t, most, r.left(100, start))
	require.Equal(t, 1, r.left(100+most-1, start))
	require.Zero(t, r.left(100+most, start.Add(roomTime-1)))
	require.Zero(t, r.left(100+2*most, start.Add(roomTime-1)), "opened although there was no room")
	require.Equal(t, 10, r.left(100+most-10, start.Add(roomTime-1)), "ten have logged in")
	require.Equal(t, most, r.left(50, start.Add(roomTime-1)), "all of them and others have")
	require.Equal(t, most, r.left(100+most, start.Add(roomTime)))
}

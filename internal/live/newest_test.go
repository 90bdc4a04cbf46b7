package live

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// awaitReport waits until a room's first member on a gateway is known to the others.
func awaitReport() {
	time.Sleep(freshPause)
	synctest.Wait()
}

// The newest members on all gateways are listed in the order in which they came, a
// user who is there on two gateways once, also on a gateway that has no members.
func TestTheNewestMembersOfAllGateways(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		for i, id := range []string{"a", "b", "c", "d", "b"} {
			w.login(i%2, id).join(room)
			time.Sleep(10 * time.Millisecond)
		}
		awaitReport()
		for gateway := range w.gateways {
			require.Equal(t, []string{"b", "d", "c", "a"}, w.newest(gateway, room, 10), gateway)
		}
		require.Equal(t, []string{"b", "d"}, w.newest(2, room, 2))
	})
}

// However often members of a room are asked for, a gateway asks the others once a
// second, and a second time where more than the first pages are wanted.
func TestOtherGatewaysAreAskedOnceASecond(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		for n := range fewNewest + 20 {
			w.login(1, fmt.Sprint("u", n)).join(room)
		}
		awaitReport()
		asked := func() uint64 {
			w.gateways[0].mu.Lock()
			defer w.gateways[0].mu.Unlock()
			return w.gateways[0].asked
		}
		for range 100 {
			require.Len(t, w.newest(0, room, fewNewest), fewNewest)
		}
		require.EqualValues(t, 1, asked())
		for range 100 {
			require.Len(t, w.newest(0, room, fewNewest+1), fewNewest+1)
			require.Len(t, w.newest(0, room, 1<<30), fewNewest+20)
		}
		require.EqualValues(t, 2, asked())
		late := w.login(1, "late").join(room)
		require.NotContains(t, w.newest(0, room, 1), "late")
		own := w.login(0, "own").join(room)
		require.Contains(t, w.newest(0, room, 1), "own", "who is here is always listed")
		own.Close()
		time.Sleep(newestAge)
		require.Equal(t, []string{"late"}, w.newest(0, room, 1))
		require.EqualValues(t, 3, asked())
		late.Close()
		time.Sleep(newestAge + sweepEvery)
		synctest.Wait()
		require.Empty(t, w.gateways[0].listings)
		require.Empty(t, w.gateways[0].asking)
	})
}

// A gateway that does not answer, as it has died, delays the list for a moment only;
// whoever hangs up meanwhile is let go at once, and whoever closes too.
func TestAGatewayThatDoesNotAnswer(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		w.login(1, "a").join(room)
		w.login(2, "b").join(room)
		awaitReport()
		for c := range w.gateways[2].classes { // it hears no ask
			if stop := w.gateways[2].classes[c].stop; stop != nil {
				stop()
			}
		}
		began := time.Now()
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		_, err := w.gateways[0].Newest(ctx, room, 5)
		refused(t, fault.ServerTimeout, err)
		require.Zero(t, time.Since(began))
		require.Equal(t, []string{"a"}, w.newest(0, room, 5))
		require.Equal(t, newestTime, time.Since(began))
		time.Sleep(newestAge)
		go func() {
			time.Sleep(newestTime / 2)
			w.gateways[0].Close()
		}()
		began = time.Now()
		w.newest(0, room, 5)
		require.Equal(t, newestTime/2, time.Since(began))
	})
}

// Answers that nobody waits for, or that no gateway was asked for, change nothing.
func TestAnswersOutOfTurn(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		r := w.gateways[0]
		w.login(1, "a").join(room)
		awaitReport()
		to := bus.SubjectRoomNewest + r.name
		forged := []byte(`{"g":"x","n":1,"m":[{"u":"forged","s":1}]}`)
		require.NoError(t, r.bus.Publish(to, forged))
		require.NoError(t, r.signal(room, signal{App: app, Room: room.ID, Ask: &ask{"x", 1, -5}}))
		r.heardNewest(forged)
		require.Equal(t, []string{"a"}, w.newest(0, room, 5))
		r.heardNewest([]byte(`{"g":"` + w.gateways[1].name + `","n":1,"m":[{"u":"late","s":1}]}`))
		require.False(t, slices.Contains(w.newest(0, room, 5), "late"))
	})
}

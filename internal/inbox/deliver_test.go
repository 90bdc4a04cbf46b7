package inbox

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// otherWorker returns a user whose worker is not u's.
func otherWorker(in *Inbox, u place.User) place.User { return withWorker(in, u, false) }

// withWorker returns another user whose worker is u's (same), or is not.
func withWorker(in *Inbox, u place.User, same bool) place.User {
	for i := 0; ; i++ {
		v := place.User{SDKAppID: app, UserID: fmt.Sprintf("other%d", i)}
		if (in.delivery.number(v) == in.delivery.number(u)) == same {
			return v
		}
	}
}

// TestOneIsSlow: a user whose sessions cannot be told delays nobody else until
// their queue is full, loses nothing then, and is told in order afterwards.
func TestOneIsSlow(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, slow := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	quick := login(t, in, otherWorker(in, slow.s.user.User).UserID, "q1")
	carol := slow.s.user
	carol.mu.Lock()
	var want []string
	send := func(n int) {
		for range n {
			want = append(want, fmt.Sprint(len(want)))
			a.send("carol", want[len(want)-1])
		}
	}
	func() {
		defer carol.mu.Unlock()
		send(5)
		a.send(quick.userID, "hello")
		quick.until("it", func() bool { return len(quick.messages) == 1 })
		require.Zero(t, in.Stats().HeldUp)
		send(deliveryQueue)
		require.Eventually(t, func() bool { return in.Stats().HeldUp > 0 }, time.Minute, time.Millisecond)
		a.send(quick.userID, "behind")
	}()
	send(5) // which the follower must not hand over before what is queued
	quick.until("what waited behind them", func() bool { return len(quick.messages) == 2 })
	slow.until("all of them", func() bool { return len(slow.messages) == len(want) })
	require.Equal(t, want, slow.texts())
}

// TestNothingOvertakes: the follower hands over nothing itself while something waits for
// the user's worker.
func TestNothingOvertakes(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	c := login(t, in, "carol", "c1")
	carol := c.s.user
	a := login(t, in, withWorker(in, carol.User, false).UserID, "a1") // whose own records wait elsewhere
	slow := login(t, in, withWorker(in, carol.User, true).UserID, "s1").s.user
	waiting := func(n int64) {
		require.Eventually(t, func() bool { return in.delivery.waiting[in.delivery.number(carol.User)].Load() == n }, 10*time.Second, time.Millisecond)
	}
	func() {
		slow.mu.Lock()
		defer slow.mu.Unlock()
		a.send(slow.UserID, "holds the worker")
		waiting(1)
		carol.mu.Lock()
		goOn := sync.OnceFunc(carol.mu.Unlock)
		defer goOn() // else a failure would hang at the inbox's end
		a.send("carol", "1")
		waiting(2)
		goOn()
		a.send("carol", "2")
		waiting(3)
	}()
	c.until("both", func() bool { return len(c.messages) == 2 })
	require.Equal(t, []string{"1", "2"}, c.texts())
}

// TestCloseWhileDelivering: once the inbox is closed, nothing is pushed and
// nothing runs, whatever is still in the queues.
func TestCloseWhileDelivering(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	var closed atomic.Bool
	var came atomic.Int64
	enough := make(chan struct{})
	var sending sync.WaitGroup
	for i := range 4 {
		_, f := in.Attach(place.User{SDKAppID: app, UserID: fmt.Sprintf("to%d", i)}, "r1", func(string, json.RawMessage) bool {
			if closed.Load() {
				t.Error("pushed after Close")
			}
			if came.Add(1) == 50 {
				close(enough)
			}
			return true
		}).Call(t.Context(), frame.SessionSync, nil)
		require.Nil(t, f)
		s := in.Attach(place.User{SDKAppID: app, UserID: fmt.Sprintf("from%d", i)}, "s1", func(string, json.RawMessage) bool { return true })
		sending.Go(func() {
			for n := 0; ; n++ {
				text := fmt.Sprint(n)
				id := messageID(s.user.UserID, time.Now(), text)
				if _, f := s.Call(t.Context(), frame.MessageSend, encode(sendText(id, fmt.Sprintf("to%d", i), text))); f != nil {
					return
				}
			}
		})
	}
	<-enough
	in.Close()
	closed.Store(true)
	sending.Wait()
	require.Zero(t, goroutines())
}

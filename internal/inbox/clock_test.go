package inbox

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*clockTimer
}

type clockTimer struct {
	c  *clock
	at time.Time
	f  func()
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &clockTimer{c, c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return t
}

func (t *clockTimer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	n := len(t.c.timers)
	t.c.timers = slices.DeleteFunc(t.c.timers, func(other *clockTimer) bool { return other == t })
	return len(t.c.timers) < n
}

// forward moves the clock and runs what is due, in its order.
func (c *clock) forward(d time.Duration) {
	end := c.Now().Add(d)
	for {
		c.mu.Lock()
		slices.SortStableFunc(c.timers, func(a, b *clockTimer) int { return a.at.Compare(b.at) })
		if len(c.timers) == 0 || c.timers[0].at.After(end) {
			c.now = end
			c.mu.Unlock()
			return
		}
		t := c.timers[0]
		c.timers, c.now = c.timers[1:], t.at
		c.mu.Unlock()
		t.f()
	}
}

// TestTheClockIsGiven: on a bus in memory an inbox uses only the clock that it is
// given.
func TestTheClockIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{now: time.Now()} // messageID has the time of this machine
		in := open(t, busmodel.New(busmodel.Options{Now: c.Now}), Options{Now: c.Now, AfterFunc: c.AfterFunc})
		a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
		m := a.send("bob", "hello")

		b.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
		c.forward(ackDelay - 1)
		require.Equal(t, 1, in.Stats().Unsaved)
		c.forward(1)
		require.Zero(t, in.Stats().Unsaved)
		for range 3 { // whoever goes on acknowledging is stored once in a while
			m = a.send("bob", "hello")
			b.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
			c.forward(ackEvery - 1)
			require.Equal(t, 1, in.Stats().Unsaved)
			c.forward(1)
			require.Zero(t, in.Stats().Unsaved)
		}
		c.forward(ackEvery - ackDelay) // and soon after a while of silence
		m = a.send("bob", "hello")
		b.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
		c.forward(ackDelay - 1)
		require.Equal(t, 1, in.Stats().Unsaved)
		c.forward(1)
		require.Zero(t, in.Stats().Unsaved)

		set := func(custom string) { a.must("status.set", statusParams{custom}, nil) }
		synctest.Wait() // a signal of the logins that came later would delay what is told of alice
		b.must("status.watch", usersParams{[]string{"alice"}}, nil)
		set("1")
		b.until("the first", func() bool { return len(b.statuses) == 1 })
		set("2")
		set("3")
		due := func() bool {
			in.mu.Lock()
			defer in.mu.Unlock()
			return in.watch[a.s.user.User].due
		}
		synctest.Wait()
		require.True(t, due())
		c.forward(statusEvery - 1)
		require.True(t, due(), "not before its time")
		c.forward(1)
		b.until("the last", func() bool { return len(b.statuses) == 2 })
		require.Equal(t, "3", b.statuses[1].CustomStatus)

		m = a.send("bob", "hello")
		c.forward(-time.Hour) // a clock that is set back holds no acknowledgement up for longer
		b.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
		c.forward(ackEvery)
		require.Zero(t, in.Stats().Unsaved)
	})
}

package inbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestLargeSync: what does not fit one call comes in parts, no notification is
// over a frame, and what is sent meanwhile follows in order.
func TestLargeSync(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Memory: true})
	a := login(t, in, "alice", "a1")
	long := strings.Repeat("x", 8000)
	for i := range 60 {
		a.send("bob", fmt.Sprintf("%02d%s", i, long))
	}
	b := newClient(t, "bob", "b1")
	b.attach(in)
	var r syncResult
	b.must("session.sync", nothing{}, &r)
	require.True(t, r.More)
	got := len(b.messages)
	require.Positive(t, got)
	require.Less(t, got, 60)
	a.send("bob", "60")
	for r.More {
		r = syncResult{}
		b.must("session.more", nothing{}, &r)
	}
	require.NotEmpty(t, r.Cursor)
	b.until("all of them", func() bool { return len(b.messages) == 61 })
	for i, m := range b.messages {
		require.EqualValues(t, i+1, m.Sequence)
	}
	for _, n := range b.notes {
		require.LessOrEqual(t, len(n.params), frame.MaxFrame)
	}
}

// TestBrokenSyncGoesOn: a link that breaks between the parts of a sync goes on
// behind what came.
func TestBrokenSyncGoesOn(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Memory: true})
	a := login(t, in, "alice", "a1")
	long := strings.Repeat("x", 8000)
	for i := range 60 {
		a.send("bob", fmt.Sprintf("%02d%s", i, long))
	}
	b := newClient(t, "bob", "b1")
	b.attach(in)
	var r syncResult
	b.must("session.sync", nothing{}, &r)
	require.True(t, r.More)
	b.drop()
	b.attach(in)
	b.sync()
	require.Len(t, b.messages, 60)
	for i, m := range b.messages {
		require.EqualValues(t, i+1, m.Sequence)
	}
}

// TestStall: a gateway that may not deliver for a while delivers afterwards
// what came meanwhile, without the client's asking.
func TestStall(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Memory: true})
	a := login(t, in, "alice", "a1")
	b := newClient(t, "bob", "b1")
	var refuse atomic.Bool
	b.s = in.Attach(User{app, "bob"}, "b1", func(method string, params json.RawMessage) bool {
		return !refuse.Load() && b.push(method, params)
	})
	b.sync()
	a.send("bob", "0")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	refuse.Store(true)
	for i := 1; i <= 5; i++ {
		a.send("bob", fmt.Sprint(i))
	}
	refuse.Store(false)
	b.until("the rest", func() bool { return len(b.messages) == 6 })
	a.send("bob", "6")
	b.until("live again", func() bool { return len(b.messages) == 7 })
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6"}, b.texts())
}

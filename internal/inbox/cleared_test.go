package inbox

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
)

// hookedStore calls a function once after a read of newest records, before the
// result is used.
type hookedStore struct {
	Bus
	hook atomic.Pointer[func()]
}

func (s *hookedStore) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := s.Bus.OpenLog(ctx, c)
	if c.Stream == bus.StreamMessages {
		l = hookedLog{l, s}
	}
	return l, err
}

type hookedLog struct {
	bus.Log
	s *hookedStore
}

func (l hookedLog) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	values, err := l.Log.LastAll(ctx, subjects)
	if hook := l.s.hook.Swap(nil); hook != nil {
		(*hook)()
	}
	return values, err
}

// TestWhatWasClearedStaysCleared: two instances clear a conversation at the same
// moment. The one that knew fewer messages does not bring back what the other one
// has cleared.
func TestWhatWasClearedStaysCleared(t *testing.T) {
	for _, method := range []string{frame.ConversationClear, frame.ConversationDelete} {
		store := &hookedStore{Bus: busmodel.New(busmodel.Options{})}
		one, two := open(t, store, Options{}), open(t, store, Options{})
		a, b1, b2 := login(t, one, "alice", "a1"), login(t, one, "bob", "b1"), login(t, two, "bob", "b2")
		a.send("bob", "one")
		p := conversationParams{ConversationID: "C2Calice", ConversationIDs: []string{"C2Calice"}, ClearHistory: true}
		between := func() {
			a.send("bob", "two")
			b2.must(method, p, nil)
		}
		store.hook.Store(&between)
		b1.must(method, p, nil)
		require.Nil(t, store.hook.Load())
		require.Empty(t, b1.history("alice"), method)
		c := login(t, two, "bob", "b3")
		for _, listed := range c.list() {
			require.EqualValues(t, 0, listed["unreadCount"], method)
			require.NotEqual(t, frame.ConversationDelete, method, "it is hidden")
		}
	}
}

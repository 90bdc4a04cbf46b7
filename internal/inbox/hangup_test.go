package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// heldPresence answers once it is let go.
type heldPresence struct{ asked, answer chan struct{} }

func (p *heldPresence) Online(_ context.Context, _ uint32, userIDs []string, _ bool) ([]bool, error) {
	p.asked <- struct{}{}
	<-p.answer
	return make([]bool, len(userIDs)), nil
}

// TestHangUpWhileWatching: a session that ends while the statuses of those it
// wants to watch are read leaves no watch behind.
func TestHangUpWhileWatching(t *testing.T) {
	held := &heldPresence{make(chan struct{}), make(chan struct{})}
	in := open(t, openBus(t, bus.Memory), Options{Memory: true, Presence: held})
	a := newClient(t, "alice", "a1")
	a.attach(in)
	failed := make(chan error)
	go func() {
		if f := a.call("status.watch", usersParams{[]string{"bob", "carol"}}, nil); f != nil {
			failed <- f
		}
		close(failed)
	}()
	<-held.asked
	a.s.Close()
	close(held.answer)
	require.Error(t, <-failed)
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Empty(t, in.watch)
	require.Empty(t, in.known)
}

// TestHangUpBetweenWatches: a hang-up and the counting of what a session
// watches do not meet in one map.
func TestHangUpBetweenWatches(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Memory: true})
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("user%d", i)
	}
	params := encode(usersParams{ids})
	for range 100 {
		s := in.Attach(User{app, "alice"}, "a1", func(string, json.RawMessage) bool { return true })
		_, f := s.Call(t.Context(), "status.watch", params)
		require.Nil(t, f)
		var wg sync.WaitGroup
		wg.Go(func() {
			for f == nil {
				_, f = s.Call(t.Context(), "status.watch", params)
			}
		})
		s.Close()
		wg.Wait()
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Empty(t, in.watch)
	require.Empty(t, in.known)
}

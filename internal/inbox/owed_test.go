package inbox

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
)

func (c *client) notedLocked(method string) int {
	n := 0
	for _, one := range c.notes {
		if one.method == method {
			n++
		}
	}
	return n
}

// TestOwedNotifications: what a sync does not bring reaches a session whose gateway may
// not deliver at that moment, or which has not begun or is catching up, and once.
func TestOwedNotifications(t *testing.T) {
	in := open(t, busmodel.New(busmodel.Options{}), Options{})
	methods := []string{frame.NoteProfile, frame.NoteBlacklist, frame.NoteRemindAll, frame.NoteStatus}
	carol := login(t, in, "carol", "c1")
	a1, a2 := login(t, in, "alice", "a1"), login(t, in, "alice", "a2")
	a2.must(frame.StatusWatch, usersParams{UserIDs: []string{"carol"}}, nil)
	late := newClient(t, "alice", "a3") // has not synced yet
	late.attach(in)
	refused := map[string]bool{}
	a2.mu.Lock()
	a2.refuses = func(method string) bool {
		first := slices.Contains(methods, method) && !refused[method]
		refused[method] = true
		return first
	}
	was := a2.notedLocked(frame.NoteStatus)
	a2.mu.Unlock()

	a1.must(frame.ProfileSet, map[string]any{"nick": "Alice"}, nil)
	a1.must(frame.BlacklistAdd, usersParams{UserIDs: []string{"dave"}}, nil)
	a1.must(frame.RemindAllSet, map[string]any{"messageRemindType": "AcceptNotNotify"}, nil)
	carol.must(frame.StatusSet, map[string]any{"customStatus": "busy"}, nil)
	for _, method := range methods {
		a2.until(method, func() bool { return refused[method] && a2.notedLocked(method) > 0 })
	}
	a2.until("the status", func() bool { return a2.notedLocked(frame.NoteStatus) > was })
	late.sync()
	late.mu.Lock()
	defer late.mu.Unlock()
	for _, method := range methods[:3] {
		require.Equal(t, 1, late.notedLocked(method), method)
	}
}

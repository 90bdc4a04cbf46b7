package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestRoam: the server API reads the messages of a time as one of two users sees them,
// in pages that lose and repeat nothing, also where many messages are of one second.
func TestRoam(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 0)}
	in := open(t, openBus(t, bus.Memory), Options{Now: now.Now})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	start := now.Now().Unix()
	const seconds, each = 4, 12 // more than a window
	var all []Message
	for s := range seconds {
		for n := range each {
			from, to := a, "bob"
			if n%2 == 1 {
				from, to = b, "alice"
			}
			all = append(all, from.send(to, fmt.Sprintf("%d.%d", s, n)))
		}
		now.forward(time.Second)
	}
	alice := place.User{SDKAppID: app, UserID: "alice"}
	read := func(u place.User, other string, q RoamQuery) (texts []string, pages int) {
		t.Helper()
		for pages = 1; ; pages++ {
			got, err := in.Roam(t.Context(), u, other, q)
			require.NoError(t, err)
			require.LessOrEqual(t, len(got.Messages), q.Count)
			var page []string
			for _, m := range got.Messages {
				page = append(page, textOf(m))
			}
			texts = append(page, texts...)
			if got.Complete {
				return texts, pages
			}
			require.NotEmpty(t, got.Messages)
			q.MaxTime, q.Behind = got.Messages[0].Time, got.Messages[0].Key()
		}
	}
	want := func(from, to int) (out []string) {
		for _, m := range all {
			if m.Time >= start+int64(from) && m.Time <= start+int64(to) {
				out = append(out, textOf(m))
			}
		}
		return out
	}
	for _, count := range []int{1, 5, 100} {
		for _, of := range [][2]int{{0, seconds}, {1, 2}, {2, 2}, {-9, -1}, {seconds, seconds + 9}} {
			got, pages := read(alice, "bob", RoamQuery{MinTime: start + int64(of[0]), MaxTime: start + int64(of[1]), Count: count})
			require.Equal(t, want(of[0], of[1]), got, "%d at once, seconds %v", count, of)
			require.LessOrEqual(t, pages, len(got)/count+1)
		}
	}

	// It is one user's view.
	everything := RoamQuery{MaxTime: start + seconds, Count: 100}
	b.must(frame.MessageDelete, conversationParams{ConversationID: "C2Calice", Positions: []uint64{all[0].Position}}, nil)
	a.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Cbob", Position: all[2].Position}, nil)
	got, _ := read(place.User{SDKAppID: app, UserID: "bob"}, "alice", everything)
	require.Len(t, got, seconds*each-1)
	page, err := in.Roam(t.Context(), alice, "bob", everything)
	require.NoError(t, err)
	require.Len(t, page.Messages, seconds*each)
	require.True(t, page.Messages[2].IsRevoked)
	require.False(t, page.Messages[1].IsRevoked)

	got, _ = read(alice, "carol", everything)
	require.Empty(t, got)
	for _, key := range []string{"1", "1_2_3_4", "x_1_1"} {
		_, err := in.Roam(t.Context(), alice, "bob", RoamQuery{MaxTime: start, Count: 1, Behind: key})
		require.ErrorIs(t, err, fault.New(fault.MsgKeyMalformed))
	}
	_, err = in.Roam(t.Context(), alice, "", everything)
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
}

package inbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestSearchInGroups: a search goes on in a group where it ended, and a group that was
// dismissed does not end it.
func TestSearchInGroups(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	alice := listen(t, in, "alice", "a1")
	for _, id := range []string{"g", "h"} {
		groups.make(id, 1, false)
		require.NoError(t, groups.change(in, id, []string{"alice"}, nil))
		alice.says(id, "cat 1")
		alice.says(id, "cat 2")
	}
	find := func(p searchParams) (lines []string) {
		p.KeywordList = []string{"cat"}
		for calls := 0; ; calls++ {
			require.Less(t, calls, 10)
			var r searchResult
			alice.must(frame.MessageSearch, p, &r)
			lines = append(lines, told(r)...)
			if p.Cursor = r.Cursor; p.Cursor == "" {
				return lines
			}
		}
	}
	require.Equal(t, []string{"GROUPg: cat 2", "GROUPg: cat 1"}, find(searchParams{ConversationID: "GROUPg", Count: 1}))
	require.Equal(t, []string{"GROUPh: 2", "GROUPg: 2"}, find(searchParams{Count: 1}))
	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: "h", Born: 1, Key: "gone", Gone: true}))
	require.Equal(t, []string{"GROUPg: 2"}, find(searchParams{}))
	inside := searchCursor{rev: 1 << 40, before: 1, other: groupName("h")}.text()
	require.Equal(t, []string{"GROUPg: 2"}, find(searchParams{Cursor: inside}))
	f := alice.call(frame.MessageSearch, searchParams{Cursor: searchCursor{before: 1, other: groupMark}.text()}, nil)
	require.Equal(t, fault.BadParameters, code(f))
}

package group

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// directory reads all pages of the directory of an app on a gateway.
func (w *world) directory(app uint32, limit int, keep func(Group) bool) (ids []string) {
	w.t.Helper()
	for cursor := ""; ; {
		page, next, err := w.rooms[0].Directory(w.t.Context(), app, cursor, limit, keep)
		require.NoError(w.t, err)
		require.LessOrEqual(w.t, len(page), limit)
		for _, g := range page {
			ids = append(ids, g.GroupID)
		}
		if cursor = next; cursor == "" {
			return ids
		}
	}
}

// The directory lists every group of the app that exists, once, whatever the size of
// its pages, and none that was dismissed.
func TestDirectory(t *testing.T) {
	w := newWorld(t)
	all := func(Group) bool { return true }
	require.Empty(t, w.directory(app, 1, all))
	var want []string
	for n := range 7 {
		id := fmt.Sprintf("g%d", n)
		w.server("alice", "group.create", obj{"name": "name " + id, "groupID": id, "type": "Public"})
		want = append(want, id)
	}
	for _, limit := range []int{1, 2, 7, 8} {
		require.ElementsMatch(t, want, w.directory(app, limit, all), limit)
	}
	require.Equal(t, []string{"g3"}, w.directory(app, 2, func(g Group) bool { return strings.HasSuffix(g.Name, "g3") }))
	w.server("alice", "group.dismiss", obj{"groupID": "g3"})
	require.ElementsMatch(t, append(want[:3:3], want[4:]...), w.directory(app, 3, all))
	require.Empty(t, w.directory(app+1, 3, all), "those of another app")
	page, _, err := w.rooms[1].Directory(t.Context(), app, "", 1, all)
	require.NoError(t, err)
	require.Equal(t, 1, page[0].MemberCount)
	_, _, err = w.rooms[0].Directory(t.Context(), app, "x", 1, all)
	require.Equal(t, fault.BadParameters, bus.Fault(err).Code)
}

// A document that cannot be read is missing from lists, and hides no other.
func TestListsLeaveOutWhatCannotBeRead(t *testing.T) {
	var mu sync.Mutex
	var said []string
	w := newWorldWith(t, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, err.Error())
	})
	for _, id := range []string{"a", "b", "c"} {
		w.server("alice", "group.create", obj{"name": id, "groupID": id, "type": "Public"})
	}
	r, broken := w.rooms[0], key{app, "b"}.profileSubject()
	_, rev, err := get[group](t.Context(), r, broken)
	require.NoError(t, err)
	require.NoError(t, r.put(t.Context(), broken, []byte(`{`), rev))
	w.server("alice", "group.update", obj{"groupID": "c", "name": "the last one"})
	require.Equal(t, []string{"a", "c"}, w.directory(app, 1, func(Group) bool { return true }))
	require.Equal(t, []string{"a", "c"}, w.login(0, "alice").groups())
	page, next, err := r.directory(t.Context(), app, "", 3, 2, func(Group) bool { return true })
	require.NoError(t, err)
	require.Len(t, page, 1, "it is one of those that are looked at")
	require.NotEmpty(t, next)
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, strings.Join(said, "\n"), "group: listing "+broken)
}

// One call looks at a limited number of groups, and says where the next one goes on.
func TestDirectoryLooksAtSoMany(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"a", "b", "c"} {
		w.server("alice", "group.create", obj{"name": id, "groupID": id, "type": "Public"})
	}
	last := func(g Group) bool { return g.GroupID == "c" }
	page, next, err := w.rooms[0].directory(t.Context(), app, "", 1, 2, last)
	require.NoError(t, err)
	require.Empty(t, page)
	page, next, err = w.rooms[0].directory(t.Context(), app, next, 1, 2, last)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Empty(t, next)
}

// A user's number of groups is that of all types but live rooms, and one who quits is
// in fewer.
func TestJoined(t *testing.T) {
	w := newWorld(t)
	joined := func() int {
		n, err := w.rooms[0].Joined(t.Context(), place.User{SDKAppID: app, UserID: "alice"})
		require.NoError(t, err)
		return n
	}
	require.Zero(t, joined())
	for _, id := range []string{"a", "b"} {
		w.server("bob", "group.create", obj{"name": id, "groupID": id, "type": "Public", "memberList": []obj{{"userID": "alice"}}})
	}
	require.Equal(t, 2, joined())
	w.server("alice", "group.quit", obj{"groupID": "a"})
	require.Equal(t, 1, joined())
}

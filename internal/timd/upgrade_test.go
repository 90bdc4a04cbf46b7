package timd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/layout"
)

// restoredFirst restores the fixture and returns its data directory.
func restoredFirst(t *testing.T) string {
	t.Helper()
	s := store{data: filepath.Join(t.TempDir(), "data")}
	_, err := s.load(t.Context(), firstBackup)
	require.NoError(t, err)
	return s.data
}

// wantFirst returns what the fixture's release answered.
func wantFirst(t *testing.T) (f first) {
	t.Helper()
	text, err := os.ReadFile(firstJSON)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &f))
	return f
}

// serveFirst starts a timd on a data directory of the fixture.
func serveFirst(t *testing.T, data string) *stage {
	t.Helper()
	s := openStage(t, func(o *options) {
		o.data, o.messages = data, defaultLimits(t)
		o.messages.age = 876000 * time.Hour
	})
	t.Cleanup(s.end)
	return s
}

// same fails unless every user is told what the fixture's release told them.
func (want first) same(t *testing.T, s *stage) {
	t.Helper()
	got := asked(t, s.url, s.opsURL)
	for app, users := range want.Users {
		for user, told := range users {
			require.Equal(t, plainly(t, told.sorted(t)), plainly(t, got.Users[app][user].sorted(t)), "%s of %d", user, app)
		}
	}
	require.Equal(t, plainly(t, want.Configs), plainly(t, got.Configs))
	require.Equal(t, plainly(t, want.Known), plainly(t, got.Known))
}

// sorted returns a with its conversations ordered by ID: clients do not rely on the order
// in which they come.
func (a told) sorted(t *testing.T) told {
	t.Helper()
	id := func(c json.RawMessage) string {
		var is struct{ ConversationID string }
		require.NoError(t, json.Unmarshal(c, &is))
		return is.ConversationID
	}
	a.Conversations = slices.SortedFunc(slices.Values(a.Conversations), func(x, y json.RawMessage) int { return strings.Compare(id(x), id(y)) })
	return a
}

// A store of the first layout is upgraded at the start. Every user is told what they were
// told before, also when the upgraded store is restored from a backup.
func TestAStoreOfTheFirstLayout(t *testing.T) {
	t.Parallel()
	data, want := restoredFirst(t), wantFirst(t)
	s := serveFirst(t, data)
	require.Equal(t, layout.Version, s.layout.Version)
	require.Contains(t, s.logs.String(), "the store has its new layout")
	want.same(t, s)

	// A web page that has stayed open goes on from the cursor that it has.
	for app, users := range want.Cursors {
		for user, cursor := range users {
			c := callAs(t, s.url, app, user)
			c.sync(cursor)
			for _, m := range c.noted("messages", "messages") {
				var is struct{ Position uint64 }
				require.NoError(t, json.Unmarshal(m, &is))
				require.Greater(t, is.Position, position(t, cursor), "%s got it before: %s", user, m)
			}
			c.close()
		}
	}
	s.end()

	file := filepath.Join(t.TempDir(), "second")
	_, err := (&store{data: data}).save(t.Context(), file)
	require.NoError(t, err)
	second := store{data: filepath.Join(t.TempDir(), "data")}
	_, err = second.load(t.Context(), file)
	require.NoError(t, err)
	s = serveFirst(t, second.data)
	require.NotContains(t, s.logs.String(), "the store has its new layout")
	want.same(t, s)
}

// position returns the position in a cursor of the first layout.
func position(t *testing.T, cursor string) uint64 {
	t.Helper()
	text, _, _ := strings.Cut(cursor, ".")
	pos, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return pos
}

package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// hour returns a time long ago, n hours after another one.
func hour(n int) time.Time { return time.Date(2020, 1, 1, n, 0, 0, 0, time.UTC) }

// moved makes users members of a group, who joined it in another system at hours.
func (m *modelGroups) moved(in *Inbox, groupID string, at map[string]int) error {
	m.mu.Lock()
	g := m.groups[groupID]
	c := GroupChange{App: app, Group: groupID, Born: g.Born, Key: freshID(), Older: g.Older}
	for id, n := range at {
		g.members[id] = true
		c.Joined, c.Since = append(c.Joined, id), append(c.Since, hour(n).Unix())
	}
	m.mu.Unlock()
	return in.GroupChanged(context.Background(), c)
}

func oldIn(group, from, text string) GroupMessage {
	return GroupMessage{SDKAppID: app, From: from, Group: group, Type: typeText, Payload: json.RawMessage(fmt.Sprintf(`{"text":%q}`, text))}
}

// TestImportToGroup: imported messages are in a group's history with their own times,
// read and told to nobody as new. A second import changes nothing.
func TestImportToGroup(t *testing.T) {
	h := &hookedBy{}
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Hooks: h})
	groups.make("g", 1, false)
	here := listen(t, in, "bob", "b1")
	const count = 20
	require.NoError(t, groups.moved(in, "g", map[string]int{"alice": 0, "bob": 10}))
	move := func(text string, n int) (GroupSent, bool) {
		t.Helper()
		sent, stored, err := in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", text), hour(n))
		require.NoError(t, err)
		require.Equal(t, hour(n).Unix(), sent.Time)
		return sent, stored
	}
	for round := range 2 {
		for n := range count {
			_, stored := move(fmt.Sprint("old ", n), n/2) // two have the same time
			require.Equal(t, round == 0, stored, n)
		}
	}
	// Members who come later see what was said after they joined there.
	require.NoError(t, groups.moved(in, "g", map[string]int{"carol": 8, "dave": 30, "eve": 0}))
	require.NoError(t, groups.moved(in, "g", map[string]int{"alice": 0, "bob": 10, "carol": 8, "dave": 30, "eve": 0}), "once more")
	for who, first := range map[string]int{"alice": 0, "bob": 0, "carol": 16, "dave": count, "eve": 0} {
		e := listen(t, in, who, "1")
		want := []string{}
		for n := first; n < count; n++ {
			want = append(want, fmt.Sprint("old ", n))
		}
		require.Equal(t, want, e.history("g"), who)
		e.unreads("g", 0)
		require.Empty(t, e.messages, who)
		var r listResult
		e.must("message.list", conversationParams{ConversationID: "GROUPg", Count: 1}, &r)
		if first < count {
			require.Equal(t, hour(9).Unix(), r.Messages[0].Time)
		}
	}
	here.unreads("g", 0)
	here.until("the last message", func() bool { l := here.convs["GROUPg"].last; return l != nil && l.LastTime == hour(9).Unix() })
	require.Empty(t, h.texts())

	// Members then go on as usual, and the past is closed.
	alice := listen(t, in, "alice", "a2")
	alice.says("g", "new")
	here.hears("new")
	here.unreads("g", 1)
	_, stored := move("old 19", 9)
	require.False(t, stored)
	_, _, err := in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", "late"), hour(20))
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
}

// TestImportToGroupRefused: an import is refused with a code that says what is wrong.
func TestImportToGroupRefused(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, true)
	groups.make("room", 1, true)
	groups.groups["room"].Live = true
	require.NoError(t, groups.moved(in, "g", map[string]int{"alice": 5}))
	for code, change := range map[fault.Code]func(m *GroupMessage, at *time.Time){
		fault.UnknownAccount:     func(m *GroupMessage, _ *time.Time) { m.From = systemUser },
		fault.BadGroupID:         func(m *GroupMessage, _ *time.Time) { m.Group = "" },
		fault.NoSuchGroup:        func(m *GroupMessage, _ *time.Time) { m.Group = "h" },
		fault.GroupNotPermitted:  func(m *GroupMessage, _ *time.Time) { m.Group = "room" },
		fault.BodyMalformed:      func(m *GroupMessage, _ *time.Time) { m.Type = typeImage },
		fault.GroupBadParameters: func(_ *GroupMessage, at *time.Time) { *at = hour(4) }, // older than the group
	} {
		m, at := oldIn("g", "alice", "x"), hour(6)
		change(&m, &at)
		_, _, err := in.ImportToGroup(t.Context(), "root", m, at)
		require.ErrorIs(t, err, fault.New(code))
	}
	_, _, err := in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", "x"), time.Now().Add(time.Hour))
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
	for n := range maxSameTime {
		_, stored, err := in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", fmt.Sprint(n)), hour(6))
		require.NoError(t, err)
		require.True(t, stored)
	}
	_, _, err = in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", "one more"), hour(6))
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
	_, stored, err := in.ImportToGroup(t.Context(), "root", oldIn("g", "alice", "0"), hour(6))
	require.NoError(t, err)
	require.False(t, stored)
}

package inbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func (e *ear) react(groupID string, m Message, id string, remove bool) fault.Code {
	return code(e.call(frame.MessageReact, reactParams{groupKind + groupID, m.Position, id, remove}, nil))
}

// reacted waits until an instance was told of reactions so many times, and returns the
// note that came last.
func (e *ear) reacted(times int) (last reactionsNote) {
	e.t.Helper()
	e.until("reactions", func() bool {
		n := 0
		for _, note := range e.notes {
			if note.method != frame.NoteReactions {
				continue
			}
			if n++; n == times {
				last = reactionsNote{}
				if err := json.Unmarshal(note.params, &last); err != nil {
					e.t.Error(err)
				}
			}
		}
		return n >= times
	})
	return last
}

func (e *ear) reactionsTo(groupID string, messages ...Message) (r reactionsResult) {
	e.t.Helper()
	e.must(frame.MessageReactions, atGroup(groupID, messages...), &r)
	return r
}

func (e *ear) reactors(groupID string, m Message, id string, next, count int) (r reactorsResult) {
	e.t.Helper()
	e.must(frame.MessageReactors, reactorsParams{groupKind + groupID, m.Position, id, next, count}, &r)
	return r
}

// All members are told of a reaction in their group, each whether they react so
// themselves, and it is stored.
func TestGroupReactions(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	bob.must(frame.ProfileSet, map[string]any{"nick": "Bob", "avatar": "b.png"}, nil)
	m, plain := alice.says("g", "hello"), alice.says("g", "plain")
	named := UserInfo{"bob", "Bob", "b.png"}
	smile := func(version int, mine bool, users ...UserInfo) reactionsNote {
		return reactionsNote{"GROUPg", m.Position, version, "smile", reactionData{m.ID, []Reaction{{"smile", len(users), append([]UserInfo{}, users...), mine}}}}
	}
	require.Zero(t, bob.react("g", m, "smile", false))
	require.Equal(t, smile(1, false, named), alice.reacted(1))
	require.Equal(t, smile(1, true, named), bob.reacted(1))
	require.Zero(t, bob.react("g", m, "smile", false), "repeated")
	require.Equal(t, smile(1, true, named), bob.reacted(2))
	require.Zero(t, carol.react("g", m, "smile", false))
	require.Equal(t, smile(2, false, named, UserInfo{UserID: "carol"}), alice.reacted(3))
	require.Equal(t, smile(2, true, named, UserInfo{UserID: "carol"}), carol.reacted(3))
	require.Zero(t, carol.react("g", m, "frown", false))

	r := carol.reactionsTo("g", plain, m, m)
	require.Equal(t, []storedReactions{{m.Position, []reactionsBy{
		{"smile", []string{"bob", "carol"}, 2, true}, {"frown", []string{"carol"}, 1, true},
	}}}, r.Reactions)
	require.Equal(t, []UserInfo{named, {UserID: "carol"}}, r.Users)
	require.False(t, alice.reactionsTo("g", m).Reactions[0].ReactionList[0].ReactedByMyself)

	require.Equal(t, reactorsResult{[]UserInfo{named}, 1}, alice.reactors("g", m, "smile", 0, 1))
	require.Equal(t, reactorsResult{[]UserInfo{{UserID: "carol"}}, 0}, alice.reactors("g", m, "smile", 1, 1))
	require.Equal(t, reactorsResult{[]UserInfo{}, 0}, alice.reactors("g", m, "nobody", 5, 0))

	require.Zero(t, bob.react("g", m, "smile", true))
	require.Zero(t, carol.react("g", m, "smile", true))
	require.Equal(t, smile(5, false), alice.reacted(6), "nobody reacts so any more")
	require.Equal(t, "frown", alice.reactionsTo("g", m).Reactions[0].ReactionList[0].ReactionID)

	// A revoked message loses its reactions, and takes no more.
	alice.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: m.Position}, nil)
	require.Empty(t, bob.reactionsTo("g", m).Reactions)
	require.Equal(t, fault.InvalidOperation, bob.react("g", m, "smile", false))
	require.Equal(t, fault.InvalidOperation, code(bob.call(frame.MessageReactors, reactorsParams{"GROUPg", m.Position, "frown", 0, 0}, nil)))
}

// Who may react in a group, and who hears of it.
func TestWhoReactsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob")
	alice, bob := all[0], all[1]
	m := alice.says("g", "hello")
	eve, late := listen(t, in, "eve", "e1"), listen(t, in, "late", "l1")
	require.NoError(t, groups.change(in, "g", []string{"late"}, nil))
	late.until("the group", func() bool { return late.convs["GROUPg"] != nil })
	for e, want := range map[*ear]fault.Code{eve: fault.GroupNotPermitted, late: fault.BadParameters} {
		require.Equal(t, want, e.react("g", m, "smile", false))
		require.Equal(t, want, code(e.call(frame.MessageReactions, atGroup("g", m), nil)))
		require.Equal(t, want, code(e.call(frame.MessageReactors, reactorsParams{"GROUPg", m.Position, "smile", 0, 0}, nil)))
	}
	require.Equal(t, fault.NoConversation, code(alice.call(frame.MessageReactors, reactorsParams{"C2Cbob", m.Position, "smile", 0, 0}, nil)))
	require.Zero(t, bob.react("g", m, "smile", false))
	now := alice.says("g", "now")
	require.Zero(t, bob.react("g", now, "smile", false))
	require.Equal(t, now.ID, late.reacted(1).Data.MessageID, "what came before them they hear nothing of")

	for n := range maxReactions - 1 {
		require.Zero(t, bob.react("g", m, fmt.Sprint("emoji", n), false))
	}
	require.Equal(t, fault.InvalidOperation, bob.react("g", m, "one more", false))
	groups.mu.Lock()
	groups.groups["g"].muted["bob"] = true
	groups.mu.Unlock()
	require.Equal(t, fault.GroupMuted, bob.react("g", m, "smile", true))
}

// Reactions of very many members: their number is bounded, and the largest answer fits
// a frame.
func TestManyReactionsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	alice := team(t, in, groups, "g", "alice")[0]
	d, full := memberReactions{}, false
	for n := 0; !full; n++ {
		_, _, err := d.react(fmt.Sprintf("%d%s", n%maxReactions, strings.Repeat("\"", maxReactionID-1)), fmt.Sprintf("%s%04d", strings.Repeat("\"", 28), n), false)
		if full = err != nil; full {
			require.ErrorIs(t, err, fault.New(fault.InvalidOperation))
			require.Greater(t, n, 400)
		}
	}
	var messages []Message
	for n := range window {
		m := alice.says("g", fmt.Sprint(n))
		messages = append(messages, m)
		_, _, err := in.store.marks.Append(t.Context(), pairOf(app, "", groupName("g")).reactionsSubject(m.Position), encode(d), 0, "")
		require.NoError(t, err)
	}
	r := alice.reactionsTo("g", messages...)
	require.Less(t, len(encode(r)), frame.MaxFrame)
	require.Len(t, r.Reactions, window)
	total := 0
	for _, one := range r.Reactions[0].ReactionList {
		total += one.TotalUserCount
	}
	listed := 0
	for _, one := range d.List {
		for next := 0; ; {
			page := alice.reactors("g", messages[0], one.ID, next, 0)
			listed += len(page.Users)
			if next = page.Next; next == 0 {
				break
			}
		}
	}
	require.Equal(t, total, listed)
}

// Many members react at once, on two gateways: nobody's reaction is lost.
func TestReactionsOfManyAtOnce(t *testing.T) {
	alice, others, idle := membersOnTwo(t)
	m := alice.says("g", "hello")
	var wg sync.WaitGroup
	for n, e := range others {
		wg.Go(func() {
			for _, reaction := range []string{"smile", fmt.Sprint("emoji", n%4)} {
				if c := e.react("g", m, reaction, false); c != 0 {
					t.Errorf("%s: %d", e.userID, c)
				}
			}
		})
	}
	wg.Wait()
	alice.reacted(24)
	r := alice.reactionsTo("g", m).Reactions[0].ReactionList
	require.Len(t, r, 5)
	for _, one := range r {
		if one.ReactionID == "smile" {
			require.Equal(t, 12, one.TotalUserCount)
			require.Len(t, one.UserIDs, someReacting)
		} else {
			require.Equal(t, 3, one.TotalUserCount)
		}
	}
	idle()
}

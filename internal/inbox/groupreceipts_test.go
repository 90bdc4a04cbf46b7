package inbox

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

var asksForReceipts = map[string]any{"needReadReceipt": true}

func atGroup(groupID string, messages ...Message) conversationParams {
	p := conversationParams{ConversationID: groupKind + groupID}
	for _, m := range messages {
		p.Positions = append(p.Positions, m.Position)
	}
	return p
}

// receipts returns what the instance was told of the receipts of a message: of each
// notification the counts. mu is held.
func (e *ear) receipts(m Message) (out []GroupReceipt) {
	for _, n := range e.notes {
		var told receiptsNote
		if n.method != frame.NoteReceipts {
			continue
		}
		if err := json.Unmarshal(n.params, &told); err != nil {
			e.t.Error(err)
		}
		for _, r := range told.Receipts {
			if r.Position == m.Position && r.ID == m.ID {
				out = append(out, *r.GroupReceipt)
			}
		}
	}
	return out
}

// readersAt returns one page of those who have read a message, or have not.
func (e *ear) readersAt(groupID string, m Message, unread bool, cursor string, count int) (ids []string, next string) {
	e.t.Helper()
	var r readersResult
	e.must(frame.MessageReaders, readersParams{groupKind + groupID, m.Position, unread, cursor, count}, &r)
	for _, u := range r.Users {
		ids = append(ids, u.UserID)
	}
	return ids, r.Cursor
}

// The sender of a message in a group hears how many have read it, on all instances,
// finds that again in the history, and sees who has read it and who has not.
func TestGroupReceipts(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob", "carol", "dave")
	alice, bob, carol := all[0], all[1], all[2]
	other := listen(t, in, "alice", "a2")
	m, plain := alice.says("g", "asks", asksForReceipts), alice.says("g", "plain")
	require.True(t, m.NeedReadReceipt)
	require.Equal(t, &ReadReceipt{GroupReceipt: &GroupReceipt{0, 3}}, m.ReadReceiptInfo)
	require.Nil(t, plain.ReadReceiptInfo)
	bob.hears("asks", "plain")
	bob.mu.Lock()
	require.True(t, bob.messages[0].NeedReadReceipt)
	require.Nil(t, bob.messages[0].ReadReceiptInfo)
	bob.mu.Unlock()

	bob.must(frame.MessageReceipt, atGroup("g", m), nil)
	bob.must(frame.MessageReceipt, atGroup("g", m, m), nil) // tells nobody
	carol.must(frame.MessageReceipt, atGroup("g", m), nil)
	for _, e := range []*ear{alice, other} {
		e.until("both receipts", func() bool { return len(e.receipts(m)) == 2 })
		e.mu.Lock()
		require.ElementsMatch(t, []GroupReceipt{{1, 2}, {2, 1}}, e.receipts(m))
		e.mu.Unlock()
	}
	bob.mu.Lock()
	require.Empty(t, bob.receipts(m), "only its sender is told")
	bob.mu.Unlock()

	for e, want := range map[*ear]*ReadReceipt{alice: {GroupReceipt: &GroupReceipt{2, 1}}, bob: nil} {
		var r listResult
		e.must(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, &r)
		require.Equal(t, want, r.Messages[1].ReadReceiptInfo, e.userID)
		require.Nil(t, r.Messages[2].ReadReceiptInfo)
	}
	var r receiptsResult
	alice.must(frame.MessageReceipts, atGroup("g", m, plain), &r)
	require.Equal(t, []receipt{{Position: m.Position, GroupReceipt: &GroupReceipt{2, 1}}}, r.Receipts)
	bob.unreads("g", 2)

	ids, next := alice.readersAt("g", m, false, "", 1)
	require.Equal(t, []string{"bob"}, ids)
	ids, next = alice.readersAt("g", m, false, next, 1)
	require.Equal(t, []any{[]string{"carol"}, ""}, []any{ids, next})
	ids, next = alice.readersAt("g", m, true, "", 0)
	require.Equal(t, []any{[]string{"dave"}, ""}, []any{ids, next})
	fresh := alice.says("g", "fresh", asksForReceipts)
	ids, next = alice.readersAt("g", fresh, true, "", 2)
	require.Equal(t, []any{[]string{"bob", "carol"}, "carol"}, []any{ids, next})
	carol.must(frame.MessageReceipt, atGroup("g", fresh), nil)
	ids, next = alice.readersAt("g", fresh, true, next, 2)
	require.Equal(t, []any{[]string{"dave"}, ""}, []any{ids, next}, "the last one of the page before has read it meanwhile")
}

// Who may give receipts in a group, and who sees who has.
func TestWhoGivesReceiptsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob")
	alice, bob := all[0], all[1]
	groups.mu.Lock()
	groups.groups["g"].Older = true
	groups.mu.Unlock()
	eve := listen(t, in, "eve", "e1")
	m, plain := alice.says("g", "asks", asksForReceipts), alice.says("g", "plain")
	give := func(e *ear, messages ...Message) fault.Code {
		return code(e.call(frame.MessageReceipt, atGroup("g", messages...), nil))
	}
	see := func(e *ear, m Message, cursor string) fault.Code {
		return code(e.call(frame.MessageReaders, readersParams{ConversationID: "GROUPg", Position: m.Position, Cursor: cursor}, nil))
	}
	require.Equal(t, fault.InvalidOperation, give(alice, m), "one's own")
	require.Equal(t, fault.InvalidOperation, give(bob, m, plain), "one that asks for none")
	require.Equal(t, fault.GroupNotPermitted, give(eve, m))
	require.Equal(t, fault.BadParameters, give(bob))
	require.Equal(t, fault.BadParameters, give(bob, Message{Position: m.Position + 100}))
	require.Equal(t, fault.InvalidOperation, see(bob, m, ""), "another's")
	require.Equal(t, fault.InvalidOperation, see(alice, plain, ""))
	require.Equal(t, fault.GroupNotPermitted, see(eve, m, ""))
	require.Equal(t, fault.BadParameters, see(alice, m, "bob"), "no such cursor")
	gone := alice.says("g", "gone", asksForReceipts)
	alice.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: gone.Position}, nil)
	require.Zero(t, give(bob, gone))
	who, err := in.readersOf(t.Context(), pairOf(app, "", groupName("g")), []uint64{gone.Position})
	require.NoError(t, err)
	require.Empty(t, who[0].Users, "nobody counts who has read what was revoked")
	require.Equal(t, fault.NoConversation, code(alice.call(frame.MessageReaders, readersParams{ConversationID: "C2Cbob", Position: m.Position}, nil)))

	require.NoError(t, groups.change(in, "g", []string{"eve"}, nil))
	require.Zero(t, give(eve, m), "it came before her and is not counted")
	var r receiptsResult
	alice.must(frame.MessageReceipts, atGroup("g", m), &r)
	require.Equal(t, &GroupReceipt{0, 1}, r.Receipts[0].GroupReceipt)

	require.NoError(t, groups.change(in, "g", nil, []string{"alice"}))
	alice.until("that she is out", func() bool { return alice.convs["GROUPg"] == nil })
	require.Zero(t, give(bob, m))
	in.notedInGroup(notedSignal{App: app, Group: "g", Read: []groupRead{{"alice", receipt{ID: m.ID, Position: m.Position, GroupReceipt: &GroupReceipt{1, 0}}}}})
	require.Equal(t, fault.GroupNotPermitted, see(alice, m, ""))
	alice.mu.Lock()
	require.Empty(t, alice.receipts(m), "who has left hears nothing more")
	alice.mu.Unlock()

	p := toGroup(bob.id("live"), "g", "live", asksForReceipts, map[string]any{"onlineUserOnly": true})
	var sent messageResult
	bob.must(frame.MessageSend, p, &sent)
	require.False(t, sent.Message.NeedReadReceipt, "it is stored nowhere")
}

// membersOnTwo makes a group g of alice and twelve others, who are connected to two
// gateways in turn. idle checks that nothing is left of their calls.
func membersOnTwo(t *testing.T) (alice *ear, others []*ear, idle func()) {
	t.Helper()
	b := busmodel.New(busmodel.Options{})
	groups := &modelGroups{}
	in, _ := openGroups(t, b, Options{Groups: groups})
	second, _ := openGroups(t, b, Options{Groups: groups})
	ids := []string{"alice"}
	for n := range 12 {
		ids = append(ids, fmt.Sprint("user", n))
	}
	groups.make("g", 1, false)
	require.NoError(t, groups.change(in, "g", ids, nil))
	alice = listen(t, in, "alice", "a1")
	for n, id := range ids[1:] {
		others = append(others, listen(t, []*Inbox{in, second}[n%2], id, id+"1"))
	}
	return alice, others, func() {
		t.Helper()
		require.Zero(t, in.marking.Len())
		require.Zero(t, second.marking.Len())
	}
}

// Many members read a message at once, on two gateways: each is counted once.
func TestReceiptsOfManyAtOnce(t *testing.T) {
	alice, others, idle := membersOnTwo(t)
	m := alice.says("g", "asks", asksForReceipts)
	var wg sync.WaitGroup
	for _, e := range others {
		wg.Go(func() {
			for range 2 {
				if f := e.call(frame.MessageReceipt, atGroup("g", m), nil); f != nil {
					t.Error(f)
				}
			}
		})
	}
	wg.Wait()
	alice.until("the last of them", func() bool {
		all := alice.receipts(m)
		return len(all) == 12
	})
	alice.mu.Lock()
	seen := map[GroupReceipt]bool{}
	for _, r := range alice.receipts(m) {
		require.False(t, seen[r])
		seen[r] = true
	}
	require.True(t, seen[GroupReceipt{12, 0}])
	alice.mu.Unlock()
	idle()
}

package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// pins pins a message of a group, or unpins it.
func (e *ear) pins(groupID string, m Message, on bool) *fault.Error {
	return e.call(frame.MessagePin, pinParams{groupKind + groupID, m.Position, on}, nil)
}

// pinned returns the texts of the pinned messages that a member sees, newest first.
func (e *ear) pinned(groupID string) (out []string) {
	e.t.Helper()
	out = []string{}
	for before := uint64(0); ; {
		var r pinnedResult
		e.must(frame.MessagePinned, conversationParams{ConversationID: groupKind + groupID, Before: before}, &r)
		out = append(out, textsOf(r.Messages)...)
		if before = r.Next; before == 0 {
			return out
		}
	}
}

// heardPins lists what an instance was told of pins: "+text by whom", or "-text".
func (e *ear) heardPins() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pinsHeard()
}

// pinsHeard needs mu.
func (e *ear) pinsHeard() []string {
	out := []string{}
	for _, n := range e.notes {
		if n.method != frame.NotePinned {
			continue
		}
		var p pinNote
		if err := json.Unmarshal(n.params, &p); err != nil {
			e.t.Error(err)
			continue
		}
		sign := "-"
		if p.IsPinned {
			sign = "+"
		}
		out = append(out, sign+textOf(p.Messages[0])+" by "+p.Operator.UserID)
	}
	return out
}

func (e *ear) hearsPins(want ...string) {
	e.t.Helper()
	e.until("hearing of "+strings.Join(want, ", "), func() bool { return len(e.pinsHeard()) >= len(want) })
	require.Equal(e.t, want, e.heardPins())
}

// A message that is pinned is shown to all members until it is unpinned or revoked.
func TestPins(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "boss", "bob", "carol")
	boss, bob, carol := all[0], all[1], all[2]
	one, two := bob.says("g", "one"), bob.says("g", "two")
	require.Empty(t, bob.pinned("g"))
	for _, m := range []Message{two, one, one} { // the last one changes nothing
		require.Nil(t, boss.pins("g", m, true))
	}
	for _, e := range all {
		e.hearsPins("+two by boss", "+one by boss")
		require.Equal(t, []string{"two", "one"}, e.pinned("g"))
		e.unreads("g", map[*ear]uint64{boss: 2, carol: 2}[e])
	}
	_, f := bob.modifies("g", one, 0, "uno", "")
	require.Nil(t, f)
	bob.must(frame.MessageDelete, conversationParams{ConversationID: "GROUPg", Positions: []uint64{two.Position}}, nil)
	require.Equal(t, []string{"uno"}, bob.pinned("g"), "without what he has deleted")
	require.Equal(t, []string{"two", "uno"}, carol.pinned("g"))

	require.Nil(t, boss.pins("g", one, false))
	require.Nil(t, boss.pins("g", one, false))
	carol.hearsPins("+two by boss", "+one by boss", "-uno by boss")
	boss.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: two.Position}, nil)
	require.Empty(t, carol.pinned("g"), "a revoked message")
	require.Equal(t, fault.InvalidOperation, code(boss.pins("g", two, true)))
	require.Nil(t, boss.pins("g", two, false), "it is pinned no longer")
}

// Who may pin, what, and how much.
func TestWhoPins(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{GroupRate: 13, Frame: 600, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	all := team(t, in, groups, "g", "boss", "bob")
	boss, bob := all[0], all[1]
	eve := listen(t, in, "eve", "e1")
	m := bob.says("g", "words")
	require.Equal(t, fault.GroupNotPermitted, code(bob.pins("g", m, true)))
	require.Equal(t, fault.GroupNotPermitted, code(eve.pins("g", m, true)), "no member")
	require.Equal(t, fault.GroupNotPermitted, code(eve.call(frame.MessagePinned, conversationParams{ConversationID: "GROUPg"}, nil)))
	require.Equal(t, fault.BadParameters, code(boss.pins("g", Message{Position: m.Position + 100}, true)))
	require.Equal(t, fault.BadParameters, code(boss.pins("nowhere", m, true)), "a message of another group")
	for _, method := range []string{frame.MessagePin, frame.MessagePinned} {
		require.Equal(t, fault.InvalidOperation, code(boss.call(method, pinParams{"C2Cbob", m.Position, true}, nil)))
		require.Equal(t, fault.NoConversation, code(boss.call(method, pinParams{"nothing", m.Position, true}, nil)))
	}
	require.Nil(t, boss.pins("g", m, true))
	for range 11 {
		require.Nil(t, boss.pins("g", m, true))
	}
	require.Equal(t, fault.GroupTooFrequent, code(boss.pins("g", m, true)), "a pin costs the group as much as a message")
}

// Ten messages are pinned at most; those that have expired do not count.
func TestTooManyPins(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Frame: 600})
	all := team(t, in, groups, "g", "boss")
	boss := all[0]
	var want []string
	var list []Message
	for n := range maxPins + 1 {
		list = append(list, boss.says("g", fmt.Sprint("m", n)))
	}
	for n, m := range list[:maxPins] {
		require.Nil(t, boss.pins("g", m, true))
		want = append([]string{fmt.Sprint("m", n)}, want...)
	}
	require.Equal(t, fault.TooManyPins, code(boss.pins("g", list[maxPins], true)))
	require.Equal(t, want, boss.pinned("g"), "in several frames")
	require.Nil(t, boss.pins("g", list[3], false))
	require.Nil(t, boss.pins("g", list[maxPins], true))
	require.Equal(t, []string{"m10", "m9"}, boss.pinned("g")[:2])

	require.NoError(t, in.store.messages[0].Remove(t.Context(), pairOf(app, "", groupName("g")).subject(), list[4].Position))
	require.Equal(t, []string{"m10", "m9", "m8", "m7", "m6", "m5"}, boss.pinned("g"))
	more := boss.says("g", "more")
	require.Nil(t, boss.pins("g", more, true))
}

// Who was away is told of the newest pin of each message, and who has come later of
// none that they do not see.
func TestMissedPins(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "boss", "bob")
	boss, bob := all[0], all[1]
	one, two := boss.says("g", "one"), boss.says("g", "two")
	bob.hears("one", "two")
	bob.drop()
	for _, on := range []bool{true, false, true} {
		require.Nil(t, boss.pins("g", one, on))
	}
	require.Nil(t, boss.pins("g", two, true))
	require.Nil(t, boss.pins("g", two, false))
	bob.attach(in)
	bob.sync()
	bob.hearsPins("+one by boss", "-two by boss")

	require.NoError(t, groups.change(in, "g", []string{"dave"}, nil))
	dave := listen(t, in, "dave", "d1")
	require.Nil(t, boss.pins("g", two, true))
	three := boss.says("g", "three")
	require.Nil(t, boss.pins("g", three, true))
	dave.hearsPins("+three by boss")
	require.Equal(t, []string{"three"}, dave.pinned("g"))
	bob.hearsPins("+one by boss", "-two by boss", "+two by boss", "+three by boss")
	bob.must(frame.ConversationClear, conversationParams{ConversationID: "GROUPg"}, nil)
	require.Empty(t, bob.pinned("g"), "he has cleared the history")

	require.NoError(t, groups.change(in, "g", nil, []string{"dave"}))
	require.Nil(t, boss.pins("g", three, false))
	for _, e := range all {
		in.delivery.reach(t.Context(), e.s.user.User, in.messages.Pos()[0])
	}
	in.delivery.reach(t.Context(), dave.s.user.User, in.messages.Pos()[0])
	boss.until("the last one", func() bool { return len(boss.pinsHeard()) == 8 })
	require.Equal(t, "-three by boss", boss.heardPins()[7])
	require.Len(t, bob.heardPins(), 4, "nothing of what he has cleared")
	require.Len(t, dave.heardPins(), 1, "nothing to who has left")
}

// A message that is revoked while it is being pinned is not pinned afterwards.
func TestPinsBesideRevocations(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{GroupRate: 1000})
	all := team(t, in, groups, "g", "boss", "boss2")
	for n := range 8 {
		m := all[0].says("g", fmt.Sprint("m", n))
		var both sync.WaitGroup
		both.Go(func() { _ = all[0].pins("g", m, true) }) // it may be refused
		both.Go(func() {
			_, f := all[1].s.Call(context.Background(), frame.MessageRevoke, encode(conversationParams{ConversationID: "GROUPg", Position: m.Position}))
			if f != nil {
				t.Error(f)
			}
		})
		both.Wait()
		require.Empty(t, all[0].pinned("g"))
	}
}

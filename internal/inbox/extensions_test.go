package inbox

import (
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
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

var takesExtensions = map[string]any{"isSupportExtension": true}

// sendPoll sends a message to which extensions can be added.
func (c *client) sendPoll(to string) Message {
	c.t.Helper()
	p := c.text(freshID(), to, "poll")
	p["isSupportExtension"] = true
	var r messageResult
	c.must(frame.MessageSend, p, &r)
	return r.Message
}

func extendIn(conversationID string, m Message, list ...extending) extendParams {
	return extendParams{ConversationID: conversationID, Position: m.Position, Extensions: list}
}

func (p extendParams) removed() extendParams {
	p.Remove = true
	return p
}

// extends sets or deletes extensions.
func (c *client) extends(p extendParams) (r extended) {
	c.t.Helper()
	c.must(frame.MessageExtend, p, &r)
	return r
}

func (c *client) extensionsTo(conversationID string, m Message) (r extended) {
	c.t.Helper()
	c.must(frame.MessageExtensions, conversationParams{ConversationID: conversationID, Position: m.Position}, &r)
	return r
}

// heard waits until a page was told of extensions so many times by an event, and
// returns what it was told last.
func (c *client) heard(event string, times int) objects.Object {
	c.t.Helper()
	c.until(event, func() bool { return len(c.told[event]) >= times })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told[event][times-1]
}

// Both users set, read and delete extensions of a message, and all of their instances
// are told. Who knows less than what stands is refused key by key.
func TestExtensions(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	m := a.sendPoll("bob")
	require.True(t, m.Extensible)
	b.until("the message", func() bool { return len(b.messages) == 1 })
	require.True(t, b.messages[0].Extensible)
	require.Equal(t, extended{[]Extension{}, []int64{}}, a.extensionsTo("C2Cbob", m))
	none := a.extends(extendIn("C2Cbob", m, extending{Key: "none"}).removed())
	require.Equal(t, extended{[]Extension{{0, "none", ""}}, []int64{0}}, none, "nobody is told of it")

	set := a.extends(extendIn("C2Cbob", m, extending{Key: "alice", Value: "yes"}, extending{Key: "n", Value: "1"}))
	require.Equal(t, extended{[]Extension{{0, "alice", "yes"}, {0, "n", "1"}}, []int64{1, 2}}, set)
	for _, c := range []*client{a, a2, b} {
		told := c.heard(frame.EventMessageExtensionsUpdated, 1)
		require.Equal(t, m.ID, told["messageID"])
		require.Equal(t, []Extension{{0, "alice", "yes"}, {0, "n", "1"}}, valuesOf[[]Extension](t, told["extensions"]))
	}

	// Bob does not know of the second key; with what he is told then he may change it.
	got := b.extends(extendIn("C2Calice", m, extending{Key: "bob", Value: "no"}, extending{Key: "n", Value: "2"}))
	require.Equal(t, extended{[]Extension{{0, "bob", "no"}, {fault.ExtensionConflict, "n", "1"}}, []int64{3, 2}}, got)
	require.Len(t, valuesOf[[]Extension](t, a.heard(frame.EventMessageExtensionsUpdated, 2)["extensions"]), 1, "what was refused is not told")
	got = b.extends(extendIn("C2Calice", m, extending{Key: "n", Value: "2", Seq: 2}))
	require.Equal(t, []int64{4}, got.Seqs)

	// A repetition changes nothing, and is told again, which the pages leave out. Alice
	// may change what she has set even if her instance has forgotten it.
	require.Equal(t, got, b.extends(extendIn("C2Calice", m, extending{Key: "n", Value: "2", Seq: 2})))
	require.Equal(t, []int64{5}, a2.extends(extendIn("C2Cbob", m, extending{Key: "alice", Value: "perhaps"})).Seqs)
	want := extended{[]Extension{{0, "alice", "perhaps"}, {0, "n", "2"}, {0, "bob", "no"}}, []int64{5, 4, 3}}
	require.Equal(t, want, a.extensionsTo("C2Cbob", m))
	require.Equal(t, want, b.extensionsTo("C2Calice", m))

	got = a.extends(extendIn("C2Cbob", m, extending{Key: "n", Seq: 2}, extending{Key: "bob", Seq: 3}, extending{Key: "none"}).removed())
	require.Equal(t, extended{[]Extension{{fault.ExtensionConflict, "n", "2"}, {0, "bob", ""}, {0, "none", ""}}, []int64{4, -6, -6}}, got)
	require.Equal(t, []any{"bob", "none"}, b.heard(frame.EventMessageExtensionsDeleted, 1)["keyList"])
	got = b.extends(extendIn("C2Calice", m, extending{Key: "bob", Value: "back", Seq: 3}))
	require.Equal(t, extended{[]Extension{{fault.ExtensionConflict, "bob", ""}}, []int64{-6}}, got, "it is gone")

	require.Equal(t, []int64{-7, -8}, b.extends(extendIn("C2Calice", m).removed()).Seqs)
	require.Empty(t, a.extensionsTo("C2Cbob", m).Extensions)
	require.Equal(t, []int64{9}, b.extends(extendIn("C2Calice", m, extending{Key: "n", Value: "new"})).Seqs, "numbers are not used again")

	a.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Cbob", Position: m.Position}, nil)
	require.Equal(t, fault.InvalidOperation, b.call(frame.MessageExtend, extendIn("C2Calice", m, extending{Key: "n"}), nil).Code)
	require.Equal(t, fault.InvalidOperation, b.call(frame.MessageExtensions, conversationParams{ConversationID: "C2Calice", Position: m.Position}, nil).Code)
}

// Who may extend what, and how much.
func TestWhoExtends(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, eve := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "eve", "e1")
	m, plain := a.sendPoll("bob"), a.send("bob", "plain")
	live := a.text(freshID(), "bob", "live")
	live["isSupportExtension"], live["onlineUserOnly"] = true, true
	var sent messageResult
	a.must(frame.MessageSend, live, &sent)
	require.False(t, sent.Message.Extensible, "it is stored nowhere")
	try := func(c *client, p extendParams) fault.Code {
		f := c.call(frame.MessageExtend, p, nil)
		if f == nil {
			return 0
		}
		return f.Code
	}
	one := extending{Key: "k", Value: "v"}
	require.Equal(t, fault.InvalidOperation, try(b, extendIn("C2Calice", plain, one)), "it was made without isSupportExtension")
	require.Equal(t, fault.BadParameters, try(eve, extendIn("C2Calice", m, one)), "of another conversation")
	require.Equal(t, fault.BadParameters, eve.call(frame.MessageExtensions, conversationParams{ConversationID: "C2Calice", Position: m.Position}, nil).Code)
	require.Equal(t, fault.NoConversation, try(a, extendIn("C2C", m, one)))
	for _, bad := range []extending{
		{}, {Value: "v"}, {Key: strings.Repeat("k", maxExtensionKey+1)}, {Key: "k", Value: strings.Repeat("v", maxExtensionValue+1)},
	} {
		require.Equal(t, fault.BadParameters, try(b, extendIn("C2Calice", m, bad)), "%v", bad)
	}
	require.Equal(t, fault.BadParameters, try(b, extendIn("C2Calice", m)), "none")
	require.Equal(t, fault.BadParameters, try(b, extendIn("C2Calice", m, one, one)), "the same key twice")
	many := make([]extending, maxExtend+1)
	for n := range many {
		many[n].Key = fmt.Sprint("key", n)
	}
	require.Equal(t, fault.BadParameters, try(b, extendIn("C2Calice", m, many...)))

	// Their number, and their size: what is escaped in JSON counts as it is sent.
	for n := range maxExtensions / maxExtend {
		for i := range maxExtend {
			many[i].Key = fmt.Sprintf("%d-%d", n, i)
		}
		require.Zero(t, try(b, extendIn("C2Calice", m, many[:maxExtend]...)))
	}
	require.Equal(t, fault.InvalidOperation, try(a, extendIn("C2Cbob", m, one)))
	require.Zero(t, try(b, extendIn("C2Calice", m, extending{Key: "0-0", Value: "changed"})), "one that is there")
	large := a.sendPoll("bob")
	long, set := strings.Repeat("\x01", maxExtensionValue), 0
	for try(a, extendIn("C2Cbob", large, extending{Key: fmt.Sprint(set), Value: long})) == 0 {
		set++
	}
	require.Less(t, len(encode(b.extensionsTo("C2Calice", large))), 2*maxExtensionsBytes)
	require.Equal(t, maxExtensionsBytes/(6*maxExtensionValue), set)
	require.Zero(t, try(a, extendIn("C2Cbob", large, extending{Key: "0"}).removed()))
	require.Zero(t, try(a, extendIn("C2Cbob", large, extending{Key: "0", Value: long})))

	b.must(frame.BlacklistAdd, usersParams{[]string{"alice"}}, nil)
	require.Equal(t, fault.Blocked, try(a, extendIn("C2Cbob", m, one)))

	now := time.Unix(1_700_000_000, 0)
	slow := open(t, openBus(t, bus.Memory), Options{Rate: 1, Burst: 2, Now: func() time.Time { return now }})
	a = login(t, slow, "alice", "a1")
	m = a.sendPoll("bob")
	require.Zero(t, try(a, extendIn("C2Cbob", m, one)))
	require.Equal(t, fault.TooFrequent, try(a, extendIn("C2Cbob", m, one)), "they cost as much as messages")
}

// extensions returns what an instance was told of extensions. mu is held.
func (e *ear) extensions() (out []extendedNote) {
	for _, n := range e.notes {
		var told extendedNote
		if n.method != frame.NoteExtensions {
			continue
		}
		if err := json.Unmarshal(n.params, &told); err != nil {
			e.t.Error(err)
		}
		out = append(out, told)
	}
	return out
}

// In a group all members set extensions, and those are told who may read the message.
func TestExtensionsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	m := alice.says("g", "poll", takesExtensions)
	require.True(t, m.Extensible)
	eve, late := listen(t, in, "eve", "e1"), listen(t, in, "late", "l1")
	require.NoError(t, groups.change(in, "g", []string{"late"}, []string{"carol"}))
	late.until("the group", func() bool { return late.convs["GROUPg"] != nil })
	carol.until("that she is out", func() bool { return carol.convs["GROUPg"] == nil })

	p := extendIn("GROUPg", m, extending{Key: "bob", Value: "yes"})
	var r extended
	bob.must(frame.MessageExtend, p, &r)
	require.Equal(t, extended{[]Extension{{0, "bob", "yes"}}, []int64{1}}, r)
	for _, e := range []*ear{alice, bob} {
		e.until("the extension", func() bool { return len(e.extensions()) == 1 })
		e.mu.Lock()
		require.Equal(t, extendedNote{"GROUPg", m.Position, m.ID, r}, e.extensions()[0])
		e.mu.Unlock()
	}
	alice.must(frame.MessageExtensions, conversationParams{ConversationID: "GROUPg", Position: m.Position}, &r)
	require.Equal(t, []Extension{{0, "bob", "yes"}}, r.Extensions)

	for e, want := range map[*ear]fault.Code{eve: fault.GroupNotPermitted, carol: fault.GroupNotPermitted, late: fault.BadParameters} {
		require.Equal(t, want, code(e.call(frame.MessageExtend, p, nil)), e.userID)
		require.Equal(t, want, code(e.call(frame.MessageExtensions, conversationParams{ConversationID: "GROUPg", Position: m.Position}, nil)), e.userID)
	}
	// Whoever hears something later has not heard of it before.
	now := alice.says("g", "now", takesExtensions)
	bob.must(frame.MessageExtend, extendIn("GROUPg", now, extending{Key: "k"}), nil)
	late.until("the later extension", func() bool { return len(late.extensions()) > 0 })
	late.mu.Lock()
	require.Equal(t, now.ID, late.extensions()[0].MessageID, "it came before they joined")
	late.mu.Unlock()
	for _, e := range []*ear{eve, carol} {
		e.mu.Lock()
		require.Empty(t, e.extensions())
		e.mu.Unlock()
	}

	groups.mu.Lock()
	groups.groups["g"].muted["bob"] = true
	groups.mu.Unlock()
	require.Equal(t, fault.GroupMuted, code(bob.call(frame.MessageExtend, p, nil)))
}

// Many members vote at once, on two gateways, each with their own key and all with a
// common one: no vote is lost, and the common key has one winner.
func TestExtensionsOfManyAtOnce(t *testing.T) {
	alice, others, idle := membersOnTwo(t)
	m := alice.says("g", "poll", takesExtensions)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []string
	for _, e := range others {
		id := e.userID
		wg.Go(func() {
			var r extended
			if f := e.call(frame.MessageExtend, extendIn("GROUPg", m, extending{Key: id, Value: "yes"}, extending{Key: "first", Value: id}), &r); f != nil {
				t.Error(f)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if r.Extensions[1].Code == 0 {
				winners = append(winners, id)
			}
		})
	}
	wg.Wait()
	var r extended
	alice.must(frame.MessageExtensions, conversationParams{ConversationID: "GROUPg", Position: m.Position}, &r)
	require.Len(t, r.Extensions, 13)
	require.Len(t, winners, 1)
	for _, x := range r.Extensions {
		if x.Key == "first" {
			require.Equal(t, winners[0], x.Value)
		}
	}
	idle()
}

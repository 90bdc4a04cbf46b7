package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// hookedGroup opens an inbox with Hooks and a group of alice and bob.
func hookedGroup(t *testing.T) (h *hookedBy, groups *modelGroups, in *Inbox, alice, bob *ear) {
	h = &hookedBy{}
	in, groups = openGroups(t, openBus(t, bus.Memory), Options{Hooks: h})
	groups.make("g", 1, false)
	alice, bob = listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	return h, groups, in, alice, bob
}

// The hooks refuse, drop and replace what is said in a group, and are told of what is
// stored.
func TestHooksInAGroup(t *testing.T) {
	h, _, in, alice, bob := hookedGroup(t)
	refusal := &fault.Error{Code: 10100, Message: "No."}
	h.say(func(_ context.Context, m *Outgoing) error {
		if m.Group != "g" || m.To != "" {
			t.Errorf("asked about a message to %q in group %q", m.To, m.Group)
		}
		switch textOf(Message{Payload: m.Payload}) {
		case "refuse":
			return refusal
		case "drop":
			return ErrDropped
		case "replace":
			m.Payload = json.RawMessage(`{"text":"replaced","other":1}`)
		case "break":
			m.Payload = json.RawMessage(`{"text":7}`)
		}
		return nil
	}, nil)
	send := func(text string) *fault.Error {
		return alice.call(frame.MessageSend, toGroup(alice.id(text), "g", text), nil)
	}
	require.Equal(t, refusal, send("refuse"))
	require.Equal(t, fault.GroupRefusedByApp, code(send("break")))
	dropped := alice.says("g", "drop")
	require.Equal(t, []any{"drop", uint64(0)}, []any{textOf(dropped), dropped.Position})
	require.Empty(t, h.texts())
	require.Equal(t, "replaced", textOf(alice.says("g", "replace")))
	bob.hears("replaced") // what is stored and what is not come by two ways
	alice.says("g", "allow", map[string]any{"onlineUserOnly": true})
	bob.hears("replaced", "allow")
	require.Equal(t, []string{"*", "replaced"}, alice.history("g"))
	h.mu.Lock()
	require.Len(t, h.told, 2)
	first, second := h.told[0], h.told[1]
	h.told = nil
	h.mu.Unlock()
	require.Equal(t, []any{"alice", "g", "", uint64(2), false, true}, []any{first.From.UserID, first.Group, first.To, first.Sequence, first.OnlineOnly, second.OnlineOnly})

	server := GroupMessage{SDKAppID: app, From: "root", Group: "g", Type: typeText, Payload: json.RawMessage(`{"text":"drop"}`), Random: 1}
	_, err := in.SendToGroup(t.Context(), server)
	require.ErrorIs(t, err, fault.New(fault.GroupRefusedByApp))
	server.NoBefore, server.NoAfter = true, true
	_, err = in.SendToGroup(t.Context(), server)
	require.NoError(t, err)
	require.Empty(t, h.texts())
	server.NoBefore, server.NoAfter, server.Payload = false, false, json.RawMessage(`{"text":"fine"}`)
	_, err = in.SendToGroup(t.Context(), server)
	require.NoError(t, err)
	require.Equal(t, []string{"fine"}, h.texts())
}

// If AfterSend fails, the repetition of the send calls it again, and the sender has
// read their own message all the same. It succeeds whatever BeforeSend says now.
func TestHooksAndRepetitionsInAGroup(t *testing.T) {
	h, _, in, alice, _ := hookedGroup(t)
	sent := toGroup(alice.id("hello"), "g", "hello")
	h.say(nil, func(Outgoing) error { return fault.New(fault.ServerTimeout) })
	require.Equal(t, fault.ServerTimeout, code(alice.call(frame.MessageSend, sent, nil)))
	listen(t, in, "alice", "a2").unreads("g", 0)
	h.say(func(context.Context, *Outgoing) error { return fault.New(fault.GroupRefusedByApp) }, nil)
	alice.must(frame.MessageSend, sent, nil)
	require.Equal(t, []string{"hello", "hello"}, h.texts())
	require.Equal(t, []string{"*", "hello"}, alice.history("g"))
}

// The hooks are told of each message that is revoked, whoever does it, and again by the
// repetition of a call that has failed because of them.
func TestHooksAndRevocations(t *testing.T) {
	h, _, in, alice, bob := hookedGroup(t)
	undone := func() []string {
		h.mu.Lock()
		defer h.mu.Unlock()
		out := h.undone
		h.undone = nil
		return out
	}
	one, two := alice.says("g", "one"), alice.says("g", "two")
	h.fails = 1
	revoke := conversationParams{ConversationID: "GROUPg", Position: one.Position}
	require.Equal(t, fault.ServerTimeout, code(alice.call(frame.MessageRevoke, revoke, nil)))
	alice.must(frame.MessageRevoke, revoke, nil)
	first := fmt.Sprint("alice g ", one.ID, " ", one.Sequence, " alice")
	require.Equal(t, []string{first, first}, undone())
	require.NoError(t, in.RevokeInGroup(t.Context(), app, "g", "root", two.Sequence))
	require.Equal(t, []string{fmt.Sprint("alice g ", two.ID, " ", two.Sequence, " root")}, undone())
	require.Error(t, in.RevokeInGroup(t.Context(), app, "g", "root", 1), "a tip")
	require.Empty(t, undone())
	sent, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "bob", To: "alice", Type: typeText, Payload: json.RawMessage(`{"text":"hi"}`)})
	require.NoError(t, err)
	require.NoError(t, in.RevokeByKey(t.Context(), place.User{SDKAppID: app, UserID: "bob"}, "alice", sent.Key))
	require.Equal(t, []string{"bob alice " + sent.ID + " 1 bob"}, undone())
	bob.unreads("g", 0)
}

// Whoever is removed or muted while the hooks are asked says nothing more.
func TestRemovedWhileAsked(t *testing.T) {
	h, groups, in, alice, bob := hookedGroup(t)
	h.say(func(_ context.Context, m *Outgoing) error {
		if m.From.UserID == "alice" {
			return groups.change(in, "g", nil, []string{"alice"})
		}
		groups.mu.Lock()
		defer groups.mu.Unlock()
		groups.groups["g"].muted["bob"] = true
		return nil
	}, nil)
	require.Equal(t, fault.GroupNotPermitted, code(alice.call(frame.MessageSend, toGroup(alice.id("one"), "g", "one"), nil)))
	require.Equal(t, fault.GroupMuted, code(bob.call(frame.MessageSend, toGroup(bob.id("two"), "g", "two"), nil)))
	require.Empty(t, h.texts())
	require.Equal(t, []string{"*", "*"}, bob.history("g"))
}

// Whoever is muted while the hooks are asked about an edit does not make it.
func TestMutedWhileAskedAboutAnEdit(t *testing.T) {
	h, groups, _, alice, _ := hookedGroup(t)
	m := alice.says("g", "fine")
	h.say(func(context.Context, *Outgoing) error {
		groups.mu.Lock()
		defer groups.mu.Unlock()
		groups.groups["g"].muted["alice"] = true
		return nil
	}, nil)
	_, f := alice.modifies("g", m, 0, "worse", "")
	require.Equal(t, fault.GroupMuted, code(f))
	require.Equal(t, []string{"*", "fine"}, alice.history("g"))
}

// An edit in a group does not bypass the hooks, whoever makes it.
func TestEditsInAGroupAreAsked(t *testing.T) {
	h, _, _, alice, bob := hookedGroup(t)
	m := alice.says("g", "fine")
	h.say(func(_ context.Context, m *Outgoing) error {
		if !m.Edit || m.Group != "g" || m.To != "" {
			t.Errorf("asked about %+v", *m)
		}
		switch text := textOf(Message{Payload: m.Payload}); {
		case text == "drop":
			return ErrDropped
		case text == "replace":
			m.Payload = json.RawMessage(`{"text":"better"}`)
		case m.From.UserID == "bob":
			return &fault.Error{Code: 10100, Message: "No."}
		}
		return nil
	}, nil)
	_, f := alice.modifies("g", m, 0, "drop", "")
	require.Equal(t, fault.GroupRefusedByApp, code(f))
	_, f = bob.modifies("g", m, 0, "", "answered")
	require.EqualValues(t, 10100, code(f))
	r, f := alice.modifies("g", m, 0, "replace", "")
	require.Nil(t, f)
	require.Equal(t, "better", textOf(r.Message))
}

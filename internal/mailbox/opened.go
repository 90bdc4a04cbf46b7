package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// What a page may set of a conversation, and the calls that set it.
const (
	pinnedKey = "isPinned"
	draftKey  = "draftText"
	customKey = "customData"
)

var settings = []struct{ key, method string }{
	{pinnedKey, frame.ConversationPin}, {draftKey, frame.ConversationDraft}, {customKey, frame.ConversationCustom},
}

// open begins a conversation, as pages do when their user wants to write to
// somebody. The gateway keeps no conversation without a message, so until the
// first message only this instance knows it, and keeps what the page sets.
func (m *Machine) open(in OpenConversation) {
	id := in.Conversation
	if isGroup(id) {
		m.openGroup(in)
		return
	}
	if !isC2C(id) {
		m.fail(in.Call, fault.With(fault.NoConversation, id))
		return
	}
	m.profileOf(id, func(p frame.Body, err *fault.Error) {
		if err == nil && p == nil {
			err = fault.With(fault.NoConversation, id)
		}
		if err != nil {
			m.fail(in.Call, err)
			return
		}
		if c := m.find(id); c != nil { // one has begun meanwhile
			m.knows(c, p)
		} else {
			c := m.known(id)
			c.whole = true
			m.set(c, "", "userProfile", p, PileNone)
			m.begin(c)
		}
		m.settle(Settle{Call: in.Call, Conversations: []string{id}})
	})
}

// openGroup begins a group's conversation if the user is in the group. The list of
// groups may not have it yet, if the user has created or joined it just now.
func (m *Machine) openGroup(in OpenConversation) {
	id := groupIn(in.Conversation)
	m.withGroups(func(err *fault.Error) {
		if err != nil || m.groups.find(id) != nil {
			m.beginGroup(in, err)
			return
		}
		m.ask(frame.GroupGet, texts("groupIDs", []string{id}), 0, func(result frame.Body, err *fault.Error) {
			if list := result.List("groups"); err == nil && len(list) > 0 && list[0].Text("groupID") == id && list[0].Object("selfInfo") != nil && m.groups.listed {
				m.joined(list[0])
				m.flush()
			}
			m.beginGroup(in, err)
		})
	})
}

func (m *Machine) beginGroup(in OpenConversation, err *fault.Error) {
	id := in.Conversation
	if err == nil && m.groups.find(groupIn(id)) == nil {
		err = fault.With(fault.NoConversation, id)
	}
	if err != nil {
		m.fail(in.Call, err)
		return
	}
	if m.find(id) == nil {
		m.begin(m.known(id))
	}
	m.settle(Settle{Call: in.Call, Conversations: []string{id}})
}

// begin puts a conversation without a message on top of the list.
func (m *Machine) begin(c *conversation) {
	m.opened++
	c.local, c.opened = true, m.opened
	for _, d := range m.list {
		c.last = max(c.last, d.last)
	}
	m.enter(c)
	m.arrange()
	m.flush()
}

// begunHere returns a conversation that began here, for a call about it; nil if
// it did not, or if the session is ending, which refuses all calls.
func (m *Machine) begunHere(id string) *conversation {
	if c := m.find(id); c != nil && c.local && m.state != Ending {
		return c
	}
	return nil
}

// setHere sets something of a conversation that began here.
func (m *Machine) setHere(c *conversation, key string, to any) {
	c.set = unset(c.set, key)
	if to != "" && to != false {
		c.set = append(c.set, frame.Field{Key: key, Value: to})
	}
	if key == pinnedKey {
		c.pinned = to == true
	}
	m.set(c, "", key, to, PileNone)
	m.arrange()
}

// firstMessage is called when a conversation that began here gets its first
// message. It sends the gateway what the page has set.
func (m *Machine) firstMessage(c *conversation) {
	c.local = false
	named := frame.Fields{ // each method reads one of the two
		{Key: "conversationID", Value: c.id}, {Key: "conversationIDs", Value: []string{c.id}},
	}
	for _, s := range settings {
		for _, kept := range c.set {
			if kept.Key != s.key {
				continue
			}
			c.owed = append(c.owed, kept)
			m.ask(s.method, append(named[:2:2], kept), 0, func(_ frame.Body, err *fault.Error) {
				c.owed = unset(c.owed, s.key)
				if err != nil {
					m.do(Log{Level: 2, Text: s.method + " of " + c.id + ": " + err.Message})
				}
			})
		}
	}
	c.set = nil
}

// keeps returns the settings in an update that the gateway does not have yet. It
// stores one setting after the other, and each time sends the conversation with
// the others as they were.
func (c *conversation) keeps(b frame.Body) frame.Fields {
	var kept frame.Fields
	for _, f := range c.set {
		if b.Has(f.Key) {
			kept = append(kept, f)
		}
	}
	for _, f := range c.owed {
		if b.Has(f.Key) {
			kept = append(kept, f)
		}
	}
	return kept
}

func unset(fields frame.Fields, key string) frame.Fields {
	var left frame.Fields
	for _, f := range fields {
		if f.Key != key {
			left = append(left, f)
		}
	}
	return left
}

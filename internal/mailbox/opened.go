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

// open begins a conversation, as pages do that look somebody up to write to
// them. The gateway keeps none without a message; so until the first one this
// is the instance's own, with what the page sets of it.
func (m *Machine) open(in OpenConversation) {
	id := in.Conversation
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
			m.begin(m.known(id), p)
		}
		m.settle(Settle{Call: in.Call, Conversations: []string{id}})
	})
}

// begin puts a conversation without a message on top of the list.
func (m *Machine) begin(c *conversation, p frame.Body) {
	m.opened++
	c.local, c.opened, c.whole = true, m.opened, true
	for _, d := range m.list {
		c.last = max(c.last, d.last)
	}
	m.set(c, "", "userProfile", p, PileNone)
	m.enter(c)
	m.arrange()
	m.flush()
}

// begunHere finds a conversation that began here, for a call about it: not
// once the session ends, for that refuses all calls.
func (m *Machine) begunHere(id string) *conversation {
	if c := m.find(id); c != nil && c.local && m.state != Ending {
		return c
	}
	return nil
}

// setHere changes a conversation that began here.
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

// firstMessage: a conversation that began here has its first message, and the
// gateway is told what the page has set of it.
func (m *Machine) firstMessage(c *conversation) {
	c.local = false
	named := frame.Fields{ // each call reads the one that it takes
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

// keeps returns what the gateway says of a conversation and does not know yet:
// it takes one setting after the other, and tells after each how the
// conversation is then.
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

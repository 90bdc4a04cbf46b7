package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func (m *Machine) listConversations(in ListConversations) {
	m.whenListed(in.Call, func() {
		var named map[string]bool
		if in.IDs != nil {
			named = make(map[string]bool, len(in.IDs))
			for _, id := range in.IDs {
				named[id] = true
			}
		}
		var list []*conversation
		for _, c := range m.list {
			if (named == nil || named[c.id]) && c.matches(in) && (in.Group == "" || contains(m.groupNames(c), in.Group)) {
				list = append(list, c)
			}
		}
		m.settle(Settle{Call: in.Call, Conversations: keys(list)})
	})
}

// matches reports whether a conversation is one of those that a call selects.
func (c *conversation) matches(in ListConversations) bool {
	return (!in.Unread || c.unread > 0) && (!in.Mentions || c.counts != nil && len(c.counts.mentions) > 0) &&
		(in.Type == "" || typeOf(c.id) == in.Type) && (in.Mark == 0 || c.marks&in.Mark == in.Mark)
}

// openConversation returns a conversation at once if its user's whole profile is
// known, and asks for a newer profile in the background.
func (m *Machine) openConversation(in OpenConversation) {
	m.whenListed(in.Call, func() {
		c := m.find(in.Conversation)
		switch {
		case c == nil:
			m.open(in)
		case c.whole, !isC2C(c.id):
			if isC2C(c.id) {
				m.complete(c, nil)
			}
			m.settle(Settle{Call: in.Call, Conversations: []string{c.id}})
		default:
			m.complete(c, func(err *fault.Error) {
				if err != nil && m.state == Ending { // the conversation has no owner any more
					m.fail(in.Call, err)
					return
				}
				m.give(in.Call, c.id)
			})
		}
	})
}

// give settles a call with a conversation, unless it was deleted meanwhile.
func (m *Machine) give(call Call, id string) {
	if m.find(id) == nil {
		m.fail(call, fault.With(fault.NoConversation, id))
		return
	}
	m.settle(Settle{Call: call, Conversations: []string{id}})
}

// complete asks for the profile of a conversation's user, and then calls then
// unless that is nil. A profile that has not changed causes no event, because
// pages ask for profiles whenever the list has changed.
func (m *Machine) complete(c *conversation, then func(err *fault.Error)) {
	m.profileOf(c.id, func(p frame.Body, err *fault.Error) {
		if p != nil {
			m.knows(c, p)
		}
		if then != nil {
			then(err)
		}
	})
}

func (m *Machine) knows(c *conversation, p frame.Body) {
	c.whole = true
	m.set(c, "", "userProfile", p, PileProfiles)
	m.profiled = true
	m.flush()
}

// profileOf asks for the profile of a conversation's user; nil if there is none.
func (m *Machine) profileOf(id string, then func(p frame.Body, err *fault.Error)) {
	params := users([]string{id[len(c2c):]})
	m.ask(frame.ProfileGet, params, 0, func(result frame.Body, err *fault.Error) {
		if list := result.List("profiles"); err == nil && len(list) > 0 {
			then(list[0], nil)
			return
		}
		then(nil, err)
	})
}

func (m *Machine) markRead(in MarkRead) {
	m.relay(in.Call, frame.MessageRead, append(text("conversationID", in.Conversation), m.upToShown()))
}

// upToShown says how far the page was given messages, so that those that come
// while a call waits for a lost connection stay, and stay unread.
func (m *Machine) upToShown() frame.Field { return frame.Field{Key: "cursor", Value: m.shown} }

// markAllRead marks those of a type one by one: the gateway knows only all.
func (m *Machine) markAllRead(in MarkAllRead) {
	if in.Type == "" {
		m.readAll(in.Call, frame.Fields{m.upToShown()})
		return
	}
	m.whenListed(in.Call, func() {
		var ids []string
		for _, c := range m.list {
			if c.unread > 0 && typeOf(c.id) == in.Type {
				ids = append(ids, c.id)
			}
		}
		m.readEach(eachRead{call: in.Call, ids: ids, upTo: m.upToShown()})
	})
}

// eachRead is a call that marks conversations as read, one after the other.
type eachRead struct {
	call Call
	ids  []string // those that are left
	upTo frame.Field
	err  *fault.Error // of the first that was refused
}

// readEach goes on when one conversation is refused, unless the others would be, too.
func (m *Machine) readEach(r eachRead) {
	if len(r.ids) == 0 {
		m.settle(Settle{Call: r.call, Err: r.err})
		return
	}
	id := r.ids[0]
	r.ids = r.ids[1:]
	m.ask(frame.MessageRead, append(text("conversationID", id), r.upTo), 0, func(_ frame.Body, err *fault.Error) {
		if err != nil && (m.state == Ending || err.Code == fault.TooFrequent || err.Code == fault.Timeout || err.Code == fault.ServerTimeout) {
			m.fail(r.call, err)
			return
		}
		if err != nil && r.err == nil && m.find(id) != nil { // otherwise it is gone, and nothing in it is unread
			r.err = &fault.Error{Code: err.Code, Message: err.Message + " That was said of " + id + "; the other conversations were marked as read as far as they could be."}
		}
		m.readEach(r)
	})
}

// readAll marks all conversations as read, in as many calls as the gateway needs.
func (m *Machine) readAll(c Call, params frame.Fields) {
	m.ask(frame.MessageReadAll, params, 0, func(result frame.Body, err *fault.Error) {
		if err == nil && result.Number("next") > 0 {
			m.readAll(c, frame.Fields{params[0], {Key: "next", Value: result.Number("next")}})
			return
		}
		m.settle(Settle{Call: c, Result: result, Err: err})
	})
}

func (m *Machine) deleteConversations(in DeleteConversations) {
	more := frame.Fields{{Key: "clearHistory", Value: in.ClearHistory}, m.upToShown()}
	m.forEach(in.Call, in.IDs, frame.ConversationDelete, more, func(c *conversation) {
		m.remove(c.id)
	})
}

func (m *Machine) setCustomData(in SetCustomData) {
	m.forEach(in.Call, in.IDs, frame.ConversationCustom, frame.Fields{{Key: customKey, Value: in.Data}}, func(c *conversation) {
		m.setHere(c, customKey, in.Data)
	})
}

// forEach makes a call about several conversations. Those that began here are
// changed once the gateway has answered about the others.
func (m *Machine) forEach(call Call, ids []string, method string, more frame.Fields, here func(c *conversation)) {
	var known, begun []string
	for _, id := range ids {
		if m.begunHere(id) != nil {
			begun = append(begun, id)
		} else {
			known = append(known, id)
		}
	}
	end := func(result frame.Body) {
		for _, id := range begun {
			if c := m.begunHere(id); c != nil {
				here(c)
			}
		}
		m.flush()
		m.settle(Settle{Call: call, Result: result})
	}
	if len(known) == 0 && len(begun) > 0 {
		end(nil)
		return
	}
	m.ask(method, append(texts("conversationIDs", known), more...), 0, func(result frame.Body, err *fault.Error) {
		if err != nil {
			m.fail(call, err)
			return
		}
		end(result)
	})
}

func (m *Machine) pin(in Pin) {
	m.setOne(in.Call, in.Conversation, frame.ConversationPin, frame.Field{Key: pinnedKey, Value: in.Pinned})
}

func (m *Machine) setDraft(in SetDraft) {
	m.setOne(in.Call, in.Conversation, frame.ConversationDraft, frame.Field{Key: draftKey, Value: in.Text})
}

// setOne sets something of one conversation.
func (m *Machine) setOne(call Call, id, method string, to frame.Field) {
	if c := m.begunHere(id); c != nil {
		m.setHere(c, to.Key, to.Value)
		m.flush()
		m.settle(Settle{Call: call, Conversations: []string{id}})
		return
	}
	m.ask(method, append(text("conversationID", id), to), 0, func(result frame.Body, err *fault.Error) {
		s := Settle{Call: call, Result: result, Err: err}
		if m.find(id) != nil {
			s.Conversations = []string{id}
		}
		m.settle(s)
	})
}

// clearHistory clears a conversation; one that began here has nothing to clear.
func (m *Machine) clearHistory(in ClearHistory) {
	if m.begunHere(in.Conversation) != nil {
		m.settle(Settle{Call: in.Call})
		return
	}
	m.relay(in.Call, frame.ConversationClear, append(text("conversationID", in.Conversation), m.upToShown()))
}

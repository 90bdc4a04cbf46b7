package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// ContactList is one of the lists of whom the user knows.
type ContactList int

// The lists.
const (
	Friends ContactList = iota
	FriendApplications
	FriendGroups
	contactLists
)

// contactKinds are their names in a notification, what asks for them, and the
// events that tell of them.
var contactKinds = [contactLists]struct{ name, method, event string }{
	{"friends", frame.FriendList, frame.EventFriendListUpdated},
	{"applications", frame.FriendApplications, frame.EventFriendApplicationListUpdated},
	{"groups", frame.FriendGroupList, frame.EventFriendGroupListUpdated},
}

// contacts is what is known of a list. The list itself is the page's.
type contacts struct {
	shown    bool  // the page has it
	revision int64 // the one that it was given
	reading  bool  // for an event
	changed  bool  // meanwhile
}

// mostPages bounds a list, if a gateway finds no end of it.
const mostPages = 1000

func (m *Machine) listContacts(in ListContacts) {
	m.readPage(in.List, frame.Fields{}, nil, 0, func(data any, err *fault.Error) {
		m.settle(Settle{Call: in.Call, Result: frame.Fields{{Key: "data", Value: data}}, Err: err})
	})
}

// contactsChanged reads the lists that a notification names, for their events.
func (m *Machine) contactsChanged(names []string) {
	for _, name := range names {
		for l, k := range contactKinds {
			if k.name == name {
				m.tellContacts(ContactList(l), 0)
			}
		}
	}
}

// contactsMissed reads the lists that the page has, and tells it of those that
// have changed while the link was lost.
func (m *Machine) contactsMissed() {
	for l, c := range m.contacts {
		if c.shown {
			m.tellContacts(ContactList(l), c.revision)
		}
	}
}

// tellContacts reads a list, unless its revision is still the one that is known,
// and fires its event. A list that changes while it is read is read once more.
func (m *Machine) tellContacts(l ContactList, since int64) {
	c := &m.contacts[l]
	if c.reading {
		c.changed = true
		return
	}
	c.reading = true
	params := frame.Fields{}
	if since != 0 {
		params = append(params, frame.Field{Key: "since", Value: since})
	}
	m.readPage(l, params, nil, 0, func(data any, err *fault.Error) {
		again := c.changed
		c.reading, c.changed = false, false
		switch {
		case err != nil && m.state != Ending:
			m.do(Log{Level: 2, Text: "the list of " + contactKinds[l].name + " could not be read: " + err.Message})
		case err == nil && data != nil:
			m.emit(Emit{Name: contactKinds[l].event, Data: data})
		}
		if again && m.state != Ending {
			m.tellContacts(l, 0)
		}
	})
}

// readPage asks for a list page by page. then is given it in the shape that the
// page knows; nil when it has not changed since the revision of params.
func (m *Machine) readPage(l ContactList, params frame.Fields, items []frame.Body, pages int, then func(data any, err *fault.Error)) {
	m.ask(contactKinds[l].method, params, 0, func(result frame.Body, err *fault.Error) {
		if err != nil {
			then(nil, err)
			return
		}
		c := &m.contacts[l]
		if pages == 0 { // what changes before the next page is news
			c.shown, c.revision = true, result.Number("revision")
		}
		if result.Bool("unchanged") && params.Has("since") {
			then(nil, nil)
			return
		}
		items = joined(l, items, result.List("items"))
		if next := result.Number("next"); next > 0 && pages < mostPages {
			m.readPage(l, frame.Fields{{Key: "next", Value: next}}, items, pages+1, then)
			return
		}
		if l == FriendApplications {
			then(frame.Fields{{Key: "friendApplicationList", Value: items}, {Key: "unreadCount", Value: result.Number("unread")}}, nil)
			return
		}
		then(items, nil)
	})
}

// joined appends a page to a list. A group may go on in the next page.
func joined(l ContactList, items, more []frame.Body) []frame.Body {
	if items == nil {
		items = []frame.Body{}
	}
	if last := len(items) - 1; l == FriendGroups && last >= 0 && len(more) > 0 && items[last].Text("name") == more[0].Text("name") {
		items[last] = frame.Fields{
			{Key: "name", Value: more[0].Text("name")},
			{Key: "userIDList", Value: append(items[last].Texts("userIDList"), more[0].Texts("userIDList")...)},
			{Key: "count", Value: more[0].Number("count")},
		}
		more = more[1:]
	}
	return append(items, more...)
}

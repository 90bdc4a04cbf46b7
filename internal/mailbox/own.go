package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// What users seldom set of a conversation comes in ownKey, all of it in every body
// that has isPinned, and is left out while nothing is set: marks, how to hear of its
// messages, and the numbers of the conversation groups that it is in. The groups'
// names come by themselves, before or after that.
const (
	ownKey    = "own"
	marksKey  = "markList"
	remindKey = "messageRemindType"
	groupsKey = "conversationGroupList"
)

// Values of messageRemindType.
const (
	remindAlways = "AcceptAndNotify"
	remindNever  = "Discard" // the page is not told of messages at all
)

// mostLater bounds the groups whose names are awaited.
const mostLater = 20

// convGroups are the user's conversation groups.
type convGroups struct {
	revision int64
	names    []string
	ids      []int64 // of the names, ascending
	changed  bool    // the page is to be told the names,
	moved    []int64 // and into or out of which of them conversations have come
}

// owns takes what the user has set of a conversation, and returns the fields that
// show it.
func (m *Machine) owns(c *conversation, b frame.Body) frame.Fields {
	if !b.Has(pinnedKey) {
		return nil
	}
	own := b.Object(ownKey)
	if own == nil && !c.own {
		return nil // as nearly always
	}
	c.own = own != nil
	if own == nil {
		own = frame.Fields{}
	}
	marks, groups := append([]int64{}, own.Numbers(marksKey)...), own.Numbers("groups")
	c.marks, c.remind = 0, own.Text(remindKey)
	for _, mark := range marks {
		c.marks |= mark
	}
	if c.remind == "" {
		c.remind = remindAlways
	}
	for _, id := range append(groups[:len(groups):len(groups)], c.groups...) {
		if contains(groups, id) != contains(c.groups, id) && !contains(m.convGroups.moved, id) {
			m.convGroups.moved = append(m.convGroups.moved, id)
		}
	}
	c.groups = groups
	return frame.Fields{
		{Key: marksKey, Value: marks}, {Key: remindKey, Value: c.remind}, {Key: groupsKey, Value: m.groupNames(c)}, {Key: ownKey},
	}
}

// notifies reports whether its user wants to be notified of a conversation's
// messages. Others do not count in the total of unread ones, as with the originals.
func (c *conversation) notifies() bool { return c.remind == "" || c.remind == remindAlways }

// groupNames returns the names of the groups that a conversation is in.
func (m *Machine) groupNames(c *conversation) []string {
	names := []string{}
	for n, id := range m.convGroups.ids {
		if contains(c.groups, id) {
			names = append(names, m.convGroups.names[n])
		}
	}
	return names
}

// convGroupsChanged takes the names of all conversation groups.
func (m *Machine) convGroupsChanged(note frame.Body) {
	g := &m.convGroups
	if note.Number("revision") <= g.revision {
		return
	}
	was := g.names
	g.revision, g.names, g.ids = note.Number("revision"), []string{}, nil
	for _, one := range note.List("groups") {
		g.names, g.ids = append(g.names, one.Text("name")), append(g.ids, one.Number("id"))
	}
	g.changed = g.changed || m.state != First && !equal(was, g.names)
	for _, c := range m.list {
		if len(c.groups) > 0 {
			m.set(c, "", groupsKey, m.groupNames(c), PileNone)
			m.listChanged = true
		}
	}
}

// tellGroups tells the page what has become of conversation groups.
func (m *Machine) tellGroups() {
	g := &m.convGroups
	if g.changed {
		g.changed = false
		m.emit(Emit{Name: frame.EventConversationGroupListUpdated, Data: g.names})
	}
	var later []int64
	for _, id := range g.moved {
		n := index(g.ids, id)
		if n < 0 { // its name has not come yet, or never will
			later = append(later, id)
			continue
		}
		m.emit(Emit{Name: frame.EventConversationInGroupUpdated, Data: g.names[n], In: m.inGroup(id)})
	}
	g.moved = later[max(0, len(later)-mostLater):]
}

// inGroup returns the conversations in a group.
func (m *Machine) inGroup(id int64) []string {
	in := []string{}
	for _, c := range m.list {
		if contains(c.groups, id) {
			in = append(in, c.id)
		}
	}
	return in
}

// Package slices would cost more than these.

func index[T comparable](list []T, v T) int {
	for n, one := range list {
		if one == v {
			return n
		}
	}
	return -1
}

func contains[T comparable](list []T, v T) bool { return index(list, v) >= 0 }

func equal(a, b []string) bool {
	same := len(a) == len(b)
	for n := 0; same && n < len(a); n++ {
		same = a[n] == b[n]
	}
	return same
}

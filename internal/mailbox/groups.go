package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// groups are the groups that the user is in. The list is asked for when the
// page needs it, or the profiles that conversations show, so who uses no groups
// pays nothing. From then on the gateway
// tells what changes; after a lost link the list is asked for again.
type groups struct {
	list    []*group // in the order in which they came
	listed  bool     // the whole list has come
	asking  bool     // it is coming
	again   bool     // it has to come once more: the link was lost meanwhile
	late    []Noticed
	waiting []func(err *fault.Error)
	shown   bool // conversations show their profiles
	changed bool // the page is to be told
}

// groupsRetry is when a list of groups that did not come is asked for again, or a live
// room that could not be joined again, in ms.
const groupsRetry = 10_000

// group is what decides whether a notification says something new.
type group struct {
	id   string
	info int64 // infoSequence, which grows with each change of the profile
}

func (g *groups) find(id string) *group {
	for _, h := range g.list {
		if h.id == id {
			return h
		}
	}
	return nil
}

// groupKeys returns the list without the live room, if the page has opened that; it is
// never nil.
func (m *Machine) groupKeys() []string {
	ids := []string{}
	for _, h := range m.groups.list {
		if h.id != m.room {
			ids = append(ids, h.id)
		}
	}
	return ids
}

func (m *Machine) listGroups(in ListGroups) {
	m.whenListed(in.Call, func() {
		m.withGroups(func(err *fault.Error) {
			if err != nil {
				m.fail(in.Call, err)
				return
			}
			m.settle(Settle{Call: in.Call, Groups: m.groupKeys()})
		})
	})
}

// withGroups runs f once the list is there, or with the reason why it is not.
func (m *Machine) withGroups(f func(err *fault.Error)) {
	if m.groups.listed {
		f(nil)
		return
	}
	m.groups.waiting = append(m.groups.waiting, f)
	m.askForGroups()
}

// wantGroups: the page listens for what happens in groups, now and in later
// sessions.
func (m *Machine) wantGroups() {
	m.listens = true
	m.groupsIfLive()
}

// groupsIfLive asks for the list if it has not come; otherwise, and if the
// session is not that far, the end of a synchronisation does.
func (m *Machine) groupsIfLive() {
	if m.state == Live && m.needsGroups() && !m.groups.listed {
		m.askForGroups()
	}
}

// needsGroups reports whether the list is needed without a call.
func (m *Machine) needsGroups() bool { return m.listens || m.groups.shown }

// refreshGroups asks for the list again, of which something may have been
// missed, if the page has it or waits for it.
func (m *Machine) refreshGroups() {
	if m.groups.listed || m.needsGroups() {
		m.askForGroups()
	}
}

// askForGroups asks for the whole list, unless it is coming.
func (m *Machine) askForGroups() {
	if m.groups.asking || m.state == Ending {
		return
	}
	m.groups.asking, m.groups.again = true, false
	m.groupsFrom("", nil)
}

// groupsFrom asks for the part of the list that begins at a place, of which got
// has come.
func (m *Machine) groupsFrom(next string, got []frame.Body) {
	m.ask(frame.GroupList, text("next", next), 0, func(result frame.Body, err *fault.Error) {
		switch {
		case err != nil && err.Code != frame.CodeNoMethod: // which is a gateway without groups
			m.noGroups(err)
		case err == nil && result.Text("next") != "":
			m.groupsFrom(result.Text("next"), append(got, result.List("groups")...))
		case err == nil:
			m.wholeGroups(append(got, result.List("groups")...))
		default:
			m.wholeGroups(nil)
		}
	})
}

// noGroups refuses the calls that wait for the list. The next one asks for it
// again, and so does the mailbox by itself for a page that listens.
func (m *Machine) noGroups(err *fault.Error) {
	g := &m.groups
	waiting := g.waiting
	g.asking, g.listed, g.late, g.waiting = false, false, nil, nil
	if m.needsGroups() && m.state == Live {
		m.do(Wake{After: groupsRetry, Attempt: m.attempts})
	}
	for _, f := range waiting {
		f(err)
	}
}

// wholeGroups takes the whole list, and what was told meanwhile.
func (m *Machine) wholeGroups(bodies []frame.Body) {
	g := &m.groups
	old, late, waiting, room := g.list, g.late, g.waiting, g.find(m.room)
	g.list, g.late, g.waiting, g.asking, g.listed = nil, nil, nil, false, true
	if room != nil { // which the gateway lists for nobody
		g.list = []*group{room}
	}
	for _, b := range bodies {
		m.joined(b)
	}
	g.changed = g.changed || len(old) > 0
	for _, h := range old {
		if g.find(h.id) == nil {
			m.dropGroup(h.id)
		}
	}
	for _, n := range late {
		m.groupNote(n.Method, n.Body)
	}
	if g.again {
		m.askForGroups()
	}
	m.flush()
	for _, f := range waiting {
		f(nil)
	}
}

// joined takes a group that the user is in.
func (m *Machine) joined(b frame.Body) {
	id := b.Text("groupID")
	if id == "" {
		return
	}
	h := m.groups.find(id)
	if h == nil {
		h = &group{id: id}
		m.groups.list = append(m.groups.list, h)
	}
	h.info = b.Number("infoSequence")
	m.updateGroup(UpdateGroup{Group: id, Body: b, Whole: true})
}

// dropGroup forgets a group, and a conversation of it that only this side knows;
// that of any other the gateway removes.
func (m *Machine) dropGroup(id string) {
	m.do(DropGroup{Group: id})
	delete(m.topics.listed, id)
	for topic, of := range m.topics.of {
		if of == id {
			m.dropTopic(topic)
		}
	}
	if c := m.find(groupChat + id); c != nil && c.local {
		m.remove(c.id)
	}
}

// updateGroup updates a group, which may be the profile of a conversation.
func (m *Machine) updateGroup(d UpdateGroup) {
	m.do(d)
	m.groups.changed = true
	m.listChanged = m.listChanged || m.find(groupChat+d.Group) != nil
}

// inRoom: the gateway keeps nobody in a live room across a lost link, so the mailbox
// joins it again.
func (m *Machine) inRoom(in InRoom) {
	switch {
	case m.state == Out:
	case in.In:
		m.room, m.roomLost = in.Group, false
	case m.room == in.Group:
		m.room = ""
	}
}

// rejoin joins the live room again if a lost link has taken the page out of it. Once
// the gateway refuses that, the page is in it no longer: it was dismissed, or the user
// was removed, which the gateway tells before it answers.
func (m *Machine) rejoin() {
	if m.room == "" || !m.roomLost {
		return
	}
	id := m.room
	m.roomLost = false
	m.ask(frame.GroupJoin, frame.Fields{{Key: "groupID", Value: id}, {Key: "again", Value: true}}, 0, func(_ frame.Body, err *fault.Error) {
		switch {
		case err == nil || m.room != id:
		case err.Code == fault.Timeout, err.Code == fault.ServerTimeout, err.Code == fault.Internal,
			err.Code == fault.TooFrequent, err.Code == fault.GroupTooFrequent: // nobody has refused it
			if m.roomLost = true; m.state == Live {
				m.do(Wake{After: groupsRetry, Attempt: m.attempts})
			}
		default:
			m.inRoom(InRoom{Group: id})
			m.do(Log{Level: 2, Text: "the live room could not be joined again: " + err.Message})
		}
	})
}

// groupNoticed takes a notification of a group. While the list is coming it
// waits, for it may be older or newer than that.
func (m *Machine) groupNoticed(in Noticed) {
	if in.Method == frame.NoteGroupLeft {
		m.inRoom(InRoom{Group: in.Body.Text("groupID")})
	}
	switch {
	case m.groups.asking:
		m.groups.late = append(m.groups.late, in)
	case m.groups.listed:
		m.groupNote(in.Method, in.Body)
	}
}

func (m *Machine) groupNote(method string, note frame.Body) {
	g := &m.groups
	id := note.Text("groupID")
	switch method {
	case frame.NoteGroup:
		m.groupUpdated(note.Object("group"))
	case frame.NoteGroupSelf:
		if g.find(id) != nil {
			m.updateGroup(UpdateGroup{Group: id, Body: note})
		}
	case frame.NoteGroupJoined:
		if b := note.Object("group"); b != nil {
			m.joined(b)
		}
	case frame.NoteGroupLeft:
		for n, h := range g.list {
			if h.id == id {
				g.list = append(g.list[:n], g.list[n+1:]...)
				m.dropGroup(id)
				g.changed = true
				return
			}
		}
	case frame.NoteGroupAttributes:
		m.emit(Emit{Name: frame.EventGroupAttributesUpdated, Data: frame.Fields{{Key: "groupID", Value: id}, {Key: "groupAttributes", Value: objectOf(note, "groupAttributes")}}})
	case frame.NoteGroupCounters:
		if m.state != Ending {
			m.do(EmitCounters{Group: id, Counters: objectOf(note, "counters")})
		}
	case frame.NoteGroupsReset:
		m.askForGroups()
	}
}

// groupUpdated takes the profile of a group. One that is not newer than the one
// that is known says only how many members there are.
func (m *Machine) groupUpdated(b frame.Body) {
	if b == nil {
		return
	}
	h := m.groups.find(b.Text("groupID"))
	if h == nil {
		return
	}
	if info := b.Number("infoSequence"); info > h.info {
		h.info = info
		m.updateGroup(UpdateGroup{Group: h.id, Body: b, Whole: true})
	} else {
		m.updateGroup(UpdateGroup{Group: h.id, Body: frame.Fields{{Key: "memberCount", Value: b.Number("memberCount")}}})
	}
}

// objectOf returns a field that is an object, an empty one where it is left out.
func objectOf(b frame.Body, key string) frame.Body {
	if o := b.Object(key); o != nil {
		return o
	}
	return frame.Fields{}
}

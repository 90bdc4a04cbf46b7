package mailbox

// Empty reports whether nothing of a user remains.
func (m *Machine) Empty() bool {
	return m.state == Out && m.user == "" && m.nick == "" && len(m.waiting) == 0 && len(m.conversations) == 0 &&
		len(m.list) == 0 && len(m.coming) == 0 && !m.running && m.cursor == "" && m.shown == "" && len(m.seen) == 0 &&
		len(m.undone) == 0 && !m.acking && !m.ackAgain && !m.unheard && m.acked == "" && len(m.pages) == 0 && len(m.watched) == 0 &&
		m.waits == [len(pileEvents)]bool{} && !m.profiled && !m.listChanged && !m.moved && m.toldTotal == 0 && m.opened == 0 &&
		m.contacts == [contactLists]contacts{} &&
		len(m.groups.list) == 0 && !m.groups.listed && !m.groups.asking && len(m.groups.late) == 0 && len(m.groups.waiting) == 0
}

// GroupKeys returns the keys of the groups and of an opened live room, nil before they
// have come.
func (m *Machine) GroupKeys() []string {
	if !m.groups.listed {
		return nil
	}
	ids := []string{}
	for _, h := range m.groups.list {
		ids = append(ids, h.id)
	}
	return ids
}

// Order returns the list's keys.
func (m *Machine) Order() []string { return keys(m.list) }

// Stray reports whether a conversation is neither on the list nor coming.
func (m *Machine) Stray() bool {
	for _, c := range m.conversations {
		if !c.listed && !c.coming {
			return true
		}
	}
	return false
}

// Partial reports whether a whole list has come in part.
func (m *Machine) Partial() bool { return len(m.coming) > 0 }

// Last returns the position of a conversation's newest message.
func (m *Machine) Last(id string) int64 { return m.conversations[id].last }

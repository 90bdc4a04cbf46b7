package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// mostReacted is of how many reactions, extensions and counts of readers it is remembered how
// new they were. If it has forgotten that, one that comes late may be shown.
const mostReacted = 1000

// reactions passes on what has become of a reaction, unless something newer has
// come: two gateways may tell of it in any order.
func (m *Machine) reactions(note frame.Body) {
	if m.state == Ending {
		return
	}
	if m.newest(note, note.Number("position"), note.Text("reactionID"), note.Number("version")) {
		m.pass(frame.EventMessageReactionsUpdated, note.Object("data"))
	}
}

// newest reports whether a notification says something newer of a message than those
// before; what is a reaction or x and the key of an extension, and empty for the number
// of readers.
func (m *Machine) newest(note frame.Body, position int64, what string, version int64) bool {
	if len(m.reacted) >= mostReacted || m.reacted == nil {
		m.reacted = positions{}
	}
	return m.reacted.first(note.Text("conversationID")+" "+frame.Base36(uint64(position))+" "+what, version)
}

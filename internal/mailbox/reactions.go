package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// mostReacted is of how many reactions it is remembered how new they were. If it
// has forgotten that, one that comes late may be shown.
const mostReacted = 1000

// reactions passes on what has become of a reaction, unless something newer has
// come: two gateways may tell of it in any order.
func (m *Machine) reactions(note frame.Body) {
	if m.state == Ending {
		return
	}
	if len(m.reacted) >= mostReacted || m.reacted == nil {
		m.reacted = positions{}
	}
	key := note.Text("conversationID") + " " + frame.Base36(uint64(note.Number("position"))) + " " + note.Text("reactionID")
	if m.reacted.first(key, note.Number("version")) {
		m.pass(frame.EventMessageReactionsUpdated, note.Object("data"))
	}
}

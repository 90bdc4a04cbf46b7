package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// mostEarly is of how many messages it is remembered that a receipt came before
// them. If it has forgotten that, the page was told of the receipt, but the message
// does not say it.
const mostEarly = 1000

// receipts takes what others have confirmed: single messages of this user's. What
// another instance of the user has sent may come later than its receipt. In a group
// two gateways may tell in any order how many have read a message, and a smaller
// number that comes late says nothing new.
func (m *Machine) receipts(note frame.Body) {
	id, of := note.Text("conversationID"), frame.Field{}
	switch {
	case m.state == Ending:
		return
	case isGroup(id):
		of = frame.Field{Key: "groupID", Value: id[len(groupChat):]}
	case isC2C(id):
		of = frame.Field{Key: "userID", Value: id[len(c2c):]}
	default:
		return
	}
	var told []frame.Body
	for _, r := range note.List("receipts") {
		info := frame.Fields{{Key: "isPeerRead", Value: true}, {Key: "timestamp", Value: r.Number("time")}}
		if isGroup(id) {
			if !m.newest(note, r.Number("position"), "", r.Number("readCount")) {
				continue
			}
			info = frame.Fields{{Key: "readCount", Value: r.Number("readCount")}, {Key: "unreadCount", Value: r.Number("unreadCount")}}
		}
		c := Confirm{Conversation: id, ID: r.Text("ID"), Position: r.Number("position"), Info: info}
		m.do(c)
		m.foresee(c)
		told = append(told, append(frame.Fields{of, {Key: "messageID", Value: r.Text("ID")}}, info...))
	}
	if len(told) > 0 {
		m.emit(Emit{Name: frame.EventMessageReadReceiptReceived, Data: told})
	}
}

// foresee remembers a receipt of a message that is still to come.
func (m *Machine) foresee(c Confirm) {
	if c.Position <= m.seen[c.Conversation] {
		return
	}
	if m.early == nil || len(m.early) >= mostEarly {
		m.early = map[string]Confirm{}
	}
	m.early[c.ID] = c
}

// foreseen confirms messages, now that the page holds them, whose receipts came
// before them.
func (m *Machine) foreseen(list []frame.Body) {
	if len(m.early) == 0 {
		return
	}
	for _, b := range list {
		id := b.Text("ID")
		if c, ok := m.early[id]; ok && c.Conversation == b.Text("conversationID") {
			delete(m.early, id)
			m.do(c)
		}
	}
}

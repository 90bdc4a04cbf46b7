package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// receipts takes what the peer has confirmed: single messages of this user's.
func (m *Machine) receipts(note frame.Body) {
	id := note.Text("conversationID")
	if len(id) <= len(c2c) || m.state == Ending {
		return
	}
	var told []frame.Body
	for _, r := range note.List("receipts") {
		info := frame.Fields{{Key: "isPeerRead", Value: true}, {Key: "timestamp", Value: r.Number("time")}}
		m.do(Confirm{Conversation: id, ID: r.Text("ID"), Position: r.Number("position"), Info: info})
		told = append(told, append(frame.Fields{{Key: "userID", Value: id[len(c2c):]}, {Key: "messageID", Value: r.Text("ID")}}, info...))
	}
	if len(told) > 0 {
		m.emit(Emit{Name: frame.EventMessageReadReceiptReceived, Data: told})
	}
}

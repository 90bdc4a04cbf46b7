package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// mostExtended is of how many keys of extensions it is remembered when they were
// changed last. If it has forgotten that, setting a key that somebody else has set is
// refused once, as it is for a page that has never seen it.
const mostExtended = 2000

// extend sets, deletes or reads extensions of a message.
func (m *Machine) extend(in Extend) {
	of := frame.Fields{{Key: "conversationID", Value: in.Conversation}, {Key: "position", Value: in.Position}}
	method, params := frame.MessageExtensions, of
	if !in.Read {
		var list []frame.Body
		for _, x := range in.List {
			key := x.Text("key")
			list = append(list, frame.Fields{
				{Key: "key", Value: key}, {Key: "value", Value: x.Text("value")}, {Key: "seq", Value: max(0, m.extended[keyOf(of, key)])},
			})
		}
		method, params = frame.MessageExtend, append(of, frame.Field{Key: "extensions", Value: list}, frame.Field{Key: "remove", Value: in.Remove})
	}
	m.ask(method, params, 0, func(result frame.Body, err *fault.Error) {
		if err == nil {
			m.learn(of, result)
		}
		m.settle(Settle{Call: in.Call, Result: result, Err: err})
	})
}

// keyOf names a key of a message's extensions.
func keyOf(of frame.Body, key string) string {
	return of.Text("conversationID") + " " + frame.Base36(uint64(of.Number("position"))) + " " + key
}

// learn remembers which changes of a message's extensions the page knows of.
func (m *Machine) learn(of, changed frame.Body) {
	seqs := changed.Numbers("seqs")
	for n, x := range changed.List("extensions") {
		if n >= len(seqs) {
			return
		}
		if len(m.extended) >= mostExtended || m.extended == nil {
			m.extended = positions{}
		}
		if key := keyOf(of, x.Text("key")); version(m.extended[key]) < version(seqs[n]) {
			m.extended[key] = seqs[n]
		}
	}
}

// version returns the number of a key's change. It has a minus sign if the key is gone.
func version(seq int64) int64 { return max(seq, -seq) }

// extensions tells the page which extensions of a message have been set, and which
// deleted, unless something newer has come of them: two gateways may tell of it in any
// order.
func (m *Machine) extensions(note frame.Body) {
	if m.state == Ending {
		return
	}
	m.learn(note, note)
	var set []frame.Body
	var deleted []string
	seqs := note.Numbers("seqs")
	for n, x := range note.List("extensions") {
		key := x.Text("key")
		switch {
		case n >= len(seqs) || !m.newest(note, note.Number("position"), "x"+key, version(seqs[n])):
		case seqs[n] < 0:
			deleted = append(deleted, key)
		default:
			set = append(set, x)
		}
	}
	id := frame.Field{Key: "messageID", Value: note.Text("messageID")}
	if len(set) > 0 {
		m.emit(Emit{Name: frame.EventMessageExtensionsUpdated, Data: frame.Fields{id, {Key: "extensions", Value: set}}})
	}
	if len(deleted) > 0 {
		m.emit(Emit{Name: frame.EventMessageExtensionsDeleted, Data: frame.Fields{id, {Key: "keyList", Value: deleted}}})
	}
}

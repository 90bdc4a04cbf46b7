package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// pageEnd is where the next page of a conversation begins, and the message
// that names it.
type pageEnd struct {
	id     string
	before int64
}

// keptPages is how many readers in a page, each at its own place, can go through
// one conversation at the same time.
const keptPages = 16

// sendWithin is how long a send is tried, in ms, across reconnects, too. The
// gateway recognises repetitions for longer than that.
const sendWithin = 30_000

func (m *Machine) readHistory(in ReadHistory) {
	if m.state == Out || m.state == Ending {
		m.refuse(in.Call)
		return
	}
	before := int64(0)
	if in.Next != "" {
		before = in.Given
		for _, p := range m.pages[in.Conversation] {
			if p.id == in.Next {
				before = p.before
			}
		}
		if before == 0 {
			m.fail(in.Call, &fault.Error{Code: fault.InvalidOperation, Message: "getMessageList was called with bad arguments: " +
				"nextReqMessageID is unknown: omit it to start from the newest page."})
			return
		}
	}
	m.page(in, before, 0, "")
}

// page collects a page, asking again if the gateway returns fewer messages than
// it was asked for because they are large. So far got messages have come, of
// which oldest is the oldest one's ID.
func (m *Machine) page(in ReadHistory, before, got int64, oldest string) {
	m.ask(frame.MessageList, frame.Fields{
		{Key: "conversationID", Value: in.Conversation}, {Key: "before", Value: before}, {Key: "count", Value: in.Count - got},
	}, 0, func(result frame.Body, err *fault.Error) {
		if err != nil {
			m.fail(in.Call, err)
			return
		}
		if list := result.List("messages"); len(list) > 0 {
			m.do(m.read(Keep{Messages: list, Pile: Pile(in.Call), Front: true}))
			m.foreseen(list)
			got, oldest = got+int64(len(list)), list[0].Text("ID")
		}
		complete, next := result.Bool("isCompleted"), result.Number("next")
		if !complete && got < in.Count && next != 0 && next != before {
			m.page(in, next, got, oldest)
			return
		}
		s := Settle{Call: in.Call, Complete: complete}
		if !complete && oldest != "" {
			s.Next = oldest
			ends := append(m.pages[in.Conversation], pageEnd{oldest, next})
			m.pages[in.Conversation] = ends[max(0, len(ends)-keptPages):]
		}
		m.settle(s)
	})
}

// send sends a message. If a lost connection has delayed the answer, the peer may
// have read the message already.
func (m *Machine) send(in Send) {
	m.ask(frame.MessageSend, in.Params, sendWithin, func(result frame.Body, err *fault.Error) {
		m.settle(Settle{Call: in.Call, Result: result, Err: err})
		if err != nil {
			return
		}
		c, stored := m.find(in.Conversation), result.Object("message")
		if c != nil && stored != nil && stored.Number("sequence") <= c.peerRead {
			m.readUpTo(c)
			m.flush()
		}
	})
}

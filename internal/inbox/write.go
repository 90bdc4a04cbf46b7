package inbox

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// What each message costs is written without encoding/json: its record, what its users
// are told, the answer to its sender. The bytes are the same.

// plainWriter is implemented by what can write itself. writePlain returns false if it
// holds something rare, which it leaves to encoding/json; what it has written until then
// is of no use.
type plainWriter interface {
	writePlain(w *jsonframe.Writer) bool
}

var writers = sync.Pool{New: func() any { w := make(jsonframe.Writer, 0, 2048); return &w }}

// maxWriter is how large a buffer is kept for the next value.
const maxWriter = 16 << 10

// writePlain returns the JSON of a value, or nil where encoding/json has to write it.
func writePlain(v plainWriter) json.RawMessage {
	w := newWriter()
	return written(w, v.writePlain(w))
}

func newWriter() *jsonframe.Writer { return writers.Get().(*jsonframe.Writer) }

// written returns what a newWriter has written, or nil if that was not plain.
func written(w *jsonframe.Writer, plain bool) json.RawMessage {
	var out json.RawMessage
	if plain {
		out = json.RawMessage(slices.Clone(*w))
	}
	if cap(*w) <= maxWriter {
		*w = (*w)[:0]
		writers.Put(w)
	}
	return out
}

// isPlain reports whether a payload is an object that can be written as it is.
func isPlain(payload json.RawMessage) bool {
	return jsonframe.ReadPlain(payload, func([]byte, jsonframe.Plain) bool { return true })
}

func (r *record) writePlain(w *jsonframe.Writer) bool {
	if r.Message == nil || r.Imported != nil || r.ImportedHere != nil || r.Target != nil || r.Members != nil || r.Pin != nil {
		return false
	}
	w.Object()
	w.Text("k", r.Kind)
	w.Int("b", int64(r.By))
	w.Int("a", r.At)
	w.Int("e", r.Epoch)
	w.Uint("s", r.Seq)
	w.Uints("n", r.Sent[:])
	w.Name("r")
	w.List()
	for _, m := range r.Read {
		w.Object()
		w.UintIf("s", m.Seq)
		w.UintIf("n", m.Sent)
		w.IntIf("t", m.Time)
		w.End()
	}
	w.EndList()
	w.UintsIf("l", r.Last)
	w.UintIf("v", r.Changed)
	w.IntIf("o", r.Born)
	w.BoolIf("g", r.Gone)
	w.UintIf("i", r.Named)
	w.UintsIf("x", r.Taken)
	w.UintsIf("p", r.Pins)
	w.TextIf("f", r.From)
	w.BoolIf("h", r.Names)
	w.Name("m")
	if !r.Message.writePlain(w) {
		return false
	}
	w.End()
	return true
}

func (c *content) writePlain(w *jsonframe.Writer) bool {
	if len(c.At) > 0 || c.Quote != nil || !isPlain(c.Payload) {
		return false
	}
	w.Object()
	w.Text("id", c.ID)
	w.TextIf("i", c.Instance)
	w.Text("ty", c.Type)
	w.Name("p")
	w.Raw(c.Payload)
	w.TextIf("c", c.Cloud)
	w.TextIf("ni", c.Nick)
	w.TextIf("av", c.Avatar)
	w.IntIf("rn", c.Random)
	w.IntIf("ct", c.ClientTime)
	w.IntIf("v", int64(c.Version))
	w.BoolIf("ns", c.NoSync)
	w.BoolIf("rr", c.Receipt)
	w.BoolIf("xs", c.Extends)
	w.BoolIf("q", c.Quiet)
	w.TextIf("nc", c.Card)
	w.BoolIf("uc", c.Uncounted)
	w.IntIf("rs", int64(c.Readers))
	w.TextIf("g", c.Group)
	w.End()
	return true
}

func (m Message) writePlain(w *jsonframe.Writer) bool {
	if len(m.AtUserList) > 0 || m.RevokerInfo != (UserInfo{}) || m.Quote != nil || m.ReadReceiptInfo != nil || !isPlain(m.Payload) {
		return false
	}
	w.Object()
	w.Text("ID", m.ID)
	w.Text("conversationID", m.ConversationID)
	w.TextIf("conversationType", m.ConversationType)
	w.Text("type", m.Type)
	w.Name("payload")
	w.Raw(m.Payload)
	w.Text("from", m.From)
	w.Text("to", m.To)
	w.TextIf("flow", m.Flow)
	w.Int("time", m.Time)
	w.Uint("sequence", m.Sequence)
	w.IntIf("random", m.Random)
	w.IntIf("clientTime", m.ClientTime)
	w.TextIf("nick", m.Nick)
	w.TextIf("avatar", m.Avatar)
	w.TextIf("nameCard", m.NameCard)
	w.TextIf("cloudCustomData", m.CloudCustomData)
	w.BoolIf("isRead", m.IsRead)
	w.BoolIf("isPeerRead", m.IsPeerRead)
	w.BoolIf("isRevoked", m.IsRevoked)
	w.BoolIf("isDeleted", m.IsDeleted)
	w.BoolIf("isModified", m.IsModified)
	w.TextIf("revoker", m.Revoker)
	w.BoolIf("onlineOnlyFlag", m.OnlineOnly)
	w.TextIf("priority", m.Priority)
	w.BoolIf("isBroadcastMessage", m.IsBroadcast)
	w.BoolIf("needReadReceipt", m.NeedReadReceipt)
	w.BoolIf("isSupportExtension", m.Extensible)
	w.UintIf("position", m.Position)
	w.IntIf("version", int64(m.Version))
	w.End()
	return true
}

func (c Conversation) writePlain(w *jsonframe.Writer) bool {
	if c.UserProfile != nil || c.Own != nil || c.GroupCounts != nil || len(c.GroupAtInfoList) > 0 {
		return false
	}
	w.Object()
	w.Text("conversationID", c.ConversationID)
	w.TextIf("type", c.Type)
	w.Uint("unreadCount", c.UnreadCount)
	if c.LastMessage != nil {
		w.Name("lastMessage")
		if !c.LastMessage.writePlain(w) {
			return false
		}
	}
	w.Bool("isPinned", c.IsPinned)
	w.Int("peerReadTime", c.PeerReadTime)
	w.Uint("peerReadSequence", c.PeerReadSequence)
	w.Text("draftText", c.DraftText)
	w.Text("customData", c.CustomData)
	w.End()
	return true
}

func (m *LastMessage) writePlain(w *jsonframe.Writer) bool {
	if !isPlain(m.Payload) {
		return false
	}
	w.Object()
	w.IntIf("lastTime", m.LastTime)
	w.UintIf("lastSequence", m.LastSequence)
	w.TextIf("fromAccount", m.FromAccount)
	w.TextIf("messageForShow", m.MessageForShow)
	w.TextIf("type", m.Type)
	w.Name("payload")
	w.Raw(m.Payload)
	w.TextIf("cloudCustomData", m.CloudCustomData)
	w.BoolIf("isRevoked", m.IsRevoked)
	w.BoolIf("isPeerRead", m.IsPeerRead)
	w.TextIf("nick", m.Nick)
	w.TextIf("revoker", m.Revoker)
	w.IntIf("version", int64(m.Version))
	w.UintIf("position", m.Position)
	w.End()
	return true
}

func (r messageResult) writePlain(w *jsonframe.Writer) bool {
	w.Object()
	w.Name("message")
	if !r.Message.writePlain(w) {
		return false
	}
	w.End()
	return true
}

func (n messagesNote) writePlain(w *jsonframe.Writer) bool {
	if n.Messages == nil { // null
		return false
	}
	w.Object()
	w.Name("messages")
	if !writeMessages(w, n.Messages) {
		return false
	}
	w.BoolIf("missed", n.Missed)
	w.BoolIf("more", n.More)
	if len(n.Conversations) > 0 {
		w.Name("conversations")
		if !writeConversations(w, n.Conversations) {
			return false
		}
	}
	w.TextIf("cursor", n.Cursor)
	w.UintIf("position", n.Position)
	w.End()
	return true
}

func (n conversationsNote) writePlain(w *jsonframe.Writer) bool {
	if n.Conversations == nil || len(n.Removed) > 0 {
		return false
	}
	w.Object()
	w.Name("conversations")
	if !writeConversations(w, n.Conversations) {
		return false
	}
	w.BoolIf("all", n.All)
	w.BoolIf("reset", n.Reset)
	w.BoolIf("more", n.More)
	w.TextIf("cursor", n.Cursor)
	w.End()
	return true
}

// writeMessages and writeConversations are not one function of any plainWriter, which
// would have what it is given allocated.
func writeMessages(w *jsonframe.Writer, list []Message) bool {
	w.List()
	for i := range list {
		if !list[i].writePlain(w) {
			return false
		}
	}
	w.EndList()
	return true
}

func writeConversations(w *jsonframe.Writer, list []Conversation) bool {
	w.List()
	for i := range list {
		if !list[i].writePlain(w) {
			return false
		}
	}
	w.EndList()
	return true
}

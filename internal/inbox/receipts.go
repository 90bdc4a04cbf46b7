package inbox

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A receipt says that the receiver of a message has seen it; the sender asks for
// receipts message by message. It stands in the document of the message's flags and
// expires with it. Receipts and read marks are independent: giving a receipt does
// not mark the conversation as read, and reading the conversation gives no receipt.

// receipt is a receipt that was given.
type receipt struct {
	ID       string `json:"ID,omitempty"` // of the message; in notifications
	Position uint64 `json:"position"`
	Time     int64  `json:"time"` // when it was given, in Unix seconds
}

type receiptsResult struct {
	Receipts []receipt `json:"receipts"`
}

type receiptsNote struct {
	ConversationID string    `json:"conversationID"`
	Receipts       []receipt `json:"receipts"`
}

// notedSignal tells every gateway of receipts and reactions in a conversation, so
// that users who are online are told. The documents are what counts: a signal may be
// lost, and a client that was away asks for them.
type notedSignal struct {
	App      uint32    `json:"app"`
	Users    [2]string `json:"users"`
	By       int       `json:"by"` // the side of the user who did it
	Receipts []receipt `json:"receipts,omitempty"`
	Reacted  *reacted  `json:"reacted,omitempty"`
}

// betweenTwo refuses conversations that are not between two users.
func betweenTwo(p pair) error {
	if _, ok := p.group(); ok || slices.Contains(p.users[:], systemUser) {
		return fault.New(fault.NotBuiltYet)
	}
	return nil
}

// giveReceipts gives receipts for messages of the other user that ask for one, and
// tells that user. A later repetition tells nobody.
func (s *Session) giveReceipts(ctx context.Context, p pair, side int, positions []uint64) error {
	in := s.in
	if err := betweenTwo(p); err != nil {
		return err
	}
	positions = distinct(positions)
	if err := bounded(positions, maxReceipts, "messages"); err != nil {
		return err
	}
	messages, err := in.allMessages(ctx, p, positions)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.By == side || !m.Message.Receipt {
			return fault.With(fault.InvalidOperation, "a receipt is given for messages of the other user that ask for one")
		}
	}
	now := in.now().Unix()
	given := make([]receipt, len(messages))
	err = in.flagAll(ctx, messages, func(m *record, f *flags) bool {
		i := slices.Index(positions, m.pos)
		given[i] = receipt{}
		if f.Revoked || f.Receipt != 0 && f.Receipt != now {
			return false
		}
		given[i] = receipt{m.Message.ID, m.pos, now}
		stored := f.Receipt == now // by an earlier attempt whose answer was lost
		f.Receipt = now
		return !stored
	}, func(*record, flags) {})
	given = slices.DeleteFunc(given, func(r receipt) bool { return r.Time == 0 })
	if len(given) == 0 {
		return err
	}
	if failed := in.signal(bus.SubjectNoted, notedSignal{App: p.app, Users: p.users, By: side, Receipts: given}); err == nil {
		err = failed
	}
	return err
}

// receiptsOf returns the receipts of messages; it leaves out messages without one.
func (in *Inbox) receiptsOf(ctx context.Context, p pair, positions []uint64) (receiptsResult, error) {
	out := receiptsResult{Receipts: []receipt{}}
	if err := betweenTwo(p); err != nil {
		return out, err
	}
	positions = distinct(positions)
	if err := bounded(positions, maxReceipts, "messages"); err != nil {
		return out, err
	}
	marks, err := in.flagsAt(ctx, p, positions)
	for i, f := range marks {
		if f.Receipt != 0 {
			out.Receipts = append(out.Receipts, receipt{Position: positions[i], Time: f.Receipt})
		}
	}
	return out, err
}

// sawNoted tells the sessions here of receipts and reactions.
func (in *Inbox) sawNoted(data []byte) {
	var n notedSignal
	if err := json.Unmarshal(data, &n); err != nil || n.By < 0 || n.By > 1 {
		return
	}
	p := pairOf(n.App, n.Users[0], n.Users[1])
	if author := in.local(p.user(p.other(n.By))); author != nil && len(n.Receipts) > 0 {
		author.tell(frame.NoteReceipts, receiptsNote{c2c + p.users[n.By], n.Receipts})
	}
	if n.Reacted != nil {
		in.tellReaction(p, n.Reacted)
	}
}

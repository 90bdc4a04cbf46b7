package inbox

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// A receipt says that a receiver of a message has seen it; the sender asks for
// receipts message by message. Between two users it stands in the document of the
// message's flags and expires with it; for those of groups see groupreceipts.go.
// Receipts and read marks are independent: giving a receipt does not mark the
// conversation as read, and reading the conversation gives no receipt.

// receipt is a receipt that was given.
type receipt struct {
	ID       string `json:"ID,omitempty"` // of the message; in notifications
	Position uint64 `json:"position"`
	Time     int64  `json:"time,omitempty"` // when it was given, in Unix seconds, or
	*GroupReceipt
}

// ReadReceipt is what the sender of a message that asks for receipts sees of them.
type ReadReceipt struct {
	*PeerReceipt
	*GroupReceipt
}

// PeerReceipt is that of a message between two users.
type PeerReceipt struct {
	IsPeerRead bool  `json:"isPeerRead"`
	Timestamp  int64 `json:"timestamp"`
}

// asks reports whether a message asks for receipts that a user, its sender, sees.
func (r *record) asks(u place.User) bool { return r.Message.Receipt && r.from() == u.UserID }

// receiptsIn completes the flags of those messages that ask for receipts with the
// receipts that were given.
func (in *Inbox) receiptsIn(ctx context.Context, messages []*record, asking []int, out []flags) error {
	if len(asking) == 0 {
		return nil
	}
	if _, group := messages[0].pair.group(); group {
		given, err := in.readersOf(ctx, messages[0].pair, positionsOf(messages, asking))
		for n, r := range given {
			out[asking[n]].receipt = messages[asking[n]].readBy(len(r.Users))
		}
		return err
	}
	for _, i := range asking {
		out[i].receipt = &ReadReceipt{PeerReceipt: &PeerReceipt{out[i].Receipt != 0, out[i].Receipt}}
	}
	return nil
}

type receiptsResult struct {
	Receipts []receipt `json:"receipts"`
}

type receiptsNote struct {
	ConversationID string    `json:"conversationID"`
	Receipts       []receipt `json:"receipts"`
}

// notedSignal tells every gateway of receipts, reactions and extensions in a conversation, so
// that users who are online are told. The documents are what counts: a signal may be
// lost, and a client that was away asks for them.
type notedSignal struct {
	App      uint32    `json:"app"`
	Users    [2]string `json:"users"`
	By       int       `json:"by"` // the side of the user who did it
	Receipts []receipt `json:"receipts,omitempty"`
	Reacted  *reacted  `json:"reacted,omitempty"`
	// Group is the group that it is about, instead of Users and By.
	Group         string         `json:"group,omitempty"`
	Read          []groupRead    `json:"read,omitempty"`
	MemberReacted *memberReacted `json:"memberReacted,omitempty"`
	// Extended is of either.
	Extended *extendedNote `json:"extended,omitempty"`
}

// betweenTwo refuses conversations that are not between two users.
func betweenTwo(p pair) error {
	if _, ok := p.group(); ok || p.hasSystem() {
		return fault.New(fault.NotBuiltYet)
	}
	return nil
}

// hasSystem reports whether it is a user's conversation of notices.
func (p pair) hasSystem() bool { return slices.Contains(p.users[:], systemUser) }

// giveReceipts gives receipts for messages of the other user that ask for one, and
// tells that user. A later repetition tells nobody.
func (s *Session) giveReceipts(ctx context.Context, p pair, side int, positions []uint64) error {
	in := s.in
	positions = distinct(positions)
	if err := bounded(positions, maxReceipts, "messages"); err != nil {
		return err
	}
	if _, group := p.group(); group {
		return s.giveReceiptsInGroup(ctx, p, positions)
	}
	if err := betweenTwo(p); err != nil {
		return err
	}
	messages, err := in.allMessages(ctx, p, positions)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.By == side || !m.Message.Receipt {
			return noReceiptAsked()
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
		given[i] = receipt{ID: m.Message.ID, Position: m.pos, Time: now}
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

func noReceiptAsked() error {
	return fault.With(fault.InvalidOperation, "a receipt is given for messages of others that ask for one")
}

// receiptsOf returns the receipts of messages; it leaves out messages without one.
func (in *Inbox) receiptsOf(ctx context.Context, u place.User, p pair, positions []uint64) (receiptsResult, error) {
	out := receiptsResult{Receipts: []receipt{}}
	positions = distinct(positions)
	if err := bounded(positions, maxReceipts, "messages"); err != nil {
		return out, err
	}
	if _, group := p.group(); group {
		return in.receiptsInGroup(ctx, u, p, positions)
	}
	if err := betweenTwo(p); err != nil {
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

// sawNoted tells the sessions here of receipts, reactions and extensions.
func (in *Inbox) sawNoted(data []byte) {
	var n notedSignal
	if err := json.Unmarshal(data, &n); err != nil || n.By < 0 || n.By > 1 {
		return
	}
	if n.Group != "" {
		in.notedInGroup(n)
		return
	}
	p := pairOf(n.App, n.Users[0], n.Users[1])
	if author := in.local(p.user(p.other(n.By))); author != nil && len(n.Receipts) > 0 {
		author.tell(frame.NoteReceipts, receiptsNote{c2c + p.users[n.By], n.Receipts})
	}
	if n.Reacted != nil {
		in.tellReaction(p, n.Reacted)
	}
	if n.Extended != nil {
		in.tellExtended(p, *n.Extended)
	}
}

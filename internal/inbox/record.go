package inbox

import "encoding/json"

// window is how many positions of messages a record looks back: a page.
const window = 15

// Kinds of record.
const (
	kindMessage = "m"
	kindRead    = "r"
	kindRevoke  = "v"
	kindEdit    = "e"
)

// state is a conversation after a record.
type state struct {
	// Epoch is when the conversation began, Unix ms. A conversation that
	// retention has removed entirely begins anew with another.
	Epoch int64     `json:"e"`
	Seq   uint64    `json:"s"`           // of the newest message
	Sent  [2]uint64 `json:"n"`           // messages of each user that count as unread
	Read  [2]mark   `json:"r"`           // what each user has read
	Last  []uint64  `json:"l,omitempty"` // positions of the messages before this record, oldest first
	// Changed is the position of the newest revocation or edit before this record.
	Changed uint64 `json:"v,omitempty"`
}

// mark says how far a user has read: up to which sequence, how many messages of
// the peer that includes, and when.
type mark struct {
	Seq  uint64 `json:"s,omitempty"`
	Sent uint64 `json:"n,omitempty"`
	Time int64  `json:"t,omitempty"` // Unix seconds
}

// record is one entry of a conversation's log.
type record struct {
	Kind string `json:"k"`
	By   int    `json:"b"` // side of who did it
	At   int64  `json:"a"` // Unix ms
	state
	Message *content `json:"m,omitempty"` // kindMessage
	Target  *target  `json:"t,omitempty"` // kindRevoke, kindEdit

	// Where it stands; not stored.
	pair pair   `json:"-"`
	pos  uint64 `json:"-"`
}

// content is what a sender sent, and what was known about them then.
type content struct {
	ID         string          `json:"id"`
	Instance   string          `json:"i,omitempty"` // the sender's instance, which does not get it back
	Type       string          `json:"ty"`
	Payload    json.RawMessage `json:"p"`
	Cloud      string          `json:"c,omitempty"`
	Nick       string          `json:"ni,omitempty"`
	Avatar     string          `json:"av,omitempty"`
	Random     int64           `json:"rn,omitempty"`
	ClientTime int64           `json:"ct,omitempty"`
	// Version counts the edits that are in it.
	Version int `json:"v,omitempty"`
	// NoSync keeps it from the sender's instances (the server API's
	// SyncOtherMachine 2).
	NoSync bool `json:"ns,omitempty"`
	// untold keeps Options.Hooks from being told; it is not stored.
	untold bool
}

// target is the whole message that a revocation takes back or that an edit has
// made, so that a session that has missed the message gets it with that.
type target struct {
	Pos    uint64  `json:"p"`
	Record *record `json:"m"`
	Took   bool    `json:"u,omitempty"` // it was unread, so Sent was lowered by one
	// Deleted says, of an edit, which of the two users had deleted the message.
	Deleted [2]bool `json:"d,omitzero"`
}

// memory estimates how many bytes a record takes here.
func (r *record) memory() int {
	size := 800
	if r.Message != nil {
		size += len(r.Message.Payload) + len(r.Message.Cloud)
	}
	if r.Target != nil {
		size += r.Target.Record.memory()
	}
	return size
}

// positions lists the newest messages up to and including this record, oldest
// first, which the next record has as Last.
func (r *record) positions() []uint64 {
	if r == nil {
		return nil
	}
	if r.Kind != kindMessage {
		return r.Last
	}
	l := r.Last
	if len(l) >= window {
		l = l[len(l)-window+1:]
	}
	out := make([]uint64, 0, len(l)+1)
	return append(append(out, l...), r.pos)
}

// change returns the position of the newest revocation or edit up to and
// including this record.
func (r *record) change() uint64 {
	if r.Kind == kindRevoke || r.Kind == kindEdit {
		return r.pos
	}
	return r.Changed
}

// changed returns the message that a revocation or an edit is about.
func (r *record) changed() *record {
	m := *r.Target.Record
	m.pair, m.pos = r.pair, r.Target.Pos
	return &m
}

// hidden reports whether a side is not to be told of an edit: what they have
// cleared or deleted is not to come back.
func (r *record) hidden(side int, set settings) bool {
	return r.Kind == kindEdit && (r.Target.Pos <= set.Cleared || r.Target.Deleted[side])
}

// next makes the record that follows prev, which is nil for the first one of a
// conversation.
func next(prev *record, kind string, by int, at int64) *record {
	n := &record{Kind: kind, By: by, At: at}
	if prev == nil {
		n.Epoch = at
		return n
	}
	n.state = prev.state
	n.Last = prev.positions()
	n.Changed = prev.change()
	return n
}

// unread returns how many messages side has not read, given what it has cleared.
func (r *record) unread(side int, s settings) uint64 {
	peer := r.pair.other(side)
	if peer == side {
		return 0
	}
	seen := r.Read[side].Sent
	if s.Epoch == r.Epoch && s.ClearedSent > seen {
		seen = s.ClearedSent
	}
	if r.Sent[peer] <= seen {
		return 0
	}
	return r.Sent[peer] - seen
}

// flags is a document of TIM_MARK.
type flags struct {
	Revoked bool    `json:"v,omitempty"`
	By      string  `json:"b,omitempty"` // who revoked
	Deleted [2]bool `json:"d"`
	Edit    *edit   `json:"e,omitempty"` // the newest one
}

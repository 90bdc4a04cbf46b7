package inbox

import (
	"encoding/json"

	"github.com/tim-wasm/tim/internal/place"
)

// window is how many positions of messages a record looks back: a page.
const window = 15

// Kinds of record.
const (
	kindMessage = "m"
	kindRead    = "r"
	kindRevoke  = "v"
	kindEdit    = "e"
	kindMembers = "j" // of a group: a message that says who has come or gone
	kindSilent  = "q" // the same without words
	kindPin     = "p" // of a group: a message is pinned, or no longer
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
	// Changed is the position of the newest revocation, edit or pin before this record.
	Changed uint64 `json:"v,omitempty"`
	// Imported is the newest message that was imported.
	Imported *imported `json:"im,omitempty"`

	// The rest is of groups. Sent[0] counts there what counts as unread, and Read
	// is empty: what a member has read is in their document.

	// Born tells the group from one before it with the same ID.
	Born int64 `json:"o,omitempty"`
	// ImportedHere is the newest that was imported into the group.
	ImportedHere *importedHere `json:"ih,omitempty"`
	// Gone: the group has been dismissed.
	Gone bool `json:"g,omitempty"`
	// Named is the position of the newest message before this record that mentions
	// somebody.
	Named uint64 `json:"i,omitempty"`
	// Taken are the newest of the messages that count and have been revoked, as
	// their numbers in Sent[0], ascending; maxTaken at most.
	Taken []uint64 `json:"x,omitempty"`
	// Pins are the positions of the messages that are pinned, ascending; maxPins at
	// most.
	Pins []uint64 `json:"p,omitempty"`
}

// maxTaken bounds state.Taken: an unread count is too high by what was revoked
// before those.
const maxTaken = 100

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
	By   int    `json:"b"` // side of who did it; of a group 1, and From says who
	At   int64  `json:"a"` // Unix ms
	state
	From    string   `json:"f,omitempty"` // of a group: the UserID
	Names   bool     `json:"h,omitempty"` // it is a message that mentions somebody
	Message *content `json:"m,omitempty"` // kindMessage, kindMembers
	Target  *target  `json:"t,omitempty"` // kindRevoke, kindEdit, kindPin
	Members *members `json:"w,omitempty"` // kindMembers, kindSilent
	Pin     *pinning `json:"y,omitempty"` // kindPin

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
	// Receipt asks its receivers for a receipt.
	Receipt bool `json:"rr,omitempty"`
	// Extends lets its readers add extensions.
	Extends bool `json:"xs,omitempty"`
	// Quote names the message that it quotes.
	Quote *Quote `json:"qm,omitempty"`
	// Quiet is of a message that was imported: nobody is told of it as new.
	Quiet bool `json:"q,omitempty"`
	// untold keeps Options.Hooks from being told; it is not stored.
	untold bool

	// Of groups.
	Card      string   `json:"nc,omitempty"` // the sender's name card
	At        []string `json:"at,omitempty"` // whom it mentions
	Uncounted bool     `json:"uc,omitempty"` // it never counts as unread
	Readers   int      `json:"rs,omitempty"` // with Receipt: how many other members there were
	Group     string   `json:"g,omitempty"`  // that a notice is about
}

// members are those of a group who come or go with a record.
type members struct {
	Joined []string `json:"j,omitempty"`
	Floor  uint64   `json:"f,omitempty"` // those see what is behind this position
	Left   []string `json:"l,omitempty"`
}

// target is the whole message that a revocation takes back, that an edit has
// made or that is pinned, so that a session that has missed the message gets it with that.
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
	if r.Members != nil {
		size += 48 * (len(r.Members.Joined) + len(r.Members.Left))
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
	if !r.isMessage() {
		return r.Last
	}
	l := r.Last
	if len(l) >= window {
		l = l[len(l)-window+1:]
	}
	out := make([]uint64, 0, len(l)+1)
	return append(append(out, l...), r.pos)
}

// isMessage reports whether a record is one of those that a history shows.
func (r *record) isMessage() bool { return r.Kind == kindMessage || r.Kind == kindMembers }

// from returns the UserID of who did it.
func (r *record) from() string {
	if _, ok := r.pair.group(); ok {
		return r.From
	}
	return r.pair.users[r.By]
}

// sender is from with the app.
func (r *record) sender() place.User { return place.User{SDKAppID: r.pair.app, UserID: r.from()} }

// change returns the position of the newest revocation, edit or pin up to and
// including this record.
func (r *record) change() uint64 {
	switch r.Kind {
	case kindRevoke, kindEdit, kindPin:
		return r.pos
	}
	return r.Changed
}

// named returns the position of the newest message up to and including this record
// that mentions somebody.
func (r *record) named() uint64 {
	if r.Names {
		return r.pos
	}
	return r.Named
}

// changed returns the message that a revocation, an edit or a pin is about.
func (r *record) changed() *record {
	m := *r.Target.Record
	m.pair, m.pos = r.pair, r.Target.Pos
	return &m
}

// hidden reports whether a side is not to be told of an edit or a pin: what they
// have cleared or deleted is not to come back. Of what was said in a group before they
// came they are told nothing at all.
func (r *record) hidden(side int, kept peer) bool {
	switch r.Kind {
	case kindEdit, kindPin:
		return r.Target.Pos <= kept.view().Cleared || r.Target.Deleted[side]
	case kindRevoke:
		return kept.Group.In && !kept.Group.Older && r.Target.Pos <= kept.Group.Joined
	}
	return false
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
	n.Named = prev.named()
	return n
}

// unread returns how many messages the user of a side has not read, given what
// they keep of the conversation.
func (r *record) unread(side int, kept peer) uint64 {
	if _, ok := r.pair.group(); ok {
		return r.unreadIn(kept)
	}
	peer, s := r.pair.other(side), kept.settings
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
	Receipt int64   `json:"r,omitempty"` // when the receiver gave one, in Unix seconds
	// Reactions are in the order in which they began, and Reacted counts their
	// changes.
	Reactions []reaction `json:"q,omitempty"`
	Reacted   int        `json:"n,omitempty"`

	receipt *ReadReceipt // of a message of the user who sees it; not stored
}

package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Extensions are keys and values that whoever reads a message may add to it: the
// votes of a poll, for example. They stand in a document of their own beside the
// message's flags, which pages of the history do not read.

// Limits of extensions; those of numbers, keys and values are the original's. All
// extensions of a message come in one answer, so they must fit a frame together.
const (
	maxExtensions      = 300      // of a message
	maxExtend          = 20       // that one call sets or deletes
	maxExtensionKey    = 100      // bytes
	maxExtensionValue  = 1 << 10  // bytes
	maxExtensionsBytes = 32 << 10 // of all extensions of a message, as JSON
	extensionsSuffix   = ".x"     // a UserID is never one character in a subject
)

// extensions is the document of a message's extensions.
type extensions struct {
	List    []extension `json:"l,omitempty"` // in the order in which they were added
	Changes int64       `json:"n"`
}

type extension struct {
	Key   string `json:"k"`
	Value string `json:"v"`
	Seq   int64  `json:"s"` // Changes when it was set
	From  string `json:"f"` // who set it
}

func (p pair) extensionsSubject(position uint64) string {
	return p.markSubject(position) + extensionsSuffix
}

// Extension is a key and its value as users see it. Code is 0, or 23001 if the key
// was not changed because somebody else had changed it: then Value is theirs.
type Extension struct {
	Code  fault.Code `json:"code"`
	Key   string     `json:"key"`
	Value string     `json:"value"`
}

// extended is what has become of some keys. Seqs has the number of each one's last
// change, with a minus sign if the key is gone.
type extended struct {
	Extensions []Extension `json:"extensions"`
	Seqs       []int64     `json:"seqs"`
}

func (e *extended) add(x Extension, seq int64) {
	e.Extensions, e.Seqs = append(e.Extensions, x), append(e.Seqs, seq)
}

type extendParams struct {
	ConversationID string      `json:"conversationID"`
	Position       uint64      `json:"position"`
	Extensions     []extending `json:"extensions"`
	Remove         bool        `json:"remove"` // deletes them; all of the message's if there are none
}

// extending is a key that is to be set or deleted. Seq is the number of its last
// change that the client knows of, 0 for none.
type extending struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Seq   int64  `json:"seq"`
}

func (p extendParams) check() error {
	if !p.Remove || len(p.Extensions) > 0 {
		if err := bounded(p.Extensions, maxExtend, "extensions"); err != nil {
			return err
		}
	}
	for i, x := range p.Extensions {
		switch {
		case x.Key == "" || !validText(x.Key, maxExtensionKey):
			return fault.With(fault.BadParameters, "the key of an extension is a text of 1 to "+strconv.Itoa(maxExtensionKey)+" bytes")
		case !validText(x.Value, maxExtensionValue):
			return fault.With(fault.BadParameters, "the value of an extension is a text of "+strconv.Itoa(maxExtensionValue)+" bytes at most")
		case slices.ContainsFunc(p.Extensions[:i], func(o extending) bool { return o.Key == x.Key }):
			return fault.With(fault.BadParameters, "a key is named twice: "+strconv.Quote(x.Key))
		}
	}
	return nil
}

// change carries out a call of a user and returns what has become of each key.
// Whoever has set a key last may change it whatever their client knows of it: a
// reload must not cost them their own vote, nor a repetition fail.
func (d *extensions) change(p extendParams, userID string) (out extended, changed bool) {
	if p.Remove && len(p.Extensions) == 0 {
		for _, x := range d.List {
			p.Extensions = append(p.Extensions, extending{x.Key, "", x.Seq})
		}
	}
	for _, x := range p.Extensions {
		at, is := slices.IndexFunc(d.List, func(o extension) bool { return o.Key == x.Key }), extension{}
		if at >= 0 {
			is = d.List[at]
		}
		switch {
		case is.Seq != x.Seq && (at < 0 && !p.Remove || at >= 0 && is.From != userID):
			gone := is.Seq
			if at < 0 {
				gone = -d.Changes
			}
			out.add(Extension{fault.ExtensionConflict, x.Key, is.Value}, gone)
			continue
		case p.Remove && at < 0:
			out.add(Extension{Key: x.Key}, -d.Changes)
			continue
		case p.Remove:
			d.Changes++
			d.List = slices.Delete(d.List, at, at+1)
			out.add(Extension{Key: x.Key}, -d.Changes)
			changed = true
			continue
		case at < 0:
			at = len(d.List)
			d.List = append(d.List, extension{})
		}
		if now := (extension{x.Key, x.Value, is.Seq, userID}); now != is {
			d.Changes++
			now.Seq = d.Changes
			d.List[at], changed = now, true
		}
		out.add(Extension{Key: x.Key, Value: x.Value}, d.List[at].Seq)
	}
	return out, changed
}

// extend sets or deletes extensions of a message, and tells all who may read it. A
// repetition tells them again, since the first attempt may have died after it stored
// them. It costs as much of the user's rate as a message.
func (s *Session) extend(ctx context.Context, p extendParams) (any, error) {
	in, u := s.in, s.user.User
	peer, ok := peerOf(p.ConversationID)
	if !ok {
		return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	c := pairOf(u.SDKAppID, u.UserID, peer)
	m, err := in.toChange(ctx, u, c, p.Position, "extensions of ")
	if err != nil {
		return nil, err
	}
	if err := in.mayExtend(ctx, m); err != nil {
		return nil, err
	}
	var out extended
	var refused error
	if err := changeInTurn(ctx, in, c.extensionsSubject(m.pos), func(d *extensions) bool {
		var changed bool
		out, changed = d.change(p, u.UserID)
		refused = nil
		switch {
		case len(d.List) > maxExtensions:
			refused = fault.With(fault.InvalidOperation, "a message has at most "+strconv.Itoa(maxExtensions)+" extensions")
		case !p.Remove && sizeOf(d) > maxExtensionsBytes:
			refused = fault.With(fault.InvalidOperation, "the extensions of a message have at most "+strconv.Itoa(maxExtensionsBytes)+" bytes together")
		}
		return changed && refused == nil
	}); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	told := extendedNote{Position: m.pos, MessageID: m.Message.ID}
	for i, x := range out.Extensions {
		if x.Code == 0 && out.Seqs[i] != 0 { // 0: nothing of the message was ever set
			told.add(x, out.Seqs[i])
		}
	}
	if len(told.Seqs) == 0 {
		return out, nil
	}
	note := notedSignal{App: c.app, Users: c.users, By: c.side(u.UserID), Extended: &told}
	if id, group := c.group(); group {
		note.Users, note.By, note.Group = [2]string{}, 0, id
	}
	return out, in.signal(bus.SubjectNoted, note)
}

// mayExtend refuses a message that has no extensions.
func (in *Inbox) mayExtend(ctx context.Context, m *record) error {
	if !m.Message.Extends {
		return fault.With(fault.InvalidOperation, "the message was made without isSupportExtension")
	}
	return in.notRevoked(ctx, m)
}

// notRevoked refuses a message that was revoked.
func (in *Inbox) notRevoked(ctx context.Context, m *record) error {
	f, err := in.flagsAt(ctx, m.pair, []uint64{m.pos})
	if err == nil && f[0].Revoked {
		err = fault.With(fault.InvalidOperation, "the message was revoked")
	}
	return err
}

// extensionsOf returns the extensions of a message.
func (in *Inbox) extensionsOf(ctx context.Context, s *Session, p pair, position uint64) (any, error) {
	if _, group := p.group(); group {
		if _, _, err := in.visibleAt(ctx, s.user.User, p, []uint64{position}); err != nil {
			return nil, err
		}
	}
	m, err := in.messageAt(ctx, p, position)
	if err != nil {
		return nil, err
	}
	if err := in.mayExtend(ctx, m); err != nil {
		return nil, err
	}
	docs, err := marksAt[extensions](ctx, in, []uint64{position}, p.extensionsSubject)
	if err != nil {
		return nil, err
	}
	out := extended{[]Extension{}, []int64{}}
	for _, x := range docs[0].List {
		out.add(Extension{Key: x.Key, Value: x.Value}, x.Seq)
	}
	return out, nil
}

// extendedNote tells of keys that have been set or deleted.
type extendedNote struct {
	ConversationID string `json:"conversationID"`
	Position       uint64 `json:"position"`
	MessageID      string `json:"messageID"`
	extended
}

// tellExtended tells those sessions of both users that are here.
func (in *Inbox) tellExtended(p pair, note extendedNote) {
	for side := range 2 {
		if u := in.local(p.user(side)); u != nil && side == p.side(p.users[side]) { // in a conversation with oneself both sides are one user
			note.ConversationID = c2c + p.users[p.other(side)]
			u.tell(frame.NoteExtensions, note)
		}
	}
}

// tellMembers tells those members of a group who have a session here and may read
// what stands at a position.
func (in *Inbox) tellMembers(p pair, position uint64, method string, note any) {
	params := encode(note)
	for _, u := range in.crowds.reading(p, position) {
		u.pass(method, params)
	}
}

package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// edit is what a message says since somebody has changed it. It stands in the
// document of the message's flags, which pages of the history read anyhow, and
// its record of the log tells the sessions.
type edit struct {
	Version int             `json:"n"`           // counts the edits
	By      int             `json:"b"`           // side of who made it
	From    string          `json:"f,omitempty"` // in a group: their UserID
	Payload json.RawMessage `json:"p"`
	Cloud   string          `json:"c,omitempty"`
}

// with returns what a message says after an edit, nil for none.
func (c *content) with(e *edit) *content {
	if e == nil || e.Version <= c.Version {
		return c
	}
	now := *c
	now.Payload, now.Cloud, now.Version = e.Payload, e.Cloud, e.Version
	return &now
}

// modifiable reports whether the payload of a type can be changed; the custom
// data of every message can.
func modifiable(typ string) bool {
	switch typ {
	case typeText, typeCustom, typeFace, typeLocation:
		return true
	}
	return false
}

type modifyParams struct {
	ConversationID  string          `json:"conversationID"`
	Position        uint64          `json:"position"`
	Version         int             `json:"version"`           // that the page has seen
	Payload         json.RawMessage `json:"payload,omitempty"` // absent: as it is
	CloudCustomData string          `json:"cloudCustomData"`
}

// modifyResult has the newest form of the message. With Conflict somebody else
// was faster, and nothing was changed.
type modifyResult struct {
	Message  Message `json:"message"`
	Conflict bool    `json:"conflict,omitempty"`
}

// toChange returns a message for a user who is about to change what others see of
// it. It charges them as for a message, and refuses it to who may not write in the
// conversation. what stands before the user's ID in the error of one who does so
// too often.
func (in *Inbox) toChange(ctx context.Context, u place.User, c pair, pos uint64, what string) (*record, error) {
	if err := in.maySay(ctx, u, what+u.UserID); err != nil {
		return nil, err
	}
	if _, group := c.group(); group {
		return in.toChangeInGroup(ctx, u, c, pos)
	}
	m, err := in.messageAt(ctx, c, pos)
	if err != nil {
		return nil, err
	}
	if err := in.mayWrite(ctx, u, c.users[1-c.side(u.UserID)]); err != nil {
		return nil, err
	}
	return m, nil
}

// toChangeInGroup is toChange in a group, all of whose members are told. So a change
// also takes one of the messages that a group takes in a second.
func (in *Inbox) toChangeInGroup(ctx context.Context, u place.User, c pair, pos uint64) (*record, error) {
	m, _, err := in.visibleAt(ctx, u, c, []uint64{pos})
	if err != nil {
		return nil, err
	}
	if m[0].Message.Type == typeGroupTip {
		return nil, noTips()
	}
	groupID, _ := c.group()
	if _, err := in.maySpeak(ctx, u, groupID, nil); err != nil {
		return nil, err
	}
	return m[0], in.takeOfGroup(c)
}

// modify changes what a message says. Its sender may change everything; the
// other user, or other members of the group, only its custom data, in which kits
// keep what was answered: words of one user are never those of another.
func (s *Session) modify(ctx context.Context, p modifyParams) (any, error) {
	in, u := s.in, s.user.User
	peer, ok := peerOf(p.ConversationID)
	if !ok {
		return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
	}
	if p.Version < 0 {
		return nil, fault.With(fault.BadParameters, "version counts edits, so it cannot be negative")
	}
	c := pairOf(u.SDKAppID, u.UserID, peer)
	side, from := c.side(u.UserID), ""
	if isGroup(peer) {
		from = u.UserID
	}
	m, err := in.toChange(ctx, u, c, p.Position, "messages from ")
	if err != nil {
		return nil, err
	}
	if p.Payload != nil {
		if p.Payload, err = in.newPayload(m, p.Payload, p.CloudCustomData); err != nil {
			return nil, err
		}
	}
	if err := in.beforeEdit(ctx, m, u, &p); err != nil {
		return nil, err
	}
	done, err := in.change(ctx, u, m, editing{side: side, from: from, version: &p.Version, payload: p.Payload, cloud: &p.CloudCustomData})
	if err != nil {
		return nil, err
	}
	newest, err := in.load(ctx, c)
	if err != nil {
		return nil, err
	}
	if newest == nil {
		newest = m // all of it has expired meanwhile
	}
	return modifyResult{message(m, newest, done.flags, side), done.conflict}, nil
}

// newPayload checks what a message is to say.
func (in *Inbox) newPayload(m *record, payload json.RawMessage, cloud string) (json.RawMessage, error) {
	if !modifiable(m.Message.Type) {
		return nil, fault.With(fault.InvalidOperation, "what a message of type "+m.Message.Type+" says cannot be changed")
	}
	return in.cleanPayload(m.Message.Type, payload, cloud)
}

// editing is what a message is to say.
type editing struct {
	side    int    // of who edits it
	from    string // in a group: their UserID
	version *int   // of what they have seen; nil: whatever it says now
	payload json.RawMessage
	cloud   *string // nil, like a payload that is nil: as it is
}

// edited is what has come of it. With conflict somebody else was faster.
type edited struct {
	flags    flags
	conflict bool
}

// change changes what a message says in the name of the user u, and tells of it.
func (in *Inbox) change(ctx context.Context, u place.User, m *record, p editing) (done edited, err error) {
	var made *edit // nil: nothing is changed
	var foreign, revoked, large bool
	if err := in.flagAll(ctx, []*record{m}, func(_ *record, f *flags) bool {
		made, done.conflict, foreign, revoked, large = nil, false, false, f.Revoked, false
		was := m.Message.with(f.Edit)
		seen := was.Version
		if p.version != nil {
			seen = *p.version
		}
		e := &edit{Version: seen + 1, By: p.side, From: p.from, Payload: p.payload, Cloud: was.Cloud}
		if e.Payload == nil {
			e.Payload = was.Payload
		}
		if p.cloud != nil {
			e.Cloud = *p.cloud
		}
		says := bytes.Equal(e.Payload, was.Payload)
		same := says && e.Cloud == was.Cloud
		mine := f.Edit != nil && f.Edit.By == p.side && f.Edit.From == p.from
		switch {
		case same && mine && !revoked && p.version == nil: // repeated, perhaps because nobody was told
			made = f.Edit
			return false
		case revoked || same && was.Version == seen:
			return false
		case same && was.Version == e.Version && mine: // repeated after a lost answer
			made = e
			return false
		case was.Version != seen:
			done.conflict = true
			return false
		case m.from() != u.UserID && !says:
			foreign = true
			return false
		case len(e.Payload)+len(e.Cloud) > in.o.MaxBody || !fits(e.Payload, e.Cloud): // an earlier edit may have made the payload longer
			large = true
			return false
		}
		made, f.Edit = e, e
		return true
	}, func(_ *record, f flags) { done.flags = f }); err != nil {
		return edited{}, err
	}
	switch {
	case revoked:
		err = fault.With(fault.InvalidOperation, "the message was revoked")
	case foreign:
		err = fault.With(fault.InvalidOperation, "only its sender can change what a message says; others can change only its cloudCustomData")
	case large:
		err = fault.New(fault.BodyTooLarge)
	case made != nil:
		err = in.tellEdit(ctx, u, m, p.side, made)
	}
	return done, err
}

// tellEdit appends the record of an edit, unless the message has been revoked or
// edited again meanwhile: whoever did that tells of it, and an older edit must not
// be told of after it.
func (in *Inbox) tellEdit(ctx context.Context, u place.User, m *record, side int, made *edit) error {
	now := *m
	now.Message = m.Message.with(made)
	r, _, err := in.append(ctx, m.pair, editID(m.pair, side, m.pos, made.Version), func(prev *record) (*record, error) {
		// If somebody changes the flags after this read and is the first to append,
		// this record is refused, and the flags are read again.
		v, err := in.store.marks.Last(ctx, m.pair.markSubject(m.pos))
		if err != nil {
			return nil, err
		}
		var f flags
		if err := json.Unmarshal(v.Data, &f); err != nil || f.Revoked || f.Edit == nil || f.Edit.Version != made.Version {
			return nil, err
		}
		if prev == nil || prev.Born != m.Born || prev.Gone {
			return nil, nil // the group was dismissed meanwhile
		}
		r := next(prev, kindEdit, side, in.now().UnixMilli())
		r.From, r.Target = made.From, &target{Pos: m.pos, Record: &now, Deleted: f.Deleted}
		return r, nil
	})
	if err == nil && r != nil {
		in.delivery.reach(ctx, u, r.pos)
	}
	return err
}

// editID names an edit, so that the stream recognises a repetition.
func editID(p pair, side int, pos uint64, version int) string {
	return dedupID("e", p.user(side), p.subject()+"."+strconv.FormatUint(pos, 10)+"."+strconv.Itoa(version))
}

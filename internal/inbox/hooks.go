package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Hooks are asked before a message is sent and told afterwards: the webhooks of the
// app's back end.
type Hooks interface {
	// BeforeSend says whether a message may be sent or edited, and may change its
	// content. It refuses with a *fault.Error, or with ErrDropped to make the
	// sender believe that the message was sent. The sender waits for it, so it
	// must bound its own time. It is called again when a client repeats a send.
	BeforeSend(ctx context.Context, m *Outgoing) error
	// AfterSend is told of a message that is stored, or on its way to users who
	// are online, before its sender gets an answer. If it returns an error, the
	// send fails, and the sender's repetition calls it again. Other repetitions,
	// too, call it again.
	AfterSend(ctx context.Context, m Outgoing) error
	// AfterRevoke is told of a message that is revoked, by its sender or another user.
	// If it returns an error, the call fails, and its repetition calls it again.
	AfterRevoke(ctx context.Context, m Outgoing, by string) error
}

// ErrDropped is BeforeSend's answer if nobody is to get a message and its sender is
// not to know.
var ErrDropped = errors.New("the message is dropped")

// Outgoing is a message that is being sent, or an edit of one.
type Outgoing struct {
	From            place.User
	To              string // a user; "" in a group
	Group           string // the group's ID; "" one to one
	ID              string
	Type            string
	Payload         json.RawMessage // as clients have it
	CloudCustomData string
	Random          int64
	OnlineOnly      bool
	Edit            bool // an edit by its sender

	// Set for a stored message.
	Sequence uint64
	Time     int64 // Unix seconds
}

// before asks the hooks whether a message may be sent. What they change is checked
// like what a client sends.
func (in *Inbox) before(ctx context.Context, m *Outgoing) error {
	if in.o.Hooks == nil {
		return nil
	}
	typ, payload, cloud := m.Type, m.Payload, m.CloudCustomData
	if err := in.o.Hooks.BeforeSend(ctx, m); err != nil {
		return err
	}
	if m.Type == typ && bytes.Equal(m.Payload, payload) && m.CloudCustomData == cloud {
		return nil
	}
	if m.Edit && m.Type != typ {
		return fault.With(m.refusal(), "an edit cannot change the message's type")
	}
	var err error
	if m.Payload, err = in.cleanPayload(m.Type, m.Payload, m.CloudCustomData); err != nil {
		return fault.With(m.refusal(), "what it is to be replaced with cannot be sent: "+bus.Fault(err).Message)
	}
	return nil
}

// refusal returns the code of a refusal by the hooks.
func (m *Outgoing) refusal() fault.Code {
	if m.Group != "" {
		return fault.GroupRefusedByApp
	}
	return fault.RefusedByApp
}

// after tells the hooks of a message that was sent to a user or a group.
func (in *Inbox) after(ctx context.Context, r *record, onlineOnly bool) error {
	if in.o.Hooks == nil || r.Message.untold {
		return nil
	}
	c := r.Message
	m := Outgoing{
		From: r.sender(), ID: c.ID, Type: c.Type, Payload: c.Payload,
		CloudCustomData: c.Cloud, Random: c.Random, OnlineOnly: onlineOnly, Sequence: r.Seq, Time: r.At / 1000,
	}
	m.to(r.pair, m.From)
	return in.o.Hooks.AfterSend(ctx, m)
}

// afterRevoke tells the hooks that a message is revoked.
func (in *Inbox) afterRevoke(ctx context.Context, m *record, by string) error {
	if in.o.Hooks == nil {
		return nil
	}
	out := Outgoing{From: m.sender(), ID: m.Message.ID, Type: m.Message.Type, Random: m.Message.Random, Sequence: m.Seq, Time: m.At / 1000}
	out.to(m.pair, out.From)
	return in.o.Hooks.AfterRevoke(ctx, out, by)
}

// to sets the receiver: the group of a conversation, or the user who is not u.
func (m *Outgoing) to(p pair, u place.User) {
	if id, group := p.group(); group {
		m.Group = id
		return
	}
	m.To = p.users[p.other(p.side(u.UserID))]
}

// beforeEdit asks the hooks whether a user may edit a message, so that an edit cannot
// bypass them.
func (in *Inbox) beforeEdit(ctx context.Context, m *record, u place.User, p *modifyParams) error {
	if in.o.Hooks == nil {
		return nil
	}
	asked := Outgoing{
		From: u, ID: m.Message.ID, Type: m.Message.Type,
		Payload: p.Payload, CloudCustomData: p.CloudCustomData, Random: m.Message.Random, Edit: true,
		Sequence: m.Seq, Time: m.At / 1000,
	}
	asked.to(m.pair, u)
	if p.Payload == nil {
		asked.Payload = m.Message.Payload
	}
	was := asked.Payload
	if err := in.before(ctx, &asked); errors.Is(err, ErrDropped) {
		return fault.New(asked.refusal())
	} else if err != nil {
		return err
	}
	p.CloudCustomData = asked.CloudCustomData
	switch {
	case bytes.Equal(asked.Payload, was):
	case p.Payload == nil:
		return fault.With(asked.refusal(), "only its cloudCustomData was to be changed")
	default:
		p.Payload = asked.Payload
	}
	if asked.Group != "" { // they may have been muted or removed while the hooks were asked
		_, err := in.maySpeak(ctx, u, asked.Group, nil)
		return err
	}
	return nil
}

// beforeServer is before for a message of the server API, which has no edits and
// whose caller is told that the message was dropped. m says from whom to whom it is.
func (in *Inbox) beforeServer(ctx context.Context, m Outgoing, c *content) error {
	err := in.beforeContent(ctx, m, c)
	switch {
	case errors.Is(err, ErrDropped):
		return fault.New(m.refusal())
	case err == nil && !sendable(c.Type):
		return fault.With(m.refusal(), "what it is to be replaced with names files")
	}
	return err
}

// beforeContent is before for a message with a content, which it changes as the hooks
// want. m says from whom to whom it is.
func (in *Inbox) beforeContent(ctx context.Context, m Outgoing, c *content) error {
	m.ID, m.Type, m.Payload, m.CloudCustomData, m.Random = c.ID, c.Type, c.Payload, c.Cloud, c.Random
	err := in.before(ctx, &m)
	if err == nil {
		c.Type, c.Payload, c.Cloud = m.Type, m.Payload, m.CloudCustomData
	}
	return err
}

// sendable reports whether the server API can send messages of a type: it can send
// those that name no files.
func sendable(typ string) bool { return modifiable(typ) }

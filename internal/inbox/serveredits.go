package inbox

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// ServerEdit is what a message is to say from now on. The server API edits messages in
// the name of their senders, however old they are and whatever version they have.
type ServerEdit struct {
	Type    string          // of Payload; the message's own
	Payload json.RawMessage // as clients have it; nil: as it is
	// CloudCustomData of nil leaves it as it is.
	CloudCustomData *string
}

// EditInGroup edits the message of a group with a sequence, which is among the newest
// maxLook; otherwise it fails with 70402. All members are told, the hooks are not asked.
// Errors are *fault.Error.
func (in *Inbox) EditInGroup(ctx context.Context, app uint32, groupID string, sequence uint64, e ServerEdit) error {
	if err := in.editInGroup(ctx, app, groupID, sequence, e); err != nil {
		return in.failed("modify_group_msg", err)
	}
	return nil
}

func (in *Inbox) editInGroup(ctx context.Context, app uint32, groupID string, sequence uint64, e ServerEdit) error {
	p, err := groupPair(app, groupID)
	if err != nil {
		return err
	}
	m, err := in.bySequence(ctx, p, sequence)
	if err != nil {
		return err
	}
	if m.Message.Type == typeGroupTip {
		return noTips()
	}
	return in.editAs(ctx, m, e)
}

// EditByKey edits the message from one user to another that has a MsgKey and is among
// the newest maxLook of their conversation. Both are told, the hooks are not asked.
// Errors are *fault.Error.
func (in *Inbox) EditByKey(ctx context.Context, from place.User, to, key string, e ServerEdit) error {
	m, err := in.byKey(ctx, from, to, key)
	if err == nil {
		err = in.editAs(ctx, m, e)
	}
	if err != nil {
		return in.failed("modify_c2c_msg", err)
	}
	return nil
}

// editAs edits a message in its sender's name.
func (in *Inbox) editAs(ctx context.Context, m *record, e ServerEdit) error {
	p := editing{side: m.By, from: m.From, cloud: e.CloudCustomData}
	if e.Payload != nil {
		if e.Type != m.Message.Type {
			return fault.With(fault.InvalidOperation, "an edit cannot make a message of type "+m.Message.Type+" one of type "+e.Type)
		}
		cloud := ""
		if e.CloudCustomData != nil {
			cloud = *e.CloudCustomData
		}
		var err error
		if p.payload, err = in.newPayload(m, e.Payload, cloud); err != nil {
			return err
		}
	}
	_, err := in.change(ctx, m.sender(), m, p)
	return err
}

package rest

import (
	"context"
	"math"

	"github.com/tim-wasm/tim/internal/inbox"
)

// modifyPeerMessage is modify_c2c_msg: {"From_Account", "To_Account", "MsgKey"} and
// "MsgBody", "CloudCustomData" or both, in the sender's name.
func (a *API) modifyPeerMessage(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	from, to, key, err := messageKey(c.body)
	if err != nil {
		return nil, err
	}
	e, err := readEdit(c.body)
	if err != nil {
		return nil, err
	}
	return nil, in.EditByKey(ctx, c.user(from), to, key, e)
}

// modifyGroupMessage is modify_group_msg: {"GroupId", "TopicId"?, "MsgSeq"} and
// "MsgBody", "CloudCustomData" or both, in the sender's name.
func (a *API) modifyGroupMessage(ctx context.Context, c *call) (reply, error) {
	in, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	seq, err := c.body.number("MsgSeq", 1, math.MaxInt64, 0)
	if err != nil {
		return nil, err
	}
	if seq == 0 {
		return nil, bad("MsgSeq is missing")
	}
	e, err := readEdit(c.body)
	if err != nil {
		return nil, err
	}
	return nil, in.EditInGroup(ctx, c.app, id, uint64(seq), e)
}

// readEdit reads what a message is to say: a field that is absent stays as it is.
func readEdit(o object) (e inbox.ServerEdit, err error) {
	body, cloud := o.has("MsgBody"), o.has("CloudCustomData")
	if !body && !cloud {
		return e, bad("MsgBody and CloudCustomData are missing: give at least one of them")
	}
	if cloud {
		text, err := cloudData(o)
		if err != nil {
			return e, err
		}
		e.CloudCustomData = &text
	}
	if body {
		e.Type, e.Payload, err = readElement(o["MsgBody"])
	}
	return e, err
}

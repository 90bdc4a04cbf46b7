package rest

import (
	"context"
	"encoding/json"
	"math"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/inbox"
)

// maxLifeTime of a message is 7 days, in seconds.
const maxLifeTime = 7 * 24 * 3600

// maxCloudData is the same as for clients, in bytes.
const maxCloudData = 12 << 10

// sendMessage: {"SyncOtherMachine"?: 1|2, "From_Account"?, "To_Account",
// "MsgSeq"?, "MsgRandom", "MsgLifeTime"?, "CloudCustomData"?, "MsgBody":
// [{"MsgType", "MsgContent"}]}, with one element in MsgBody. Without
// From_Account the administrator is the sender.
func (a *API) sendMessage(ctx context.Context, c *call) (reply, error) {
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	if a.o.Send == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd stores no messages")
	}
	sent, err := a.o.Send(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply{"MsgTime": sent.Time, "MsgKey": sent.Key, "MsgId": sent.ID}, nil
}

func readMessage(c *call) (m inbox.ServerMessage, err error) {
	o := c.body
	m = inbox.ServerMessage{SDKAppID: c.app, From: c.admin}
	if o.has("From_Account") {
		if m.From, err = o.userID("From_Account"); err != nil {
			return m, err
		}
	}
	if m.To, err = o.userID("To_Account"); err != nil {
		return m, err
	}
	sync, err := o.number("SyncOtherMachine", 1, 2, 1)
	if err != nil {
		return m, err
	}
	m.NoSync = sync == 2
	if !o.has("MsgRandom") {
		return m, bad("MsgRandom is missing")
	}
	random, err := o.number("MsgRandom", 0, math.MaxUint32, 0)
	if err != nil {
		return m, err
	}
	seq, err := o.number("MsgSeq", 0, math.MaxUint32, 0)
	if err != nil {
		return m, err
	}
	m.Random, m.Seq = uint32(random), uint32(seq)
	life, err := o.number("MsgLifeTime", 0, maxLifeTime, maxLifeTime)
	if err != nil {
		return m, err
	}
	m.OnlineOnly = life == 0
	if cloud, err := o.text("CloudCustomData", maxBody); err != nil {
		return m, err
	} else if cloud != nil {
		if m.CloudCustomData = *cloud; len(*cloud) > maxCloudData {
			return m, fault.With(fault.BodyTooLarge, "CloudCustomData")
		}
	}
	return m, readBody(&m, o["MsgBody"])
}

// readBody reads MsgBody into a message; its errors are 90001.
func readBody(m *inbox.ServerMessage, raw json.RawMessage) error {
	malformed := func(detail string) error { return fault.With(fault.BodyMalformed, detail) }
	var list []object
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return malformed("MsgBody is not a list with an element")
	}
	if len(list) > 1 {
		return malformed("MsgBody may have one element here")
	}
	e := list[0]
	var content object
	if json.Unmarshal(e["MsgType"], &m.Type) != nil {
		return malformed("MsgType is missing")
	}
	if json.Unmarshal(e["MsgContent"], &content) != nil || content == nil {
		return malformed("MsgContent is not an object")
	}
	fields := map[string]string{"Text": "text"}
	switch m.Type {
	case "TIMTextElem":
		if !content.has("Text") {
			return malformed("MsgContent has no Text")
		}
	case "TIMCustomElem":
		fields = map[string]string{"Data": "data", "Desc": "description", "Ext": "extension"}
	default:
		return malformed("MsgType must be TIMTextElem or TIMCustomElem")
	}
	payload := map[string]string{}
	for theirs, ours := range fields {
		var s string
		if content.has(theirs) && json.Unmarshal(content[theirs], &s) != nil {
			return malformed("MsgContent." + theirs + " is not a string")
		}
		payload[ours] = s
	}
	var err error
	if m.Payload, err = jsonframe.Marshal(payload); err != nil {
		return malformed("MsgContent cannot be read")
	}
	return nil
}

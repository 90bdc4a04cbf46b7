package rest

import (
	"context"
	"math"
	"strconv"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/inbox"
)

// maxMessagesRead is the most messages that one group_msg_get_simple asks for.
const maxMessagesRead = 20

// Values of IsFinished.
const (
	pageCut  = 0 // there are older messages that were asked for
	pageFull = 1
)

// readGroupMessages is group_msg_get_simple: {"GroupId", "TopicId"?, "ReqMsgNumber",
// "ReqMsgSeq"?, "Next"?}: messages of a group, the newest first, those up to ReqMsgSeq
// or those that follow a reply with this Next.
func (a *API) readGroupMessages(ctx context.Context, c *call) (reply, error) {
	from, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	count, err := c.body.number("ReqMsgNumber", 1, maxMessagesRead, maxMessagesRead)
	if err != nil {
		return nil, err
	}
	seq, err := c.body.number("ReqMsgSeq", 0, math.MaxInt64, 0)
	if err != nil {
		return nil, err
	}
	before, err := readNext(c.body)
	if err != nil {
		return nil, err
	}
	messages, next, err := pageOf(int(count), before, func(before uint64) (inbox.MessagePage, error) {
		return from.MessagesOfGroup(ctx, c.app, id, uint64(seq), before)
	})
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(messages))
	for i, m := range messages {
		list[i] = messageOf(c.app, m)
	}
	finished := pageFull
	if int64(len(list)) < count && next != "" {
		finished = pageCut
	}
	of, _, isTopic := frame.CutTopic(id)
	out := reply{"GroupId": of, "IsFinished": finished, "RspMsgList": list, "Next": next}
	if isTopic {
		out["TopicId"] = id
	}
	return out, nil
}

// readNext reads the Next of an earlier reply.
func readNext(o object) (uint64, error) {
	text, err := o.text("Next", 16)
	if err != nil || text == nil || *text == "" {
		return 0, err
	}
	before, err := strconv.ParseUint(*text, 36, 64)
	if err != nil {
		return 0, bad("Next is not that of a reply")
	}
	return before, nil
}

func messageOf(app uint32, m inbox.Message) fields {
	out := fields{
		"From_Account": m.From, "MsgSeq": m.Sequence, "MsgTimeStamp": m.Time, "MsgRandom": m.Random, "MsgId": m.ID,
		"CloudCustomData": m.CloudCustomData, "IsPlaceMsg": 0, "IsSystemMsg": 0, "MsgBody": MsgBodyOf(app, m.Type, m.Payload),
	}
	switch {
	case m.IsRevoked:
		out["IsPlaceMsg"], out["MsgBody"], out["CloudCustomData"] = 1, []fields{}, ""
	case m.Type == "TIMGroupTipElem":
		out["IsSystemMsg"], out["MsgBody"] = 1, []fields{{"MsgType": m.Type, "MsgContent": m.Payload}}
	}
	return out
}

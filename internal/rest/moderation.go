package rest

import (
	"context"
	"math"
	"strconv"

	"github.com/tim-wasm/tim/internal/inbox"
)

// Moderation reads and revokes messages of conversations for administrators.
type Moderation interface {
	MessagesBetween(ctx context.Context, app uint32, a, b string, before uint64) (inbox.MessagePage, error)
	MessagesOfGroup(ctx context.Context, app uint32, group string, upTo, before uint64) (inbox.MessagePage, error)
	RevokeBetween(ctx context.Context, app uint32, a, b string, position uint64) (bool, error)
	RevokeOfGroup(ctx context.Context, app uint32, group, by string, position uint64) (bool, error)
}

// talk names a conversation: that of two users, or of a group or topic.
type talk struct{ from, to, group string }

// talk reads {"From_Account", "To_Account"} or {"GroupId", "TopicId"?}.
func (o object) talk() (t talk, err error) {
	if o.has("GroupId") {
		if o.has("From_Account") || o.has("To_Account") {
			return t, bad("give GroupId, or From_Account and To_Account")
		}
		t.group, err = groupOrTopic(o)
		return t, err
	}
	t.from, t.to, err = o.twoUserIDs("From_Account", "To_Account")
	return t, err
}

func (a *API) moderation() (Moderation, error) {
	if a.o.Moderation == nil {
		return nil, noMessages()
	}
	return a.o.Moderation, nil
}

// maxModerated is the most messages that one timd_message/list asks for.
const maxModerated = 50

// messageList: {"From_Account", "To_Account"} or {"GroupId", "TopicId"?}, "Limit"?:
// 1–50, "Next"?: returns {"MsgList", "Next"}, the newest message first: all that are
// stored, whoever has cleared or deleted them for themselves. Next is "" at the end.
func (a *API) messageList(ctx context.Context, c *call) (reply, error) {
	m, err := a.moderation()
	if err != nil {
		return nil, err
	}
	t, err := c.body.talk()
	if err != nil {
		return nil, err
	}
	count, err := c.body.number("Limit", 1, maxModerated, maxModerated)
	if err != nil {
		return nil, err
	}
	before, err := readNext(c.body)
	if err != nil {
		return nil, err
	}
	messages, next, err := pageOf(int(count), before, func(before uint64) (inbox.MessagePage, error) {
		if t.group != "" {
			return m.MessagesOfGroup(ctx, c.app, t.group, 0, before)
		}
		return m.MessagesBetween(ctx, c.app, t.from, t.to, before)
	})
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(messages))
	for i, m := range messages {
		list[i] = messageOf(c.app, m)
		list[i]["Position"] = m.Position
	}
	return reply{"MsgList": list, "Next": next}, nil
}

// messageRevoke: {"From_Account", "To_Account"} or {"GroupId", "TopicId"?}, "Position":
// revokes a message that timd_message/list has shown, however old it is. Revoked is
// false when it had been revoked before.
func (a *API) messageRevoke(ctx context.Context, c *call) (reply, error) {
	m, err := a.moderation()
	if err != nil {
		return nil, err
	}
	t, err := c.body.talk()
	if err != nil {
		return nil, err
	}
	position, err := c.body.number("Position", 1, math.MaxInt64, 0)
	if err != nil {
		return nil, err
	}
	if position == 0 {
		return nil, bad("Position is missing")
	}
	var done bool
	if t.group != "" {
		done, err = m.RevokeOfGroup(ctx, c.app, t.group, c.admin, uint64(position))
	} else {
		done, err = m.RevokeBetween(ctx, c.app, t.from, t.to, uint64(position))
	}
	if err != nil {
		return nil, err
	}
	return reply{"Revoked": done}, nil
}

// pageOf reads count messages, fewer at the end of a conversation; next continues
// behind them and is "" at the end.
func pageOf(count int, before uint64, read func(before uint64) (inbox.MessagePage, error)) (list []inbox.Message, next string, err error) {
	for len(list) < count {
		page, err := read(before)
		if err != nil {
			return nil, "", err
		}
		some := page.Messages[:min(len(page.Messages), count-len(list))]
		list = append(list, some...)
		if before, next = page.Before, ""; len(some) < len(page.Messages) {
			before = some[len(some)-1].Position
		}
		if before == 0 {
			break
		}
		next = strconv.FormatUint(before, 36)
	}
	return list, next, nil
}

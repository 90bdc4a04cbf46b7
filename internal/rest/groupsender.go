package rest

import (
	"context"
	"math"
)

// recallOfSender is delete_group_msg_by_sender: {"GroupId", "TopicId"?,
// "Sender_Account"}: it revokes what a user has sent among the newest 1,000 messages.
// The reply says how many messages that were.
func (a *API) recallOfSender(ctx context.Context, c *call) (reply, error) {
	in, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	sender, err := c.body.userID("Sender_Account")
	if err != nil {
		return nil, err
	}
	n, err := in.RevokeOfSender(ctx, c.app, id, sender, c.admin)
	if err != nil {
		return nil, err
	}
	return reply{"RecalledNum": n}, nil
}

// setUnread is set_unread_msg_num: {"GroupId", "TopicId"?, "Member_Account",
// "UnreadMsgNum"}. The reply says how many messages are unread now.
func (a *API) setUnread(ctx context.Context, c *call) (reply, error) {
	in, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	user, err := c.body.userID("Member_Account")
	if err != nil {
		return nil, err
	}
	if !c.body.has("UnreadMsgNum") {
		return nil, bad("UnreadMsgNum is missing")
	}
	n, err := c.body.number("UnreadMsgNum", 0, math.MaxUint32, 0)
	if err != nil {
		return nil, err
	}
	now, err := in.SetUnread(ctx, c.user(user), id, uint64(n))
	if err != nil {
		return nil, err
	}
	return reply{"UnreadMsgNum": now}, nil
}

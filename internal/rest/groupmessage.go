package rest

import (
	"context"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// GroupMessages stores, revokes, reads and imports messages of groups.
type GroupMessages interface {
	SendToGroup(ctx context.Context, m inbox.GroupMessage) (inbox.GroupSent, error)
	Broadcast(ctx context.Context, m inbox.GroupMessage) (inbox.GroupSent, error)
	RevokeInGroup(ctx context.Context, app uint32, group, by string, seq uint64) error
	RevokeOfSender(ctx context.Context, app uint32, group, sender, by string) (int, error)
	EditInGroup(ctx context.Context, app uint32, group string, seq uint64, e inbox.ServerEdit) error
	SetUnread(ctx context.Context, u place.User, group string, n uint64) (uint64, error)
	MessagesOfGroup(ctx context.Context, app uint32, group string, upTo, before uint64) (inbox.MessagePage, error)
	// NewestOfGroup returns the sequence of the newest message and when it was sent, in
	// Unix seconds; 0 where there is none.
	NewestOfGroup(ctx context.Context, app uint32, group string) (sequence uint64, at int64, err error)
	ImportToGroup(ctx context.Context, admin string, m inbox.GroupMessage, at time.Time) (sent inbox.GroupSent, stored bool, err error)
}

// The most entries in the lists of one command.
const (
	maxMentioned = 30
	maxRecalled  = 10
)

// mentionAll is the UserID by which a message mentions all members of its group.
const mentionAll = "__kImSDK_MesssageAtALL__"

func (a *API) groupMessages() (GroupMessages, error) {
	if a.o.GroupMessages == nil {
		return nil, noMessages()
	}
	return a.o.GroupMessages, nil
}

// messagesOfGroup returns them, and the group or topic that a call is about.
func (a *API) messagesOfGroup(c *call) (GroupMessages, string, error) {
	m, err := a.groupMessages()
	if err != nil {
		return nil, "", err
	}
	id, err := groupOrTopic(c.body)
	return m, id, err
}

// sendGroupMessage is send_group_msg: {"GroupId", "TopicId"?, "Random", "MsgBody",
// "From_Account"?, "OnlineOnlyFlag"?, "MsgPriority"? (in a live room: "High", "Normal",
// "Low" or "Lowest"), "CloudCustomData"?, "SendMsgControl"?: ["NoUnread"], "GroupAtInfo"?: [{"GroupAtAllFlag", "GroupAt_Account"}],
// "ForbidCallbackControl"?: [name]}.
func (a *API) sendGroupMessage(ctx context.Context, c *call) (reply, error) {
	to, err := a.groupMessages()
	if err != nil {
		return nil, err
	}
	m, err := readGroupMessage(c)
	if err != nil {
		return nil, err
	}
	sent, err := to.SendToGroup(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply{"MsgTime": sent.Time, "MsgSeq": sent.Seq, "MsgId": sent.ID}, nil
}

func readGroupMessage(c *call) (m inbox.GroupMessage, err error) {
	o := c.body
	m = inbox.GroupMessage{SDKAppID: c.app, From: c.admin}
	if m.Group, err = groupOrTopic(o); err != nil {
		return m, err
	}
	if err := readContent(o, &m); err != nil {
		return m, err
	}
	flag := "OnlineOnlyFlag"
	if !o.has(flag) {
		flag = "MsgOnlineOnlyFlag" // the name that some clients of the vendor's API use
	}
	online, err := o.number(flag, 0, 1, 0)
	if err != nil {
		return m, err
	}
	m.OnlineOnly = online == 1
	priority, err := o.text("MsgPriority", maxGroupText)
	if err != nil {
		return m, err
	}
	if priority != nil {
		m.Priority = *priority
	}
	if o.has("SendMsgControl") {
		list, err := o.list("SendMsgControl", 8)
		if err != nil {
			return m, err
		}
		for _, raw := range list {
			m.NoUnread = m.NoUnread || string(raw) == `"NoUnread"`
		}
	}
	if m.At, err = readMentions(o); err != nil {
		return m, err
	}
	m.NoBefore, m.NoAfter, err = readControl(o)
	return m, err
}

// readContent reads what a message says and who says it; without From_Account that is
// the administrator.
func readContent(o object, m *inbox.GroupMessage) (err error) {
	if o.has("From_Account") {
		if m.From, err = o.userID("From_Account"); err != nil {
			return err
		}
	}
	if !o.has("Random") {
		return bad("Random is missing")
	}
	random, err := o.number("Random", 0, math.MaxUint32, 0)
	if err != nil {
		return err
	}
	m.Random = uint32(random)
	if m.CloudCustomData, err = cloudData(o); err != nil {
		return err
	}
	m.Type, m.Payload, err = readElement(o["MsgBody"])
	return err
}

// readMentions reads GroupAtInfo.
func readMentions(o object) ([]string, error) {
	if !o.has("GroupAtInfo") {
		return nil, nil
	}
	list, err := o.objects("GroupAtInfo", maxMentioned)
	if err != nil {
		return nil, err
	}
	var at []string
	for _, one := range list {
		all, err := one.number("GroupAtAllFlag", 0, 1, 0)
		if err != nil {
			return nil, err
		}
		id := mentionAll
		if all == 0 {
			if id, err = one.userID("GroupAt_Account"); err != nil {
				return nil, err
			}
		}
		at = append(at, id)
	}
	return at, nil
}

// recallGroupMessages is group_msg_recall: {"GroupId", "TopicId"?, "MsgSeqList":
// [{"MsgSeq"}]}. The error of a message is in its own RetCode.
func (a *API) recallGroupMessages(ctx context.Context, c *call) (reply, error) {
	from, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	list, err := c.body.objects("MsgSeqList", maxRecalled)
	if err != nil {
		return nil, err
	}
	seqs := make([]int64, len(list))
	for i, one := range list {
		if seqs[i], err = one.number("MsgSeq", 1, math.MaxInt64, 0); err != nil {
			return nil, err
		}
		if seqs[i] == 0 {
			return nil, bad("MsgSeqList[%d] has no MsgSeq", i)
		}
	}
	results := make([]fields, len(list))
	each(len(list), func(i int) {
		code := fault.Code(0)
		if err := from.RevokeInGroup(ctx, c.app, id, c.admin, uint64(seqs[i])); err != nil {
			code = asFault(err).Code
		}
		results[i] = fields{"MsgSeq": seqs[i], "RetCode": code}
	})
	return reply{"RecallRetList": results}, nil
}

// notifyMembers is send_group_system_notification: {"GroupId", "Content",
// "ToMembers_Account"?: [UserID]}. Without ToMembers_Account all members are told.
func (a *API) notifyMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	content, err := c.body.text("Content", maxBody)
	if err != nil {
		return nil, err
	}
	if content == nil {
		return nil, bad("Content is missing")
	}
	p := fields{"groupID": id, "content": *content}
	if c.body.has("ToMembers_Account") {
		if p["userIDs"], _, err = groupMembers(c.body, "ToMembers_Account", maxMembersTold, true); err != nil {
			return nil, err
		}
	}
	return nil, a.asAdmin(ctx, c, group.ServerAnnounce, p, nil)
}

// modifyMember is modify_group_member_info: {"GroupId", "Member_Account"} and any
// of "Role": "Admin" or "Member", "NameCard", "AppMemberDefinedData" and
// "ShutUpTime" in s.
func (a *API) modifyMember(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	user, err := c.body.userID("Member_Account")
	if err != nil {
		return nil, err
	}
	role, err := c.body.text("Role", maxGroupText)
	if err != nil {
		return nil, err
	}
	card, err := c.body.text("NameCard", maxGroupText)
	if err != nil {
		return nil, err
	}
	custom, err := customFields(c.body, "AppMemberDefinedData", maxGroupFields)
	if err != nil {
		return nil, err
	}
	seconds, err := c.body.number("ShutUpTime", 0, shutUpForEver, 0)
	if err != nil {
		return nil, err
	}
	for _, change := range []struct {
		wanted        bool
		method, field string
		value         any
	}{
		{role != nil, frame.GroupRole, "role", role},
		{card != nil, frame.GroupCard, "nameCard", card},
		{custom != nil, frame.GroupCustom, "memberCustomField", custom},
		{c.body.has("ShutUpTime"), frame.GroupMute, "muteTime", seconds},
	} {
		if !change.wanted {
			continue
		}
		if err := a.asAdmin(ctx, c, change.method, fields{"groupID": id, "userID": user, change.field: change.value}, nil); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// getMuted is get_group_shutted_uin: {"GroupId"}.
func (a *API) getMuted(ctx context.Context, c *call) (reply, error) {
	_, list, err := a.muted(ctx, c, "ShuttedUntil")
	return reply{"ShuttedUinList": list}, err
}

// getMutedAccounts is get_group_muted_account, as the vendor has called it since.
func (a *API) getMutedAccounts(ctx context.Context, c *call) (reply, error) {
	id, list, err := a.muted(ctx, c, "MutedUntil")
	return reply{"GroupId": id, "MutedAccountList": list}, err
}

// muted returns the group of a call and who is muted there, until when by a name.
func (a *API) muted(ctx context.Context, c *call, until string) (id string, list []fields, err error) {
	if id, err = groupID(c.body); err != nil {
		return "", nil, err
	}
	list = []fields{}
	now := a.o.Now().Unix()
	err = a.eachMember(ctx, c, id, func(m group.GroupMember) bool {
		if m.MuteUntil > now {
			list = append(list, fields{"Member_Account": m.UserID, until: m.MuteUntil})
		}
		return true
	})
	return id, list, err
}

// eachMember calls f with the members of a group, or with the newest of a live room,
// until it returns false.
func (a *API) eachMember(ctx context.Context, c *call, groupID string, f func(m group.GroupMember) bool) error {
	for offset := ""; ; {
		var page struct {
			MemberList []group.GroupMember `json:"memberList"`
			Offset     string              `json:"offset"`
		}
		if err := a.asAdmin(ctx, c, frame.GroupMembers, fields{"groupID": groupID, "count": 100, "offset": offset}, &page); err != nil {
			return err
		}
		for _, m := range page.MemberList {
			if !f(m) {
				return nil
			}
		}
		if offset = page.Offset; offset == "" {
			return nil
		}
	}
}

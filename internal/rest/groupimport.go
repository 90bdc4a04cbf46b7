package rest

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/inbox"
)

// This file holds the commands that bring groups in from another system. Each can be
// repeated: what was imported before stays as it is.

// maxImported is the most messages that one import_group_msg brings.
const maxImported = 20

// importGroup is import_group: {"Type", "Name", "GroupId"?, "Owner_Account"?,
// "CreateTime"?, "Introduction"?, "Notification"?, "FaceUrl"?, "MaxMemberCount"?,
// "ApplyJoinOption"?, "InviteJoinOption"?, "AppDefinedData"?}. Without Owner_Account
// the administrator is the owner.
func (a *API) importGroup(ctx context.Context, c *call) (reply, error) {
	p, owner, err := a.newGroup(ctx, c)
	if err != nil {
		return nil, err
	}
	if p["createTime"], err = c.body.number("CreateTime", 0, math.MaxUint32, 0); err != nil {
		return nil, err
	}
	var made struct {
		Group group.Group `json:"group"`
	}
	err = a.inGroups(ctx, c.user(owner), group.ServerImport, p, &made)
	return reply{"GroupId": made.Group.GroupID}, err
}

// importMembers is import_group_member: {"GroupId", "MemberList":
// [{"Member_Account", "Role"?, "JoinTime"?, "NameCard"?, "AppMemberDefinedData"?}]}.
func (a *API) importMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	ids, objects, err := groupMembers(c.body, "MemberList", maxMembersAdded, false)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(ids))
	for i, o := range objects {
		list[i] = fields{"userID": ids[i]}
		if err := o.texts(map[string]string{"Role": "role", "NameCard": "nameCard"}, maxGroupText, list[i]); err != nil {
			return nil, err
		}
		if list[i]["joinTime"], err = o.number("JoinTime", 0, math.MaxUint32, 0); err != nil {
			return nil, err
		}
		if list[i]["memberCustomField"], err = customFields(o, "AppMemberDefinedData", maxGroupFields); err != nil {
			return nil, err
		}
	}
	return a.bringMembers(ctx, c, group.ServerImportMembers, fields{"groupID": id, "memberList": list}, ids)
}

// importGroupMessages is import_group_msg: {"GroupId", "TopicId"?, "MsgList":
// [{"From_Account", "SendTime", "Random"?, "CloudCustomData"?, "MsgBody"}]}, the oldest first. What is
// wrong with one message is in its own Result. After an error that another attempt may
// not meet, none of the later messages is imported, since each must come after those
// before it.
func (a *API) importGroupMessages(ctx context.Context, c *call) (reply, error) {
	to, id, err := a.messagesOfGroup(c)
	if err != nil {
		return nil, err
	}
	list, err := c.body.objects("MsgList", maxImported)
	if err != nil {
		return nil, err
	}
	messages, times := make([]inbox.GroupMessage, len(list)), make([]int64, len(list))
	refused := make([]error, len(list))
	for i, o := range list {
		m := &messages[i]
		*m = inbox.GroupMessage{SDKAppID: c.app, Group: id}
		if m.From, err = o.userID("From_Account"); err != nil {
			return nil, err
		}
		if times[i], err = o.number("SendTime", 1, math.MaxUint32, 0); err != nil {
			return nil, err
		}
		if times[i] == 0 {
			return nil, bad("MsgList[%d] has no SendTime", i)
		}
		random, err := o.number("Random", 0, math.MaxUint32, 0)
		if err != nil {
			return nil, err
		}
		m.Random = uint32(random)
		if m.CloudCustomData, err = cloudData(o); err == nil {
			m.Type, m.Payload, err = readElement(o["MsgBody"])
		}
		refused[i] = err
	}
	results := make([]fields, len(list))
	for i, m := range messages {
		sent, stored, err := inbox.GroupSent{Time: times[i]}, false, refused[i]
		if err == nil {
			sent, stored, err = to.ImportToGroup(ctx, c.admin, m, time.Unix(times[i], 0))
		}
		code := fault.Code(0)
		if err != nil {
			if code = asFault(err).Code; !ofTheMessage(err) {
				return nil, err
			}
		}
		results[i] = fields{"Result": code, "MsgTime": times[i], "MsgSeq": sent.Seq, "Skipped": 0}
		if err == nil && !stored {
			results[i]["Skipped"] = 1
		}
	}
	return reply{"ImportMsgResult": results}, nil
}

// ofTheMessage reports whether an error is due to the message alone.
func ofTheMessage(err error) bool {
	return slices.ContainsFunc([]fault.Code{fault.UnknownAccount, fault.BodyMalformed, fault.BodyTooLarge, fault.BadParameters, fault.GroupBadParameters},
		func(c fault.Code) bool { return errors.Is(err, fault.New(c)) })
}

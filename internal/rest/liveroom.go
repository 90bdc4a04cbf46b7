package rest

import (
	"context"
	"math"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// This file holds the commands of live rooms (groups of type AVChatRoom).

// LiveRooms are what clients cannot ask of live rooms.
type LiveRooms interface {
	Ban(ctx context.Context, u place.User, groupID string, userIDs []string, seconds int64, why string) error
	Bans(ctx context.Context, u place.User, groupID string) ([]group.Banned, error)
	Unban(ctx context.Context, u place.User, groupID string, userIDs []string) error
}

// Limits of what one command names.
const (
	maxBanned     = 20
	maxBansListed = 1000
	maxBanOffset  = 1 << 20
	maxBanReason  = 1000
)

func (a *API) liveRooms() (LiveRooms, error) {
	if a.o.LiveRooms == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd has no live rooms")
	}
	return a.o.LiveRooms, nil
}

// groupUsers reads GroupId and Members_Account.
func groupUsers(o object, most int) (id string, users []string, err error) {
	if id, err = groupID(o); err != nil {
		return "", nil, err
	}
	users, _, err = groupMembers(o, "Members_Account", most, true)
	return id, users, err
}

// banMembers is ban_group_member: {"GroupId", "Members_Account": [UserID],
// "Duration": s, "Description"?: why, which they are told}.
func (a *API) banMembers(ctx context.Context, c *call) (reply, error) {
	rooms, err := a.liveRooms()
	if err != nil {
		return nil, err
	}
	id, users, err := groupUsers(c.body, maxBanned)
	if err != nil {
		return nil, err
	}
	if !c.body.has("Duration") {
		return nil, bad("Duration is missing")
	}
	seconds, err := c.body.number("Duration", 1, shutUpForEver, 0)
	if err != nil {
		return nil, err
	}
	why, err := c.body.text("Description", maxBanReason)
	if err != nil {
		return nil, err
	}
	if why == nil {
		why = new(string)
	}
	return nil, rooms.Ban(ctx, c.user(c.admin), id, users, seconds, *why)
}

// unbanMembers is unban_group_member: {"GroupId", "Members_Account": [UserID]}.
func (a *API) unbanMembers(ctx context.Context, c *call) (reply, error) {
	rooms, err := a.liveRooms()
	if err != nil {
		return nil, err
	}
	id, users, err := groupUsers(c.body, maxBanned)
	if err != nil {
		return nil, err
	}
	return nil, rooms.Unban(ctx, c.user(c.admin), id, users)
}

// getBans is get_group_ban_member: {"GroupId", "Offset"?, "Limit"?}. NextOffset is 0
// behind the last one.
func (a *API) getBans(ctx context.Context, c *call) (reply, error) {
	rooms, err := a.liveRooms()
	if err != nil {
		return nil, err
	}
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	limit, err := c.body.number("Limit", 1, maxBansListed, maxBansListed)
	if err != nil {
		return nil, err
	}
	from, err := c.body.number("Offset", 0, maxBanOffset, 0)
	if err != nil {
		return nil, err
	}
	all, err := rooms.Bans(ctx, c.user(c.admin), id)
	if err != nil {
		return nil, err
	}
	list, next := []fields{}, int64(0)
	for _, b := range all[min(from, int64(len(all))):] {
		if int64(len(list)) == limit {
			next = from + limit
			break
		}
		list = append(list, fields{"Member_Account": b.UserID, "BannedUntil": b.Until})
	}
	return reply{"BannedAccountList": list, "NextOffset": next}, nil
}

// getRoomMembers is get_members: {"GroupId", "Timestamp"?}: the newest 1,000 who are in a
// live room, all of them at once.
func (a *API) getRoomMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	if _, err := c.body.number("Timestamp", 0, math.MaxInt64, 0); err != nil {
		return nil, err
	}
	var groups struct {
		Groups []group.Group `json:"groups"`
	}
	if err := a.asAdmin(ctx, c, frame.GroupGet, fields{"groupIDs": []string{id}}, &groups); err != nil {
		return nil, err
	}
	switch {
	case len(groups.Groups) == 0:
		return nil, fault.New(fault.NoSuchGroup)
	case groups.Groups[0].Type != group.Live:
		return nil, fault.With(fault.GroupNotPermitted, "this is no AVChatRoom: call get_group_member_info")
	}
	list := []fields{}
	err = a.eachMember(ctx, c, id, func(m group.GroupMember) bool {
		list = append(list, fields{"Member_Account": m.UserID, "JoinTime": m.JoinTime, "NickName": m.Nick, "Avatar": m.Avatar})
		return true
	})
	return reply{"MemberList": list, "NextTimestamp": 0}, err
}

// broadcast is send_broadcast_msg: {"Random", "MsgBody", "From_Account"?,
// "CloudCustomData"?}.
func (a *API) broadcast(ctx context.Context, c *call) (reply, error) {
	to, err := a.groupMessages()
	if err != nil {
		return nil, err
	}
	m := inbox.GroupMessage{SDKAppID: c.app, From: c.admin}
	if err := readContent(c.body, &m); err != nil {
		return nil, err
	}
	sent, err := to.Broadcast(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply{"MsgTime": sent.Time, "MsgId": sent.ID}, nil
}

package rest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
)

// groupInfo is a group as the server API shows it.
type groupInfo struct {
	GroupID          string `json:"GroupId"`
	ErrorCode        fault.Code
	ErrorInfo        string
	Type             group.Type    `json:",omitempty"`
	Name             string        `json:",omitempty"`
	Introduction     string        `json:",omitempty"`
	Notification     string        `json:",omitempty"`
	FaceURL          string        `json:"FaceUrl,omitempty"`
	Owner            string        `json:"Owner_Account,omitempty"`
	CreateTime       int64         `json:",omitempty"`
	LastInfoTime     int64         `json:",omitempty"`
	LastMsgTime      int64         `json:",omitempty"`
	NextMsgSeq       int64         `json:",omitempty"`
	MemberNum        int           `json:",omitempty"`
	MaxMemberNum     int           `json:",omitempty"`
	ApplyJoinOption  group.Option  `json:",omitempty"`
	InviteJoinOption group.Option  `json:",omitempty"`
	ShutUpAllMember  string        `json:",omitempty"`
	SupportTopic     int           `json:",omitempty"`
	AppDefinedData   []customField `json:",omitempty"`
}

type customField struct{ Key, Value string }

func infoOf(g group.Group) groupInfo {
	i := groupInfo{
		GroupID: g.GroupID, Type: g.Type, Name: g.Name, Introduction: g.Introduction, Notification: g.Notification,
		FaceURL: g.Avatar, Owner: g.OwnerID, CreateTime: g.CreateTime, LastInfoTime: g.LastInfoTime,
		NextMsgSeq: g.NextMessageSeq, MemberNum: g.MemberCount, MaxMemberNum: g.MaxMemberCount,
		ApplyJoinOption: g.JoinOption, InviteJoinOption: g.InviteOption, ShutUpAllMember: shutUpOff,
		AppDefinedData: fieldsOf(g.GroupCustomField),
	}
	if g.MuteAllMembers {
		i.ShutUpAllMember = shutUpOn
	}
	if g.IsSupportTopic {
		i.SupportTopic = 1
	}
	return i
}

func fieldsOf(list []group.Field) []customField {
	out := make([]customField, len(list))
	for i, f := range list {
		out[i] = customField(f)
	}
	return out
}

// getGroups: {"GroupIdList": [GroupId]}. What is wrong with one group is in its
// own ErrorCode.
func (a *API) getGroups(ctx context.Context, c *call) (reply, error) {
	list, err := c.body.list("GroupIdList", maxGroupsAsked)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, raw := range list {
		if json.Unmarshal(raw, &ids[i]) != nil {
			return nil, bad("GroupIdList[%d] is not a string", i)
		}
	}
	infos := []groupInfo{}
	for rest := ids; len(rest) > 0; {
		var out struct {
			Groups   []group.Group `json:"groups"`
			Failures []struct {
				GroupID string     `json:"groupID"`
				Code    fault.Code `json:"code"`
				Message string     `json:"message"`
			} `json:"failures"`
		}
		if err := a.asAdmin(ctx, c, frame.GroupGet, fields{"groupIDs": rest}, &out); err != nil {
			return nil, err
		}
		for _, g := range out.Groups {
			infos = append(infos, infoOf(g))
		}
		for _, f := range out.Failures {
			infos = append(infos, groupInfo{GroupID: f.GroupID, ErrorCode: f.Code, ErrorInfo: f.Message})
		}
		rest = rest[len(out.Groups)+len(out.Failures):] // the answer is of the first ones
	}
	if err := a.addNewest(ctx, c, len(infos), func(n int) *groupInfo { return &infos[n] }); err != nil {
		return nil, err
	}
	slices.SortStableFunc(infos, func(x, y groupInfo) int { return slices.Index(ids, x.GroupID) - slices.Index(ids, y.GroupID) })
	return reply{"GroupInfo": infos}, nil
}

// addNewest adds to n groups what is known of their messages. Those of live rooms are not
// numbered.
func (a *API) addNewest(ctx context.Context, c *call, n int, at func(n int) *groupInfo) error {
	if a.o.GroupMessages == nil {
		return nil
	}
	errs := make([]error, n)
	each(n, func(n int) {
		i := at(n)
		if i.ErrorCode == 0 && i.Type != group.Live {
			var seq uint64
			seq, i.LastMsgTime, errs[n] = a.o.GroupMessages.NewestOfGroup(ctx, c.app, i.GroupID)
			i.NextMsgSeq = int64(seq) + 1
		}
	})
	return errors.Join(errs...)
}

type memberInfo struct {
	Account              string `json:"Member_Account"`
	Role                 string
	JoinTime             int64
	NameCard             string
	ShutUpUntil          int64
	AppMemberDefinedData []customField
}

func memberOf(m group.SelfInfo) memberInfo {
	return memberInfo{m.UserID, m.Role, m.JoinTime, m.NameCard, m.MuteUntil, fieldsOf(m.MemberCustomField)}
}

// getMembers is get_group_member_info: {"GroupId", "Limit"?, "Offset"?,
// "MemberRoleFilter"?: [role]}.
func (a *API) getMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	limit, err := c.body.number("Limit", 1, maxMembersListed, maxMembersListed)
	if err != nil {
		return nil, err
	}
	skip, err := c.body.number("Offset", 0, 1<<31, 0)
	if err != nil {
		return nil, err
	}
	var roles []string
	if c.body.has("MemberRoleFilter") && json.Unmarshal(c.body["MemberRoleFilter"], &roles) != nil {
		return nil, bad("MemberRoleFilter is not a list of roles")
	}
	var groups struct {
		Groups []group.Group `json:"groups"`
	}
	if err := a.asAdmin(ctx, c, frame.GroupGet, fields{"groupIDs": []string{id}}, &groups); err != nil {
		return nil, err
	}
	if len(groups.Groups) == 0 {
		return nil, fault.New(fault.NoSuchGroup)
	}
	list := []memberInfo{}
	if err := a.eachMember(ctx, c, id, func(m group.GroupMember) bool {
		switch {
		case len(roles) > 0 && !slices.Contains(roles, m.Role):
		case skip > 0:
			skip--
		default:
			list = append(list, memberOf(m.SelfInfo))
		}
		return int64(len(list)) < limit
	}); err != nil {
		return nil, err
	}
	return reply{"MemberNum": groups.Groups[0].MemberCount, "MemberList": list}, nil
}

// getRoles is get_role_in_group: {"GroupId", "User_Account": [UserID]}.
func (a *API) getRoles(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	ids, _, err := groupMembers(c.body, "User_Account", maxRolesAsked, true)
	if err != nil {
		return nil, err
	}
	roles := map[string]string{}
	for some := range slices.Chunk(ids, 50) {
		var out struct {
			MemberList []group.GroupMember `json:"memberList"`
		}
		if err := a.asAdmin(ctx, c, frame.GroupMemberGet, fields{"groupID": id, "userIDs": some}, &out); err != nil {
			return nil, err
		}
		for _, m := range out.MemberList {
			roles[m.UserID] = m.Role
		}
	}
	list := make([]fields, len(ids))
	for i, id := range ids {
		if list[i] = (fields{"Member_Account": id, "Role": "NotMember"}); roles[id] != "" {
			list[i]["Role"] = roles[id]
		}
	}
	return reply{"UserIdList": list}, nil
}

// getJoined is get_joined_group_list: {"Member_Account", "Limit"?, "Offset"?,
// "GroupType"?}.
func (a *API) getJoined(ctx context.Context, c *call) (reply, error) {
	user, err := c.body.userID("Member_Account")
	if err != nil {
		return nil, err
	}
	limit, err := c.body.number("Limit", 1, maxGroupsJoined, maxGroupsJoined)
	if err != nil {
		return nil, err
	}
	skip, err := c.body.number("Offset", 0, 1<<31, 0)
	if err != nil {
		return nil, err
	}
	typ, err := c.body.text("GroupType", maxGroupText)
	if err != nil {
		return nil, err
	}
	type joined struct {
		groupInfo
		SelfInfo memberInfo
	}
	all := []joined{}
	for next := ""; ; {
		var page struct {
			Groups []group.Group `json:"groups"`
			Next   string        `json:"next"`
		}
		if err := a.inGroups(ctx, c.user(user), frame.GroupList, fields{"next": next}, &page); err != nil {
			return nil, err
		}
		for _, g := range page.Groups {
			if typ == nil || group.Type(*typ) == g.Type {
				all = append(all, joined{infoOf(g), memberOf(*g.SelfInfo)})
			}
		}
		if next = page.Next; next == "" {
			break
		}
	}
	some := all[min(skip, int64(len(all))):]
	some = some[:min(limit, int64(len(some)))]
	err = a.addNewest(ctx, c, len(some), func(n int) *groupInfo { return &some[n].groupInfo })
	return reply{"TotalCount": len(all), "GroupIdList": some}, err
}

// getOnline is get_online_member_num: {"GroupId"}.
func (a *API) getOnline(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	var out struct {
		MemberCount int `json:"memberCount"`
	}
	err = a.asAdmin(ctx, c, frame.GroupOnline, fields{"groupID": id}, &out)
	return reply{"OnlineMemberNum": out.MemberCount}, err
}

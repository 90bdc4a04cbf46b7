package rest

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/place"
)

// Groups carries out calls of groups in a user's name, as a client's.
type Groups interface {
	Do(ctx context.Context, u place.User, method string, params any) (json.RawMessage, error)
	// Directory returns a page of the app's groups that keep accepts, in the order of
	// their last change, and a cursor, "" at the end; a page may be empty before it.
	Directory(ctx context.Context, app uint32, cursor string, limit int, keep func(group.Group) bool) ([]group.Group, string, error)
	// Joined returns how many groups a user is in.
	Joined(ctx context.Context, u place.User) (int, error)
}

// Limits of what one command names.
const (
	maxMembersAdded  = 300
	maxMembersNamed  = 100
	maxMembersMuted  = 500
	maxMembersTold   = 500
	maxMembersListed = 6000
	maxRolesAsked    = 500
	maxGroupsAsked   = 50
	maxGroupsJoined  = 1000
	maxGroupFields   = 10
	maxTopicsNamed   = 100
	maxGroupText     = 4 << 10 // groups refuse what is longer than each may be
)

// Results of add_group_member.
const (
	addFailed = iota
	addSucceeded
	addWasMember
)

// Values of ShutUpAllMember, and the longest ShutUpTime, for ever.
const (
	shutUpOn      = "On"
	shutUpOff     = "Off"
	shutUpForEver = 1<<32 - 1
)

// fields are the parameters of a call of groups.
type fields = map[string]any

// asAdmin has a group's call made by the administrator who calls, who has the
// rights of an owner in every group.
func (a *API) asAdmin(ctx context.Context, c *call, method string, params fields, result any) error {
	return a.inGroups(ctx, c.user(c.admin), method, params, result)
}

func (a *API) inGroups(ctx context.Context, u place.User, method string, params fields, result any) error {
	if a.o.Groups == nil {
		return fault.With(fault.InvalidOperation, "this timd has no groups")
	}
	data, err := a.o.Groups.Do(ctx, u, method, params)
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(data, result)
}

// groupFields reads the fields of a profile, as a call of groups takes them.
func groupFields(o object, into fields) error {
	if err := o.texts(map[string]string{
		"Name": "name", "Introduction": "introduction", "Notification": "notification", "FaceUrl": "avatar",
		"ApplyJoinOption": "joinOption", "InviteJoinOption": "inviteOption",
	}, maxGroupText, into); err != nil {
		return err
	}
	custom, err := customFields(o, "AppDefinedData", maxGroupFields)
	if custom != nil {
		into["groupCustomField"] = custom
	}
	return err
}

// customFields reads [{"Key", "Value"}].
func customFields(o object, name string, most int) ([]group.Field, error) {
	if !o.has(name) {
		return nil, nil
	}
	list, err := o.list(name, most)
	if err != nil {
		return nil, err
	}
	out := make([]group.Field, len(list))
	for i, raw := range list {
		var f object
		if json.Unmarshal(raw, &f) != nil {
			return nil, bad("%s[%d] is not an object", name, i)
		}
		for _, part := range []struct {
			name string
			to   *string
		}{{"Key", &out[i].Key}, {"Value", &out[i].Value}} {
			text, err := f.text(part.name, maxGroupText)
			if err != nil {
				return nil, err
			}
			if text != nil {
				*part.to = *text
			}
		}
	}
	return out, nil
}

// groupID reads GroupId.
func groupID(o object) (string, error) {
	if !o.has("GroupId") {
		return "", bad("GroupId is missing")
	}
	id, err := o.text("GroupId", maxGroupText)
	if err != nil {
		return "", err
	}
	return *id, nil
}

// groupMembers reads a list of {"Member_Account"}, or, with plain, of UserIDs.
func groupMembers(o object, name string, most int, plain bool) (ids []string, objects []object, err error) {
	list, err := o.list(name, most)
	if err != nil {
		return nil, nil, err
	}
	for i, raw := range list {
		one := object{"Member_Account": raw}
		if !plain && json.Unmarshal(raw, &one) != nil {
			return nil, nil, bad("%s[%d] is not an object", name, i)
		}
		id, err := one.userID("Member_Account")
		if err != nil {
			return nil, nil, err
		}
		ids, objects = append(ids, id), append(objects, one)
	}
	return ids, objects, nil
}

// createGroup: {"Type", "Name", "Owner_Account"?, "GroupId"?, "Introduction"?,
// "Notification"?, "FaceUrl"?, "MaxMemberCount"?, "ApplyJoinOption"?,
// "InviteJoinOption"?, "AppDefinedData"?, "SupportTopic"?: 1, "MemberList"?:
// [{"Member_Account", "Role"?, "AppMemberDefinedData"?}]}. Without Owner_Account the
// administrator is the owner.
func (a *API) createGroup(ctx context.Context, c *call) (reply, error) {
	o := c.body
	p, owner, err := a.newGroup(ctx, c)
	if err != nil {
		return nil, err
	}
	if o.has("MemberList") {
		ids, objects, err := groupMembers(o, "MemberList", maxMembersNamed, false)
		if err != nil {
			return nil, err
		}
		list := make([]fields, len(ids))
		for i, id := range ids {
			role, err := objects[i].text("Role", maxGroupText)
			if err != nil {
				return nil, err
			}
			if list[i] = (fields{"userID": id}); role != nil {
				list[i]["role"] = *role
			}
			custom, err := customFields(objects[i], "AppMemberDefinedData", maxGroupFields)
			if err != nil {
				return nil, err
			}
			if custom != nil {
				list[i]["memberCustomField"] = custom
			}
		}
		p["memberList"] = list
	}
	var made struct {
		Group group.Group `json:"group"`
	}
	err = a.inGroups(ctx, c.user(owner), frame.GroupCreate, p, &made)
	return reply{"GroupId": made.Group.GroupID, "Type": made.Group.Type}, err
}

// newGroup reads what a new group is to be, and its owner, who has an account.
func (a *API) newGroup(ctx context.Context, c *call) (p fields, owner string, err error) {
	o, p, owner := c.body, fields{}, c.admin
	if err := groupFields(o, p); err != nil {
		return nil, "", err
	}
	if err := o.texts(map[string]string{"Type": "type", "GroupId": "groupID"}, maxGroupText, p); err != nil {
		return nil, "", err
	}
	if o.has("Owner_Account") {
		if owner, err = o.userID("Owner_Account"); err != nil {
			return nil, "", err
		}
	}
	if known, err := a.o.Accounts.MayLogIn(ctx, c.user(owner)); err != nil {
		return nil, "", err
	} else if !known {
		return nil, "", fault.New(fault.NoSuchAccount)
	}
	most, err := o.number("MaxMemberCount", 0, 1<<31, 0)
	if err != nil {
		return nil, "", err
	}
	topics, err := o.number("SupportTopic", 0, 1, 0)
	p["maxMemberNum"], p["isSupportTopic"] = most, topics == 1
	return p, owner, err
}

// destroyGroup: {"GroupId"}.
func (a *API) destroyGroup(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, frame.GroupDismiss, fields{"groupID": id}, nil)
}

// modifyGroup: {"GroupId"} and what is to change: the fields of create_group, also
// "MaxMemberNum", and "ShutUpAllMember": "On" or "Off".
func (a *API) modifyGroup(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	p := fields{"groupID": id}
	if err := groupFields(c.body, p); err != nil {
		return nil, err
	}
	if err := muteField(c.body, "ShutUpAllMember", p); err != nil {
		return nil, err
	}
	most, err := c.body.number("MaxMemberNum", 0, 1<<31, 0)
	if err != nil {
		return nil, err
	}
	p["maxMemberNum"] = most
	return nil, a.asAdmin(ctx, c, frame.GroupUpdate, p, nil)
}

// muteField reads whether all members are to be muted, if the body says so.
func muteField(o object, name string, into fields) error {
	mute, err := o.text(name, maxGroupText)
	switch {
	case err != nil || mute == nil:
		return err
	case *mute != shutUpOn && *mute != shutUpOff:
		return bad("%s must be On or Off", name)
	}
	into["muteAllMembers"] = *mute == shutUpOn
	return nil
}

// changeOwner: {"GroupId", "NewOwner_Account"}; the new owner is a member.
func (a *API) changeOwner(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	owner, err := c.body.userID("NewOwner_Account")
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, frame.GroupOwner, fields{"groupID": id, "newOwnerID": owner}, nil)
}

// addMembers: {"GroupId", "MemberList": [{"Member_Account"}], "Silence"?: 1}.
func (a *API) addMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	ids, _, err := groupMembers(c.body, "MemberList", maxMembersAdded, false)
	if err != nil {
		return nil, err
	}
	silence, err := c.body.number("Silence", 0, 1, 0)
	if err != nil {
		return nil, err
	}
	return a.bringMembers(ctx, c, frame.GroupInvite, fields{"groupID": id, "userIDs": ids, "silent": silence == 1}, ids)
}

// bringMembers makes a call that makes users members, and replies what has become of
// each.
func (a *API) bringMembers(ctx context.Context, c *call, method string, params fields, ids []string) (reply, error) {
	var out struct {
		Success []string `json:"successUserIDList"`
		Existed []string `json:"existedUserIDList"`
	}
	if err := a.asAdmin(ctx, c, method, params, &out); err != nil {
		return nil, err
	}
	list := make([]fields, len(ids))
	for i, id := range ids {
		result := addFailed
		switch {
		case slices.Contains(out.Success, id):
			result = addSucceeded
		case slices.Contains(out.Existed, id):
			result = addWasMember
		}
		list[i] = fields{"Member_Account": id, "Result": result}
	}
	return reply{"MemberList": list}, nil
}

// deleteMembers: {"GroupId", "MemberToDel_Account": [UserID], "Reason"?, "Silence"?: 1}.
func (a *API) deleteMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	ids, _, err := groupMembers(c.body, "MemberToDel_Account", maxMembersNamed, true)
	if err != nil {
		return nil, err
	}
	silence, err := c.body.number("Silence", 0, 1, 0)
	if err != nil {
		return nil, err
	}
	p := fields{"groupID": id, "userIDs": ids, "silent": silence == 1}
	if err := c.body.texts(map[string]string{"Reason": "reason"}, maxGroupText, p); err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, frame.GroupKick, p, nil)
}

// muteMembers is forbid_send_msg: {"GroupId", "Members_Account": [UserID],
// "ShutUpTime": s}; 0: no longer, 4294967295: for ever.
func (a *API) muteMembers(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	name := "Members_Account"
	if !c.body.has(name) && c.body.has("MuteAccount") {
		name = "MuteAccount"
	}
	ids, _, err := groupMembers(c.body, name, maxMembersMuted, true)
	if err != nil {
		return nil, err
	}
	if !c.body.has("ShutUpTime") {
		return nil, bad("ShutUpTime is missing")
	}
	seconds, err := c.body.number("ShutUpTime", 0, shutUpForEver, 0)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(ids))
	each(len(ids), func(i int) {
		errs[i] = a.asAdmin(ctx, c, frame.GroupMute, fields{"groupID": id, "userID": ids[i], "muteTime": seconds}, nil)
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

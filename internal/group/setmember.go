package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type muteParams struct {
	GroupID  string `json:"groupID"`
	UserID   string `json:"userID"`
	MuteTime int64  `json:"muteTime"` // s; 0 unmutes
}

// maxMute is the longest mute, in s; the original uses it for "for ever".
const maxMute = 4294967295

func mute(ctx context.Context, r *Room, u place.User, p muteParams) (any, error) {
	if p.MuteTime < 0 || p.MuteTime > maxMute || p.UserID == "" {
		return nil, fault.With(fault.GroupBadParameters, "name a userID and a muteTime between 0 and "+strconv.Itoa(maxMute)+" s")
	}
	return r.setMember(ctx, u, p.GroupID, p.UserID, func(g group, actor, target Role) error {
		return g.Type.May(Mute, actor, target)
	}, func(m *member) error {
		if m.Mute = 0; p.MuteTime > 0 {
			m.Mute = r.now().Unix() + p.MuteTime
		}
		return nil
	}, func(ctx context.Context, k key, g group) {
		r.tellLate(ctx, k, g, told{
			operation: tipMemberMute, operator: u.UserID, users: []string{p.UserID}, muteTime: &p.MuteTime,
		})
	})
}

type roleParams struct {
	GroupID string `json:"groupID"`
	UserID  string `json:"userID"`
	Role    string `json:"role"`
}

func setRole(ctx context.Context, r *Room, u place.User, p roleParams) (any, error) {
	if p.UserID == "" || p.Role != Admin.String() && p.Role != Member.String() {
		return nil, fault.With(fault.GroupBadParameters, "name a userID and the role Admin or Member")
	}
	return r.setMember(ctx, u, p.GroupID, p.UserID, func(g group, actor, target Role) error {
		if target == Owner {
			return fault.With(fault.GroupBadParameters, "the owner has no other role: hand the group on first")
		}
		return g.Type.May(SetRole, actor, target)
	}, func(m *member) error {
		m.Admin = p.Role == Admin.String()
		return nil
	}, func(ctx context.Context, k key, g group) {
		tip, says := tipAdmin, noticeAdmin
		if p.Role != Admin.String() {
			tip, says = tipNoAdmin, noticeNoAdmin
		}
		r.tellLate(ctx, k, g, told{operation: tip, operator: u.UserID, users: []string{p.UserID}})
		r.notify(ctx, k, g, "", notice{OperatorID: u.UserID, OperationType: says}, p.UserID)
	})
}

type cardParams struct {
	GroupID  string `json:"groupID"`
	UserID   string `json:"userID"`
	NameCard string `json:"nameCard"`
}

func setCard(ctx context.Context, r *Room, u place.User, p cardParams) (any, error) {
	if err := checkText("nameCard", &p.NameCard, maxNameCard); err != nil {
		return nil, err
	}
	return r.setMember(ctx, u, p.GroupID, p.UserID, mayName(u, p.UserID), func(m *member) error {
		m.Card = p.NameCard
		return nil
	}, nil)
}

type customParams struct {
	GroupID           string  `json:"groupID"`
	UserID            string  `json:"userID"`
	MemberCustomField []Field `json:"memberCustomField"`
}

func setCustom(ctx context.Context, r *Room, u place.User, p customParams) (any, error) {
	return r.setMember(ctx, u, p.GroupID, p.UserID, mayName(u, p.UserID), func(m *member) (err error) {
		m.Custom, err = merged(m.Custom, p.MemberCustomField, maxMemberFields, "memberCustomField")
		return err
	}, nil)
}

// mayName returns the check of who may set a member's name card or custom fields:
// the member, and whoever may SetMember.
func mayName(u place.User, userID string) func(g group, actor, target Role) error {
	return func(g group, actor, target Role) error {
		if g.Type == Live {
			return fault.With(fault.GroupNotPermitted, "nothing is kept of the members of a live room")
		}
		if userID == "" || userID == u.UserID {
			return nil
		}
		return g.Type.May(SetMember, actor, target)
	}
}

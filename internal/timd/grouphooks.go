package timd

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/rest"
)

// groupHooks has the webhook asked and told of groups; nil without a webhook.
func (t *running) groupHooks() group.Hooks {
	if t.hooks == nil {
		return nil
	}
	return groupHooks{t.hooks}
}

type groupHooks struct{ *rest.Hooks }

// groupCallbacks are the callbacks by the events that they are about.
var groupCallbacks = [...]string{
	group.BeforeCreate:      rest.BeforeGroupCreate,
	group.BeforeJoin:        rest.BeforeGroupJoin,
	group.BeforeInvite:      rest.BeforeGroupInvite,
	group.AfterCreate:       rest.AfterGroupCreate,
	group.AfterJoin:         rest.AfterGroupJoin,
	group.AfterExit:         rest.AfterGroupExit,
	group.AfterFull:         rest.AfterGroupFull,
	group.AfterEnd:          rest.AfterGroupEnd,
	group.AfterChange:       rest.AfterGroupChange,
	group.AfterMemberChange: rest.AfterGroupMember,
	group.AfterState:        rest.GroupMemberState,
	group.BeforeTopic:       rest.BeforeTopicCreate,
	group.AfterTopic:        rest.AfterTopicCreate,
	group.AfterTopicChange:  rest.AfterTopicChange,
	group.AfterTopicEnd:     rest.AfterTopicEnd,
}

// Wants implements group.Hooks.
func (h groupHooks) Wants(kind group.EventKind) bool { return h.Hooks.Wants(groupCallbacks[kind]) }

// Before implements group.Hooks.
func (h groupHooks) Before(ctx context.Context, e group.Event) (refused []string, err error) {
	answer, err := h.Ask(ctx, e.App, groupCallbacks[e.Kind], fault.GroupRefusedByApp, eventBody(ctx, e))
	if errors.Is(err, rest.ErrDropped) { // only a message can be dropped
		err = fault.New(fault.GroupRefusedByApp)
	}
	if err != nil || e.Kind != group.BeforeInvite {
		return nil, err
	}
	if raw, some := answer["RefusedMembers_Account"]; some && json.Unmarshal(raw, &refused) != nil {
		return nil, fault.With(fault.GroupRefusedByApp, "it has named nobody whom it refuses")
	}
	return refused, nil
}

// After implements group.Hooks.
func (h groupHooks) After(ctx context.Context, e group.Event) error {
	return h.Tell(ctx, e.App, groupCallbacks[e.Kind], rest.GroupKey(e.Group), e.Key, eventBody(ctx, e))
}

// eventCauses are the names of causes in callbacks.
var eventCauses = [...]string{
	group.CauseJoin: "Join", group.CauseQuit: "Quit", group.CauseLost: "HeartbeatInterrupt", group.CauseKicked: "Kicked",
}

// eventBody returns what a callback says of an event.
func eventBody(ctx context.Context, e group.Event) map[string]any {
	body := map[string]any{}
	if e.Group != "" {
		body["GroupId"] = e.Group
	}
	if e.Kind == group.AfterFull {
		return body
	}
	if e.Kind == group.AfterState {
		body["EventType"], body["EventCause"], body["MemberList"] = "Offline", eventCauses[e.Cause], accountsOf(e.Users)
		if e.Online {
			body["EventType"] = "Online"
		}
		return body
	}
	body["Type"] = e.Type
	if e.Operator != "" {
		body["Operator_Account"] = rest.Operator(ctx, e.Operator)
	}
	switch e.Kind {
	case group.BeforeCreate, group.AfterCreate, group.AfterEnd:
		body["Name"], body["Owner_Account"], body["MemberList"] = e.Name, e.Owner, accountsOf(e.Users)
		if e.Kind == group.BeforeCreate {
			body["CreatedGroupNum"] = e.Created
		}
	case group.BeforeJoin:
		body["Requestor_Account"] = e.Operator
		delete(body, "Operator_Account")
	case group.BeforeInvite:
		body["DestinationMembers"] = accountsOf(e.Users)
	case group.AfterJoin:
		body["JoinType"], body["NewMemberList"] = "Invited", accountsOf(e.Users)
		if e.Asked {
			body["JoinType"] = "Apply"
		}
	case group.AfterExit:
		body["ExitType"], body["ExitMemberList"] = "Quit", accountsOf(e.Users)
		if e.Kicked {
			body["ExitType"] = "Kicked"
		}
	case group.AfterMemberChange:
		list := accountsOf(e.Users)
		addMember(list[0], e.Member)
		body["MemberList"] = list
	case group.BeforeTopic, group.AfterTopic, group.AfterTopicEnd:
		body["Name"], body["Owner_Account"] = e.Name, e.Owner
	case group.AfterFull, group.AfterChange, group.AfterState, group.AfterTopicChange:
	}
	if e.Topic != "" {
		body["TopicId"] = e.Topic
	}
	addProfile(body, e.Profile)
	return body
}

func accountsOf(users []string) []map[string]any {
	out := make([]map[string]any, len(users))
	for i, id := range users {
		out[i] = map[string]any{"Member_Account": id}
	}
	return out
}

// addProfile adds the fields of a profile that have changed.
func addProfile(body map[string]any, p *group.ProfileChange) {
	if p == nil {
		return
	}
	for name, value := range map[string]string{
		"Owner_Account": p.OwnerID, "Name": p.GroupName,
		"ApplyJoinOption": string(p.JoinOption), "InviteJoinOption": string(p.InviteOption),
	} {
		if value != "" {
			body[name] = value
		}
	}
	for name, value := range map[string]*string{"Notification": p.Notification, "Introduction": p.Introduction, "FaceUrl": p.Avatar} {
		if value != nil {
			body[name] = *value
		}
	}
	if p.MuteAllMembers != nil {
		body["ShutUpAllMember"] = "Off"
		if *p.MuteAllMembers {
			body["ShutUpAllMember"] = "On"
		}
	}
	if len(p.GroupCustomField) > 0 {
		body["UserDefinedDataList"] = customData(p.GroupCustomField)
	}
}

// addMember adds the fields of a member that have changed.
func addMember(one map[string]any, m *group.MemberChange) {
	if m.Role != "" {
		one["Role"] = m.Role
	}
	if m.MuteUntil != nil {
		one["ShutUpUntil"] = *m.MuteUntil
	}
	if m.NameCard != nil {
		one["NameCard"] = *m.NameCard
	}
	if m.Custom != nil {
		one["AppMemberDefinedData"] = customData(m.Custom)
	}
}

func customData(list []group.Field) []map[string]string {
	out := make([]map[string]string, len(list))
	for i, f := range list {
		out[i] = map[string]string{"Key": f.Key, "Value": f.Value}
	}
	return out
}

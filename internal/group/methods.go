package group

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// call carries out a method, whose params it decodes.
type call func(ctx context.Context, r *Room, u place.User, params json.RawMessage) (any, error)

// with returns the call that decodes params and passes them to f.
func with[P any](f func(ctx context.Context, r *Room, u place.User, p P) (any, error)) call {
	return func(ctx context.Context, r *Room, u place.User, params json.RawMessage) (any, error) {
		p, refused := jsonframe.ParamsOf[P](params)
		if refused != nil {
			return nil, refused
		}
		return f(ctx, r, u, p)
	}
}

// changing is with for a method that changes something: the call charges its user
// for the change, and for each user whom it brings in or removes.
func changing[P any](brings func(p P) int, f func(ctx context.Context, r *Room, u place.User, p P) (any, error)) call {
	return with(func(ctx context.Context, r *Room, u place.User, p P) (any, error) {
		n := 0
		if brings != nil {
			n = brings(p)
		}
		if err := r.take(ctx, u, n, false); err != nil {
			return nil, err
		}
		return f(ctx, r, u, p)
	})
}

func bringsUsers(p usersParams) int { return min(len(p.UserIDs), maxInvited) }

type groupParams struct {
	GroupID string `json:"groupID"`
}

type groupResult struct {
	Group Group `json:"group"`
}

// calls are the methods by name.
var calls = map[string]call{
	frame.GroupCreate:  with(create),
	frame.GroupDismiss: changing(nil, dismiss),
	frame.GroupJoin:    changing(nil, join),
	frame.GroupQuit:    changing(nil, quit),
	frame.GroupInvite:  changing(bringsUsers, invite),
	frame.GroupKick:    changing(bringsUsers, kick),

	frame.GroupGet:       with(profiles),
	frame.GroupSearch:    with(search),
	frame.GroupUpdate:    changing(nil, update),
	frame.GroupOwner:     changing(nil, transfer),
	frame.GroupMembers:   with(memberPage),
	frame.GroupMemberGet: with(memberProfiles),
	frame.GroupOnline:    with(onlineCount),

	frame.GroupMute:   changing(nil, mute),
	frame.GroupRole:   changing(nil, setRole),
	frame.GroupCard:   changing(nil, setCard),
	frame.GroupCustom: changing(nil, setCustom),

	frame.GroupApplications: with(applications),
	frame.GroupHandle:       changing(nil, handle),

	frame.GroupAttributesGet:    with(getAttributes),
	frame.GroupAttributesInit:   changing(nil, initAttributes),
	frame.GroupAttributesSet:    changing(nil, setAttributes),
	frame.GroupAttributesDelete: changing(nil, deleteAttributes),
	frame.GroupCountersGet:      with(getCounters),
	frame.GroupCountersSet:      changing(nil, setCounters),
	frame.GroupCountersAdd:      changing(nil, addCounter),

	frame.TopicCreate: changing(nil, createTopic),
	frame.TopicUpdate: changing(nil, updateTopic),
	frame.TopicDelete: changing(nil, deleteTopics),
	frame.TopicList:   with(listTopics),
}

// Methods lists the calls that Session.Call serves.
func Methods() []string {
	out := []string{frame.GroupList}
	for name := range calls {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// growing are the methods that add to what is stored.
var growing = map[string]bool{
	frame.GroupCreate: true, frame.GroupJoin: true, frame.GroupInvite: true, frame.GroupHandle: true,
	frame.GroupUpdate: true, frame.GroupCard: true, frame.GroupCustom: true,
	frame.GroupAttributesInit: true, frame.GroupAttributesSet: true, frame.GroupCountersSet: true, frame.GroupCountersAdd: true,
	ServerImport: true, ServerImportMembers: true, ServerImportTopic: true, ServerAnnounce: true,
	frame.TopicCreate: true, frame.TopicUpdate: true,
}

// Grows reports whether a method adds to what is stored. Its calls are refused
// while the store is full, or while the user has stored as much as one may.
func Grows(method string) bool { return growing[method] }

// Call serves one request of the client. The caller makes one call of a session at
// a time, bounds what a user asks for, and ends ctx when the session ends. Errors
// are *fault.Error.
func (s *Session) Call(ctx context.Context, method string, params json.RawMessage) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	f, ok := calls[method]
	if !ok && ctx.Value(serverCall{}) != nil {
		f, ok = serverCalls[method]
	}
	if method == frame.GroupList {
		f, ok = with(func(ctx context.Context, _ *Room, _ place.User, p listParams) (any, error) { return s.list(ctx, p) }), true
	}
	if !ok {
		return nil, &fault.Error{Code: frame.CodeNoMethod, Message: "There is no such method: check " + strconv.Quote(method) + " against the version of the gateway."}
	}
	v, err := f(context.WithValue(ctx, callerKey{}, s), s.r, s.user, params)
	if err != nil {
		return nil, s.r.failed(method, err)
	}
	return v, nil
}

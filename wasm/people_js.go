//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// usersParam names users to the gateway.
func usersParam(userIDs ...string) frame.Fields {
	ids := make([]safejs.Value, len(userIDs))
	for n, id := range userIDs {
		ids[n] = bridge.String(id)
	}
	return frame.Fields{{Key: "userIDs", Value: frame.Body(bridge.Object{Value: bridge.NewArray(ids...)})}}
}

// userList reads options.userIDList; it rejects the call when there is none.
func userList(a *answer, method string, options safejs.Value) (frame.Fields, safejs.Value, bool) {
	list := bridge.Get(options, "userIDList")
	if bridge.Length(list) == 0 {
		a.reject(badArgument(method, "userIDList must be an array of userIDs"))
		return nil, list, false
	}
	return frame.Fields{{Key: "userIDs", Value: frame.Body(bridge.Object{Value: list})}}, list, true
}

func field(name string) func(safejs.Value) safejs.Value {
	return func(result safejs.Value) safejs.Value { return bridge.Get(result, name) }
}

// getMyProfile gives the profile of the user who is logged in.
//
//	getMyProfile(): Promise<{code: 0, data: Profile}>
func (i *instance) getMyProfile(_ []safejs.Value, a *answer) {
	i.send(a, "profile.get", frame.Fields{}, func(result safejs.Value) safejs.Value {
		p := bridge.Index(bridge.Get(result, "profiles"), 0)
		i.inbox.myself(p)
		return p
	})
}

// getUserProfile gives the profiles of other users.
//
//	getUserProfile(options: {userIDList: string[]}): Promise<{code: 0, data: Profile[]}>
func (i *instance) getUserProfile(args []safejs.Value, a *answer) {
	if params, _, ok := userList(a, "getUserProfile", bridge.Arg(args, 0)); ok {
		i.send(a, "profile.get", params, field("profiles"))
	}
}

// updateMyProfile changes the fields that are given.
//
//	updateMyProfile(options: Partial<Profile>): Promise<{code: 0, data: Profile}>
func (i *instance) updateMyProfile(args []safejs.Value, a *answer) {
	o := bridge.Arg(args, 0)
	if !bridge.IsObject(o) {
		a.reject(badArgument("updateMyProfile", "pass an object of what is to change"))
		return
	}
	var params frame.Fields
	each(bridge.Call(bridge.Global("Object"), "keys", o), func(key safejs.Value) {
		name, _ := bridge.Text(key)
		v := bridge.Get(o, name)
		if s, ok := bridge.Text(v); ok {
			params = append(params, frame.Field{Key: name, Value: s})
		} else if n, ok := bridge.Number(v); ok {
			params = append(params, frame.Field{Key: name, Value: int64(n)})
		} else if bridge.IsObject(v) {
			params = append(params, frame.Field{Key: name, Value: frame.Body(bridge.Object{Value: v})})
		}
	})
	i.send(a, "profile.set", params, func(result safejs.Value) safejs.Value {
		p := bridge.Get(result, "profile")
		i.inbox.myself(p)
		return p
	})
}

// myself keeps of the user's own profile what his messages bear.
func (in *inbox) myself(p safejs.Value) {
	in.nick, in.avatar = bridge.Get(p, "nick"), bridge.Get(p, "avatar")
}

// getBlacklist gives the users whose messages this user does not want.
//
//	getBlacklist(): Promise<{code: 0, data: string[]}>
func (i *instance) getBlacklist(_ []safejs.Value, a *answer) {
	i.send(a, "blacklist.get", frame.Fields{}, field("userIDs"))
}

// addToBlacklist refuses messages of users from now on; their sends reject
// with 20007.
//
//	addToBlacklist(options: {userIDList: string[]}): Promise<{code: 0, data: string[]}>
func (i *instance) addToBlacklist(args []safejs.Value, a *answer) {
	if params, _, ok := userList(a, "addToBlacklist", bridge.Arg(args, 0)); ok {
		i.send(a, "blacklist.add", params, field("userIDs"))
	}
}

// removeFromBlacklist takes users off the blacklist.
//
//	removeFromBlacklist(options: {userIDList: string[]}): Promise<{code: 0, data: string[]}>
func (i *instance) removeFromBlacklist(args []safejs.Value, a *answer) {
	if params, _, ok := userList(a, "removeFromBlacklist", bridge.Arg(args, 0)); ok {
		i.send(a, "blacklist.remove", params, field("userIDs"))
	}
}

// getUserStatus tells who is online, and the status that users have set.
//
//	getUserStatus(options: {userIDList: string[]}): Promise<{code: 0, data: {successUserList: UserStatus[], failureUserList: []}}>
func (i *instance) getUserStatus(args []safejs.Value, a *answer) {
	params, _, ok := userList(a, "getUserStatus", bridge.Arg(args, 0))
	if !ok {
		return
	}
	i.send(a, "status.get", params, func(result safejs.Value) safejs.Value {
		data := bridge.Wrap("successUserList", bridge.Get(result, "statuses"))
		bridge.Put(data, "failureUserList", bridge.NewArray())
		return data
	})
}

// setSelfStatus sets this user's own status.
//
//	setSelfStatus(options: {customStatus: string}): Promise<{code: 0, data: UserStatus}>
func (i *instance) setSelfStatus(args []safejs.Value, a *answer) {
	status := bridge.Object{Value: bridge.Arg(args, 0)}.Text("customStatus")
	i.send(a, "status.set", frame.Fields{{Key: "customStatus", Value: status}}, field("status"))
}

// subscribeUserStatus has USER_STATUS_UPDATED emitted for users, also after a
// reconnect, until unsubscribeUserStatus or logout.
//
//	subscribeUserStatus(options: {userIDList: string[]}): Promise<{code: 0, data: {failureUserList: []}}>
func (i *instance) subscribeUserStatus(args []safejs.Value, a *answer) {
	params, list, ok := userList(a, "subscribeUserStatus", bridge.Arg(args, 0))
	if !ok {
		return
	}
	in, round := i.inbox, i.inbox.round
	i.send(a, "status.watch", params, func(safejs.Value) safejs.Value {
		if round == in.round {
			each(list, func(v safejs.Value) {
				id, _ := bridge.Text(v)
				in.watched[id] = true
			})
		}
		return bridge.Wrap("failureUserList", bridge.NewArray())
	})
}

// unsubscribeUserStatus ends it, for all users when none are named.
//
//	unsubscribeUserStatus(options?: {userIDList?: string[]}): Promise<{code: 0, data: {failureUserList: []}}>
func (i *instance) unsubscribeUserStatus(args []safejs.Value, a *answer) {
	list := bridge.Get(bridge.Arg(args, 0), "userIDList")
	params := usersParam()
	if bridge.Length(list) > 0 {
		params = frame.Fields{{Key: "userIDs", Value: frame.Body(bridge.Object{Value: list})}}
		each(list, func(v safejs.Value) {
			id, _ := bridge.Text(v)
			delete(i.inbox.watched, id)
		})
	} else {
		i.inbox.watched = map[string]bool{}
	}
	i.send(a, "status.unwatch", params, func(safejs.Value) safejs.Value {
		return bridge.Wrap("failureUserList", bridge.NewArray())
	})
}

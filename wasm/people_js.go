//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
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

// userList reads options.userIDList; it rejects the call when there is none. Of
// a list that is too long the first most count, as with the originals.
func userList(a *answer, method string, options safejs.Value, most int) (frame.Fields, safejs.Value, bool) {
	list := bridge.Get(options, "userIDList")
	n := bridge.Length(list)
	if n == 0 || !isArray(list) {
		a.reject(badArgument(method, "userIDList must be an array of userIDs"))
		return nil, list, false
	}
	if n > most {
		a.instance.sdk.log(2, method+" takes the first "+digits(uint32(most))+" of "+digits(uint32(n))+" users")
	}
	list = part(list, 0, most) // the page may change its own meanwhile
	return usersIn(list), list, true
}

func usersIn(list safejs.Value) frame.Fields {
	return frame.Fields{{Key: "userIDs", Value: frame.Body(bridge.Object{Value: list})}}
}

func part(list safejs.Value, from, to int) safejs.Value {
	return bridge.Call(list, "slice", bridge.Int(from), bridge.Int(to))
}

// How many users one call of the app may name.
const (
	mostProfiles = 1000
	mostBlocked  = 1000
	mostStatuses = 500
	mostWatched  = 100
)

// usersAtOnce is about how many users the gateway is asked at once.
const usersAtOnce = 100

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
	o := bridge.Arg(args, 0)
	if list := bridge.Get(o, "userIDList"); isArray(list) && bridge.Length(list) == 0 && i.client.Ready() {
		a.resolve(bridge.NewArray())
		return
	}
	if _, list, ok := userList(a, "getUserProfile", o, mostProfiles); ok {
		i.collect(a, "profile.get", "profiles", list, nil, func(all safejs.Value) safejs.Value { return all })
	}
}

// collect asks about the users of a list, for some at once: the gateway answers
// for the first of those, as many as fit a frame. It resolves with what shape
// makes of them all.
func (i *instance) collect(a *answer, method, key string, list safejs.Value, got []safejs.Value, shape func(all safejs.Value) safejs.Value) {
	if len(got) == 0 {
		a.gated = !i.client.Ready()
	}
	had := len(got)
	i.client.Send(method, usersIn(part(list, had, had+usersAtOnce)), 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			a.done(nil, f)
			return
		}
		i.inbox.each(bridge.ValueOf(result), key, func(v safejs.Value) { got = append(got, v) })
		if len(got) > had && len(got) < bridge.Length(list) {
			i.collect(a, method, key, list, got, shape)
			return
		}
		a.resolve(shape(bridge.NewArray(got...)))
	})
}

func isArray(v safejs.Value) bool { return isTrue(bridge.Call(bridge.Global("Array"), "isArray", v)) }

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
	if params, _, ok := userList(a, "addToBlacklist", bridge.Arg(args, 0), mostBlocked); ok {
		i.send(a, "blacklist.add", params, field("userIDs"))
	}
}

// removeFromBlacklist takes users off the blacklist.
//
//	removeFromBlacklist(options: {userIDList: string[]}): Promise<{code: 0, data: string[]}>
func (i *instance) removeFromBlacklist(args []safejs.Value, a *answer) {
	if params, _, ok := userList(a, "removeFromBlacklist", bridge.Arg(args, 0), mostBlocked); ok {
		i.send(a, "blacklist.remove", params, field("userIDs"))
	}
}

// getUserStatus tells who is online, and the status that users have set.
//
//	getUserStatus(options: {userIDList: string[]}): Promise<{code: 0, data: {successUserList: UserStatus[], failureUserList: []}}>
func (i *instance) getUserStatus(args []safejs.Value, a *answer) {
	_, list, ok := userList(a, "getUserStatus", bridge.Arg(args, 0), mostStatuses)
	if !ok {
		return
	}
	i.collect(a, "status.get", "statuses", list, nil, func(all safejs.Value) safejs.Value {
		data := bridge.Wrap("successUserList", all)
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
	params, list, ok := userList(a, "subscribeUserStatus", bridge.Arg(args, 0), mostWatched)
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
	all := bridge.Length(list) == 0
	if !all {
		if !isArray(list) {
			a.reject(badArgument("unsubscribeUserStatus", "userIDList must be an array of userIDs"))
			return
		}
		list = part(list, 0, bridge.Length(list)) // the page may change its own meanwhile
		params = usersIn(list)
	}
	in, round := i.inbox, i.inbox.round
	i.send(a, "status.unwatch", params, func(safejs.Value) safejs.Value {
		// With the answer, as subscribeUserStatus does: they come in order.
		switch {
		case round != in.round:
		case all:
			in.watched = map[string]bool{}
		default:
			each(list, func(v safejs.Value) {
				id, _ := bridge.Text(v)
				delete(in.watched, id)
			})
		}
		return bridge.Wrap("failureUserList", bridge.NewArray())
	})
}

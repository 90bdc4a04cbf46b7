//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// firstOf copies the first elements of a list, at most most, because the page may
// change the list meanwhile. It logs if there were more.
func firstOf(a *answer, method string, list safejs.Value, most int) safejs.Value {
	if n := bridge.Length(list); n > most {
		a.instance.sdk.log(2, method+" takes the first "+digits(uint32(most))+" of "+digits(uint32(n)))
	}
	return part(list, 0, most)
}

func usersIn(list safejs.Value) frame.Fields {
	return frame.Fields{{Key: "userIDs", Value: frame.Body(bridge.Object{Value: list})}}
}

// part copies a part of a list. The list may be the page's, with getters that
// throw, so it does not call the list's slice.
func part(list safejs.Value, from, to int) safejs.Value {
	var items []safejs.Value
	for k := from; k < min(to, bridge.Length(list)); k++ {
		items = append(items, bridge.Index(list, k))
	}
	return bridge.NewArray(items...)
}

// How many users one call of the app may name.
const (
	mostProfiles = 1000
	mostWatched  = 100

	mostUnwatched = 200 // as many as can be watched in all
)

// usersAtOnce is how many users one call asks the gateway about.
const usersAtOnce = 100

// getMyProfile returns the profile of the user who is logged in.
//
//	getMyProfile(): Promise<{code: 0, data: Profile}>
func (i *instance) getMyProfile(_ []safejs.Value, a *answer) {
	i.send(a, frame.ProfileGet, frame.Fields{}, func(result safejs.Value) safejs.Value {
		p := bridge.Index(bridge.Get(result, "profiles"), 0)
		i.myself(p)
		return p
	})
}

// getUserProfile returns the profiles of other users.
//
//	getUserProfile(options: {userIDList: string[]}): Promise<{code: 0, data: Profile[]}>
func (i *instance) getUserProfile(args []safejs.Value, a *answer) {
	o := bridge.Arg(args, 0)
	if list := bridge.Get(o, "userIDList"); isArray(list) && bridge.Length(list) == 0 {
		a.resolve(bridge.NewArray())
		return
	}
	if list, ok := listOf(a, "getUserProfile", o, "userIDList", mostProfiles); ok {
		i.collect(a, frame.ProfileGet, "profiles", list, nil, nil, func(all safejs.Value) safejs.Value { return all })
	}
}

// collect asks about the users of a list, in several calls. Each is answered for
// as many users as fit a frame, and the next call goes on behind those. The
// makes of them all. more are the other params.
func (i *instance) collect(a *answer, method, key string, list safejs.Value, more frame.Fields, got []safejs.Value, shape func(all safejs.Value) safejs.Value) {
	had := len(got)
	i.client.Send(method, append(usersIn(part(list, had, had+usersAtOnce)), more...), 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			a.done(nil, f)
			return
		}
		each(bridge.Get(bridge.ValueOf(result), key), func(v safejs.Value) { got = append(got, v) })
		if len(got) > had && len(got) < bridge.Length(list) {
			i.collect(a, method, key, list, more, got, shape)
			return
		}
		a.resolve(shape(bridge.NewArray(got...)))
	})
}

// updateMyProfile changes the fields that are given.
//
//	updateMyProfile(options: Partial<Profile>): Promise<{code: 0, data: Profile}>
func (i *instance) updateMyProfile(args []safejs.Value, a *answer) {
	o := bridge.Arg(args, 0)
	if !bridge.IsObject(o) {
		a.reject(badArgument("updateMyProfile", "pass an object with the fields to change"))
		return
	}
	var params frame.Fields
	each(bridge.Call(bridge.Global("Object"), "keys", o), func(key safejs.Value) {
		name, _ := bridge.Text(key)
		params = appendGiven(params, name, bridge.Get(o, name))
	})
	i.send(a, frame.ProfileSet, params, func(result safejs.Value) safejs.Value {
		p := bridge.Get(result, "profile")
		i.myself(p)
		return p
	})
}

// appendGiven adds a text, number or object that is given.
func appendGiven(params frame.Fields, name string, v safejs.Value) frame.Fields {
	var to any
	if s, ok := bridge.Text(v); ok {
		to = s
	} else if n, ok := bridge.Number(v); ok {
		to = int64(n)
	} else if b, err := v.Bool(); err == nil {
		to = b
	} else if bridge.IsObject(v) {
		to = frame.Body(bridge.Object{Value: v})
	} else {
		return params
	}
	return append(params, frame.Field{Key: name, Value: to})
}

// contactList returns a method that gives one of the lists of contacts.
//
//	getFriendList(): Promise<{code: 0, data: Friend[]}>
//	getFriendApplicationList(): Promise<{code: 0, data: {friendApplicationList: FriendApplication[], unreadCount: number}}>
//	getFriendGroupList(): Promise<{code: 0, data: FriendGroup[]}>
func contactList(l mailbox.ContactList) func(i *instance, args []safejs.Value, a *answer) {
	return func(i *instance, _ []safejs.Value, a *answer) {
		call := i.call(a, func(s mailbox.Settle) safejs.Value { return bridge.Get(bridge.ValueOf(s.Result), "data") })
		i.post(mailbox.ListContacts{Call: call, List: l})
	}
}

// myself passes the mailbox what the user's messages carry of their profile.
func (i *instance) myself(p safejs.Value) {
	o := bridge.Object{Value: p}
	i.post(mailbox.Named{Nick: o.Text("nick"), Avatar: o.Text("avatar")})
}

// subscribeUserStatus subscribes to USER_STATUS_UPDATED of users, until
// unsubscribeUserStatus or logout; a reconnect does not end it.
//
//	subscribeUserStatus(options: {userIDList: string[]}): Promise<{code: 0, data: {failureUserList: []}}>
func (i *instance) subscribeUserStatus(args []safejs.Value, a *answer) {
	list, ok := listOf(a, "subscribeUserStatus", bridge.Arg(args, 0), "userIDList", mostWatched)
	if !ok {
		return
	}
	ids := textsOf(list)
	i.post(mailbox.Watch{Call: i.call(a, noFailures), IDs: ids})
}

func noFailures(mailbox.Settle) safejs.Value {
	return bridge.Wrap("failureUserList", bridge.NewArray())
}

// unsubscribeUserStatus ends subscriptions, all of them if no user is named.
//
//	unsubscribeUserStatus(options?: {userIDList?: string[]}): Promise<{code: 0, data: {failureUserList: []}}>
func (i *instance) unsubscribeUserStatus(args []safejs.Value, a *answer) {
	list := bridge.Get(bridge.Arg(args, 0), "userIDList")
	var ids []string // for all of them
	if bridge.Length(list) > 0 {
		if !isArray(list) {
			a.reject(badArgument("unsubscribeUserStatus", "userIDList must be an array of userIDs"))
			return
		}
		ids = textsOf(firstOf(a, "unsubscribeUserStatus", list, mostUnwatched))
	}
	i.post(mailbox.Unwatch{Call: i.call(a, noFailures), IDs: ids})
}

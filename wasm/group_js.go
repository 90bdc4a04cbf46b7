//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// What is here of groups is what needs code of its own; the other methods are
// rows of internal/gen/wire.json.

// getGroupList resolves with the groups that the user is in.
//
//	getGroupList(): Promise<{code: 0, data: {groupList: Group[]}}>
func (i *instance) getGroupList(_ []safejs.Value, a *answer) {
	i.post(mailbox.ListGroups{Call: i.call(a, func(s mailbox.Settle) safejs.Value {
		return bridge.Wrap("groupList", i.page.groups.list(s.Groups))
	})})
}

// getGroupProfile resolves with one group.
//
//	getGroupProfile(options: {groupID: string}): Promise<{code: 0, data: {group: Group}}>
func (i *instance) getGroupProfile(args []safejs.Value, a *answer) {
	id, ok := groupOf(a, "getGroupProfile", args)
	if !ok {
		return
	}
	i.ask(a, frame.GroupGet, frame.Fields{{Key: "groupIDs", Value: []string{id}}}, func(result safejs.Value) {
		if g := bridge.Index(bridge.Get(result, "groups"), 0); bridge.IsObject(g) {
			a.resolve(bridge.Wrap("group", i.page.groups.result(g)))
			return
		}
		failed := bridge.Object{Value: bridge.Index(bridge.Get(result, "failures"), 0)}
		a.reject(&fault.Error{Code: fault.Code(failed.Number("code")), Message: failed.Text("message")})
	})
}

// groupOf reads the options' groupID; it rejects the call when there is none.
func groupOf(a *answer, method string, args []safejs.Value) (string, bool) {
	id := bridge.Object{Value: bridge.Arg(args, 0)}.Text("groupID")
	if id == "" {
		a.reject(badArgument(method, "groupID must be a string that is not empty"))
	}
	return id, id != ""
}

// How many members a page has, at most and unless the app says.
const (
	mostMembers = 100
	someMembers = 15
)

// getGroupMemberList resolves with a page of a group's members. offset is where the
// next one begins, 0 after the last.
//
//	getGroupMemberList(options: {groupID: string, count?: number, offset?: number | string, role?: string}): Promise<{code: 0, data: {memberList: GroupMember[], offset: string | 0}}>
func (i *instance) getGroupMemberList(args []safejs.Value, a *answer) {
	id, ok := groupOf(a, "getGroupMemberList", args)
	if !ok {
		return
	}
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	count := int(min(o.Number("count"), mostMembers))
	if count <= 0 {
		count = someMembers
	}
	offset := o.Text("offset")
	if n := o.Number("offset"); n > 0 {
		offset = digits(uint32(n))
	}
	i.members(a, frame.Fields{{Key: "groupID", Value: id}, {Key: "role", Value: o.Text("role")}}, count, offset, nil)
}

// members collects a page, of which got has come: the gateway's are shorter
// where a class of its members ends.
func (i *instance) members(a *answer, params frame.Fields, count int, offset string, got []safejs.Value) {
	i.ask(a, frame.GroupMembers, append(params[:2:2], frame.Field{Key: "offset", Value: offset}, frame.Field{Key: "count", Value: count - len(got)}), func(result safejs.Value) {
		each(bridge.Get(result, "memberList"), func(m safejs.Value) { got = append(got, memberShape.complete(m)) })
		next := bridge.Object{Value: result}.Text("offset")
		if next != "" && next != offset && len(got) < count {
			i.members(a, params, count, next, got)
			return
		}
		data := bridge.Wrap("memberList", bridge.NewArray(got...))
		bridge.Put(data, "offset", bridge.Int(0))
		if next != "" {
			bridge.Put(data, "offset", bridge.String(next))
		}
		a.resolve(data)
	})
}

// getGroupApplicationList resolves with the applications that the user may
// decide on.
//
//	getGroupApplicationList(): Promise<{code: 0, data: {applicationList: GroupApplication[]}}>
func (i *instance) getGroupApplicationList(_ []safejs.Value, a *answer) { i.applications(a, "", nil) }

func (i *instance) applications(a *answer, from string, got []safejs.Value) {
	i.ask(a, frame.GroupApplications, frame.Fields{{Key: "next", Value: from}}, func(result safejs.Value) {
		each(bridge.Get(result, "applicationList"), func(v safejs.Value) { got = append(got, applicationShape.complete(v)) })
		if next := (bridge.Object{Value: result}).Text("next"); next != "" && next != from {
			i.applications(a, next, got)
			return
		}
		a.resolve(bridge.Wrap("applicationList", bridge.NewArray(got...)))
	})
}

// handleGroupApplication decides on an application of getGroupApplicationList.
//
//	handleGroupApplication(options: {handleAction: 'Agree' | 'Reject', handleMessage?: string, application: GroupApplication}): Promise<{code: 0, data: {group: Group}}>
func (i *instance) handleGroupApplication(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	of := bridge.Object{Value: bridge.Get(o.Value, "application")}
	if of.Text("groupID") == "" || of.Text("userID") == "" {
		a.reject(badArgument("handleGroupApplication", "application must be one of getGroupApplicationList"))
		return
	}
	i.send(a, frame.GroupHandle, frame.Fields{
		{Key: "groupID", Value: of.Text("groupID")}, {Key: "userID", Value: of.Text("userID")}, {Key: "authentication", Value: of.Text("authentication")},
		{Key: "handleAction", Value: o.Text("handleAction")}, {Key: "handleMessage", Value: o.Text("handleMessage")},
	}, func(result safejs.Value) safejs.Value {
		return bridge.Wrap("group", i.page.groups.result(bridge.Get(result, "group")))
	})
}

// increaseGroupCounter and decreaseGroupCounter change a counter by a value.
//
//	increaseGroupCounter(options: {groupID: string, key: string, value: number}): Promise<{code: 0, data: {groupID: string, key: string, value: number}}>
func (i *instance) increaseGroupCounter(args []safejs.Value, a *answer) {
	i.count(a, "increaseGroupCounter", args, 1)
}

func (i *instance) decreaseGroupCounter(args []safejs.Value, a *answer) {
	i.count(a, "decreaseGroupCounter", args, -1)
}

func (i *instance) count(a *answer, method string, args []safejs.Value, sign int64) {
	id, ok := groupOf(a, method, args)
	if !ok {
		return
	}
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	key := o.Text("key")
	if key == "" || o.Number("value") <= 0 {
		a.reject(badArgument(method, "pass the counter's key, and as value a number above 0"))
		return
	}
	i.send(a, frame.GroupCountersAdd, frame.Fields{
		{Key: "groupID", Value: id}, {Key: "key", Value: key}, {Key: "value", Value: sign * o.Number("value")}, {Key: "nonce", Value: i.nonce()},
	}, func(result safejs.Value) safejs.Value {
		return counter(id, key, bridge.Get(result, "value"))
	})
}

// counter is what a page is told of one.
func counter(id, key string, value safejs.Value) safejs.Value {
	data := bridge.Wrap("groupID", bridge.String(id))
	bridge.Put(data, "key", bridge.String(key))
	if value.IsUndefined() {
		value = bridge.Int(0)
	}
	bridge.Put(data, "value", value)
	return data
}

// isGroupEvent reports whether the gateway has to be asked to tell of what an
// event is about.
func isGroupEvent(name string) bool {
	switch name {
	case frame.EventTopicCreated, frame.EventTopicDeleted, frame.EventTopicUpdated, frame.EventGroupListUpdated, frame.EventGroupAttributesUpdated, frame.EventGroupCounterUpdated:
		return true
	}
	return false
}

func (pg *page) emitCounters(e mailbox.EmitCounters) {
	counters := bridge.ValueOf(e.Counters)
	each(bridge.Call(bridge.Global("Object"), "keys", counters), func(k safejs.Value) {
		key, _ := bridge.Text(k)
		pg.i.emitter.Emit(frame.EventGroupCounterUpdated, counter(e.Group, key, bridge.Get(counters, key)))
	})
}

// groupObjects are the Group objects that the page may have: those of the list,
// and weakly, as with messages, those that a call has resolved with.
type groupObjects struct {
	listed map[string]safejs.Value
	seen   *objects
	puts   int // into seen, since it was cleaned
}

func newGroupObjects() *groupObjects {
	return &groupObjects{listed: map[string]safejs.Value{}, seen: newObjects()}
}

// list returns an array of groups of the list.
func (g *groupObjects) list(ids []string) safejs.Value {
	all := make([]safejs.Value, 0, len(ids))
	for _, id := range ids {
		if v, ok := g.listed[id]; ok {
			all = append(all, v)
		}
	}
	return bridge.NewArray(all...)
}

// result returns the Group of a call's result, undefined when there is none.
func (g *groupObjects) result(v safejs.Value) safejs.Value {
	b := bridge.Object{Value: v}
	id := b.Text("groupID")
	if id == "" {
		return safejs.Undefined()
	}
	if held, _ := g.find(id); bridge.IsObject(held) && (bridge.Object{Value: held}).Number("infoSequence") > b.Number("infoSequence") {
		return held // a notification has overtaken it
	}
	v = g.update(mailbox.UpdateGroup{Group: id, Body: b, Whole: true})
	if _, ok := g.listed[id]; ok {
		g.listed[id] = v
	}
	return v
}

func (g *groupObjects) find(id string) (held safejs.Value, place int) {
	return g.seen.find(id, func(safejs.Value) bool { return true })
}

// update returns the one object of a group, brought up to date.
func (g *groupObjects) update(d mailbox.UpdateGroup) safejs.Value {
	v := bridge.ValueOf(d.Body)
	if self := bridge.Get(v, "selfInfo"); bridge.IsObject(self) {
		bridge.Put(v, "selfInfo", selfShape.complete(self))
	}
	if d.Whole {
		v = groupShape.complete(v)
	}
	held, place := g.find(d.Group)
	if bridge.IsObject(held) {
		now, copied := merge(held, v)
		if !copied {
			return held
		}
		v = now
	} else {
		more := bridge.Wrap("selfInfo", bridge.NewObject())
		bridge.Put(more, "lastMessage", lastShape.object())
		v = bridge.Call(bridge.Global("Object"), "assign", more, v)
	}
	if g.puts++; g.puts >= cleanFrom {
		g.puts = 0
		g.seen.clean()
	}
	g.seen.put(d.Group, place, v)
	return v
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// conversation is one Conversation object of the list, and what its place
// there depends on.
type conversation struct {
	object   safejs.Value
	id       string
	unread   int
	pinned   bool
	last     int64 // position of the newest message
	peerRead int64 // sequence up to which the peer has read
	whole    bool  // its userProfile is
	local    bool  // the gateway does not know it: it has no message yet
	opened   int   // of a local one, which of them comes first

	// What was set before that, until the gateway has taken it.
	owed map[string]safejs.Value
}

// conversationShape is what the gateway does not send of a Conversation.
const conversationShape = `{"conversationID":"","type":"C2C","subType":"","unreadCount":0,"lastMessage":` + lastShape + `,"groupProfile":null,` +
	`"userProfile":null,"groupAtInfoList":[],"remark":"","isPinned":false,"messageRemindType":"AcceptAndNotify","markList":[],` +
	`"customData":"","conversationGroupList":[],"draftText":"","peerReadTime":0,"peerReadSequence":0}`

// lastShape is the lastMessage of a conversation without messages: an object,
// as with the originals, for pages read its fields.
const lastShape = `{"lastTime":0,"lastSequence":0,"fromAccount":"","messageForShow":"","payload":null,"type":"","isRevoked":false,` +
	`"cloudCustomData":"","onlineOnlyFlag":false,"nick":"","nameCard":"","version":0,"isPeerRead":false,"revoker":null,"position":0}`

func (in *inbox) find(id string) *conversation {
	return findIn(in.list, id)
}

func findIn(list []*conversation, id string) *conversation {
	for _, c := range list {
		if c.id == id {
			return c
		}
	}
	return nil
}

// conversations takes a whole list, in parts, or changes of it.
func (in *inbox) conversations(note safejs.Value) {
	if !isTrue(bridge.Field(note, "all")) {
		in.patches(note)
		in.each(note, "removed", func(v safejs.Value) {
			id, _ := bridge.Text(v)
			in.remove(id)
		})
		return
	}
	in.each(note, "conversations", func(v safejs.Value) {
		id := bridge.Parsed(v).Text("conversationID")
		if c := findIn(in.fresh, id); c != nil { // the gateway began again by itself
			in.update(c, v)
			return
		}
		c := in.find(id)
		if c == nil {
			c = newConversation(id)
		}
		in.update(c, v)
		in.fresh = append(in.fresh, c)
	})
	if isTrue(bridge.Field(note, "more")) {
		return
	}
	for _, c := range in.list {
		if c.local && findIn(in.fresh, c.id) == nil {
			in.fresh = append(in.fresh, c)
		}
	}
	in.list, in.fresh = in.fresh, nil
	in.ordered = safejs.Undefined()
	in.arrange()
}

// patches brings conversations up to date that a notification carries.
func (in *inbox) patches(note safejs.Value) {
	any := false
	in.each(note, "conversations", func(v safejs.Value) {
		any = true
		id := bridge.Parsed(v).Text("conversationID")
		c := in.find(id)
		if c == nil {
			c = newConversation(id)
			in.list = append(in.list, c)
			in.ordered = safejs.Undefined()
			if !bridge.IsObject(bridge.Field(v, "userProfile")) {
				in.complete(c, nil)
			}
		}
		in.update(c, v)
	})
	if any {
		in.arrange()
	}
}

// update brings a conversation up to date, and its live messages with it: what
// was read here, elsewhere, or by the peer while this instance was away.
func (in *inbox) update(c *conversation, v safejs.Value) {
	unread, read := c.unread, c.peerRead
	if c.local {
		in.settle(c, v)
	}
	for key, kept := range c.owed {
		if !bridge.Field(v, key).IsUndefined() {
			bridge.Put(v, key, kept)
		}
	}
	if c.update(v) {
		in.ordered = safejs.Undefined()
	}
	if unread > 0 && c.unread == 0 {
		in.readAll(c)
	}
	if c.peerRead > read {
		in.readUpTo(c)
	}
}

func newConversation(id string) *conversation {
	c := &conversation{object: bridge.Parse(conversationShape), id: id}
	bridge.Put(c.object, "conversationID", bridge.String(id))
	bridge.Put(c.object, "toAccount", bridge.String(id[len(convC2C):])) // in no typings of the originals, but pages read it
	bridge.Put(c.object, "userProfile", bridge.ValueOf(frame.Fields{
		{Key: "userID", Value: id[len(convC2C):]}, {Key: "nick", Value: ""}, {Key: "avatar", Value: ""},
	}))
	return c
}

// update takes what the gateway says of a conversation, all of it or the fields
// that changed. It tells whether the conversation is another object now.
func (c *conversation) update(v safejs.Value) (copied bool) {
	if n, ok := bridge.Number(bridge.Field(v, "unreadCount")); ok {
		c.unread = int(n)
	}
	if n, ok := bridge.Number(bridge.Field(v, "peerReadSequence")); ok {
		c.peerRead = int64(n)
	}
	if pinned, err := bridge.Field(v, "isPinned").Bool(); err == nil {
		c.pinned = pinned
	}
	if last := bridge.Field(v, "lastMessage"); bridge.IsObject(last) {
		c.last = bridge.Parsed(last).Number("position")
	}
	c.whole = c.whole || bridge.IsObject(bridge.Field(v, "userProfile"))
	c.object, copied = merge(c.object, v)
	return copied
}

// complete asks for the peer's profile of a conversation, and then, if that is
// given, goes on.
func (in *inbox) complete(c *conversation, then func(*fault.Error)) {
	in.profile(c.id, func(p safejs.Value, f *fault.Error) {
		in.knows(c, p)
		if then != nil {
			then(f)
		}
	})
}

// knows takes the peer's profile of a conversation. One that is what is known
// changes nothing: pages ask for one when the list has changed.
func (in *inbox) knows(c *conversation, p safejs.Value) {
	if !bridge.IsObject(p) {
		return
	}
	c.whole = true
	if jsonOf(p) != jsonOf(bridge.Get(c.object, "userProfile")) {
		in.write(c, "userProfile", p)
		in.listChanged = true
		in.flush()
	}
}

// profile asks for the profile of a conversation's user, undefined when there
// is none.
func (in *inbox) profile(conversationID string, done func(p safejs.Value, f *fault.Error)) {
	round := in.round
	in.i.client.Send(frame.ProfileGet, usersParam(conversationID[len(convC2C):]), 0, func(result frame.Body, f *fault.Error) {
		if f == nil && round != in.round {
			f = fault.New(fault.LoggedOut)
		}
		if f != nil {
			done(safejs.Undefined(), f)
			return
		}
		done(bridge.Index(bridge.Get(bridge.ValueOf(result), "profiles"), 0), nil)
	})
}

func jsonOf(v safejs.Value) string {
	text, _ := bridge.Text(bridge.Call(bridge.Global("JSON"), "stringify", v))
	return text
}

// nameOf takes over the sender's name of a message for the conversation; the
// page does not have the message yet.
func (in *inbox) nameOf(m safejs.Value) {
	o := bridge.Parsed(m)
	c := in.find(o.Text("conversationID"))
	if c == nil || o.Text("flow") != "in" {
		return
	}
	for _, key := range []string{"nick", "avatar"} {
		if name := o.Text(key); name != "" {
			in.writeTo(c, "userProfile", bridge.Wrap(key, bridge.String(name)))
		}
	}
}

func (in *inbox) remove(id string) {
	for n, c := range in.list {
		if c.id == id {
			in.list = append(in.list[:n], in.list[n+1:]...)
			in.ordered = safejs.Undefined()
			in.arrange()
			return
		}
	}
}

// arrange puts the list in order after a change: nearly always one entry has
// to move, so inserting is quick.
func (in *inbox) arrange() {
	in.listChanged, in.total = true, 0
	for n, c := range in.list {
		in.total += c.unread
		k := n
		for ; k > 0 && c.before(in.list[k-1]); k-- {
			in.list[k] = in.list[k-1]
			in.ordered = safejs.Undefined()
		}
		in.list[k] = c
	}
}

func (c *conversation) before(d *conversation) bool {
	if c.pinned != d.pinned {
		return c.pinned
	}
	if c.last != d.last {
		return c.last > d.last
	}
	return c.opened > d.opened
}

// array is the list as an event carries it: a new array of the same objects. In
// a conversation that goes on the order stays, and a copy is one call.
func (in *inbox) array() safejs.Value {
	if in.ordered.IsUndefined() {
		all := make([]safejs.Value, len(in.list))
		for n, c := range in.list {
			all[n] = c.object
		}
		in.ordered = bridge.NewArray(all...)
	}
	return bridge.Call(in.ordered, "slice")
}

// whenSynced runs f once the list is there; a call before SDK_READY is refused
// with its reason.
func (i *instance) whenSynced(a *answer, f func()) {
	if a.gated = !i.client.Ready(); a.gated {
		i.client.Send(frame.SessionMore, frame.Fields{}, 0, a.done) // the machine knows the reason
		return
	}
	if i.inbox.synced {
		f()
		return
	}
	i.inbox.waiting = append(i.inbox.waiting, waiting{i.now() + listWithin, func(err *fault.Error) {
		if err != nil {
			a.reject(err)
			return
		}
		f()
	}})
}

// getConversationList gives all conversations, those named, or those of a
// filter.
//
//	getConversationList(options?: string[] | {type?: string, hasUnreadCount?: boolean, …}): Promise<{code: 0, data: {conversationList: Conversation[], isSyncCompleted: true}}>
func (i *instance) getConversationList(args []safejs.Value, a *answer) {
	filter := bridge.Arg(args, 0)
	i.whenSynced(a, func() {
		keep := conversationFilter(filter)
		list := make([]safejs.Value, 0, len(i.inbox.list))
		for _, c := range i.inbox.list {
			if keep(c) {
				list = append(list, c.object)
			}
		}
		data := bridge.Wrap("conversationList", bridge.NewArray(list...))
		bridge.Put(data, "isSyncCompleted", bridge.Bool(true))
		a.resolve(data)
	})
}

func conversationFilter(v safejs.Value) func(c *conversation) bool {
	if !bridge.IsObject(v) {
		return func(*conversation) bool { return true }
	}
	if isArray(v) {
		named := map[string]bool{}
		each(v, func(id safejs.Value) {
			s, _ := bridge.Text(id)
			named[s] = true
		})
		return func(c *conversation) bool { return named[c.id] }
	}
	o := bridge.Object{Value: v}
	only, unread := o.Text("type"), isTrue(bridge.Get(v, "hasUnreadCount"))
	none := o.Text("groupName") != "" || o.Number("markType") != 0 || isTrue(bridge.Get(v, "hasGroupAtInfo"))
	return func(c *conversation) bool {
		return !none && (only == "" || only == convC2C) && (!unread || c.unread > 0)
	}
}

// getConversationProfile gives one conversation with the whole profile of its
// user. If there is none yet, it begins: the list has it from now on.
//
//	getConversationProfile(conversationID: string): Promise<{code: 0, data: {conversation: Conversation}}>
func (i *instance) getConversationProfile(args []safejs.Value, a *answer) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	i.whenSynced(a, func() {
		c := i.inbox.find(id)
		if c == nil {
			i.inbox.open(a, id)
			return
		}
		give := func() { a.resolve(bridge.Wrap("conversation", c.object)) }
		if !c.whole {
			i.inbox.complete(c, func(f *fault.Error) {
				if f != nil && !i.client.Ready() { // it is nobody's any more
					a.reject(f)
					return
				}
				give()
			})
			return
		}
		i.inbox.complete(c, nil)
		give()
	})
}

// getTotalUnreadMessageCount sums the unread messages of all conversations.
//
//	getTotalUnreadMessageCount(): number
func (i *instance) getTotalUnreadMessageCount([]safejs.Value) (any, *fault.Error) {
	return i.inbox.total, nil
}

// send makes a call of the gateway and resolves with what shape makes of its
// result.
func (i *instance) send(a *answer, method string, params frame.Fields, shape func(result safejs.Value) safejs.Value) {
	a.gated = !i.client.Ready()
	i.client.Send(method, params, 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			a.done(nil, f)
			return
		}
		a.resolve(shape(bridge.ValueOf(result)))
	})
}

// setMessageRead: the user has seen a conversation, as far as it has come: the
// call may wait for a lost connection, and what comes meanwhile is unread.
//
//	setMessageRead(options: {conversationID: string}): Promise<{code: 0, data: {}}>
func (i *instance) setMessageRead(args []safejs.Value, a *answer) {
	id := bridge.Object{Value: bridge.Arg(args, 0)}.Text("conversationID")
	i.send(a, frame.MessageRead, frame.Fields{{Key: "conversationID", Value: id}, {Key: "cursor", Value: i.inbox.shown}}, empty)
}

// setAllMessageRead: the user has seen them all.
//
//	setAllMessageRead(options?: {scope?: string}): Promise<{code: 0, data: {}}>
func (i *instance) setAllMessageRead(args []safejs.Value, a *answer) {
	if (bridge.Object{Value: bridge.Arg(args, 0)}).Text("scope") == "readAllGroupMessage" {
		a.resolve(bridge.NewObject()) // there are no groups
		return
	}
	i.send(a, frame.MessageReadAll, frame.Fields{{Key: "cursor", Value: i.inbox.shown}}, empty)
}

func empty(safejs.Value) safejs.Value { return bridge.NewObject() }

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

const (
	mostReacted   = 15 // messages that one call asks about
	usualReacting = 10 // users of a reaction, as in the original
)

// reactTo returns the method that adds a reaction to a message, or removes it.
//
//	addMessageReaction(message: Message, reactionID: string): Promise<{code: 0, data: {}}>
//	removeMessageReaction(message: Message, reactionID: string): Promise<{code: 0, data: {}}>
func reactTo(method string, remove bool) func(i *instance, args []safejs.Value, a *answer) {
	return func(i *instance, args []safejs.Value, a *answer) {
		m := bridge.Object{Value: bridge.Arg(args, 0)}
		position, ok := i.storedAt(a, m)
		if !ok {
			return
		}
		id, _ := bridge.Text(bridge.Arg(args, 1))
		if id == "" {
			a.reject(badArgument(method, "reactionID must be a string that is not empty"))
			return
		}
		i.send(a, frame.MessageReact, frame.Fields{
			{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position},
			{Key: "reactionID", Value: id}, {Key: "remove", Value: remove},
		}, func(safejs.Value) safejs.Value { return bridge.NewObject() })
	}
}

// getMessageReactions returns the reactions to messages of one conversation, each
// with the first users who have reacted so.
//
//	getMessageReactions(options: {messageList: Message[], maxUserCountPerReaction?: number}): Promise<{code: 0, data: {resultList: {messageID: string, reactionList: {reactionID: string, totalUserCount: number, partialUserList: UserInfo[], reactedByMyself: boolean}[]}[]}}>
func (i *instance) getMessageReactions(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	list, ok := listOf(a, "getMessageReactions", o.Value, "messageList", mostReacted)
	if !ok {
		return
	}
	most := int(o.Number("maxUserCountPerReaction"))
	if most <= 0 {
		most = usualReacting
	}
	i.reactionsTo(a, "getMessageReactions", list, func(to func(m safejs.Value) []reaction) safejs.Value {
		var all []safejs.Value
		each(list, func(m safejs.Value) {
			reactions := []safejs.Value{}
			for _, r := range to(m) {
				one := bridge.Wrap("reactionID", bridge.String(r.id))
				bridge.Put(one, "totalUserCount", bridge.Int(r.total))
				bridge.Put(one, "partialUserList", bridge.NewArray(r.users[:min(most, len(r.users))]...))
				bridge.Put(one, "reactedByMyself", bridge.Bool(r.mine))
				reactions = append(reactions, one)
			}
			result := bridge.Wrap("messageID", bridge.Get(m, "ID"))
			bridge.Put(result, "reactionList", bridge.NewArray(reactions...))
			all = append(all, result)
		})
		return bridge.Wrap("resultList", bridge.NewArray(all...))
	})
}

// getAllUserListOfMessageReaction returns who has reacted so to a message, in a group
// a page of them. One to one there is one page.
//
//	getAllUserListOfMessageReaction(options: {message: Message, reactionID: string, nextSeq?: number, count?: number}): Promise<{code: 0, data: {nextSeq: number, isCompleted: boolean, userList: UserInfo[]}}>
func (i *instance) getAllUserListOfMessageReaction(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	m, id := bridge.Get(o.Value, "message"), o.Text("reactionID")
	page := func(users safejs.Value, next int) safejs.Value {
		data := bridge.Wrap("userList", users)
		bridge.Put(data, "nextSeq", bridge.Int(next))
		bridge.Put(data, "isCompleted", bridge.Bool(next == 0))
		return data
	}
	if of := (bridge.Object{Value: m}); of.Text("conversationType") == convGroup {
		position, ok := i.storedAt(a, of)
		if !ok {
			return
		}
		i.send(a, frame.MessageReactors, frame.Fields{
			{Key: "conversationID", Value: of.Text("conversationID")}, {Key: "position", Value: position},
			{Key: "reactionID", Value: id}, {Key: "next", Value: o.Number("nextSeq")}, {Key: "count", Value: o.Number("count")},
		}, func(result safejs.Value) safejs.Value {
			return page(bridge.Get(result, "users"), int(bridge.Object{Value: result}.Number("next")))
		})
		return
	}
	i.reactionsTo(a, "getAllUserListOfMessageReaction", bridge.NewArray(m), func(to func(m safejs.Value) []reaction) safejs.Value {
		users := []safejs.Value{}
		for _, r := range to(m) {
			if r.id == id {
				users = r.users
			}
		}
		return page(bridge.NewArray(users...), 0)
	})
}

// reaction is a reaction to a message.
type reaction struct {
	id    string
	users []safejs.Value // who reacts so, the first one first; in a group not all of them
	total int
	mine  bool
}

// reactionsTo asks for the reactions to messages of one conversation. shape makes
// data of what it finds about each of them.
func (i *instance) reactionsTo(a *answer, method string, list safejs.Value, shape func(to func(m safejs.Value) []reaction) safejs.Value) {
	positions, conversationID, ok := i.positionsIn(list, func(bridge.Object) bool { return true })
	if !ok || len(positions) == 0 {
		a.reject(badArgument(method, "pass messages of one conversation that were sent or received"))
		return
	}
	i.send(a, frame.MessageReactions, positionsOf(conversationID, positions), func(result safejs.Value) safejs.Value {
		users, found := map[string]safejs.Value{}, map[int64][]reaction{}
		each(bridge.Get(result, "users"), func(u safejs.Value) { users[bridge.Object{Value: u}.Text("userID")] = u })
		each(bridge.Get(result, "reactions"), func(v safejs.Value) {
			position := bridge.Object{Value: v}.Number("position")
			each(bridge.Get(v, "reactionList"), func(r safejs.Value) {
				o := bridge.Object{Value: r}
				one := reaction{id: o.Text("reactionID"), mine: o.Bool("reactedByMyself")}
				for _, userID := range textsOf(bridge.Get(r, "userIDs")) {
					one.mine = one.mine || userID == i.client.User()
					if u, known := users[userID]; known {
						one.users = append(one.users, u)
					}
				}
				one.total = max(len(one.users), int(o.Number("totalUserCount")))
				found[position] = append(found[position], one)
			})
		})
		return shape(func(m safejs.Value) []reaction { return found[i.page.positionOf(bridge.Object{Value: m})] })
	})
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// mostReminds is how many users one call names, as in the originals.
const mostReminds = 30

// setMessageRemindType sets how this user wants to hear of the messages of a group or
// of users.
//
//	setMessageRemindType(options: {groupID?: string, userIDList?: string[], messageRemindType: string}): Promise<{code: 0, data: {group: Group} | {successUserIDList: {userID: string}[], failureUserIDList: {userID: string, code: number}[]}}>
func (i *instance) setMessageRemindType(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	groupID := o.Text("groupID")
	ids := []string{convGroup + groupID}
	if groupID == "" {
		list, ok := listOf(a, "setMessageRemindType", o.Value, "userIDList", mostReminds)
		if !ok {
			return
		}
		ids = textsOf(list)
		for n := range ids {
			ids[n] = convC2C + ids[n]
		}
	}
	i.send(a, frame.ConversationRemind, frame.Fields{
		{Key: "conversationIDs", Value: ids}, {Key: "messageRemindType", Value: o.Text("messageRemindType")},
	}, func(result safejs.Value) safejs.Value {
		if groupID != "" {
			return bridge.Wrap("group", i.page.groups.named(groupID))
		}
		user := func(conversationID string) safejs.Value {
			return bridge.Wrap("userID", bridge.String(conversationID[len(convC2C):]))
		}
		var done, failed []safejs.Value
		each(bridge.Get(result, "done"), func(v safejs.Value) {
			id, _ := bridge.Text(v)
			done = append(done, user(id))
		})
		each(bridge.Get(result, "failures"), func(v safejs.Value) {
			one := user(bridge.Object{Value: v}.Text("conversationID"))
			bridge.Put(one, "code", bridge.Get(v, "code"))
			failed = append(failed, one)
		})
		data := bridge.Wrap("successUserIDList", bridge.NewArray(done...))
		bridge.Put(data, "failureUserIDList", bridge.NewArray(failed...))
		return data
	})
}

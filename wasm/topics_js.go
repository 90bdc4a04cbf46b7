//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// convTopic is how pages may call the conversation of a topic. It is kept as that of a
// group.
const convTopic = "TOPIC"

// getJoinedCommunityList resolves with those of the user's groups that have topics.
//
//	getJoinedCommunityList(): Promise<{code: 0, data: {groupList: Group[]}}>
func (i *instance) getJoinedCommunityList(_ []safejs.Value, a *answer) {
	i.post(mailbox.ListGroups{Call: i.call(a, func(s mailbox.Settle) safejs.Value {
		list := []safejs.Value{}
		each(i.page.groups.list(s.Groups), func(g safejs.Value) {
			if isTrue(bridge.Get(g, "isSupportTopic")) {
				list = append(list, g)
			}
		})
		return bridge.Wrap("groupList", bridge.NewArray(list...))
	})})
}

// getTopicList resolves with topics of a community, all of them unless it names some.
//
//	getTopicList(options: {groupID: string, topicIDList?: string[]}): Promise<{code: 0, data: {successTopicList: Topic[], failureTopicList: {topicID: string, code: number, message: string}[]}}>
func (i *instance) getTopicList(args []safejs.Value, a *answer) {
	id, ok := groupOf(a, "getTopicList", args)
	if !ok {
		return
	}
	ids := textsOf(bridge.Get(bridge.Arg(args, 0), "topicIDList"))
	i.post(mailbox.ListTopics{Call: i.call(a, func(s mailbox.Settle) safejs.Value {
		list := []safejs.Value{}
		for _, id := range s.Topics {
			list = append(list, i.page.topic(id))
		}
		data := bridge.Wrap("successTopicList", bridge.NewArray(list...))
		bridge.Put(data, "failureTopicList", bridge.Of(s.Result.(frame.Fields)[0].Value))
		return data
	}), Group: id, IDs: ids})
}

// updateTopicProfile changes the fields of a topic that it names.
//
//	updateTopicProfile(options: {groupID: string, topicID: string, topicName?: string, avatar?: string, introduction?: string, notification?: string, customData?: string, muteAllMembers?: boolean}): Promise<{code: 0, data: {topic: Topic}}>
func (i *instance) updateTopicProfile(args []safejs.Value, a *answer) {
	if _, ok := groupOf(a, "updateTopicProfile", args); !ok {
		return
	}
	var params frame.Fields
	for _, key := range [...]string{"groupID", "topicID", "topicName", "avatar", "introduction", "notification", "customData", "muteAllMembers"} {
		params = appendGiven(params, key, bridge.Get(bridge.Arg(args, 0), key))
	}
	i.send(a, frame.TopicUpdate, params, func(result safejs.Value) safejs.Value {
		t := bridge.Get(result, "topic")
		id := bridge.Object{Value: t}.Text("topicID")
		i.page.topics[id] = t
		return bridge.Wrap("topic", i.page.topic(id))
	})
}

// topic returns what the page sees of a topic: its profile, and what its conversation
// says.
func (pg *page) topic(id string) safejs.Value {
	t := topicShape.complete(bridge.Call(bridge.Global("Object"), "assign", bridge.NewObject(), pg.topics[id]))
	c, self := pg.conversations[convGroup+id], bridge.Wrap("userID", bridge.String(pg.i.client.User()))
	bridge.Put(t, "selfInfo", self)
	if !bridge.IsObject(c) {
		bridge.Put(t, "lastMessage", lastShape.object())
		return t
	}
	bridge.Put(self, "messageRemindType", bridge.Get(c, "messageRemindType"))
	for _, key := range [...]string{"unreadCount", "groupAtInfoList", "lastMessage"} {
		bridge.Put(t, key, bridge.Get(c, key))
	}
	return t
}

func (pg *page) emitTopic(e mailbox.EmitTopic) {
	data := bridge.Wrap("groupID", bridge.String(e.Group))
	bridge.Put(data, "topic", pg.topic(e.Topic))
	pg.i.emitter.Emit(frame.EventTopicUpdated, data)
}

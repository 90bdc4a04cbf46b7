//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A topic shows its profile and what its conversation says; it is in no list of
// conversations.
func TestTopics(t *testing.T) {
	require.JSONEq(t, `[["g1"],{"topicID":"g1@TOPIC#_a","topicName":"tea","avatar":"","introduction":"","notification":"","unreadCount":2,"muteAllMembers":false,
		"customData":"","groupAtInfoList":[],"lastMessage":{"lastTime":0,"lastSequence":3,"fromAccount":"bob","messageForShow":"x","payload":null,"type":"TIMTextElem","isRevoked":false,
			"cloudCustomData":"","onlineOnlyFlag":false,"nick":"","nameCard":"","version":0,"isPeerRead":false,"revoker":null,"position":3},
		"selfInfo":{"userID":"alice","messageRemindType":"AcceptAndNotify"}},[{"topicID":"x","code":10010,"message":"none"}],[{"groupID":"g1","next":""}],
		[0,0],["g1",3,"in"],["g1","coffee",3],["coffee",3,{"groupID":"g1","topicID":"g1@TOPIC#_a","topicName":"coffee","muteAllMembers":true}],
		{"groupID":"g1","topicID":"g1@TOPIC#_c"},{"groupID":"g1","topicIDList":["g1@TOPIC#_a"]},
		[{"topicID":"g1@TOPIC#_n"},"t",true],[[{"topicID":"g1@TOPIC#_n"}],[],{"groupID":"g1","topicIDs":["g1@TOPIC#_n"]}],["GROUP","GROUPg1@TOPIC#_a"],[2905,2905]]`, inbox1(t, "topics", inAGroup+`
		const id = 'g1@TOPIC#_a', of1 = { conversationID: 'GROUP' + id };
		await tim.getGroupList(); // notes are taken once it has come
		note('groupJoined', { group: group({ groupID: 'g0', selfInfo: mine }) });
		note('groupJoined', { group: group({ isSupportTopic: true, selfInfo: mine }) });
		const result = [(await tim.getJoinedCommunityList()).data.groupList.map((g) => g.groupID)];
		answers['topic.list'] = () => ({ result: { topics: [{ topicID: id, topicName: 'tea' }], failures: [{ topicID: 'x', code: 10010, message: 'none' }] } });
		answers['conversation.enter'] = () => ({ result: { conversations: [mineOf(3, 1, of1)] } });
		const { successTopicList: [topic], failureTopicList } = (await tim.getTopicList({ groupID: 'g1' })).data;
		result.push(topic, failureTopicList, frames('topic.list'));
		result.push([(await tim.getConversationList()).data.conversationList.length, tim.getTotalUnreadMessageCount()]);
		note('messages', { messages: [said(4, { to: id, ...of1 })], conversations: [head(4, of1)] });
		const updated = () => of('TOPIC_UPDATED').at(-1);
		result.push([updated().groupID, updated().topic.unreadCount, of('MESSAGE_RECEIVED').flat()[0].flow]);
		note('topic', { groupID: 'g1', topic: { topicID: id, topicName: 'coffee' } });
		result.push([updated().groupID, updated().topic.topicName, updated().topic.unreadCount]);
		answers['topic.update'] = (p) => ({ result: { groupID: 'g1', topic: { topicID: p.topicID, topicName: p.topicName } } });
		const now = (await tim.updateTopicProfile({ groupID: 'g1', topicID: id, topicName: 'coffee', muteAllMembers: true })).data.topic;
		result.push([now.topicName, now.unreadCount, frames('topic.update')[0]]);
		note('topic', { groupID: 'g1', created: true, topic: { topicID: 'g1@TOPIC#_c' } });
		result.push(of('TOPIC_CREATED')[0]);
		note('topicGone', { groupID: 'g1', topicID: id });
		result.push(of('TOPIC_DELETED')[0]);
		answers['topic.create'] = () => ({ result: { topicID: 'g1@TOPIC#_n' } });
		const made = (await tim.createTopicInCommunity({ groupID: 'g1', topicName: 't' })).data;
		result.push([made, frames('topic.create')[0].topicName, frames('topic.create')[0].nonce.length > 8]);
		answers['topic.delete'] = () => ({ result: { done: [{ topicID: 'g1@TOPIC#_n' }] } });
		const gone = (await tim.deleteTopicFromCommunity({ groupID: 'g1', topicIDList: ['g1@TOPIC#_n'] })).data;
		result.push([gone.successTopicList, gone.failureTopicList, frames('topic.delete')[0]]);
		const m = tim.createTextMessage({ to: id, conversationType: 'TOPIC', payload: { text: 'x' } });
		result.push([m.conversationType, m.conversationID]);
		const refusal = (promise) => promise.then(() => 0, (e) => e.code);
		result.push([await refusal(tim.getTopicList({})), await refusal(tim.updateTopicProfile())]);
		await tim.destroy();
		return result;`))
}

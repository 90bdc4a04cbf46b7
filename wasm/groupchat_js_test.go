//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// inAGroup is a gateway whose user is in one group in which messages come. Told
// to all its members, they say neither whose they are nor who has read them.
const inAGroup = aGroup + `
const said = (position, more) => ({ ID: 'in' + position, conversationID: 'GROUPg1', conversationType: 'GROUP', type: 'TIMTextElem', payload: { text: 'x' }, from: 'bob', to: 'g1', position, sequence: position, ...more });
const head = (counted, more) => ({ conversationID: 'GROUPg1', type: 'GROUP', counted, lastMessage: { position: counted, lastSequence: counted, fromAccount: 'bob', messageForShow: 'x', type: 'TIMTextElem' }, ...more });
const mineOf = (counted, read, more) => head(counted, { unreadCount: 0, read, readSequence: read, isPinned: false, draftText: '', customData: '', ...more });
const only = async () => (await tim.getConversationList()).data.conversationList[0];
`

// The list shows a group's conversation in the originals' shape. Its profile is the
// object that getGroupList has, and that one shows the conversation's last message.
func TestWhatAPageSeesOfAGroupsConversation(t *testing.T) {
	require.JSONEq(t, `[["g1",""],{"conversationID":"GROUPg1","type":"GROUP","subType":"Public","unreadCount":2,
		"lastMessage":{"lastTime":0,"lastSequence":3,"fromAccount":"bob","messageForShow":"x","payload":null,"type":"TIMTextElem","isRevoked":false,"cloudCustomData":"","onlineOnlyFlag":false,
			"nick":"","nameCard":"","version":0,"isPeerRead":false,"revoker":null,"position":3},
		"groupProfile":null,"userProfile":null,"groupAtInfoList":[],"remark":"","isPinned":false,"messageRemindType":"AcceptAndNotify","markList":[],"customData":"",
		"conversationGroupList":[],"draftText":"","peerReadTime":0,"peerReadSequence":0},[true,true,true,"One"],["Uno",true],[4,4]]`, inbox1(t, "group list", inAGroup+`
		note('conversations', { conversations: [mineOf(3, 1)] });
		const c = await only(), early = c.groupProfile, result = [[early.groupID, early.name]];
		note('groupJoined', { group: group({ selfInfo: mine }) });
		result.push({ ...c, groupProfile: null });
		const [g] = (await tim.getGroupList()).data.groupList;
		result.push([g === c.groupProfile, g === early, g.lastMessage === c.lastMessage, g.name]);
		const told = of('CONVERSATION_LIST_UPDATED').length;
		note('group', { group: group({ name: 'Uno', infoSequence: 2 }) });
		result.push([c.groupProfile.name, of('CONVERSATION_LIST_UPDATED').length > told]);
		note('messages', { messages: [said(4)], conversations: [head(4)] });
		result.push([c.lastMessage.position, g.lastMessage.position]);
		await tim.destroy();
		return result;`))
}

// Notices of groups have a conversation of their own.
func TestNotices(t *testing.T) {
	require.JSONEq(t, `[["@TIM#SYSTEM","@TIM#SYSTEM",null,null,1],["in","@TIM#SYSTEM",4],[["@TIM#SYSTEM"],["GROUPg1"],[]],["GROUPg1"],["GROUPg1","@TIM#SYSTEM"]]`, inbox1(t, "notices", inAGroup+`
		const notice = { ID: 'n1', conversationID: '@TIM#SYSTEM', conversationType: '@TIM#SYSTEM', type: 'TIMGroupSystemNoticeElem', flow: 'in', from: '@TIM#SYSTEM', to: 'g1', position: 9, sequence: 1, payload: { operationType: 4 } };
		note('conversations', { conversations: [mineOf(3, 3)] });
		note('messages', { messages: [notice], conversations: [{ conversationID: '@TIM#SYSTEM', type: '@TIM#SYSTEM', unreadCount: 1, lastMessage: { position: 9, lastSequence: 1 } }] });
		const c = await only(), result = [[c.conversationID, c.type, c.groupProfile, c.userProfile, c.unreadCount]];
		const [[m]] = of('MESSAGE_RECEIVED');
		result.push([m.flow, m.conversationType, m.payload.operationType]);
		const typed = async (type) => (await tim.getConversationList({ type })).data.conversationList.map((c) => c.conversationID);
		result.push([await typed('@TIM#SYSTEM'), await typed('GROUP'), await typed('C2C')]);
		answers['message.read'] = () => ({ result: {} });
		note('conversations', { conversations: [mineOf(4, 3)] });
		await tim.setAllMessageRead({ scope: 'readAllC2CMessage' });
		await tim.setAllMessageRead({ scope: 'readAllGroupMessage' });
		result.push(frames('message.read').map((p) => p.conversationID));
		await tim.setMessageRead({ conversationID: '@TIM#SYSTEM' });
		result.push(frames('message.read').map((p) => p.conversationID));
		await tim.destroy();
		return result;`))
}

// Stores of immutable state freeze a conversation with what is in it.
func TestAFrozenConversationOfAGroup(t *testing.T) {
	require.JSONEq(t, `["One","Uno",true,4,true]`, inbox1(t, "frozen", inAGroup+`
		note('groupJoined', { group: group({ selfInfo: mine }) });
		note('conversations', { conversations: [mineOf(3, 1)] });
		const c = await only();
		Object.freeze(c.groupProfile);
		Object.freeze(c);
		note('group', { group: group({ name: 'Uno', infoSequence: 2 }) });
		const now = await only(), [g] = (await tim.getGroupList()).data.groupList;
		const result = [c.groupProfile.name, now.groupProfile.name, now.groupProfile === g];
		Object.freeze(g);
		note('messages', { messages: [said(4)], conversations: [head(4)] });
		const later = (await tim.getGroupList()).data.groupList[0];
		result.push(later.lastMessage.position, (await only()).groupProfile === later);
		await tim.destroy();
		return result;`))
}

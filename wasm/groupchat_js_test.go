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
const ingroup = () => tim.createTextMessage({ to: 'g1', conversationType: 'GROUP', payload: { text: 'x' } });
answers['message.send'] = (p) => ({ result: { message: said(++position, { ID: p.id, from: 'alice', to: p.groupID, type: p.type, payload: p.payload }) } });
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
		answers['group.list'] = () => ({ result: { groups: [] } });
		await tim.getGroupList(); // notes are taken once it has come
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

// A message of a group is the user's own or another's, and read or not, wherever it
// comes from.
func TestWhoseAMessageOfAGroupIs(t *testing.T) {
	require.JSONEq(t, `[[["in",false,"GROUP"],["out",true,"GROUP"]],[true,2],["out",true,"success","x"],
		{"conversationType":"GROUP","groupID":"g1","atUserList":[]},0,[["in",true],["out",true],["in",false]],["in",true,true],["in",false,true]]`, inbox1(t, "whose", inAGroup+`
		const flags = (m) => [m.flow, m.isRead];
		note('conversations', { conversations: [mineOf(2, 1)] });
		note('messages', { messages: [said(3), said(4, { from: 'alice' })], conversations: [head(4, { lastMessage: { position: 4, lastSequence: 4, fromAccount: 'bob' } })] });
		const got = of('MESSAGE_RECEIVED').flat(), result = [got.map((m) => [...flags(m), m.conversationType])];
		note('conversations', { conversations: [mineOf(4, 3)] });
		result.push([got[0].isRead, (await only()).unreadCount + 1]);
		const m = ingroup();
		position = 4;
		await tim.sendMessage(m);
		result.push([...flags(m), m.status, m.payload.text]);
		const [{ conversationType, groupID, atUserList, to }] = frames('message.send');
		result.push({ conversationType, groupID, atUserList, to });
		note('conversations', { conversations: [head(5, { lastMessage: { position: 5, lastSequence: 5, fromAccount: 'alice' } })] });
		result.push((await only()).unreadCount);
		answers['message.list'] = () => ({ result: { messages: [said(1), said(5, { ID: m.ID, from: 'alice' }), said(6)], isCompleted: true } });
		result.push((await tim.getMessageList({ conversationID: 'GROUPg1' })).data.messageList.map(flags));
		answers['message.revoke'] = () => ({ result: { message: said(3, { isRevoked: true }) } });
		const { message: revoked } = (await tim.revokeMessage(got[0])).data;
		result.push([...flags(revoked), revoked === got[0] && got[0].isRevoked]);
		answers['message.search'] = () => ({ result: { searchResultList: [{ conversationID: 'GROUPg1', messageCount: 1, messageList: [said(9)] }], cursor: '' } });
		const [{ messageList: [found] }] = (await tim.searchCloudMessages({ keywordList: ['x'] })).data.searchResultList;
		result.push([...flags(found), found.isPeerRead === false]);
		await tim.destroy();
		return result;`))
}

// Who is mentioned travels with the message, and shows in the conversation until it
// is read.
func TestMentions(t *testing.T) {
	require.JSONEq(t, `[["TIMTextElem",{"text":"x"},["bob"]],["bob"],[2905,2905,2905],[{"from":"bob","groupID":"g1","messageSequence":3,"atTypeArray":[1]}],["GROUPg1"],[],[]]`, inbox1(t, "mentions", inAGroup+`
		const at = (more) => tim.createTextAtMessage({ to: 'g1', conversationType: 'GROUP', payload: { text: 'x', atUserList: ['bob'] }, ...more });
		const m = at(), result = [[m.type, m.payload, m.atUserList]], codes = [];
		await tim.sendMessage(m);
		result.push(frames('message.send')[0].atUserList);
		for (const bad of [{ conversationType: 'C2C' }, { payload: { text: 'x' } }, { payload: { atUserList: [] } }]) {
			try { at(bad); } catch (error) { codes.push(error.code); }
		}
		result.push(codes);
		note('conversations', { conversations: [mineOf(2, 2)] });
		note('messages', { messages: [said(3, { atUserList: ['alice'] })], conversations: [head(3)] });
		const c = await only(), named = async () => (await tim.getConversationList({ hasGroupAtInfo: true })).data.conversationList.map((c) => c.conversationID);
		result.push(c.groupAtInfoList, await named());
		note('conversations', { conversations: [mineOf(3, 3)] });
		result.push(c.groupAtInfoList, await named());
		await tim.destroy();
		return result;`))
}

// Notices of groups have a conversation of their own.
func TestNotices(t *testing.T) {
	require.JSONEq(t, `[["@TIM#SYSTEM","@TIM#SYSTEM",null,null,1],["in","@TIM#SYSTEM",4],[4,true,1],[["@TIM#SYSTEM"],["GROUPg1"],[]],["GROUPg1"],["GROUPg1","@TIM#SYSTEM"]]`, inbox1(t, "notices", inAGroup+`
		const notice = { ID: 'n1', conversationID: '@TIM#SYSTEM', conversationType: '@TIM#SYSTEM', type: 'TIMGroupSystemNoticeElem', flow: 'in', from: '@TIM#SYSTEM', to: 'g1', position: 9, sequence: 1, payload: { operationType: 4 } };
		note('conversations', { conversations: [mineOf(3, 3)] });
		note('messages', { messages: [notice], conversations: [{ conversationID: '@TIM#SYSTEM', type: '@TIM#SYSTEM', unreadCount: 1, lastMessage: { position: 9, lastSequence: 1 } }] });
		const c = await only(), result = [[c.conversationID, c.type, c.groupProfile, c.userProfile, c.unreadCount]];
		const [[m]] = of('MESSAGE_RECEIVED');
		result.push([m.flow, m.conversationType, m.payload.operationType]);
		const told = of('GROUP_SYSTEM_NOTICE_RECEIVED');
		result.push([told[0].type, told[0].message === m, told.length]);
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

// A gateway that has no messages in groups knows no groupID, and takes the message
// to be for nobody.
func TestSendToAGroupThroughAnEarlierGateway(t *testing.T) {
	require.JSONEq(t, `[[2998,"fail"],[10010,"fail"]]`, inbox1(t, "earlier", inAGroup+`
		const result = [];
		for (const code of [20003, 10010]) {
			answers['message.send'] = () => ({ error: { code, message: 'no' } });
			const m = ingroup(), error = await tim.sendMessage(m).catch((error) => error);
			result.push([error.code, error.data.message.status]);
		}
		await tim.destroy();
		return result;`))
}

// Stores of immutable state freeze a conversation with what is in it.
func TestAFrozenConversationOfAGroup(t *testing.T) {
	require.JSONEq(t, `["One","Uno",true,4,true]`, inbox1(t, "frozen", inAGroup+`
		await tim.getGroupList(); // notes are taken once it has come
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

//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A page marks conversations, hears which were refused, sees the marks and finds
// conversations by them.
func TestMarkedConversations(t *testing.T) {
	require.Equal(t, `[[{"conversationIDs":["C2Cbob","C2Cx"],"markType":1,"enableMark":true}],`+
		`{"successConversationIDList":["C2Cbob"],"failureConversationIDList":[{"conversationID":"C2Cx","code":2503}]},`+
		`[[],[1],[1,4611686018427388000],"undefined",[]],[[],["C2Cbob"],["C2Cbob"],[]],[70402,2905],`+
		`{"successConversationIDList":["C2Cbob"],"failureConversationIDList":[{"conversationID":"C2Cx","code":2503}]}]`, inbox1(t, "marks", `
		note('conversations', { conversations: [conv({ isPinned: false }), conv({ conversationID: 'C2Ceve', isPinned: false })] });
		answers['conversation.mark'] = (p) => (p.markType === 3 ? { error: { code: 70402, message: 'no' } } : { result: { done: [p.conversationIDs[0]], failures: [{ conversationID: 'C2Cx', code: 2503 }] } });
		answers['conversation.custom'] = answers['conversation.mark'];
		const code = async (p) => { try { await p; return 0; } catch (e) { return e.code; } };
		const ids = async (filter) => (await tim.getConversationList(filter)).data.conversationList.map((c) => c.conversationID);
		const { data } = await tim.markConversation({ conversationIDList: ['C2Cbob', 'C2Cx'], markType: TIM.TYPES.CONV_MARK_TYPE_STAR, enableMark: true });
		const result = [frames('conversation.mark'), data];
		const c = (await tim.getConversationList()).data.conversationList.find((one) => one.conversationID === 'C2Cbob'), shown = [c.markList];
		note('conversations', { conversations: [conv({ isPinned: false, own: { markList: [1] } })] });
		shown.push(c.markList);
		const found = [await ids({ markType: 2 }), await ids({ markType: 1 })];
		note('conversations', { conversations: [conv({ isPinned: false, own: { markList: [1, 2 ** 62] } })] });
		shown.push(c.markList, typeof c.own);
		found.push(await ids({ markType: 2 ** 62 }));
		note('conversations', { conversations: [conv({ isPinned: false })] });
		shown.push(c.markList);
		found.push(await ids({ markType: 1 }));
		result.push(shown, found, [await code(tim.markConversation({ conversationIDList: ['C2Cbob'], markType: 3 })), await code(tim.markConversation({ markType: 1 }))]);
		result.push((await tim.setConversationCustomData({ conversationIDList: ['C2Cbob', 'C2Cx'], customData: 'c' })).data);
		await tim.destroy();
		return result;`))
}

// How to hear of a group, or of users, and what conversations are sorted into.
func TestRemindTypesAndConversationGroups(t *testing.T) {
	require.Equal(t, `[[["GROUPg1"],["C2Cbob","C2Cx"]],"g1",{"successUserIDList":[{"userID":"bob"}],"failureUserIDList":[{"userID":"x","code":2503}]},2905,`+
		`["AcceptNotNotify",3,0],[["work"],{"successConversationIDList":["C2Cbob"],"failureConversationIDList":[]},{},{}],`+
		`[[],["work"],["C2Cbob"],["office"],[["office"]],[["work",["C2Cbob"]]]],`+
		`[{"groupName":"work","conversationIDs":["C2Cbob"]},{"groupName":"work","newName":"office"},{"groupName":"work"},{"conversationIDs":["C2Cbob"],"groupName":"work"}]]`, inbox1(t, "own", `
		answers['conversation.remind'] = (p) => ({ result: { done: [p.conversationIDs[0]], ...(p.conversationIDs.length > 1 ? { failures: [{ conversationID: p.conversationIDs[1], code: 2503 }] } : {}) } });
		note('conversations', { conversations: [conv({ isPinned: false, unreadCount: 3 })] });
		const messageRemindType = TIM.TYPES.MSG_REMIND_ACPT_NOT_NOTE, conversationIDList = ['C2Cbob'], groupName = 'work';
		const { group } = (await tim.setMessageRemindType({ groupID: 'g1', messageRemindType })).data;
		const { data } = await tim.setMessageRemindType({ userIDList: ['bob', 'x'], messageRemindType });
		const result = [frames('conversation.remind').map((p) => p.conversationIDs), group.groupID, data];
		try { await tim.setMessageRemindType({ messageRemindType }); } catch (e) { result.push(e.code); }
		note('conversations', { conversations: [conv({ isPinned: false, unreadCount: 3, own: { messageRemindType } })] });
		const [c] = (await tim.getConversationList()).data.conversationList;
		result.push([c.messageRemindType, c.unreadCount, tim.getTotalUnreadMessageCount()]);
		for (const name of ['create', 'delete', 'rename', 'add', 'remove']) answers['conversation.group.' + name] = (p) => ({ result: p.conversationIDs ? { done: p.conversationIDs } : {} });
		answers['conversation.group.list'] = () => ({ result: { names: ['work'] } });
		result.push([(await tim.getConversationGroupList()).data, (await tim.createConversationGroup({ groupName, conversationIDList })).data,
			(await tim.renameConversationGroup({ oldName: 'work', newName: 'office' })).data, (await tim.deleteConversationGroup('work')).data]);
		await tim.addConversationsToGroup({ groupName, conversationIDList });
		await tim.deleteConversationsFromGroup({ groupName, conversationIDList });
		const shown = [c.conversationGroupList];
		note('conversationGroups', { groups: [{ id: 1, name: 'work' }], revision: 1 });
		note('conversations', { conversations: [conv({ isPinned: false, own: { groups: [1] } })] });
		shown.push(c.conversationGroupList, (await tim.getConversationList({ groupName })).data.conversationList.map((one) => one.conversationID));
		const moved = of('CONVERSATION_IN_GROUP_UPDATED').map((d) => [d.groupName, d.conversationList.map((one) => one.conversationID)]);
		const before = of('CONVERSATION_GROUP_LIST_UPDATED').length;
		note('conversationGroups', { groups: [{ id: 1, name: 'office' }], revision: 2 });
		shown.push(c.conversationGroupList, of('CONVERSATION_GROUP_LIST_UPDATED').slice(before), moved);
		result.push(shown, ['create', 'rename', 'delete', 'add'].map((name) => frames('conversation.group.' + name)[0]));
		await tim.destroy();
		return result;`))
}

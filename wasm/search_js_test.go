//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A search calls the gateway until it has enough, and joins the parts of a conversation.
func TestSearch(t *testing.T) {
	require.Equal(t, `[[["C2Cbob",3,[]],["C2Ceve",1,["in7"]]],2,"",`+ // three in parts are three, and one is shown
		`[{"keywordList":["x"],"timePeriod":60,"count":20,"cursor":""},{"keywordList":["x"],"timePeriod":60,"count":19,"cursor":"5.4.b"}],`+
		`[["C2Cbob",2,["in3","in2"]]],2,"2:9.9.b",{"conversationID":"C2Cbob","count":2,"cursor":""},`+
		`[["C2Cbob",1,["in1"]]],3,"",{"conversationID":"C2Cbob","count":2,"cursor":"9.9.b"},[["C2Cbob",0,[]]],2,"",true]`, inbox1(t, "search", `
		const told = ({ data }) => [data.searchResultList.map((f) => [f.conversationID, f.messageCount, f.messageList.map((m) => m.ID)]), data.totalCount, data.cursor];
		const item = (id, ...seqs) => ({ conversationID: id, messageCount: seqs.length, messageList: seqs.map((n) => inbound(n)).map((m) => ({ ...m, conversationID: id })) });
		const parts = [{ searchResultList: [item('C2Cbob', 3)], cursor: '5.4.b' }, { searchResultList: [{ ...item('C2Cbob'), messageCount: 2 }, item('C2Ceve', 7)], cursor: '' }];
		answers['message.search'] = () => ({ result: parts.shift() });
		const result = told(await tim.searchCloudMessages({ keywordList: ['x'], timePeriod: 60, timePosition: undefined }));
		result.push(frames('message.search'));
		const one = { conversationID: 'C2Cbob', count: 2 };
		parts.push({ searchResultList: [item('C2Cbob', 3, 2)], cursor: '9.9.b' });
		const page = await tim.searchCloudMessages(one);
		result.push(...told(page), frames('message.search')[2]);
		parts.push({ searchResultList: [item('C2Cbob', 1)], cursor: '' });
		result.push(...told(await tim.searchCloudMessages({ ...one, cursor: page.data.cursor })), frames('message.search')[3]);
		parts.push({ searchResultList: [], cursor: '' }); // a further page without anything, too, is one
		result.push(...told(await tim.searchCloudMessages({ ...one, cursor: page.data.cursor })));
		// One object a message.
		result.push(page.data.searchResultList[0].messageList[0] === tim.findMessage('in3'));
		await tim.destroy();
		return result;`))
}

// When the gateway wants a pause, a search resolves with what it has found and a
// cursor; a search that begins then is refused.
func TestSearchTooMuch(t *testing.T) {
	require.Equal(t, `[1,1,"1:7.0.",2996,"bob",1,""]`, inbox1(t, "searchmuch", `
		const pause = { error: { code: 2996, message: 'later' } };
		const parts = [{ result: { searchResultList: [{ conversationID: 'C2Cbob', messageCount: 2, messageList: [] }], cursor: '7.0.' } }, pause, pause];
		answers['message.search'] = () => parts.shift();
		const { data } = await tim.searchCloudMessages({ keywordList: ['x'] });
		const refused = await tim.searchCloudMessages({ keywordList: ['x'] }).then(() => 0, (e) => e.code);
		answers['profile.search'] = () => ({ result: { searchResultList: [{ userID: 'bob' }], cursor: '' } });
		const users = (await tim.searchCloudUsers({ keywordList: ['b'] })).data;
		await tim.destroy();
		return [data.searchResultList.length, data.totalCount, data.cursor, refused, users.searchResultList[0].userID, users.totalCount, users.cursor];`))
}

// Groups are found among those that the user is in, a page at a time; no gateway is asked.
func TestSearchGroups(t *testing.T) {
	require.JSONEq(t, `[[["C3","a1","b2"],3,""],[["a1"],1,""],[["b2"],1,""],[["a1","b2"],2,""],[["a1"],1,""],[["C3"],1,""],[[],0,""],
		[["C3"],3,"C3"],[["a1"],3,"a1"],[["b2"],3,""],[["b2"],2,""],true,[2905,2905],0]`, inbox1(t, "search groups", aGroup+`
		answers['group.list'] = () => ({ result: { groups: [group({ groupID: 'b2', name: 'Чай two' }), group({ groupID: 'C3', name: '', type: 'Private' }), group({ groupID: 'a1', name: 'Tea ONE' })] } });
		note('groupsReset');
		await until(() => lists().length > 0);
		const asked = frames('group.list').length;
		const told = ({ data }) => [data.searchResultList.map((g) => g.groupID), data.totalCount, data.cursor];
		const search = async (options) => told(await tim.searchCloudGroups(options));
		const result = [await search({}), await search({ keywordList: ['one'], count: 5 }), await search({ keywordList: ['чАЙ'] }),
			await search({ keywordList: ['tea', 'B2', ''] }), await search({ keywordList: ['tea', 'ONE'], keywordListMatchType: 'and' }),
			await search({ groupTypeList: ['Private', 'Community'] }), await search({ keywordList: ['two', 'one'], keywordListMatchType: 'and' })];
		let cursor;
		for (let n = 0; n < 3; n++) {
			result.push(await search({ count: 1, cursor }));
			cursor = result.at(-1)[2];
		}
		note('groupLeft', { groupID: 'a1', reason: 'quit' }); // the cursor's group: nothing is missed
		result.push(await search({ count: 1, cursor: 'a1' }));
		const { data } = await tim.searchCloudGroups({});
		result.push(data.searchResultList[0] === (await tim.getGroupList()).data.groupList.find((g) => g.groupID === 'C3'));
		result.push(await Promise.all([code(tim.searchCloudGroups({ keywordList: ['1', '2', '3', '4', '5', '6'] })), code(tim.searchCloudGroups({ keywordListMatchType: 'xor' }))]));
		result.push(frames('group.list').length - asked);
		await tim.destroy();
		return result;`))
}

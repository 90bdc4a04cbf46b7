//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A long list goes to the gateway in parts, one after the other, each user once,
// and the promise resolves with what all of them have brought.
func TestLongListsGoInParts(t *testing.T) {
	require.JSONEq(t, `[[[10,10,10,10,5],1,"spam",45,"u44","n5"],
		[[10,10,1],1,["u0",21],["x"],[]],
		[["One","Public",10,false,null],[null,null,10,true,"g2"],[null,null,10,true,"g2"],[null,null,10,true,"g2"],[null,null,5,true,"g2"],1,"m5"],
		[1,2905],[500,50],[[[50,"Delete_Type_Both"],[30,"Delete_Type_Both"]],1,79,["u3"]]]`, inbox1(t, "parts", aGroup+`
		const users = (n) => Array.from({ length: n }, (_, k) => 'u' + k), nonces = (method) => new Set(frames(method).map((p) => p.nonce)).size;
		let running = 0, most = 0, n = 0;
		const slowly = (result) => { most = Math.max(most, ++running); setTimeout(() => running--, 0); n++; return { result }; };
		answers['group.kick'] = (p) => slowly({ userIDs: p.userIDs, group: group({ name: 'n' + (n + 1), infoSequence: n + 2 }) });
		const kicked = (await tim.deleteGroupMember({ groupID: 'g1', userIDList: users(45), reason: 'spam' })).data;
		const result = [[frames('group.kick').map((p) => p.userIDs.length), most, frames('group.kick')[4].reason, kicked.userIDList.length, kicked.userIDList[44], kicked.group.name]];
		answers['group.invite'] = (p) => slowly({ successUserIDList: p.userIDs, existedUserIDList: p.userIDs.includes('u0') ? ['x'] : [], group: group() });
		const added = (await tim.addGroupMember({ groupID: 'g1', userIDList: [...users(21), ...users(5)] })).data;
		result.push([frames('group.invite').map((p) => p.userIDs.length), nonces('group.invite'), [added.successUserIDList[0], added.successUserIDList.length], added.existedUserIDList, added.failureUserIDList]);
		n = 0;
		answers['group.create'] = () => slowly({ group: group({ groupID: 'g2', name: 'm' + (n + 1), infoSequence: n + 2 }) });
		const memberList = (n) => users(n).map((userID) => ({ userID })), wish = { name: 'One', type: 'Public', memberList: memberList(45) };
		const made = (await tim.createGroup(wish)).data.group;
		const told = (p) => [p.name ?? null, p.type ?? null, p.memberList.length, !!p.more, p.groupID ?? null];
		result.push([...frames('group.create').map(told), nonces('group.create'), made.name]);
		result.push([nonces('group.create'), await code(tim.createGroup({ name: 'n', memberList: memberList(501) }))]);
		const before = frames('group.create').length;
		await tim.createGroup({ name: 'n', memberList: memberList(500) });
		const creates = frames('group.create').slice(before);
		result.push([creates.reduce((n, p) => n + p.memberList.length, 0), creates.length]);
		answers['friend.delete'] = (p) => ({ result: { results: p.userIDs.map((userID) => ({ userID, code: userID === 'u3' ? 31704 : 0 })) } });
		const { data } = await tim.deleteFriend({ userIDList: users(80), type: 'Delete_Type_Both' });
		const deletions = frames('friend.delete');
		result.push([deletions.map((p) => [p.userIDs.length, p.type]), new Set(deletions.map((p) => p.nonce)).size, data.successUserIDList.length, data.failureUserIDList.map((one) => one.userID)]);
		await tim.destroy();
		return result;`))
}

// Where a part fails, the error says how much is done, and has it as its data.
func TestAPartFails(t *testing.T) {
	require.JSONEq(t, `[2,10007,"no Before that, 10 of 60 were done: see the error's data.",10,"g1",true,[10007,"no",{}]]`, inbox1(t, "part fails", aGroup+`
		answers['group.invite'] = (p) => (p.userIDs[0] === 'u0' ? { result: { successUserIDList: p.userIDs, group: group() } } : { error: { code: 10007, message: 'no' } });
		const users = (from, n) => Array.from({ length: n }, (_, k) => 'u' + (from + k));
		const e = await tim.addGroupMember({ groupID: 'g1', userIDList: users(0, 60) }).catch((e) => e);
		const first = await tim.addGroupMember({ groupID: 'g1', userIDList: users(1, 60) }).catch((e) => e);
		const result = [frames('group.invite').length - 1, e.code, e.message, e.data.successUserIDList.length, e.data.group.groupID, e instanceof Error, [first.code, first.message, first.data]];
		await tim.destroy();
		return result;`))
}

// What is refused about all conversations of one part is a failure of each of them,
// and the other parts are still asked for. A number goes as it is.
func TestARefusedPart(t *testing.T) {
	require.JSONEq(t, `[[100,100,50],150,[100,["C2C0",2503]],[2503,"none",{}],6,[70402,6],1.5]`, inbox1(t, "part refused", `
		const ids = Array.from({ length: 250 }, (_, k) => 'C2C' + k), mark = (more) => tim.markConversation({ conversationIDList: ids, markType: 1, enableMark: true, ...more });
		const none = (code = 2503) => ({ error: { code, message: 'none' } });
		answers['conversation.mark'] = (p) => (p.conversationIDs[0] === 'C2C0' ? none() : { result: { done: p.conversationIDs } });
		const { data } = await mark(), failed = data.failureConversationIDList;
		const result = [frames('conversation.mark').map((p) => p.conversationIDs.length), data.successConversationIDList.length, [failed.length, [failed[0].conversationID, failed[0].code]]];
		answers['conversation.mark'] = () => none();
		const refused = await mark().catch((e) => e);
		result.push([refused.code, refused.message, refused.data], frames('conversation.mark').length);
		answers['conversation.mark'] = () => none(70402);
		result.push([(await mark({ markType: 1.5 }).catch((e) => e)).code, frames('conversation.mark').length - 1], frames('conversation.mark')[6].markType);
		await tim.destroy();
		return result;`))
}

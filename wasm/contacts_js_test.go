//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The lists of contacts come page by page, for calls and for events, in the
// originals' shapes; a group that goes on in the next page is one.
func TestContactLists(t *testing.T) {
	require.Equal(t, `[["bob","eve"],[{"next":1}],{"friendApplicationList":[{"userID":"kim"}],"unreadCount":1},`+
		`[{"name":"a","userIDList":["bob","eve"],"count":2},{"name":"b","userIDList":[],"count":0}],[["bob","eve"],["bob","eve"]],1,70169,2]`, inbox1(t, "contacts", `
		const pages = [{ items: [{ userID: 'bob' }], next: 1, revision: 7 }, { items: [{ userID: 'eve' }], revision: 7 }];
		answers['friend.list'] = (p) => ({ result: p.since === 7 ? { items: [], unchanged: true, revision: 7 } : pages[p.next ?? 0] });
		answers['friend.applications'] = () => ({ result: { items: [{ userID: 'kim' }], unread: 1, revision: 7 } });
		answers['friendGroup.list'] = (p) => ({ result: p.next ? { items: [{ name: 'a', userIDList: ['eve'], count: 2 }, { name: 'b', userIDList: [], count: 0 }] } :
			{ items: [{ name: 'a', userIDList: ['bob'], count: 2 }], next: 1 } });
		const ids = (list) => list.map((f) => f.userID), result = [ids((await tim.getFriendList()).data)];
		result.push(frames('friend.list').slice(1), (await tim.getFriendApplicationList()).data, (await tim.getFriendGroupList()).data);
		note('contacts', { lists: ['friends', 'applications'] });
		note('contacts', { lists: ['friends'] });
		await until(() => of('FRIEND_LIST_UPDATED').length === 2 && of('FRIEND_APPLICATION_LIST_UPDATED').length === 1);
		result.push(of('FRIEND_LIST_UPDATED').map(ids), of('FRIEND_APPLICATION_LIST_UPDATED')[0].unreadCount);
		answers['friend.list'] = () => ({ error: { code: 70169, message: 'later' } });
		result.push(await tim.getFriendList().then(() => 0, (e) => e.code), of('FRIEND_LIST_UPDATED').length);
		await tim.destroy();
		return result;`))
}

// What goes to the gateway for a change of contacts, and what its promise
// resolves with: of a list of users, those that it was done for and the others.
func TestContactCalls(t *testing.T) {
	require.Equal(t, `[{"userID":"bob","code":30539,"message":"asked"},["bob","","AddSource_Type_Web","hi","","work",true],true,`+
		`{"successUserIDList":[{"userID":"bob","code":0}],"failureUserIDList":[{"userID":"eve","code":31704,"message":"no"}]},`+
		`[[100,"CheckResult_Type_Both"],[50,"CheckResult_Type_Both"]],150,`+
		`{"friendList":[{"userID":"bob","remark":"b"}],"failureUserIDList":[{"userID":"eve","code":31704}]},`+
		`[{"userID":"bob","remark":""},{"userID":"bob","friendCustomField":[{"key":"k","value":"v"}]}],{"userID":"bob"},`+
		`{},{"friendGroup":{"name":"g"},"failureUserIDList":[]},[["name","nonce"],["name","userIDs","nonce"]],{"name":"h"},2905]`, inbox1(t, "contactcalls", `
		const given = (p) => Object.keys(p).sort();
		answers['friend.add'] = (p) => ({ result: { added: { userID: p.userID, code: 30539, message: 'asked' } } });
		answers['friend.delete'] = () => ({ result: { results: [{ userID: 'bob', code: 0 }, { userID: 'eve', code: 31704, message: 'no' }] } });
		answers['friend.check'] = (p) => ({ result: { results: p.userIDs.map((userID) => ({ userID, code: 0, relation: 'x' })) } });
		answers['friend.get'] = () => ({ result: { results: [{ userID: 'bob', remark: 'b' }, { userID: 'eve', code: 31704 }] } });
		answers['friend.update'] = (p) => ({ result: { friend: { userID: p.userID } } });
		answers['friend.accept'] = answers['friend.refuse'] = answers['friend.withdraw'] = answers['friend.read'] = () => ({ result: {} });
		answers['friendGroup.create'] = (p) => ({ result: { friendGroup: { name: p.name } } });
		answers['friendGroup.rename'] = (p) => ({ result: { friendGroup: { name: p.newName } } });
		const add = { to: 'bob', source: 'AddSource_Type_Web', wording: 'hi', groupName: 'work' };
		const result = [(await tim.addFriend(add)).data], [p] = frames('friend.add');
		result.push([p.userID, p.type, p.source, p.wording, p.remark, p.groupName, /^[0-9a-z]{1,32}$/.test(p.nonce)]);
		await tim.addFriend(add);
		result.push(frames('friend.add')[1].nonce !== p.nonce);
		result.push((await tim.deleteFriend({ userIDList: ['bob', 'eve'] })).data);
		const checked = await tim.checkFriend({ userIDList: Array.from({ length: 150 }, (_, k) => 'u' + k), type: 'CheckResult_Type_Both' });
		result.push(frames('friend.check').map((p) => [p.userIDs.length, p.type]), checked.data.successUserIDList.length);
		result.push((await tim.getFriendProfile({ userIDList: ['bob', 'eve'] })).data);
		await tim.updateFriend({ userID: 'bob', remark: '' });
		const updated = await tim.updateFriend({ userID: 'bob', friendCustomField: [{ key: 'k', value: 'v' }] });
		result.push(frames('friend.update'), updated.data);
		await tim.refuseFriendApplication({ userID: 'bob' });
		await tim.deleteFriendApplication({ userID: 'bob' });
		await tim.setFriendApplicationRead();
		result.push((await tim.acceptFriendApplication({ userID: 'bob', type: 'Response_Action_Agree' })).data);
		await tim.createFriendGroup({ name: 'f' });
		result.push((await tim.createFriendGroup({ name: 'g', userIDList: ['bob'] })).data, frames('friendGroup.create').map((p) => Object.keys(p)));
		result.push((await tim.renameFriendGroup({ oldName: 'g', newName: 'h' })).data);
		result.push(await tim.addToFriendGroup({ name: 'g' }).then(() => 0, (e) => e.code));
		await tim.destroy();
		return result;`))
}

// After a lost link the page is told of the lists that it has and that have
// changed meanwhile, and of no others.
func TestContactsThatChangedMeanwhile(t *testing.T) {
	require.Equal(t, `[[["eve"]],[{},{"since":3}],[{},{"since":5}],0,0]`, inbox1(t, "contactsaway", `
		let revision = 3;
		answers['friend.list'] = (p) => ({ result: { items: [{ userID: revision === 3 ? 'bob' : 'eve' }], revision } });
		answers['friend.applications'] = () => ({ result: { items: [], revision: 5, unchanged: true } });
		await tim.getFriendList();
		await tim.getFriendApplicationList();
		revision = 4;
		Loopback.last.onclose({ code: 1006, reason: '' });
		await until(() => frames('friend.applications').length === 2 && of('FRIEND_LIST_UPDATED').length === 1);
		const result = [of('FRIEND_LIST_UPDATED').map((list) => list.map((f) => f.userID)), frames('friend.list'), frames('friend.applications')];
		await tim.getConversationList();
		result.push(of('FRIEND_APPLICATION_LIST_UPDATED').length, frames('friendGroup.list').length);
		await tim.destroy();
		return result;`))
}

//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// aGroup is a gateway whose user is in one group.
const aGroup = `
const group = (more) => ({ groupID: 'g1', type: 'Public', name: 'One', ownerID: 'alice', joinOption: 'NeedPermission', inviteOption: 'DisableInvite', infoSequence: 1, memberCount: 1, ...more });
const mine = { userID: 'alice', role: 'Owner', joinTime: 5 };
answers['group.list'] = () => ({ result: { groups: [group({ selfInfo: mine })] } });
const lists = () => of('GROUP_LIST_UPDATED'), code = (p) => p.then(() => 0, (e) => e.code);
`

// A page that listens has the list from its login on; what the gateway leaves
// out is there.
func TestWhatAPageSeesOfAGroup(t *testing.T) {
	require.JSONEq(t, `[[{"groupID":"g1","name":"One","avatar":"","type":"Public","introduction":"","notification":"","ownerID":"alice","createTime":0,"infoSequence":1,"lastInfoTime":0,
		"selfInfo":{"userID":"alice","role":"Owner","joinTime":5,"nameCard":"","muteUntil":0,"messageRemindType":"AcceptAndNotify","memberCustomField":[]},
		"lastMessage":{"lastTime":0,"lastSequence":0,"fromAccount":"","messageForShow":"","payload":null,"type":"","isRevoked":false,"cloudCustomData":"","onlineOnlyFlag":false,
			"nick":"","nameCard":"","version":0,"isPeerRead":false,"revoker":null,"position":0},
		"nextMessageSeq":0,"memberCount":1,"maxMemberCount":0,"muteAllMembers":false,"joinOption":"NeedPermission","inviteOption":"DisableInvite","groupCustomField":[],"isSupportTopic":false}],
		1,true]`, inbox1(t, "a group", aGroup+`
		note('groupsReset');
		await until(() => lists().length > 0);
		const { groupList } = (await tim.getGroupList()).data;
		const result = [JSON.parse(JSON.stringify(groupList)), frames('group.list').length - 1, groupList[0] === lists()[0][0]];
		await tim.destroy();
		return result;`))
}

// One groupID is one object: in the list, in results, in events, and also if
// the page has it before the list does.
func TestOneGroupIsOneObject(t *testing.T) {
	require.Equal(t, `[true,["made","m2",0],true,"Uno",true,["g1","g2"],["g1"],true,"m3",[true,"m3"]]`, inbox1(t, "one", aGroup+`
		answers['group.create'] = (p) => ({ result: { group: group({ groupID: 'g2', name: p.name, selfInfo: mine }) } });
		answers['group.search'] = answers['group.quit'] = (p) => ({ result: { ...p, group: group({ groupID: 'g2', name: 'm3', infoSequence: 3 }) } });
		note('groupsReset');
		await until(() => lists().length > 0);
		const [[one]] = lists(), made = (await tim.createGroup({ name: 'made' })).data.group;
		const result = [(await tim.getGroupList()).data.groupList[0] === one];
		const before = made.name;
		note('groupJoined', { group: group({ groupID: 'g2', name: 'm2', infoSequence: 2, selfInfo: mine, memberCount: 0 }) });
		result.push([before, made.name, made.memberCount], lists().at(-1)[1] === made);
		answers['group.update'] = (p) => ({ result: { group: group({ ...p, infoSequence: 2, selfInfo: mine }) } });
		const { group: updated } = (await tim.updateGroupProfile({ groupID: 'g1', name: 'Uno' })).data;
		result.push(updated.name, updated === one, lists().at(-1).map((g) => g.groupID));
		note('groupLeft', { groupID: 'g2', reason: 'quit' });
		const { group: found } = (await tim.searchGroupByID('g2')).data;
		result.push(lists().at(-1).map((g) => g.groupID), found === made, made.name);
		// A notification has overtaken the answer.
		answers['group.search'] = () => ({ result: { group: group({ groupID: 'g2', name: 'old', infoSequence: 2 }) } });
		const late = (await tim.searchGroupByID('g2')).data.group;
		result.push([late === made, made.name]);
		await tim.destroy();
		return result;`))
}

// Stores of immutable state freeze what they are given.
func TestAFrozenGroup(t *testing.T) {
	require.Equal(t, `["One","Uno",true]`, inbox1(t, "frozen group", aGroup+`
		note('groupsReset');
		await until(() => lists().length > 0);
		const [[one]] = lists();
		Object.freeze(one);
		note('group', { group: group({ name: 'Uno', infoSequence: 2 }) });
		const [now] = (await tim.getGroupList()).data.groupList, result = [one.name, now.name, lists().at(-1)[0] === now];
		await tim.destroy();
		return result;`))
}

// What a page passes travels as it is, but for what is checked; a call that may
// come twice bears what the gateway recognises it by.
func TestRowsOfGroups(t *testing.T) {
	require.JSONEq(t, `[{"name":"One","type":"Public","memberList":[{"userID":"bob"}]},true,true,
		{"status":"WaitAdminApproval"},"g1","hi",
		{"groupID":"g1","userIDs":["bob"],"reason":"spam"},["bob"],
		{"successUserIDList":["bob"],"failureUserIDList":[],"existedUserIDList":[],"overLimitUserIDList":[]},
		{"groupID":"g1"},{"groupAttributes":{}},{"keyList":["a"]},{"memberCount":0},
		{"userID":"bob","nick":"","avatar":"","role":"Member","joinTime":0,"nameCard":"","muteUntil":9,"memberCustomField":[]},
		[2905,2905,2905,2905,2905,2905,2905]]`, inbox1(t, "rows", aGroup+`
		for (const method of ['create', 'join', 'kick', 'invite', 'quit', 'attributes.get', 'attributes.delete', 'online', 'mute']) answers['group.' + method] = () => ({ result: {} });
		const only = (method) => { const { nonce, ...params } = frames('group.' + method).at(-1); return params; };
		await tim.createGroup({ name: 'One', type: 'Public', memberList: [{ userID: 'bob' }], onProgress: () => {} });
		await tim.createGroup({ name: 'One' });
		const [{ nonce: first }, { nonce: second }] = frames('group.create');
		const result = [(({ nonce, ...params }) => params)(frames('group.create')[0]), /^[0-9a-z]{1,32}$/.test(first), first !== second];
		answers['group.join'] = () => ({ result: { status: 'WaitAdminApproval' } });
		result.push(JSON.parse(JSON.stringify((await tim.joinGroup({ groupID: 'g1', applyMessage: 'hi' })).data)), only('join').groupID, only('join').applyMessage);
		answers['group.kick'] = (p) => ({ result: { userIDs: p.userIDs, group: group() } });
		const kicked = (await tim.deleteGroupMember({ groupID: 'g1', userIDList: ['bob'], reason: 'spam' })).data;
		result.push(only('kick'), kicked.userIDList);
		answers['group.invite'] = (p) => ({ result: { successUserIDList: p.userIDs, group: group() } });
		const { group: g, ...added } = (await tim.addGroupMember({ groupID: 'g1', userIDList: ['bob'] })).data;
		answers['group.quit'] = (p) => ({ result: p });
		result.push(added, (await tim.quitGroup('g1')).data, (await tim.getGroupAttributes({ groupID: 'g1', keyList: [] })).data);
		answers['group.attributes.delete'] = (p) => ({ result: { keyList: p.keyList } });
		result.push((await tim.deleteGroupAttributes({ groupID: 'g1', keyList: ['a'] })).data, (await tim.getGroupOnlineMemberCount('g1')).data);
		answers['group.mute'] = (p) => ({ result: { group: group(), member: { userID: p.userID, role: 'Member', muteUntil: p.muteTime } } });
		result.push((await tim.setGroupMemberMuteTime({ groupID: 'g1', userID: 'bob', muteTime: 9 })).data.member);
		const cycle = { name: 'x' };
		cycle.cycle = cycle;
		result.push(await Promise.all([tim.createGroup(), tim.createGroup({}), tim.createGroup(cycle), tim.quitGroup(), tim.quitGroup({ groupID: 'g1' }),
			tim.addGroupMember({ groupID: 'g1', userIDList: [] }), tim.changeGroupOwner({ groupID: 'g1' })].map(code)));
		await tim.destroy();
		return result;`))
}

// What the rows about members, attributes and counters ask for, and resolve with.
func TestRowsOfMembersAndData(t *testing.T) {
	field := `"memberCustomField":[{"key":"k","value":"v"}]`
	require.JSONEq(t, `[
		[{"groupID":"g1","userIDs":["bob","eve"]},["memberList"],["bob"],"",50],
		[{"groupID":"g1","userID":"bob","role":"Admin"},["group","member"],"Admin"],
		[{"groupID":"g1","nameCard":"Al"},["group","member"],"Al"],
		[{"groupID":"g1","userID":"bob",`+field+`},["group","member"],[{"key":"k","value":"v"}]],
		[{"groupID":"g1","groupAttributes":{"a":"1"}},{"groupAttributes":{"a":"1"}}],
		[{"groupID":"g1","groupAttributes":{"b":"2"}},{"groupAttributes":{"b":"2"}}],
		[{"groupID":"g1","counters":{"likes":7}},{"counters":{"likes":7}}],
		[{"groupID":"g1","keyList":["likes"]},{"counters":{"likes":7}}],
		[{"groupID":"g1","newOwnerID":"bob"},"One"],["g1",{"groupID":"g1"}],
		[2905,2905,2905,2905,2905,2905,2905,2905]]`, inbox1(t, "rows of members", aGroup+`
		const asked = (method) => { const { nonce, ...params } = frames('group.' + method).at(-1); return params; };
		const data = async (promise) => JSON.parse(JSON.stringify((await promise).data)), result = [];
		answers['group.member.get'] = (p) => ({ result: { memberList: [{ userID: 'bob', role: 'Member' }] } });
		const of50 = Array.from({ length: 60 }, (_, n) => 'u' + n);
		const found = await data(tim.getGroupMemberProfile({ groupID: 'g1', userIDList: ['bob', 'eve'] }));
		const params = asked('member.get');
		await tim.getGroupMemberProfile({ groupID: 'g1', userIDList: of50 });
		result.push([params, Object.keys(found), found.memberList.map((m) => m.userID), found.memberList[0].nick, asked('member.get').userIDs.length]);
		for (const [name, method, options, key] of [
			['setGroupMemberRole', 'role', { userID: 'bob', role: 'Admin' }, 'role'], ['setGroupMemberNameCard', 'card', { nameCard: 'Al' }, 'nameCard'],
			['setGroupMemberCustomField', 'custom', { userID: 'bob', memberCustomField: [{ key: 'k', value: 'v' }] }, 'memberCustomField'],
		]) {
			answers['group.' + method] = ({ groupID, nonce, ...p }) => ({ result: { group: group(), member: { userID: 'alice', ...p } } });
			const got = await data(tim[name]({ groupID: 'g1', ...options }));
			result.push([asked(method), Object.keys(got).sort(), got.member[key]]);
		}
		for (const [name, method, options] of [
			['initGroupAttributes', 'attributes.init', { groupAttributes: { a: '1' } }], ['setGroupAttributes', 'attributes.set', { groupAttributes: { b: '2' } }],
			['setGroupCounters', 'counters.set', { counters: { likes: 7 } }],
		]) {
			answers['group.' + method] = ({ groupID, nonce, ...p }) => ({ result: p });
			result.push([(await data(tim[name]({ groupID: 'g1', ...options })), asked(method)), await data(tim[name]({ groupID: 'g1', ...options }))]);
		}
		answers['group.counters.get'] = () => ({ result: { counters: { likes: 7 } } });
		const counted = await data(tim.getGroupCounters({ groupID: 'g1', keyList: ['likes'] }));
		result.push([asked('counters.get'), counted]);
		answers['group.owner'] = () => ({ result: { group: group() } });
		const { group: handed } = await data(tim.changeGroupOwner({ groupID: 'g1', newOwnerID: 'bob' }));
		result.push([asked('owner'), handed.name]);
		answers['group.dismiss'] = (p) => ({ result: p });
		const gone = await data(tim.dismissGroup('g1'));
		result.push([asked('dismiss').groupID, gone]);
		result.push(await Promise.all([
			tim.getGroupMemberProfile({ groupID: 'g1' }), tim.setGroupMemberRole({ groupID: 'g1', role: 'Admin' }), tim.setGroupMemberNameCard({ nameCard: 'x' }),
			tim.setGroupMemberCustomField(), tim.initGroupAttributes({}), tim.setGroupAttributes(), tim.setGroupCounters({ counters: {} }), tim.dismissGroup(),
		].map(code)));
		await tim.destroy();
		return result;`))
}

func TestGetGroupProfile(t *testing.T) {
	require.Equal(t, `["One","alice",[10010,"gone"],2905]`, inbox1(t, "profile of a group", aGroup+`
		answers['group.get'] = (p) => ({ result: p.groupIDs[0] === 'g1' ? { groups: [group()] } : { groups: [], failures: [{ groupID: 'g9', code: 10010, message: 'gone' }] } });
		const g = (await tim.getGroupProfile({ groupID: 'g1' })).data.group;
		const result = [g.name, g.ownerID, await tim.getGroupProfile({ groupID: 'g9' }).catch((e) => [e.code, e.message]), await code(tim.getGroupProfile('g1'))];
		await tim.destroy();
		return result;`))
}

// A page of members is as long as it was asked for, though the gateway's are
// shorter; 0 is where there are no more.
func TestPagesOfMembers(t *testing.T) {
	require.Equal(t, `[["u0","u1","u2"],"3",["u3"],0,[[3,null],[1,"2"],[100,"3"]],15,["","Member"],["7"]]`, inbox1(t, "members", aGroup+`
		const users = ['u0', 'u1', 'u2', 'u3'], member = (userID) => ({ userID, role: 'Member' });
		answers['group.members'] = (p) => {
			const from = Number(p.offset ?? 0), to = Math.min(from + Math.min(2, p.count), users.length);
			return { result: { memberList: users.slice(from, to).map(member), ...(to < users.length && { offset: String(to) }) } };
		};
		const page = async (o) => (await tim.getGroupMemberList({ groupID: 'g1', ...o })).data, asked = () => frames('group.members');
		const one = await page({ count: 3, offset: 0 }), two = await page({ count: 1000, offset: one.offset });
		const result = [one.memberList.map((m) => m.userID), one.offset, two.memberList.map((m) => m.userID), two.offset, asked().map((p) => [p.count, p.offset || null])];
		const { memberList: [m] } = await page({ role: 'Member' });
		result.push(asked()[3].count, [m.nick, asked()[3].role]);
		await page({ offset: 7 });
		result.push(asked().slice(-1).map((p) => p.offset));
		await tim.destroy();
		return result;`))
}

func TestApplications(t *testing.T) {
	require.Equal(t, `[["bob","eve"],["",0],{"groupID":"g1","userID":"eve","authentication":"k","handleAction":"Agree","handleMessage":"come"},"One",2905]`, inbox1(t, "applications", aGroup+`
		const from = (userID) => ({ applicant: userID, groupID: 'g1', groupName: 'One', userID, authentication: 'k' });
		answers['group.applications'] = (p) => ({ result: p.next ? { applicationList: [from('eve')] } : { applicationList: [from('bob')], next: 'x' } });
		answers['group.handle'] = () => ({ result: { group: group() } });
		const { applicationList: list } = (await tim.getGroupApplicationList()).data;
		const result = [list.map((a) => a.applicant), [list[0].applicantNick, list[0].applicationType]];
		const handled = (await tim.handleGroupApplication({ handleAction: 'Agree', handleMessage: 'come', application: list[1] })).data;
		result.push(frames('group.handle')[0], handled.group.name, await code(tim.handleGroupApplication({ handleAction: 'Agree', application: {} })));
		await tim.destroy();
		return result;`))
}

// An event tells of one counter; a counter that is 0 is told of, too.
func TestCountersAndAttributes(t *testing.T) {
	require.JSONEq(t, `[{"groupID":"g1","key":"likes","value":3},{"groupID":"g1","key":"likes","value":0},[2,-2],true,[2905,2905],
		[{"groupID":"g1","key":"a","value":1},{"groupID":"g1","key":"b","value":0}],[{"groupID":"g1","groupAttributes":{"k":"v"}}]]`, inbox1(t, "counters", aGroup+`
		answers['group.counters.add'] = (p) => ({ result: { groupID: p.groupID, key: p.key, ...(p.value > 0 && { value: 3 }) } });
		const by = (value) => ({ groupID: 'g1', key: 'likes', value });
		const result = [(await tim.increaseGroupCounter(by(2))).data, (await tim.decreaseGroupCounter(by(2))).data];
		const asked = frames('group.counters.add');
		result.push(asked.map((p) => p.value), asked[0].nonce !== asked[1].nonce, [await code(tim.increaseGroupCounter(by(0))), await code(tim.decreaseGroupCounter({ groupID: 'g1', value: 1 }))]);
		note('groupsReset');
		await until(() => lists().length > 0);
		note('groupCounters', { groupID: 'g1', counters: { a: 1, b: 0 } });
		note('groupAttributes', { groupID: 'g1', groupAttributes: { k: 'v' } });
		result.push(of('GROUP_COUNTER_UPDATED'), of('GROUP_ATTRIBUTES_UPDATED'));
		await tim.destroy();
		return result;`))
}

//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// invitations are what the tests of signalling need in the page.
const invitations = `
const code = (e) => e.code, told = [];
const listen = () => { for (const [key, name] of Object.entries(TIM.TSignaling)) if (typeof name === 'string') tim.addSignalingListener(name, ({ data }) => told.push([key, data.inviteID, data.data])); };
const now = () => Math.floor(Date.now() / 1000);
const says = (actionType, inviteID, inviter, more) => JSON.stringify({ businessID: 1, inviteID, groupID: '', inviter, inviteeList: [inviter === 'bob' ? 'alice' : 'bob'], actionType, data: 'd' + actionType, timeout: actionType === 1 ? 30 : 0, ...more });
const signal = (position, data, more) => inbound(position, { conversationType: 'C2C', type: 'TIMCustomElem', time: now(), payload: { data, description: '', extension: '' }, ...more });
const came = (message) => note('messages', { messages: [message], cursor: message.position + '.1' });
const dated = (p) => stored(p, { time: now() });
answers['message.send'] = dated;
const sent = () => frames('message.send').map((p) => JSON.parse(p.payload.data));
`

func TestInvitations(t *testing.T) {
	require.Equal(t, `{"unheard":8010,"invited":["NEW_INVITATION_RECEIVED","i1","d1"],"typed":null,`+
		`"info":{"businessID":1,"inviteID":"i1","groupID":"","inviter":"bob","inviteeList":["alice"],"actionType":1,"data":"d1","timeout":30},`+
		`"notMine":8011,"failed":70169,"accepted":["i1",0,true,3,"yes"],"again":8010,"told":1,`+
		`"invite":[true,{"businessID":1,"inviter":"alice","inviteeList":["bob"],"data":"call","actionType":1,"timeout":30},false],`+
		`"modified":["call 2",30],"by bob":["INVITEE_REJECTED",true,"busy"],"over":8010,`+
		`"sync":[true,true,2905,""],"online":[true,true],"bad":[2905,2905,2905,2905]}`, inbox1(t, "signals", invitations+`
		const r = {};
		came(signal(1, says(1, 'i0', 'bob')));
		r.unheard = await tim.accept({ inviteID: 'i0' }).catch(code);
		listen();
		came(signal(2, says(1, 'i1', 'bob')));
		came(signal(3, JSON.stringify({ businessID: 'user_typing_status' })));
		came(signal(4, '{"inviteID'));
		r.invited = told.pop();
		r.typed = tim.getSignalingInfo(of('MESSAGE_RECEIVED').at(-2)[0]);
		r.info = tim.getSignalingInfo(of('MESSAGE_RECEIVED').at(-3)[0]);
		r.notMine = await tim.cancel({ inviteID: 'i1' }).catch(code);
		answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
		r.failed = await tim.accept({ inviteID: 'i1' }).catch(code);
		answers['message.send'] = dated;
		const accepted = await tim.accept({ inviteID: 'i1', data: 'yes' });
		r.accepted = [accepted.inviteID, accepted.code, accepted.data.message.flow === 'out', sent().at(-1).actionType, sent().at(-1).data];
		r.again = await tim.reject({ inviteID: 'i1' }).catch(code);
		r.told = told.length + 1;

		const { inviteID, data } = await tim.invite({ userID: 'bob', data: 'call', timeout: 30 });
		const { inviteID: wire, groupID, ...rest } = sent().at(-1);
		r.invite = [wire === inviteID && groupID === '', rest, frames('message.send').at(-1).onlineUserOnly];
		answers['message.modify'] = (p) => ({ result: { message: { ...data.message, payload: p.payload, version: 1, isModified: true } } });
		await tim.modifyInvitation({ inviteID, data: 'call 2' });
		const modified = JSON.parse(frames('message.modify')[0].payload.data);
		r.modified = [modified.data, modified.timeout];
		came(signal(50, says(4, inviteID, 'alice', { data: 'busy' })));
		const [event, id, why] = told.pop();
		r['by bob'] = [event, id === inviteID, why];
		r.over = await tim.modifyInvitation({ inviteID, data: 'x' }).catch(code);

		const ends = [];
		const one = tim.inviteSync({ userID: 'bob', timeout: 30 }, (done) => ends.push(done.inviteID), (e) => ends.push(e));
		const none = tim.inviteSync({ userID: '' }, 0, (e) => ends.push(e.code));
		tim.inviteSync({ userID: 'bob' });
		await until(() => ends.length === 2);
		r.sync = [typeof one === 'string', ends.includes(one), ends.find((e) => e === 2905), none];

		await tim.invite({ userID: 'bob', onlineUserOnly: true });
		const live = frames('message.send').at(-1).onlineUserOnly;
		await tim.cancel({ inviteID: sent().at(-1).inviteID });
		r.online = [live, frames('message.send').at(-1).onlineUserOnly];
		r.bad = [];
		for (const options of [undefined, { userID: 'alice' }, { userID: 'bob', timeout: -1 }, { userID: 'bob', timeout: 1e12 }]) r.bad.push(await tim.invite(options).catch(code));
		await tim.destroy();
		return r;`))
}

// The timer says that the time is up, and stops with the session.
func TestInvitationTimers(t *testing.T) {
	require.Equal(t, `{"late":["INVITATION_TIMEOUT","i1","d1"],"sent":[5,"d1",0],"same":true,"stopped":true,"left":0,"after":8010}`, inbox1(t, "late", invitations+`
		const r = {}, set = setTimeout, clear = clearTimeout, running = new Set();
		globalThis.setTimeout = (f, ms, ...rest) => { const h = set(() => { running.delete(h); f(...rest); }, ms); if (ms > 20000 && ms <= 30000) running.add(h); return h; };
		globalThis.clearTimeout = (h) => { running.delete(h); clear(h); };
		try {
			listen();
			came(signal(1, says(1, 'i1', 'bob', { timeout: 2 }), { time: now() + 1 }));
			await until(() => told.length === 2 && sent().length === 1);
			r.late = told.pop();
			const { actionType, data, timeout } = sent()[0];
			r.sent = [actionType, data, timeout];
			const id = frames('message.send')[0].id;
			r.same = /^YWxpY2U-[0-9a-z]+-[0-9a-z]+$/.test(id);
			came(signal(2, says(1, 'i2', 'bob', { timeout: 25 })));
			r.stopped = running.size === 1;
			await tim.logout();
			r.left = running.size;
			await tim.login({ userID: 'alice', userSig: 'x' });
			await until(() => tim.isReady());
			r.after = await tim.accept({ inviteID: 'i2' }).catch(code);
			await tim.destroy();
			return r;
		} finally {
			globalThis.setTimeout = set; globalThis.clearTimeout = clear;
		}`))
}

// A page that was reloaded looks into the conversations in which there may be an
// open invitation, and into no others.
func TestInvitationsAfterAReload(t *testing.T) {
	require.Equal(t, `[["C2Cbob","C2Ccarol","GROUPg"],["NEW_INVITATION_RECEIVED","i1","d1"],1]`, inbox1(t, "reload", invitations+`
		const last = (conversationID, ago, data) => ({ ...conv(), conversationID, lastMessage: { position: 1, lastTime: now() - ago, ...(data && { type: 'TIMCustomElem', payload: { data } }) } });
		note('conversations', { all: true, conversations: [last('C2Cbob', 5), last('C2Ccarol', 5000, says(1, 'i3', 'alice', { timeout: 9000 })), last('C2Cdave', 5000, says(1, 'i4', 'alice')), last('C2Cerin', 5000), { ...last('GROUPg', 5), type: 'GROUP', groupProfile: { groupID: 'g', type: 'Public' } }], cursor: '9.1' });
		answers['message.list'] = (p) => ({ result: { isCompleted: true, next: 0, messages: p.conversationID === 'C2Cbob' ? [signal(3, says(1, 'i1', 'bob')), signal(4, says(1, 'i2', 'bob')), signal(5, says(2, 'i2', 'bob'))] : [] } });
		listen();
		await until(() => told.length);
		const result = [frames('message.list').map((p) => p.conversationID), told[0], told.length];
		await tim.destroy();
		return result;`))
}

// Each invitee of a group answers for themselves; a signal that speaks of another
// group than that of its message, or of a group in a message between two, is none.
func TestInvitationsInGroups(t *testing.T) {
	require.Equal(t, `{"invite":[true,{"businessID":1,"groupID":"team","inviter":"alice","inviteeList":["bob","carol"],"data":"call","actionType":1,"timeout":30},"GROUP","team","High"],`+
		`"answers":[["INVITEE_ACCEPTED","bob","d3"],["INVITEE_REJECTED","carol","d4"]],"over":8010,`+
		`"invited":[["NEW_INVITATION_RECEIVED","i1",["alice","dave"]]],"accepted":[3,["alice"],"team","GROUP"],"once":8010,"cancelled":[2,["carol"]],`+
		`"sync":[true,true,"",2905],"bad":[2905,2905,2905,2905,2905,2905]}`, inbox1(t, "ingroups", invitations+`
		const r = {}, heard = [];
		for (const [key, name] of Object.entries(TIM.TSignaling)) if (typeof name === 'string') tim.addSignalingListener(name, ({ data }) => heard.push([key, data]));
		answers['message.send'] = (p) => stored(p, { conversationID: 'GROUP' + p.groupID, to: p.groupID, conversationType: p.conversationType, time: now() });
		const team = { conversationID: 'GROUPteam', conversationType: 'GROUP', to: 'team' };
		const { inviteID } = await tim.inviteInGroup({ groupID: 'team', inviteeList: ['bob', 'carol'], data: 'call', timeout: 30 });
		const { inviteID: wire, ...rest } = sent()[0], { conversationType, groupID, priority } = frames('message.send')[0];
		r.invite = [wire === inviteID, rest, conversationType, groupID, priority];
		const reply = (actionType, from) => says(actionType, inviteID, 'alice', { groupID: 'team', inviteeList: [from] });
		came(signal(50, reply(3, 'bob')));
		came(signal(51, reply(3, 'bob'), { ...team, conversationID: 'GROUPother', to: 'other' }));
		came(signal(52, reply(3, 'bob'), { ...team }));
		came(signal(53, reply(4, 'carol'), { ...team, from: 'carol' }));
		r.answers = heard.splice(0).map(([key, d]) => [key, d.invitee, d.data]);
		r.over = await tim.cancel({ inviteID }).catch(code);

		came(signal(60, says(1, 'i1', 'bob', { groupID: 'team', inviteeList: ['alice', 'dave'] }), { ...team }));
		came(signal(61, says(1, 'i2', 'bob', { groupID: 'team', inviteeList: ['dave'] }), { ...team }));
		r.invited = heard.splice(0).map(([key, d]) => [key, d.inviteID, d.inviteeList]);
		await tim.accept({ inviteID: 'i1' });
		const yes = sent().at(-1);
		r.accepted = [yes.actionType, yes.inviteeList, yes.groupID, frames('message.send').at(-1).conversationType];
		r.once = await tim.reject({ inviteID: 'i1' }).catch(code);

		const ends = [], one = tim.inviteInGroupSync({ groupID: 'team', inviteeList: ['bob', 'carol'] }, (done) => ends.push(done.inviteID), (e) => ends.push(e));
		await until(() => ends.length === 1);
		came(signal(70, says(3, one, 'alice', { groupID: 'team', inviteeList: ['bob'] }), { ...team }));
		await tim.cancel({ inviteID: one });
		r.cancelled = [sent().at(-1).actionType, sent().at(-1).inviteeList];
		const none = tim.inviteInGroupSync({ groupID: 'team' }, 0, (e) => ends.push(e.code));
		await until(() => ends.length === 2);
		r.sync = [typeof one === 'string', ends[0] === one, none, ends[1]];
		r.bad = [];
		for (const options of [undefined, { inviteeList: ['bob'] }, { groupID: 'team', inviteeList: [] }, { groupID: 'team', inviteeList: ['bob', 'alice'] }, { groupID: 'team', inviteeList: [''] }, { groupID: 'team', inviteeList: ['bob'], timeout: -1 }]) r.bad.push(await tim.inviteInGroup(options).catch(code));
		await tim.destroy();
		return r;`))
}

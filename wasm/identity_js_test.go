//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// Mallory knows the IDs of the messages that alice sent her, and sends others
// under them. A gateway refuses that. These tests are for pages whose messages
// still have old IDs, which do not name their sender, and for gateways that are
// not ours.
const mallory = `
const forged = (ID, position, more) => ({ ID, conversationID: 'C2Cmallory', conversationType: 'C2C', type: 'TIMTextElem', flow: 'in', from: 'mallory', to: 'alice', status: 'success',
	position, sequence: position, isRead: false, isPeerRead: false, isRevoked: false, payload: { text: 'forged' }, ...more });
const honest = (ID, at, more) => forged(ID, at, { flow: 'out', from: 'alice', to: 'mallory', payload: { text: 'honest' }, isRead: true, ...more });
const say = () => tim.createTextMessage({ to: 'mallory', conversationType: 'C2C', payload: { text: 'honest' } });
const told = (m) => [m.from, m.flow, m.position, m.payload.text];
const theirs = (position, unread, more) => note('messages', { conversations: [{ ...conv({ unreadCount: unread }), conversationID: 'C2Cmallory' }], ...more });
`

// Live, after alice's message: hers stays unchanged, and mallory's is shown.
func TestAnIDUsedAgainLive(t *testing.T) {
	require.Equal(t, `[["alice","out",1,"honest"],["mallory","in",2,"forged"],true,[1],true,[false,true],true]`, inbox1(t, "forged1", mallory+`
		const m = (await tim.sendMessage(say())).data.message;
		theirs(2, 1, { messages: [forged(m.ID, 2)] });
		const [[other]] = of('MESSAGE_RECEIVED');
		const result = [told(m), told(other), tim.findMessage(m.ID) === m];
		answers['message.revoke'] = (p) => ({ result: { message: honest(m.ID, p.position, { isRevoked: true, revoker: 'alice' }) } });
		const copy = JSON.parse(JSON.stringify(m));
		delete copy.position;
		await tim.revokeMessage(copy);
		result.push(frames('message.revoke').map((p) => p.position));
		await tim.revokeMessage(m);
		note('revoked', { messages: [honest(m.ID, 1, { isRevoked: true, revoker: 'alice' })], position: 3, cursor: '3.1' });
		result.push(of('MESSAGE_REVOKED')[0][0] === m && m.isRevoked);
		await tim.deleteMessage([other]);
		result.push([!!m.isDeleted, other.isDeleted], frames('message.delete')[0].positions[0] === 2);
		await tim.destroy();
		return result;`))
}

// Live, while alice's is on its way: each message finds its own object.
func TestAnIDUsedAgainOnItsWay(t *testing.T) {
	require.Equal(t, `[["mallory","in",1,"forged"],["alice","out",2,"honest"],true,true,[["mallory","in",1,"forged"],true,true]]`, inbox1(t, "forged2", mallory+`
		let settle;
		answers['message.send'] = () => 0;
		const m = say(), sent = tim.sendMessage(m);
		await until(() => frames('message.send').length);
		theirs(1, 1, { messages: [forged(m.ID, 1)] });
		const [[other]] = of('MESSAGE_RECEIVED');
		const result = [told(other)];
		note('messages', { messages: [honest(m.ID, 2)] }); // the list of another page is first, the answer gets lost
		answers['message.send'] = (p) => ({ result: { message: honest(p.id, 2) } });
		result.push(told(m), of('MESSAGE_RECEIVED')[1][0] === m, tim.findMessage(m.ID) === m);
		note('revoked', { messages: [forged(m.ID, 1, { isRevoked: true, revoker: 'mallory' })], position: 3, cursor: '3.1' });
		result.push([told(other), other.isRevoked, !m.isRevoked]);
		sent.catch(() => 0);
		await tim.destroy();
		return result;`))
}

// From the history, newest first: the forged one comes before the true one.
func TestAnIDUsedAgainInTheHistory(t *testing.T) {
	require.Equal(t, `[["mallory","in",27,"forged"],["alice","out",5,"honest"],["alice","out",5,"honest"],[true,true],[false,true]]`, inbox1(t, "forged3", mallory+`
		const ID = '00112233445566aa', all = [forged(ID, 27), honest(ID, 5)];
		answers['message.list'] = (p) => { const m = all[p.before ? 1 : 0]; return { result: { messages: [m], next: m.position, isCompleted: m.position === 5 } }; };
		const page = async (nextReqMessageID) => (await tim.getMessageList({ conversationID: 'C2Cmallory', nextReqMessageID, count: 1 })).data;
		const first = await page(), second = await page(first.nextReqMessageID);
		const [f] = first.messageList, [h] = second.messageList;
		const result = [told(f), told(h), told(tim.findMessage(ID))];
		const again = [(await page()).messageList[0], (await page(ID)).messageList[0]];
		result.push([again[0] === f, again[1] === h]);
		note('conversations', { conversations: [{ ...conv({ peerReadSequence: 6 }), conversationID: 'C2Cmallory' }] });
		result.push([f.isPeerRead, h.isPeerRead]);
		await tim.destroy();
		return result;`))
}

// From the history, when the page has the true one already: mallory's message does
// not disappear in it. One user may use an ID twice, too; positions differ then.
func TestAnIDUsedAgainLiveAndInTheHistory(t *testing.T) {
	require.Equal(t, `[["mallory","in",4,"forged"],["alice","out",1,"honest"],["mallory","in",3,"forged"],true,true,4]`, inbox1(t, "forged4", mallory+`
		const m = (await tim.sendMessage(say())).data.message;
		answers['message.list'] = () => ({ result: { isCompleted: true, next: 0, messages: [honest(m.ID, 1), forged(m.ID, 3), forged(m.ID, 4)] } });
		const read = async () => (await tim.getMessageList({ conversationID: 'C2Cmallory' })).data.messageList;
		const list = await read(), again = await read();
		const result = [told(list[2]), told(list[0]), told(list[1]), list[0] === m, again.every((one, n) => one === list[n])];
		answers['message.list'] = () => ({ result: { isCompleted: true, next: 0, messages: [forged('other', 9)] } });
		const known = new Set([...list, ...(await read())]);
		await tim.destroy();
		return [...result, known.size];`))
}

// Stores of immutable state freeze messages: the copies are told apart as well.
func TestAnIDUsedAgainOfFrozenMessages(t *testing.T) {
	require.Equal(t, `[["alice","out",1,"honest"],["mallory","in",2,"forged"],["alice",true],["mallory",true],true]`, inbox1(t, "forged5", freezing+mallory+`
		tim.on(TIM.EVENT.MESSAGE_RECEIVED, ({ data }) => deep(data));
		const m = deep((await tim.sendMessage(say())).data.message);
		theirs(2, 1, { messages: [forged(m.ID, 2)] });
		const [[other]] = of('MESSAGE_RECEIVED');
		const result = [told(m), told(other)];
		note('read', { conversationID: 'C2Cmallory', sequence: 2, time: 7, cursor: '2.1' });
		const [read] = of('MESSAGE_READ_BY_PEER').flat();
		result.push([read.from, read.isPeerRead]);
		const [deleted] = (await tim.deleteMessage([other])).data.messageList;
		result.push([deleted.from, deleted.isDeleted], tim.findMessage(m.ID) === read);
		await tim.destroy();
		return result;`))
}

// What somebody else has written cannot be sent as one's own.
func TestSendingWhatSomebodyElseWrote(t *testing.T) {
	require.Equal(t, `[[2105,2105],["mallory","in",1,"forged"],"success",false,0]`, inbox1(t, "forged6", mallory+`
		note('messages', { messages: [forged('x', 1)] });
		const [[m]] = of('MESSAGE_RECEIVED'), codes = [];
		for (const method of ['sendMessage', 'resendMessage']) codes.push(await tim[method](m).then(() => 0, (e) => e.code));
		await tim.destroy();
		return [codes, told(m), m.status, m.isResend, frames('message.send').length];`))
}

// An ID has its sender and the gateway's time in it. Before a login neither is
// known; the message gets its ID at the login, or when it is sent.
func TestAMessageIDNamesItsSender(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"ids"}`)
	require.Equal(t, `[["",""],3000,["alice",true,"alice",true],[true,true],["alice",true],["alice",true],0,["",""],["alice",true,2105]]`, script(t, options, freezing+mail+`
		const own = (m) => { const [sender, time] = m.ID.split('-');
			return /^YWxpY2U-[0-9a-z]{8}-[0-9a-z]{1,10}$/.test(m.ID) && atob(sender) === 'alice' && Math.abs(parseInt(time, 36) - tim.getServerTime()) < 60000; };
		const tim = TIM.create(options), result = [];
		const early = text(), frozen = deep(text()), named = [];
		result.push([early.ID, early.from]);
		tim.on(TIM.EVENT.SDK_READY, () => named.push(early.from, own(early)));
		const login = tim.login({ userID: 'alice', userSig: 'x' });
		result.push(await tim.sendMessage(early).then(() => 0, (e) => e.code));
		await login;
		await until(() => named.length);
		result.push([...named, early.from, own(early)]);
		const sent = (await tim.sendMessage(early)).data.message;
		result.push([sent === early, tim.findMessage(early.ID) === early]);
		const copy = (await tim.sendMessage(frozen)).data.message;
		result.push([copy.from, own(copy) && copy !== frozen && tim.findMessage(copy.ID) === copy]);
		const late = text();
		result.push([late.from, own(late)]);
		result.push(new Set(Array.from({ length: 1000 }, () => text().ID)).size - 1000);
		await tim.logout();
		const after = text();
		result.push([after.ID, after.from]);
		await tim.login({ userID: 'bob', userSig: 'x' });
		await until(() => tim.isReady());
		result.push([late.from, own(late), await tim.sendMessage(late).then(() => 0, (e) => e.code)]);
		await tim.destroy();
		return result;`))
}

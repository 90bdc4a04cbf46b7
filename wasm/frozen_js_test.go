//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Stores of immutable state (immer, and with it Redux Toolkit) freeze the plain
// objects that they are given, deeply.
const freezing = `
const deep = (o) => { if (o && typeof o === 'object' && !Object.isFrozen(o)) { Object.freeze(o); Object.values(o).forEach(deep); } return o; };
`

func TestAConversationThatThePageHasFrozen(t *testing.T) {
	require.Equal(t, `[[2,"b"],1,[true,7],"Bob",1]`, inbox1(t, "frozen1", freezing+`
		const last = (position, messageForShow) => ({ position, lastSequence: position, fromAccount: 'alice', isPeerRead: false, messageForShow });
		tim.on(TIM.EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => deep(data));
		const now = () => of('CONVERSATION_LIST_UPDATED').at(-1)[0];
		note('conversations', { conversations: [conv({ unreadCount: 1, lastMessage: last(1, 'a') })] });
		note('conversations', { conversations: [conv({ unreadCount: 2, lastMessage: last(2, 'b') })] });
		const result = [[now().unreadCount, now().lastMessage.messageForShow], of('CONVERSATION_LIST_UPDATED').at(-1).length];
		note('read', { conversationID: 'C2Cbob', sequence: 2, time: 7, cursor: '2.1' });
		result.push([now().lastMessage.isPeerRead, now().peerReadTime]);
		note('messages', { messages: [inbound(3, { nick: 'Bob' })], conversations: [{ conversationID: 'C2Cbob', unreadCount: 3 }] });
		const { conversationList } = (await tim.getConversationList()).data;
		result.push(conversationList[0].userProfile.nick, conversationList.length);
		await tim.destroy();
		return result;`))
}

// A page can also make a single property read-only, or keep an object from getting
// more properties. Object.assign throws at the first one that it cannot set, and what
// comes after it would stay as it was.
func TestAConversationThatCannotTakeEverything(t *testing.T) {
	require.Equal(t, `[[2,true,"C2Cbob",1],[3,true,true],true]`, inbox1(t, "frozen4", `
		note('conversations', { conversations: [conv({ unreadCount: 1 })] });
		const now = () => of('CONVERSATION_LIST_UPDATED').at(-1)[0];
		const first = Object.defineProperty(now(), 'conversationID', { writable: false });
		note('conversations', { conversations: [conv({ unreadCount: 2 })] });
		const second = now();
		const result = [[second.unreadCount, second !== first, second.conversationID, of('CONVERSATION_LIST_UPDATED').at(-1).length]];
		note('conversations', { conversations: [conv({ unreadCount: 3 })] });
		const { conversationList } = (await tim.getConversationList()).data;
		result.push([second.unreadCount, now() === second, conversationList[0] === second]);
		Object.defineProperty(second, 'unreadCount', { enumerable: true, get: () => { throw 'mine'; } }); // cannot be copied either
		note('conversations', { conversations: [conv({ unreadCount: 4 })] });
		result.push(now() === second);
		await tim.destroy();
		return result;`))
}

func TestAMessageThatThePageHasFrozen(t *testing.T) {
	require.Equal(t, `[["success",1],true,["fail","fail"],["success",2],true,true,[true,true],[true,"bob"],true,true]`, inbox1(t, "frozen2", freezing+`
		note('conversations', { conversations: [conv()] });
		const sent = (await tim.sendMessage(deep(text()))).data.message;
		const result = [[sent.status, sent.position], tim.findMessage(sent.ID) === sent];
		answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
		const m = text(), failing = tim.sendMessage(m).catch((e) => e.data.message);
		deep(m); // on its way
		const failed = deep(await failing);
		answers['message.send'] = stored;
		const again = (await tim.resendMessage(failed)).data.message;
		result.push([failed.status, tim.findMessage(m.ID) ? failed.status : ''], [again.status, again.position]);
		deep(sent); deep(again);
		note('read', { conversationID: 'C2Cbob', sequence: 2, time: 7, cursor: '2.1' });
		const read = of('MESSAGE_READ_BY_PEER').flat();
		result.push(read.length === 2 && read.every((m) => m.isPeerRead), tim.findMessage(sent.ID).isPeerRead);
		note('messages', { messages: [inbound(3)], conversations: [conv({ unreadCount: 1 })] });
		const [got] = deep(of('MESSAGE_RECEIVED').at(-1));
		note('conversations', { conversations: [conv({ unreadCount: 0 })] });
		note('revoked', { messages: [inbound(3, { isRevoked: true, revoker: 'bob', isRead: true })], position: 4 });
		const [revoked] = deep(of('MESSAGE_REVOKED').at(-1));
		result.push([revoked.isRead, revoked.isRevoked], [tim.findMessage('in3') === revoked, revoked.revoker]);
		const { messageList } = (await tim.deleteMessage([deep(revoked)])).data;
		answers['message.revoke'] = () => ({ result: { message: { ...sent, isRevoked: true } } });
		result.push(messageList[0].isDeleted, (await tim.revokeMessage(sent)).data.message.isRevoked);
		await tim.destroy();
		return result;`))
}

// A page that has frozen a message's object passes that object to a call: the copy
// that took its place is updated, and no third object is made.
func TestAFrozenMessageHasOneCopy(t *testing.T) {
	require.Equal(t, `[true,[true,true],true,[true,true,true],true]`, inbox1(t, "frozen3", freezing+`
		note('conversations', { conversations: [conv()] });
		const sent = deep((await tim.sendMessage(text())).data.message);
		note('read', { conversationID: 'C2Cbob', sequence: 1, time: 7, cursor: '1.1' });
		const [read] = of('MESSAGE_READ_BY_PEER').flat();
		const result = [read !== sent && tim.findMessage(sent.ID) === read];
		answers['message.revoke'] = () => ({ result: { message: { ...sent, isRevoked: true, isPeerRead: false } } });
		const revoked = (await tim.revokeMessage(sent)).data.message;
		result.push([revoked === read, tim.findMessage(sent.ID) === read], read.isRevoked);
		const [deleted] = (await tim.deleteMessage([sent])).data.messageList;
		result.push([deleted === read, read.isDeleted, read.isPeerRead], tim.findMessage(sent.ID) === read);
		await tim.destroy();
		return result;`))
}

// Pages that keep copies, as a mini program's setData makes them, pass these to
// revoke and delete. A copy that was made before the answer has no position.
func TestACopyOfAMessage(t *testing.T) {
	require.Equal(t, `[[1],[[2]],true,2105]`, inbox1(t, "copies", `
		const copies = [];
		globalThis.kept = [];
		for (let n = 0; n < 2; n++) {
			const m = text();
			copies.push(JSON.parse(JSON.stringify(m)));
			kept.push(m);
			await tim.sendMessage(m);
		}
		answers['message.revoke'] = () => ({ result: { message: { ...kept[0], isRevoked: true } } });
		const revoked = (await tim.revokeMessage(copies[0])).data.message.isRevoked;
		await tim.deleteMessage([copies[1]]);
		const none = await tim.revokeMessage({ ID: 'none' }).catch((e) => e.code);
		await tim.destroy();
		return [frames('message.revoke').map((p) => p.position), frames('message.delete').map((p) => p.positions), revoked, none];`))
}

// Once the page has asked for the profile, a message has its sender's name from
// the start, as with the originals.
func TestAMessageBearsItsSender(t *testing.T) {
	require.Equal(t, `[["",""],["Al","a.png"],["Al2","a.png"],["Al3",""],["",""]]`, inbox1(t, "sender", `
		const from = () => { const m = text(); return [m.nick, m.avatar]; };
		const result = [from()];
		answers['profile.get'] = () => ({ result: { profiles: [{ userID: 'alice', nick: 'Al', avatar: 'a.png' }] } });
		await tim.getMyProfile();
		result.push(from());
		answers['profile.set'] = () => ({ result: { profile: { userID: 'alice', nick: 'Al2', avatar: 'a.png' } } });
		await tim.updateMyProfile({ nick: 'Al2' });
		result.push(from());
		note('profile', { profile: { userID: 'alice', nick: 'Al3', avatar: '' } });
		result.push(from());
		await tim.logout();
		result.push(from());
		await tim.destroy();
		return result;`))
}

//go:build js && wasm

package main

import (
	"fmt"
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// mail is a Loopback that keeps what is sent and answers messages, and the calls
// that answers names.
const mail = `
const sentFrames = [], answers = {}, stock = Loopback.prototype.send;
let position = 0;
Loopback.prototype.send = function (text) {
	const { id, method, params } = JSON.parse(text);
	sentFrames.push({ method, params });
	const own = answers[method];
	if (own) return setTimeout(() => { const a = own(params); if (a) this.receive({ jsonrpc: '2.0', id, ...a }); }, 0);
	stock.call(this, text);
};
const stored = (p, more) => ({ result: { message: { ID: p.id, conversationID: 'C2C' + p.to, flow: 'out', status: 'success', payload: p.payload, to: p.to, type: p.type,
	from: 'alice', sequence: ++position, position, isRead: true, isPeerRead: false, isRevoked: false, onlineOnlyFlag: p.onlineUserOnly, ...more } } });
answers['message.send'] = stored;
const note = (method, params) => Loopback.last.receive({ jsonrpc: '2.0', method, params });
const conv = (more) => ({ conversationID: 'C2Cbob', type: 'C2C', userProfile: { userID: 'bob' }, unreadCount: 0, peerReadSequence: 0, lastMessage: { position: 1 }, ...more });
const inbound = (position, more) => ({ ID: 'in' + position, conversationID: 'C2Cbob', flow: 'in', from: 'bob', to: 'alice', status: 'success', position, sequence: position, isRead: false, isRevoked: false, payload: { text: 'x' }, ...more });
const text = () => tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'x' } });
const of = (name) => seen.filter(([key]) => key === name).map(([, data]) => data);
const frames = (name) => sentFrames.filter((f) => f.method === name).map((f) => f.params);
`

func inbox1(t *testing.T, name, body string) string {
	t.Helper()
	options := bridge.Parse(fmt.Sprintf(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":%q}`, name))
	return script(t, options, mail+loginAndWait+`await tim.getConversationList();`+body)
}

// A message that is sent again is the same message, whichever method sends it.
func TestSentAgain(t *testing.T) {
	require.Equal(t, `[[false,false],[true,false],[true,false],[false,true],[true,true],[true,true]]`, inbox1(t, "again", `
		const m = text(), live = text();
		answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
		await tim.sendMessage(m).catch(() => 0);
		await tim.sendMessage(m).catch(() => 0);
		answers['message.send'] = stored;
		await tim.resendMessage(m);
		answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
		await tim.sendMessage(live, { onlineUserOnly: true }).catch(() => 0);
		await tim.resendMessage(live).catch(() => 0);
		answers['message.send'] = stored;
		await tim.sendMessage(live);
		await tim.destroy();
		return frames('message.send').map((p) => [p.resend, p.onlineUserOnly]);`))
}

// Read marks from here and elsewhere show in the objects that the page has, and a
// page has read only what it was given.
func TestReadShowsInTheObjects(t *testing.T) {
	require.Equal(t, `[[false,false],[true,true],["2.1","2.1"]]`, inbox1(t, "read", `
		note('messages', { messages: [inbound(1), inbound(2)], conversations: [conv({ unreadCount: 2 })], cursor: '2.1' });
		const [list] = of('MESSAGE_RECEIVED'), before = list.map((m) => m.isRead);
		note('conversations', { conversations: [conv({ unreadCount: 0 })] });
		const after = list.map((m) => m.isRead);
		await tim.setMessageRead({ conversationID: 'C2Cbob' });
		await tim.setAllMessageRead();
		await tim.destroy();
		return [before, after, [...frames('message.read'), ...frames('message.readAll')].map((p) => p.cursor)];`))
}

// If the peer has read while the link was lost, the page is told as if the link
// had been there, also when the list comes as a whole and when the answer to a
// send comes afterwards.
func TestReadByPeerMeanwhile(t *testing.T) {
	for _, all := range []string{"false", "true"} {
		require.Equal(t, `[true,[1],true,[1,2],true]`, inbox1(t, "peer"+all, `
			const m = text(), late = text();
			note('conversations', { conversations: [conv()] });
			await tim.sendMessage(m);
			note('conversations', { all: `+all+`, conversations: [conv({ peerReadSequence: 2 })] });
			const result = [m.isPeerRead, of('MESSAGE_READ_BY_PEER').flat().map((m) => m.sequence)];
			await tim.sendMessage(late);
			result.push(late.isPeerRead, of('MESSAGE_READ_BY_PEER').flat().map((m) => m.sequence));
			result.push(of('MESSAGE_READ_BY_PEER').flat()[1] === late);
			await tim.destroy();
			return result;`))
	}
}

// A read mark of the peer changes the list if the last message is the user's own.
func TestReadByPeerChangesTheList(t *testing.T) {
	require.Equal(t, `[true,true,7,false,[1,1]]`, inbox1(t, "list", `
		note('conversations', { conversations: [conv({ lastMessage: { position: 1, lastSequence: 1, fromAccount: 'alice', isPeerRead: false } })] });
		const lists = () => of('CONVERSATION_LIST_UPDATED').length, had = lists();
		await tim.sendMessage(text());
		note('read', { conversationID: 'C2Cbob', sequence: 1, time: 7, cursor: '2.1' });
		const [c] = (await tim.getConversationList()).data.conversationList;
		const result = [lists() > had, c.lastMessage.isPeerRead, c.peerReadTime];
		note('conversations', { conversations: [conv({ peerReadSequence: 1, lastMessage: { position: 3, lastSequence: 2, fromAccount: 'bob', isPeerRead: false } })] });
		note('read', { conversationID: 'C2Cbob', sequence: 2, time: 8, cursor: '4.1' });
		result.push(c.lastMessage.isPeerRead, of('MESSAGE_READ_BY_PEER').map((list) => list.length).concat([1]));
		await tim.destroy();
		return result;`))
}

// A revocation comes once, and a page of the history that is older than it does
// not undo it.
func TestRevokedOnceAndForAll(t *testing.T) {
	require.Equal(t, `[1,true,"bob",true,true]`, inbox1(t, "revoked", `
		note('messages', { messages: [inbound(1)] });
		const [[m]] = of('MESSAGE_RECEIVED');
		answers['message.list'] = () => {
			for (const cursor of ['2.1', '3.1']) note('revoked', { messages: [inbound(1, { isRevoked: true, revoker: 'bob', isRead: true })], cursor, position: 2 });
			return { result: { messages: [inbound(1, { revoker: '' })], isCompleted: true, next: 0 } };
		};
		const { data } = await tim.getMessageList({ conversationID: 'C2Cbob' });
		await tim.destroy();
		return [of('MESSAGE_REVOKED').length, m.isRevoked, m.revoker, m.isRead, data.messageList[0] === m];`))
}

// Messages that the page has dropped leave nothing behind, however many
// conversations they were in.
func TestForgottenMessagesLeaveNothing(t *testing.T) {
	old := bridge.Global("WeakRef")
	defer bridge.Set(safejs.Global(), "WeakRef", old)
	dead, err := bridge.Global("Function").New("this.deref = () => undefined;")
	require.NoError(t, err)
	bridge.Set(safejs.Global(), "WeakRef", dead)
	in := newPage(nil)
	for n := range 20_000 {
		in.hold(bridge.Parse(fmt.Sprintf(`{"ID":"%d","conversationID":"C2C%d"}`, n, n/10)))
	}
	require.Less(t, len(in.live), cleanFrom)
}

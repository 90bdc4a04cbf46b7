//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// What was asked before a logout is answered before it; but the page has said
// that it is done: no event comes of these answers. A message that was given
// now could not be acknowledged any more, and would come again.
func TestNoEventsOnceALogoutHasBegun(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"quiet"}`)
	require.Equal(t, `[["LOGIN_STATUS_CHANGE","SDK_NOT_READY","LOGIN_STATUS_CHANGE"],["C2Cbob"],0]`, script(t, options, mail+`
		const mailed = Loopback.prototype.send;
		let sync;
		Loopback.prototype.send = function (text) {
			const { id, method } = JSON.parse(text);
			if (method === 'session.sync') sync = id;
			else mailed.call(this, text);
		};
		`+loginAndWait+`
		note('messages', { messages: [inbound(3)], conversations: [conv({ unreadCount: 1 })], cursor: '3.1' });
		const list = tim.getConversationList();
		seen.length = 0;
		const out = tim.logout();
		Loopback.last.receive({ jsonrpc: '2.0', id: sync, result: { cursor: '3.1' } });
		await out;
		const ids = (await list).data.conversationList.map((c) => c.conversationID);
		await new Promise((r) => setTimeout(r, 20));
		const result = [seen.map(([key]) => key), ids, frames('message.ack').length];
		await tim.destroy();
		return result;`))
}

func TestNoEventsOfCallsThatALogoutFollows(t *testing.T) {
	require.Equal(t, `[["LOGIN_STATUS_CHANGE","SDK_NOT_READY","LOGIN_STATUS_CHANGE"],"C2Cbob","success"]`, inbox1(t, "quiet2", profiles+`
		note('conversations', { conversations: [conv({ conversationID: 'C2Ceve' })] });
		seen.length = 0;
		const opened = tim.getConversationProfile('C2Cbob'), profile = tim.getConversationProfile('C2Ceve'), sent = tim.sendMessage(text());
		await tim.logout();
		await new Promise((r) => setTimeout(r, 20));
		const result = [seen.map(([key]) => key), (await opened).data.conversation.conversationID, (await sent).data.message.status];
		await profile;
		await tim.destroy();
		return result;`))
}

// The list comes before the messages: a listener of it that logs out has been
// given them all the same, and they do not come again.
func TestAListenerOfTheListThatLogsOut(t *testing.T) {
	require.Equal(t, `[["7.1"],true,1]`, inbox1(t, "leaves2", `
		let out;
		tim.on(TIM.EVENT.CONVERSATION_LIST_UPDATED, () => { out ??= tim.logout(); });
		note('messages', { messages: [inbound(7)], conversations: [conv({ unreadCount: 1 })], cursor: '7.1' });
		await out;
		const at = (name) => sentFrames.findIndex(({ method }) => method === name);
		const result = [frames('message.ack').map((p) => p.cursor), at('message.ack') < at('logout'), of('MESSAGE_RECEIVED').length];
		await tim.destroy();
		return result;`))
}

// A profile that was asked for is none of a user who has left.
func TestAProfileThatComesToNobody(t *testing.T) {
	require.Equal(t, `[3005,0]`, inbox1(t, "nobody", `
		answers['profile.get'] = () => null;
		note('conversations', { conversations: [conv({ userProfile: undefined })] });
		const asked = tim.getConversationProfile('C2Cbob').then(() => 0, (e) => e.code);
		await tim.logout();
		const result = [await asked, of('ERROR').length];
		await tim.destroy();
		return result;`))
}

// What is kept here of a conversation that began here goes with the session.
func TestAConversationThatBeganAndALogout(t *testing.T) {
	require.Equal(t, `[3005,3005,3005,3005,false]`, inbox1(t, "quiet3", profiles+`
		const c = (await tim.getConversationProfile('C2Cbob')).data.conversation;
		const out = tim.logout(), code = (p) => p.then(() => 0, (e) => e.code);
		const result = [await code(tim.pinConversation({ conversationID: 'C2Cbob', isPinned: true })),
			await code(tim.setConversationDraft({ conversationID: 'C2Cbob', draftText: 'x' })),
			await code(tim.clearHistoryMessage('C2Cbob')), await code(tim.deleteConversation('C2Cbob')), c.isPinned];
		await out;
		await tim.destroy();
		return result;`))
}

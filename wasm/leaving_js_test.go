//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Calls made before a logout are answered before it. But the page has said that it
// is done, so these answers cause no event.
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

// The event of the list comes before that of the messages. If its listener logs
// out, the messages count as given and do not come again.
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

// A profile that comes after its user has left is dropped.
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

//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const profiles = `
answers['profile.get'] = (p) => ({ result: { profiles: p.userIDs.map((userID) => ({ userID, nick: 'N ' + userID, avatar: '', gender: 'Gender_Type_Unknown' })) } });
const list = async () => (await tim.getConversationList()).data.conversationList;
const ids = async () => (await list()).map((c) => c.conversationID);
`

// A page begins a conversation by asking for its profile, as with the originals.
// The list has the conversation, and it stays the same object with the first
// message.
func TestAConversationThatBegins(t *testing.T) {
	require.Equal(t, `[["C2Cbob","bob","N bob",0,"",true],["C2Cpinned","C2Cbob","C2Cold"],["C2Cpinned","C2Cbob","C2Cold"],[true,"hi"],["C2Cpinned","C2Cnew","C2Cbob","C2Cold"],1]`,
		inbox1(t, "begins", profiles+`
		const at = (id, position, more) => conv({ conversationID: id, lastMessage: { position }, ...more });
		note('conversations', { all: true, conversations: [at('C2Cold', 5), at('C2Cpinned', 3, { isPinned: true })] });
		const [one, two] = await Promise.all(['C2Cbob', 'C2Cbob'].map((id) => tim.getConversationProfile(id)));
		const c = one.data.conversation;
		const result = [[c.conversationID, c.toAccount, c.userProfile.nick, c.lastMessage.lastTime, c.lastMessage.messageForShow, c === two.data.conversation], await ids()];
		note('conversations', { all: true, conversations: [at('C2Cold', 5), at('C2Cpinned', 3, { isPinned: true })] });
		result.push(await ids());
		note('conversations', { conversations: [conv({ lastMessage: { position: 9, messageForShow: 'hi' } })] });
		result.push([(await list())[1] === c, c.lastMessage.messageForShow]);
		note('conversations', { conversations: [at('C2Cnew', 10)] });
		result.push(await ids(), of('CONVERSATION_LIST_UPDATED').at(-1).filter((c) => c.conversationID === 'C2Cbob').length);
		await tim.destroy();
		return result;`))
}

func TestNoConversationBegins(t *testing.T) {
	require.Equal(t, `[2503,2503,2503,70169,2503,[]]`, inbox1(t, "none", profiles+`
		const code = (id) => tim.getConversationProfile(id).then(() => 0, (e) => e.code);
		const result = [await code('bob'), await code('C2C'), await code()];
		answers['profile.get'] = () => ({ error: { code: 70169, message: 'later' } });
		result.push(await code('C2Cbob'));
		answers['profile.get'] = () => ({ result: { profiles: [] } });
		result.push(await code('C2Cbob'), await ids());
		await tim.destroy();
		return result;`))
}

// What a page sets of a conversation before its first message is kept, and sent to
// the gateway with that message.
func TestSettingsOfAConversationThatBegins(t *testing.T) {
	require.Equal(t, `[[true,"dear","mine"],["C2Cbob","C2Cold"],0,["conversation.pin","conversation.draft","conversation.custom"],[true,"dear","mine"]]`,
		inbox1(t, "settings", profiles+`
		note('conversations', { conversations: [conv({ conversationID: 'C2Cold', lastMessage: { position: 5 } })] });
		const c = (await tim.getConversationProfile('C2Cbob')).data.conversation;
		await tim.pinConversation({ conversationID: 'C2Cbob', isPinned: true });
		await tim.setConversationDraft({ conversationID: 'C2Cbob', draftText: 'dear' });
		await tim.setConversationCustomData({ conversationIDList: ['C2Cbob'], customData: 'mine' });
		await tim.clearHistoryMessage('C2Cbob');
		const kept = () => [c.isPinned, c.draftText, c.customData], told = () => sentFrames.map((f) => f.method).filter((m) => m.startsWith('conversation.'));
		const result = [kept(), await ids(), told().length];
		note('conversations', { conversations: [conv({ isPinned: false, draftText: '', customData: '', lastMessage: { position: 9 } })] });
		result.push(told(), kept());
		await tim.destroy();
		return result;`))
}

func TestDeletingAConversationThatBegins(t *testing.T) {
	require.Equal(t, `[{"conversationID":"C2Cbob"},[],{"conversationIDList":["C2Cbob","C2Cold"]},[["C2Cold"]],["C2Cold"]]`, inbox1(t, "deletes", profiles+`
		await tim.getConversationProfile('C2Cbob');
		const result = [(await tim.deleteConversation('C2Cbob')).data, await ids()];
		await tim.getConversationProfile('C2Cbob');
		note('conversations', { conversations: [conv({ conversationID: 'C2Cold', lastMessage: { position: 5 } })] });
		result.push((await tim.deleteConversation({ conversationIDList: ['C2Cbob', 'C2Cold'] })).data);
		result.push(frames('conversation.delete').map((p) => p.conversationIDs), await ids());
		await tim.destroy();
		return result;`))
}

// A page that asks for a profile whenever the list has changed does not loop.
func TestAProfileThatHasNotChangedChangesNoList(t *testing.T) {
	require.Equal(t, `[true,true,"N bob","N2"]`, inbox1(t, "profile", profiles+`
		note('conversations', { conversations: [conv()] });
		let asked = 0;
		tim.on(TIM.EVENT.CONVERSATION_LIST_UPDATED, () => { if (++asked < 50) tim.getConversationProfile('C2Cbob'); });
		const c = (await tim.getConversationProfile('C2Cbob')).data.conversation;
		const settled = async () => { for (let had = -1; had !== asked; ) { had = asked; await new Promise((r) => setTimeout(r, 30)); } };
		await settled();
		const result = [asked > 0, asked < 5, c.userProfile.nick];
		answers['profile.get'] = () => ({ result: { profiles: [{ userID: 'bob', nick: 'N2' }] } });
		await tim.getConversationProfile('C2Cbob');
		await settled();
		result.push(c.userProfile.nick);
		await tim.destroy();
		return result;`))
}

// The answer to setConversationDraft has the conversation, as in the originals.
func TestADraftAnswersWithTheConversation(t *testing.T) {
	require.Equal(t, `["C2Cbob",true,"dear"]`, inbox1(t, "draft", `
		note('conversations', { conversations: [conv()] });
		answers['conversation.draft'] = (p) => (note('conversations', { conversations: [conv({ draftText: p.draftText })] }), { result: {} });
		const [c] = (await tim.getConversationList()).data.conversationList;
		const { data } = await tim.setConversationDraft({ conversationID: 'C2Cbob', draftText: 'dear' });
		await tim.destroy();
		return [data.conversationID, data.conversation === c, data.conversation && data.conversation.draftText];`))
}

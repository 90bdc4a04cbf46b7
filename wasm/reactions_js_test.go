//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// In a group reactions say how many there are, and who they are comes in pages.
func TestReactionsInAGroup(t *testing.T) {
	require.Equal(t, `[[{"messageID":"in7","reactionList":[{"reactionID":"smile","totalUserCount":12,"partialUserList":[{"userID":"bob","nick":"Bob","avatar":""}],"reactedByMyself":true}]}],`+
		`[{"conversationID":"GROUPg","position":7,"reactionID":"smile","next":0,"count":1},{"userList":[{"userID":"bob","nick":"Bob","avatar":""}],"nextSeq":1,"isCompleted":false}],`+
		`[1,{"userList":[],"nextSeq":0,"isCompleted":true}],2105]`, inbox1(t, "groupreactions", `
		const result = [], bob = { userID: 'bob', nick: 'Bob', avatar: '' };
		note('messages', { messages: [inbound(7, { conversationID: 'GROUPg', conversationType: 'GROUP', to: 'g' })] });
		const [m] = of('MESSAGE_RECEIVED').flat();
		answers['message.reactions'] = () => ({ result: {
			reactions: [{ position: 7, reactionList: [{ reactionID: 'smile', userIDs: ['bob', 'unnamed'], totalUserCount: 12, reactedByMyself: true }] }], users: [bob],
		} });
		result.push((await tim.getMessageReactions({ messageList: [m] })).data.resultList);
		answers['message.reactors'] = (p) => ({ result: p.next ? { users: [] } : { users: [bob], next: 1 } });
		const first = (await tim.getAllUserListOfMessageReaction({ message: m, reactionID: 'smile', nextSeq: 0, count: 1 })).data;
		result.push([frames('message.reactors')[0], first]);
		const second = (await tim.getAllUserListOfMessageReaction({ message: m, reactionID: 'smile', nextSeq: first.nextSeq })).data;
		result.push([frames('message.reactors')[1].next, second]);
		result.push(await tim.getAllUserListOfMessageReaction({ message: { conversationType: 'GROUP' }, reactionID: 'smile' }).catch((e) => e.code));
		await tim.destroy();
		return result;`))
}

// Reactions go to a message by its place, and what is known of them has the
// originals' shape.
func TestReactions(t *testing.T) {
	require.Equal(t, `[[[{"conversationID":"C2Cbob","position":7,"reactionID":"smile","remove":false},{"conversationID":"C2Cbob","position":7,"reactionID":"smile","remove":true}],{}],2905,2105,`+
		`[{"conversationID":"C2Cbob","positions":[7,8]},[{"messageID":"in7","reactionList":[{"reactionID":"smile","totalUserCount":2,"partialUserList":[{"userID":"bob","nick":"Bob","avatar":""}],"reactedByMyself":true},{"reactionID":"frown","totalUserCount":1,"partialUserList":[{"userID":"bob","nick":"Bob","avatar":""}],"reactedByMyself":false}]},{"messageID":"in8","reactionList":[]}]],`+
		`{"userList":[{"userID":"bob","nick":"Bob","avatar":""},{"userID":"alice","nick":"Al","avatar":""}],"nextSeq":0,"isCompleted":true},[],`+
		`[2905,2905],[{"messageID":"in7","reactionList":[]}]]`, inbox1(t, "reactions", `
		const result = [];
		note('messages', { messages: [inbound(7), inbound(8), inbound(1, { ID: 'other', conversationID: 'C2Ccarol', from: 'carol' })] });
		const [m, plain, foreign] = of('MESSAGE_RECEIVED').flat();
		answers['message.react'] = () => ({ result: {} });
		const { data } = await tim.addMessageReaction(m, 'smile');
		await tim.removeMessageReaction(m, 'smile');
		result.push([frames('message.react'), data]);
		result.push(await tim.addMessageReaction(m).catch((e) => e.code), await tim.addMessageReaction(text(), 'smile').catch((e) => e.code));
		answers['message.reactions'] = () => ({ result: {
			reactions: [{ position: 7, reactionList: [{ reactionID: 'smile', userIDs: ['bob', 'alice'] }, { reactionID: 'frown', userIDs: ['bob'] }] }],
			users: [{ userID: 'alice', nick: 'Al', avatar: '' }, { userID: 'bob', nick: 'Bob', avatar: '' }],
		} });
		const list = (await tim.getMessageReactions({ messageList: [m, plain], maxUserCountPerReaction: 1 })).data.resultList;
		result.push([frames('message.reactions')[0], list]);
		result.push((await tim.getAllUserListOfMessageReaction({ message: m, reactionID: 'smile', nextSeq: 0, count: 100 })).data);
		result.push((await tim.getAllUserListOfMessageReaction({ message: m, reactionID: 'nobody' })).data.userList);
		result.push([await tim.getMessageReactions({ messageList: [m, foreign] }).catch((e) => e.code), await tim.getAllUserListOfMessageReaction().catch((e) => e.code)]);
		note('reactions', { conversationID: 'C2Cbob', position: 7, version: 1, reactionID: 'smile', data: { messageID: 'in7', reactionList: [] } });
		result.push(of('MESSAGE_REACTIONS_UPDATED'));
		await tim.destroy();
		return result;`))
}

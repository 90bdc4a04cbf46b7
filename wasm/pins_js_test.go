//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Messages of a group are pinned by position; the list and the event have the one
// object that the page has of each.
func TestPins(t *testing.T) {
	require.JSONEq(t, `[{"conversationID":"GROUPg1","position":4,"isPinned":true},{},["g1",true,true,{"userID":"carol","nick":"Carol","avatar":""}],
		[["in9","in4"],true,[{"conversationID":"GROUPg1","before":0},{"conversationID":"GROUPg1","before":9}]],[2105,2905,2905]]`, inbox1(t, "pins", inAGroup+`
		const result = [];
		note('messages', { messages: [said(4)], conversations: [head(4)] });
		const [m] = of('MESSAGE_RECEIVED').flat();
		answers['message.pin'] = () => ({ result: {} });
		const { data } = await tim.pinGroupMessage({ groupID: 'g1', message: m, isPinned: true });
		result.push(frames('message.pin')[0], data);
		note('pinned', { messages: [said(4)], isPinned: true, operator: { userID: 'carol', nick: 'Carol', avatar: '' }, cursor: '2.0.5', position: 5 });
		const [event] = of('PINNED_GROUP_MESSAGE_UPDATED');
		result.push([event.groupID, event.message === m, event.isPinned, event.operatorInfo]);
		answers['message.pinned'] = (p) => ({ result: p.before === 0 ? { messages: [said(9)], next: 9 } : { messages: [said(4)] } });
		const { messageList } = (await tim.getPinnedGroupMessageList('g1')).data;
		result.push([messageList.map((m) => m.ID), messageList[1] === m, frames('message.pinned')]);
		const refusal = (promise) => promise.then(() => 0, (e) => e.code);
		result.push([await refusal(tim.pinGroupMessage({ groupID: 'g1', message: ingroup() })), await refusal(tim.pinGroupMessage({ message: m })), await refusal(tim.getPinnedGroupMessageList(''))]);
		await tim.destroy();
		return result;`))
}

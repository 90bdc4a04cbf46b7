//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A page from a place comes in as many calls as the gateway needs to find it and to
// fill the page; the objects are those that the page has.
func TestHopping(t *testing.T) {
	require.JSONEq(t, `[[["in1","in2","in3"],false,3.5,null],true,
		[{"conversationID":"C2Cbob","time":9,"newer":false,"count":3,"from":0},{"conversationID":"C2Cbob","time":9,"newer":false,"count":3,"from":70},
			{"conversationID":"C2Cbob","time":6.5,"newer":false,"count":1,"from":0}],
		[["in4","in5"],true,null,""],["alice",true,"in"],
		[{"conversationID":"GROUPg1","sequence":4,"newer":true,"count":15,"from":0},{"conversationID":"GROUPg1","sequence":5,"newer":true,"count":14,"from":0}],
		[[],false,null,null],{"conversationID":"GROUPg1","sequence":0,"newer":false,"count":15,"from":0},[2905,2905,70402]]`, inbox1(t, "hopping", inAGroup+`
		const parts = [], told = ({ data }) => [data.messageList.map((m) => m.ID), data.isCompleted, data.nextMessageTime, data.nextMessageSeq];
		answers['message.hop'] = () => parts.shift();
		const at = (result) => parts.push({ result });
		at({ messages: [], isCompleted: false, from: 70 });
		at({ messages: [inbound(2), inbound(3)], isCompleted: false, next: 6.5 });
		at({ messages: [inbound(1)], isCompleted: false, next: 3.5 });
		const page = await tim.getMessageListHopping({ conversationID: 'C2Cbob', time: 9, sequence: 'of groups only', count: 3 });
		const result = [told(page), page.data.messageList[2] === tim.findMessage('in3'), frames('message.hop')];
		at({ messages: [said(4, { from: 'alice' })], isCompleted: false, next: 5 });
		at({ messages: [said(5)], isCompleted: true });
		const inGroup = await tim.getMessageListHopping({ conversationID: 'GROUPg1', sequence: 4, direction: 1, count: 99 });
		const [own, theirs] = inGroup.data.messageList;
		result.push(told(inGroup), [own.from, own.flow === 'out', theirs.flow], frames('message.hop').slice(3));
		at({ messages: [], isCompleted: false }); // a gateway that does not go on ends the page
		result.push(told(await tim.getMessageListHopping({ conversationID: 'GROUPg1' })), frames('message.hop')[5]);
		parts.push({ error: { code: 70402, message: 'no' } });
		const refused = (o) => tim.getMessageListHopping({ conversationID: 'C2Cbob', ...o }).then(() => 0, (e) => e.code);
		result.push([await refused({ direction: 2 }), await refused({ time: '9' }), await refused({ time: 9 })]);
		await tim.destroy();
		return result;`))
}

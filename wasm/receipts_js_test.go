//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A receipt is given for those messages that ask for one, and shows on the one
// object that the page has of a message, whatever is known of it later.
func TestReadReceipts(t *testing.T) {
	require.Equal(t, `[[{"conversationID":"C2Cbob","positions":[7,9]},{}],2114,2905,`+
		`[true,true,{"isPeerRead":true,"timestamp":5}],[{"userID":"bob","messageID":"ID","isPeerRead":true,"timestamp":5}],`+
		`{"isPeerRead":true,"timestamp":5},[{"conversationID":"C2Cbob","positions":[1]},true,{"isPeerRead":true,"timestamp":6}],{"isPeerRead":false,"timestamp":0},0]`, inbox1(t, "receipts", `
		const result = [], read = { needReadReceipt: true };
		note('messages', { messages: [inbound(7, read), inbound(8), inbound(9, read)] });
		const came = of('MESSAGE_RECEIVED').flat();
		answers['message.receipt'] = () => ({ result: {} });
		const { data } = await tim.sendMessageReadReceipt(came);
		result.push([frames('message.receipt')[0], data]);
		result.push(await tim.sendMessageReadReceipt([came[1]]).catch((e) => e.code));
		result.push(await tim.sendMessageReadReceipt('no list').catch((e) => e.code));

		const m = tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'hello' }, needReadReceipt: true });
		answers['message.send'] = (p) => {
			const answer = stored(p);
			answer.result.message.needReadReceipt = p.needReadReceipt;
			return answer;
		};
		await tim.sendMessage(m);
		const id = m.ID;
		note('receipts', { conversationID: 'C2Cbob', receipts: [{ ID: id, position: 99, time: 4 }] });
		note('receipts', { conversationID: 'C2Cbob', receipts: [{ ID: id, position: 1, time: 5 }] });
		result.push([frames('message.send').at(-1).needReadReceipt, m.needReadReceipt, m.readReceiptInfo]);
		result.push(of('MESSAGE_READ_RECEIPT_RECEIVED').at(-1).map((r) => ({ ...r, messageID: r.messageID === id ? 'ID' : r.messageID })));
		note('modified', { messages: [{ ID: id, conversationID: 'C2Cbob', type: 'TIMTextElem', flow: 'out', from: 'alice', to: 'bob', sequence: 1, position: 1,
			payload: { text: 'after' }, needReadReceipt: true, isModified: true, version: 1 }], position: 3, cursor: '3.1' });
		result.push({ ...m.readReceiptInfo });

		answers['message.receipts'] = () => ({ result: { receipts: [{ position: 1, time: 6 }] } });
		const list = (await tim.getMessageReadReceiptList([came[0], m])).data.messageList;
		result.push([frames('message.receipts')[0], list[0] === came[0] && list[1] === m, { ...m.readReceiptInfo }]);
		answers['message.receipts'] = () => ({ result: { receipts: [] } });
		await tim.getMessageReadReceiptList([m]);
		result.push(m.readReceiptInfo);
		const asked = frames('message.receipts').length;
		await tim.getMessageReadReceiptList([came[0]]);
		result.push(frames('message.receipts').length - asked);
		await tim.destroy();
		return result;`))
}

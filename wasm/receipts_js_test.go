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
		`{"isPeerRead":true,"timestamp":5},[{"conversationID":"C2Cbob","positions":[1]},true,{"isPeerRead":true,"timestamp":6}],{"isPeerRead":true,"timestamp":6},{"isPeerRead":false,"timestamp":0},0]`, inbox1(t, "receipts", `
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
		result.push({ ...m.readReceiptInfo }); // a receipt that has come is never taken back
		m.readReceiptInfo = {};
		await tim.getMessageReadReceiptList([m]);
		result.push(m.readReceiptInfo);
		const asked = frames('message.receipts').length;
		await tim.getMessageReadReceiptList([came[0]]);
		result.push(frames('message.receipts').length - asked);
		await tim.destroy();
		return result;`))
}

// In a group a message says how many have read it, whatever comes first: a receipt, an
// earlier one, or a page of the history.
func TestReceiptsInAGroup(t *testing.T) {
	require.JSONEq(t, `[[true,{"readCount":0,"unreadCount":3}],[{"groupID":"g1","messageID":true,"readCount":2,"unreadCount":1}],{"readCount":2,"unreadCount":1},
		{"readCount":2,"unreadCount":1},{"readCount":2,"unreadCount":1},{"readCount":3,"unreadCount":0},
		{"readCount":3,"unreadCount":0},[{"conversationID":"GROUPg1","position":1,"unread":true,"cursor":"bob","count":2},
		{"messageID":true,"cursor":"","isCompleted":true,"readUserIDList":[],"unreadUserIDList":["eve"],"readUserInfoList":[],"unreadUserInfoList":[{"userID":"eve"}]}],2105]`, inbox1(t, "group receipts", inAGroup+`
		note('conversations', { conversations: [mineOf(0, 0)] });
		answers['message.send'] = (p) => ({ result: { message: said(1, { ID: p.id, from: 'alice', needReadReceipt: p.needReadReceipt, readReceiptInfo: { readCount: 0, unreadCount: 3 } }) } });
		const m = tim.createTextMessage({ to: 'g1', conversationType: 'GROUP', payload: { text: 'x' }, needReadReceipt: true }), result = [];
		await tim.sendMessage(m);
		const info = () => ({ ...m.readReceiptInfo });
		result.push([m.needReadReceipt, info()]);
		const count = (readCount, unreadCount) => note('receipts', { conversationID: 'GROUPg1', receipts: [{ ID: m.ID, position: 1, readCount, unreadCount }] });
		count(2, 1);
		result.push(of('MESSAGE_READ_RECEIPT_RECEIVED')[0].map((r) => ({ ...r, messageID: r.messageID === m.ID })), info());
		count(1, 2);
		result.push(info());
		const page = (more) => { answers['message.list'] = () => ({ result: { messages: [said(1, { ID: m.ID, from: 'alice', needReadReceipt: true, ...more })], isCompleted: true } }); };
		page({ readReceiptInfo: { readCount: 1, unreadCount: 2 } });
		await tim.getMessageList({ conversationID: 'GROUPg1' });
		result.push(info());
		answers['message.receipts'] = () => ({ result: { receipts: [{ position: 1, readCount: 3, unreadCount: 0 }] } });
		await tim.getMessageReadReceiptList([m]);
		result.push(info());
		page({});
		await tim.getMessageList({ conversationID: 'GROUPg1' });
		result.push(info());
		answers['message.readers'] = () => ({ result: { users: [{ userID: 'eve' }], cursor: '' } });
		const { data } = await tim.getGroupMessageReadMemberList({ message: m, filter: 1, cursor: 'bob', count: 2 });
		result.push([frames('message.readers')[0], { ...data, messageID: data.messageID === m.ID }]);
		result.push(await tim.getGroupMessageReadMemberList({ message: ingroup() }).catch((e) => e.code));
		await tim.destroy();
		return result;`))
}

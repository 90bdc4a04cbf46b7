//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the page has changed in a message is stored, with how much of that it had
// seen; the objects of both users' pages are brought up to date in place.
func TestModifyMessage(t *testing.T) {
	require.Equal(t, `[[{"conversationID":"C2Cbob","position":1,"version":0,"cloudCustomData":"c","payload":{"text":"after"}},true,"after",true,1],`+
		`[true,"later",2,"c2"],["later",2],[2480,true,"newest",3],[{"conversationID":"C2Cbob","position":9,"version":0,"cloudCustomData":"x"},"x"],2105]`, inbox1(t, "modify", `
		const m = (await tim.sendMessage(text())).data.message, result = [];
		const form = (text, version, more) => ({ ID: m.ID, conversationID: 'C2Cbob', type: 'TIMTextElem', flow: 'out', from: 'alice', to: 'bob', sequence: 1, position: 1,
			payload: { text }, isModified: true, version, ...more });
		answers['message.modify'] = (p) => ({ result: { message: form(p.payload.text, p.version + 1, { cloudCustomData: p.cloudCustomData }) } });
		m.payload.text = 'after';
		m.cloudCustomData = 'c';
		const { data } = await tim.modifyMessage(m);
		result.push([frames('message.modify')[0], data.message === m, m.payload.text, m.isModified, m.version]);
		note('modified', { messages: [form('later', 2, { cloudCustomData: 'c2' })], position: 3, cursor: '3.1' });
		result.push([of('MESSAGE_MODIFIED')[0][0] === m, m.payload.text, m.version, m.cloudCustomData]);
		note('modified', { messages: [form('overtaken', 1)], position: 4, cursor: '4.1' });
		note('revoked', { messages: [form('', 0, { payload: { text: 'before' }, isModified: false, isRevoked: true })], position: 5, cursor: '5.1' });
		result.push([m.payload.text, m.version]);
		answers['message.modify'] = () => ({ result: { conflict: true, message: form('newest', 3) } });
		const problem = await tim.modifyMessage(m).catch((e) => e);
		result.push([problem.code, problem.data.message === m, m.payload.text, m.version]);
		// Of a picture only the custom data; of what was never sent nothing.
		note('messages', { messages: [inbound(9, { type: 'TIMImageElem', payload: { uuid: '1400000000-pic' } })] });
		const picture = of('MESSAGE_RECEIVED').flat()[0];
		picture.cloudCustomData = 'x';
		answers['message.modify'] = (p) => ({ result: { message: { ...picture, version: 1, isModified: true, cloudCustomData: p.cloudCustomData } } });
		await tim.modifyMessage(picture);
		result.push([frames('message.modify').at(-1), picture.cloudCustomData].map((v) => v.payload ? 'no payload was to be sent' : v));
		result.push(await tim.modifyMessage(text()).then(() => 0, (e) => e.code));
		await tim.destroy();
		return result;`))
}

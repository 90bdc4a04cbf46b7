//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Extensions go to a message by its place, with what the page knows of each key, and
// come back in the originals' shape.
func TestExtensions(t *testing.T) {
	require.Equal(t, `[[true,true,false],`+
		`[{"conversationID":"C2Cbob","position":7,"extensions":[{"key":"k","value":"v","seq":0},{"key":"l","value":"w","seq":0}],"remove":false},{"extensions":[{"code":0,"key":"k","value":"v"},{"code":23001,"key":"l","value":"theirs"}]}],20,`+
		`[{"extensions":[{"key":"k","value":"v"},{"key":"l","value":"x"}]},{"extensions":[{"key":"l","value":"x"}]}],`+
		`[{"conversationID":"C2Cbob","position":7,"extensions":[{"key":"l","value":"","seq":5}],"remove":true},{"conversationID":"C2Cbob","position":7,"extensions":[],"remove":true},[],2],`+
		`[2905,2905,2105,2105],`+
		`[[{"messageID":"in7","extensions":[{"code":0,"key":"n","value":"1"}]}],[{"messageID":"in7","keyList":["k"]}]]]`, inbox1(t, "extensions", `
		const result = [];
		note('messages', { messages: [inbound(7, { isSupportExtension: true })] });
		const [m] = of('MESSAGE_RECEIVED').flat();
		const poll = tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'poll' }, isSupportExtension: true });
		const sent = tim.sendMessage(poll).catch(() => {});
		await sent;
		result.push([m.isSupportExtension, frames('message.send')[0].isSupportExtension, text().isSupportExtension]);
		answers['message.extend'] = (p) => ({ result: { extensions: [{ code: 0, key: 'k', value: 'v' }, { code: 23001, key: 'l', value: 'theirs' }].slice(0, p.extensions.length), seqs: [3, 2].slice(0, p.extensions.length) } });
		const { data } = await tim.setMessageExtensions(m, [{ key: 'k', value: 'v' }, { key: 'l', value: 'w' }]);
		result.push([frames('message.extend')[0], data]);
		await tim.setMessageExtensions(m, Array.from({ length: 21 }, (_, n) => ({ key: 'key' + n, value: '' })));
		result.push(frames('message.extend')[1].extensions.length);
		answers['message.extensions'] = () => ({ result: { extensions: [{ key: 'k', value: 'v' }, { key: 'l', value: 'x' }], seqs: [3, 5] } });
		result.push([(await tim.getMessageExtensions(m)).data, (await tim.getMessageExtensions(m, ['l'])).data]);
		await tim.deleteMessageExtensions(m, ['l']);
		await tim.deleteMessageExtensions(m);
		const none = (await tim.deleteMessageExtensions(m, [])).data.extensions;
		const calls = frames('message.extend');
		result.push([calls[2], calls[3], none, calls.length - 2]);
		result.push(await Promise.all([tim.setMessageExtensions(m), tim.setMessageExtensions(m, []), tim.getMessageExtensions(text()), tim.deleteMessageExtensions()].map((p) => p.catch((e) => e.code))));
		note('extensions', { conversationID: 'C2Cbob', position: 7, messageID: 'in7', extensions: [{ code: 0, key: 'n', value: '1' }, { code: 0, key: 'k', value: '' }], seqs: [7, -8] });
		result.push([of('MESSAGE_EXTENSIONS_UPDATED'), of('MESSAGE_EXTENSIONS_DELETED')]);
		await tim.destroy();
		return result;`))
}

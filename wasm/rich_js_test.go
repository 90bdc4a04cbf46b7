//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// Stickers and places: what they say, before they are sent and on the wire.
func TestFacesAndLocations(t *testing.T) {
	require.Equal(t, `[["TIMFaceElem",{"index":1,"data":"smile"},true],["TIMFaceElem",{"index":0,"data":""},true],`+
		`["TIMLocationElem",{"longitude":13.4,"latitude":-52,"description":"here"},true]]`, inbox1(t, "faces", `
		const result = [];
		for (const [method, payload] of [
			['createFaceMessage', { index: 1, data: 'smile', more: 1 }],
			['createFaceMessage', { index: 0 }],
			['createLocationMessage', { description: 'here', longitude: 13.4, latitude: -52 }],
		]) {
			const m = tim[method]({ to: 'bob', conversationType: 'C2C', payload });
			const { data } = await tim.sendMessage(m);
			const sent = frames('message.send').at(-1);
			result.push([m.type, m.payload, data.message === m && sent.type === m.type && JSON.stringify(sent.payload) === JSON.stringify(m.payload)]);
		}
		await tim.destroy();
		return result;`))
}

func TestBadPayloadsThrow(t *testing.T) {
	a := create(t, app)
	for method, payloads := range map[string][]string{
		"createFaceMessage":     {`null`, `{}`, `{"index":"1"}`, `{"index":1e999}`, `{"index":1,"data":2}`},
		"createLocationMessage": {`"x"`, `{"longitude":1}`, `{"longitude":1,"latitude":null}`, `{"longitude":1,"latitude":2,"description":{}}`},
		"createForwardMessage":  {`null`, `{}`, `{"type":"TIMTextElem"}`, `{"payload":{"text":"x"}}`},
	} {
		for _, payload := range payloads {
			options := bridge.Parse(`{"to":"bob","conversationType":"C2C","payload":` + payload + `}`)
			require.Equal(t, 2905, code(throws(t, a, method, options)), "%s %s", method, payload)
		}
	}
}

// A message that quotes another one names it, to its receivers and by what they get; a
// frozen one is copied.
func TestQuoting(t *testing.T) {
	require.Equal(t, `[true,{"msgID":"in7","messageTime":1700000000,"messageSequence":7},{"msgID":"in7","messageTime":1700000000,"messageSequence":7},`+
		`true,false,{"msgID":"q","messageTime":1,"messageSequence":2},"undefined",[2905,2905,2905]]`, inbox1(t, "quoting", `
		note('messages', { messages: [inbound(7, { time: 1700000000 }), inbound(8, { quoteInfo: { msgID: 'q', messageTime: 1, messageSequence: 2 } })] });
		const [quoted, theirs] = of('MESSAGE_RECEIVED').flat();
		const m = text(), same = tim.createQuoteMessage(m, quoted) === m;
		await tim.sendMessage(m);
		const result = [same, m.quoteInfo, frames('message.send')[0].quoteInfo];
		const cold = Object.freeze(text()), copy = tim.createQuoteMessage(cold, quoted);
		result.push(copy !== cold && copy.ID === cold.ID && copy.quoteInfo.msgID === 'in7', 'quoteInfo' in cold, theirs.quoteInfo);
		await tim.sendMessage(text());
		result.push(typeof frames('message.send')[1].quoteInfo);
		result.push([[], [text()], [{ ID: 'x' }, quoted]].map((args) => { try { return tim.createQuoteMessage(...args); } catch (e) { return e.code; } }));
		await tim.destroy();
		return result;`))
}

// What is forwarded is a message of its own with the same words; a file is
// named again and not sent again.
func TestForwarding(t *testing.T) {
	require.Equal(t, `[["TIMTextElem",{"text":"x"},true,true,""],["TIMImageElem",{"uuid":"1400000000-pic"},true,true,""],0]`, inbox1(t, "forward", `
		let uploads = 0;
		answers['media.ticket'] = () => { uploads++; return { error: { code: 2041, message: 'no' } }; };
		note('messages', { messages: [
			inbound(11, { type: 'TIMTextElem', payload: { text: 'x' }, cloudCustomData: 'theirs' }),
			inbound(12, { type: 'TIMImageElem', payload: { uuid: '1400000000-pic', imageFormat: 3, size: 5, width: 4, height: 3 } }),
		], conversations: [conv({ unreadCount: 2 })] });
		const result = [];
		for (const m of of('MESSAGE_RECEIVED').flat()) {
			const f = tim.createForwardMessage({ to: 'eve', conversationType: 'C2C', payload: m }), same = JSON.stringify(f.payload) === JSON.stringify(m.payload);
			await tim.sendMessage(f);
			const sent = frames('message.send').at(-1);
			result.push([sent.type, sent.payload, sent.to === 'eve' && f.ID !== m.ID && f.from === 'alice', same && f.payload !== m.payload, sent.cloudCustomData]);
		}
		await tim.destroy();
		return [...result, uploads];`))
}

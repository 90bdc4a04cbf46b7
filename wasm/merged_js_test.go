//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// requests takes the place of XMLHttpRequest: what is posted has a name of its
// own and is there to be fetched.
const requests = `
const realXHR = XMLHttpRequest, asked = [], files = {};
globalThis.XMLHttpRequest = class {
	upload = {}; status = 0; responseText = '';
	open(...args) { this.args = args; }
	setRequestHeader(name, value) { this.name = value.replace('Bearer ', ''); }
	async send(file) {
		asked.push(this.args.map((a) => a.replace(/^.*(?=\/media)/, '')).join(' '));
		const [method, url] = this.args, name = url.split('-').at(-1).split('/').at(-1);
		if (method === 'POST') files[this.name] = await file.text();
		this.status = method === 'POST' || name in files ? 200 : 404;
		this.responseText = method === 'POST' ? '{}' : files[name] ?? '';
		setTimeout(() => this.onloadend?.(), 0);
	}
	abort() {}
};
let tickets = 0;
answers['media.ticket'] = () => ({ result: { ticket: 'f' + ++tickets, name: 'f' + tickets } });
const uuid = (key) => !key || key.includes('-') ? key : '1400000000-' + key;
answers['message.send'] = (p) => stored({ ...p, payload: { ...p.payload, ...(p.payload.downloadKey && { downloadKey: uuid(p.payload.downloadKey) }) } });
const merge = (messageList, more) => tim.createMergerMessage({ to: 'bob', conversationType: 'C2C', payload: { messageList, title: 't', abstractList: ['a'], compatibleText: 'c', ...more } });
`

// A merger holds what its messages say at that moment. Their files are named,
// and shown from the gateway of whoever looks.
func TestMerging(t *testing.T) {
	require.Equal(t, `[{"title":"t","compatibleText":"c","version":0,"downloadKey":"","pbDownloadKey":"","layersOverLimit":false,"abstractList":["a"],"messageList":[`+
		`{"ID":"in11","from":"bob","nick":"","avatar":"","cloudCustomData":"","receiverUserID":"alice","messageBody":[{"type":"TIMTextElem","payload":{"text":"x"}}]},`+
		`{"ID":"in12","from":"bob","nick":"","avatar":"","cloudCustomData":"","receiverUserID":"alice","messageBody":[{"type":"TIMFileElem","payload":{"uuid":"1400000000-notes","fileUrl":"URL/1400000000/notes","downloadFlag":2}}]}],`+
		`"files":["1400000000-notes"]},true,["x","URL/1400000000/notes",""],[]]`, inbox1(t, "merging", requests+`
		try {
			note('messages', { messages: [inbound(11, { type: 'TIMTextElem', payload: { text: 'x' } }), inbound(12, { type: 'TIMFileElem', payload: { uuid: '1400000000-notes' } })] });
			const list = of('MESSAGE_RECEIVED').flat();
			const m = merge(list), payload = JSON.stringify(m.payload, (key, v) => key === 'time' ? undefined : v);
			list[0].payload.text = 'changed';
			await tim.sendMessage(m);
			const [sent] = frames('message.send');
			// A peer's may say what it likes.
			const theirs = (payload) => ({ ID: 'y', messageBody: [{ type: 'TIMFileElem', payload }] });
			note('messages', { messages: [inbound(13, { type: 'TIMRelayElem', payload: { ...sent.payload,
				messageList: [sent.payload.messageList[0], theirs({ uuid: '1400000000-notes', fileUrl: 'http://elsewhere/' }), theirs({ uuid: '1-../../x', fileUrl: 'http://elsewhere/' })] } })] });
			const got = of('MESSAGE_RECEIVED').flat().at(-1).payload.messageList.map(({ messageBody: [{ payload }] }) => payload.text ?? payload.fileUrl);
			const short = (text) => text.replaceAll(/https?:\/\/[^"]*?\/media/g, 'URL');
			return [JSON.parse(short(payload)), JSON.stringify(sent.payload) === JSON.stringify(m.payload), JSON.parse(short(JSON.stringify(got))), asked];
		} finally {
			globalThis.XMLHttpRequest = realXHR;
			await tim.destroy();
		}`))
}

// Many messages go into a file, once, and come out of it when they are asked
// for; so does a merger in a merger.
func TestMergingMany(t *testing.T) {
	require.Equal(t, `[[0,"f1",30,"1400000000-f1"],["fail",70169],["POST /media"],`+
		`[0,true,30,"long"],["POST /media","GET /media/1400000000/f1"],[[0,"1400000000-f1"]],`+
		`["f2",0,"f1"],[2450,"fail"],[2451,2452]]`, inbox1(t, "merging2", requests+`
		const code = (p) => p.then(() => 0, (e) => e.code), result = [];
		try {
			const said = tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'long'.repeat(100) } });
			const m = merge(Array(30).fill(said)), send = answers['message.send'];
			answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
			const failed = [await code(tim.sendMessage(m)), m.status].reverse();
			answers['message.send'] = send;
			await tim.resendMessage(m);
			const { payload } = frames('message.send').at(-1);
			result.push([payload.messageList.length, payload.downloadKey, m.payload.messageList.length, m.payload.downloadKey], failed, [...asked]);
			note('messages', { messages: [inbound(11, { type: 'TIMRelayElem', payload: { ...payload, downloadKey: uuid(payload.downloadKey) } })] });
			const [got] = of('MESSAGE_RECEIVED').flat(), before = got.payload.messageList.length;
			const same = await tim.downloadMergerMessage(got) === got && await tim.downloadMergerMessage(got) === got;
			result.push([before, same, got.payload.messageList.length, got.payload.messageList[29].messageBody[0].payload.text.slice(0, 4)], [...asked]);
			const forward = tim.createForwardMessage({ to: 'eve', conversationType: 'C2C', payload: got });
			await tim.sendMessage(forward);
			result.push([frames('message.send').at(-1).payload].map((p) => [p.messageList.length, p.downloadKey]));
			const nested = merge([got]);
			await tim.sendMessage(nested);
			const last = frames('message.send').at(-1).payload;
			result.push([last.downloadKey, last.messageList.length, last.files[0].split('-')[1]]);
			const huge = merge([{ ...said, payload: { text: 'x'.repeat(530_000) } }]);
			result.push([await code(tim.sendMessage(huge)), huge.status]);
			result.push([await code(tim.downloadMergerMessage(said)), await code(tim.downloadMergerMessage({ payload: { downloadKey: '1400000000-none', messageList: [] } }))]);
			return result;
		} finally {
			globalThis.XMLHttpRequest = realXHR;
			await tim.destroy();
		}`))
}

func TestBadMergersThrow(t *testing.T) {
	a := create(t, app)
	for _, payload := range []string{`null`, `{}`, `{"messageList":[]}`, `{"messageList":{}}`, `{"messageList":[null]}`, `{"messageList":[{"ID":"x"}]}`} {
		options := bridge.Parse(`{"to":"bob","conversationType":"C2C","payload":` + payload + `}`)
		require.Equal(t, 2905, code(throws(t, a, "createMergerMessage", options)), payload)
	}
}

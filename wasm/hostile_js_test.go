//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// What an app passes may be a proxy, and its traps may throw. An exception out
// of a plain read or write would unwind Go's stack and end the runtime.
func TestArgumentsThatThrow(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"hostile"}`)
	require.Equal(t, `["ready",[]]`, script(t, options, loginAndWait+`
		const bad = () => { throw new Error('a trap'); };
		const traps = ['get', 'set', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'defineProperty', 'getPrototypeOf', 'apply'];
		const proxies = [];
		for (const of of [{}, [], () => {}]) {
			proxies.push(new Proxy(of, Object.fromEntries(traps.map((trap) => [trap, bad]))));
			for (const trap of ['get', 'set', 'ownKeys']) proxies.push(new Proxy(of, { [trap]: bad }));
		}
		proxies.push(Object.defineProperty([], 0, { get: bad, enumerable: true }), Object.freeze({}), Object.freeze([]));
		const message = tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'x' } });
		proxies.push(new Proxy(message, { set: bad }), Object.freeze({ ...message }), Object.defineProperty({ ...message }, 'status', { set: bad, get: () => 'fail' }));
		const stuck = [], keys = ['userIDList', 'payload', 'message', 'conversationIDList', 'customData', 'messageList', 'to', 'nick'];
		for (const name of Object.keys(tim)) {
			if (/^(on|once|off|destroy|logout|login)$/.test(name)) continue;
			for (const p of proxies) {
				for (const given of [[p], [p, p], ...keys.map((key) => [{ [key]: p, conversationType: 'C2C', conversationID: 'C2Cbob' }])]) {
					try {
						const result = tim[name](...given);
						if (result && result.catch) result.catch(() => {});
					} catch (e) {
						if (e.name !== 'IMError') stuck.push(name + ': ' + e.message);
					}
				}
			}
		}
		for (const name of ['on', 'once', 'off', 'login']) for (const p of proxies) {
			try { await Promise.resolve(tim[name](p, p, p)).catch(() => {}); } catch (e) { if (e.name !== 'IMError') stuck.push(name + ': ' + e.message); }
		}
		const error = console.error;
		console.error = () => {};
		for (const p of proxies) for (const given of [p, { SDKAppID: p }, { SDKAppID: 1, name: p, proxyServer: p }]) {
			const made = TIM.create(given);
			if (made) await made.destroy();
		}
		console.error = error;
		const result = [tim.getLoginStatus().status, [...new Set(stuck)]];
		await tim.destroy();
		return result;`))
}

// A call that fits no frame, or whose arguments are no JSON, rejects at once. It keeps
// no place of those that wait for the gateway: after as many as there are, the next call
// is answered.
func TestArgumentsThatCannotBeSent(t *testing.T) {
	require.Equal(t, `[["70402"],[2905,2905],[90001,80002,"fail"],"success",0]`, inbox1(t, "unsent", `
		const code = (p) => p.then(() => 0, (e) => e.code);
		const huge = 'x'.repeat(70000), circle = {};
		circle.circle = circle;
		const before = sentFrames.length, drafts = [];
		for (let n = 0; n < 20; n++) drafts.push(code(tim.setConversationDraft({ conversationID: 'C2Cbob', draftText: huge })));
		const result = [[...new Set(await Promise.all(drafts))].map(String)];
		result.push(await Promise.all([code(tim.getUserProfile({ userIDList: [1n] })), code(tim.updateMyProfile({ nick: circle }))]));
		const quotes = text(), long = text();
		quotes.quoteInfo = { n: 1n };
		long.quoteInfo = { msgID: huge };
		result.push([await code(tim.sendMessage(quotes)), await code(tim.sendMessage(long)), long.status]);
		const unsent = sentFrames.slice(before).filter(({ method }) => method !== 'ping').length;
		result.push((await tim.sendMessage(text())).data.message.status, unsent);
		await tim.destroy();
		return result;`))
}

//go:build js && wasm

package main

import (
	"testing"
	"time"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// loopback is a WebSocket whose gateway sits in the page: it admits every
// login, answers everything but a message, and keeps the newest socket at hand.
const loopback = `
class Loopback {
  constructor() { Loopback.last = this; setTimeout(() => this.onopen && this.onopen({}), 0); }
  send(text) {
    const { id, method } = JSON.parse(text);
    if (method === 'message.send') return;
    const result = method === 'login' ? { serverTime: Date.now(), expiresIn: 86400000, heartbeat: 15000, farewell: 'x' } : {};
    setTimeout(() => this.receive({ jsonrpc: '2.0', id, result }), 0);
  }
  close() { this.closed = true; }
  receive(frame) { this.onmessage && this.onmessage({ data: JSON.stringify(frame) }); }
}
const seen = [];
const until = (check) => new Promise((resolve) => { const look = () => check() ? resolve() : setTimeout(look, 1); look(); });
`

// script runs JavaScript as a page would, with tim and TIM defined, and returns
// what it resolves with as JSON. The page of gotest.mjs has no policy against
// that.
func script(t *testing.T, o safejs.Value, body string) string {
	t.Helper()
	old := bridge.Global("WebSocket")
	t.Cleanup(func() { bridge.Set(safejs.Global(), "WebSocket", old) })
	f, err := bridge.Global("Function").New("TIM", "options", loopback+"globalThis.WebSocket = Loopback; return (async () => {"+body+"})();")
	require.NoError(t, err)
	promise, err := f.Invoke(the.tim, o)
	require.NoError(t, err)
	got := await(t, promise)
	require.Zero(t, got.code, stringify(t, got.value))
	return stringify(t, got.value)
}

const loginAndWait = `
const tim = TIM.create(options);
for (const [key, name] of Object.entries(TIM.EVENT)) tim.on(name, ({ data }) => seen.push([key, data]));
await tim.login({ userID: 'alice', userSig: 'x' });
await until(() => tim.isReady());
`

func TestASessionLeavesNothingBehind(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"left"}`)
	for range 3 {
		require.Equal(t, `[2903,true,true]`, script(t, options, loginAndWait+`
			const message = tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'x' } });
			const pending = tim.sendMessage(message).catch((e) => e.code);
			await tim.destroy();
			return [await pending, Loopback.last.closed, Loopback.last.onmessage === null];`))
		require.Empty(t, the.instances)
		require.Eventually(t, func() bool { return bridge.Live() == baseline }, 30*time.Second, 5*time.Millisecond,
			"functions left behind: %d, not %d", bridge.Live(), baseline)
	}
}

func TestEventsOfAKickWhileALoginIsPending(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"kicked"}`)
	require.Equal(t, `[3002,["LOGIN_STATUS_CHANGE","rejected","KICKED_OUT","LOGIN_STATUS_CHANGE"],{"status":"loggedOut","reason":"multipleDevice"},3002]`,
		script(t, options, `
			const tim = TIM.create(options);
			const order = [];
			for (const key of ['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT', 'LOGIN_STATUS_CHANGE']) tim.on(TIM.EVENT[key], () => setTimeout(() => order.push(key), 0));
			Loopback.prototype.send = function () {
				setTimeout(() => this.receive({ jsonrpc: '2.0', method: 'evicted', params: { type: 'multipleDevice' } }), 0);
			};
			const code = await tim.login({ userID: 'alice', userSig: 'x' }).catch((e) => { order.push('rejected'); return e.code; });
			await until(() => order.length > 3);
			const status = tim.getLoginStatus();
			const gated = await tim.sendMessage(tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 'x' } })).catch((e) => e.code);
			await tim.destroy();
			return [code, order, status, gated];`))
}

// The timer of a failed synchronisation is stopped with the instance.
func TestDestroyEndsTheRetryOfMessages(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"retry"}`)
	require.Equal(t, `[1,0]`, script(t, options, `
		const answer = Loopback.prototype.send, set = setTimeout, clear = clearTimeout, running = new Set();
		Loopback.prototype.send = function (text) {
			const { id, method } = JSON.parse(text);
			if (method !== 'session.sync') return answer.call(this, text);
			this.receive({ jsonrpc: '2.0', id, error: { code: 70169, message: 'later' } });
		};
		`+loginAndWait+`
		globalThis.setTimeout = (f, ms, ...rest) => { const h = set(f, ms, ...rest); if (ms >= 1000) running.add(h); return h; };
		globalThis.clearTimeout = (h) => { running.delete(h); clear(h); };
		try {
			Loopback.last.receive({ jsonrpc: '2.0', method: 'conversations', params: {} });
			await tim.logout(); running.clear();
			await tim.login({ userID: 'alice', userSig: 'x' }); await until(() => tim.isReady());
			await until(() => running.size > 0);
			const own = [...running];
			await tim.destroy();
			return [own.length > 0 ? 1 : 0, running.size];
		} finally {
			globalThis.setTimeout = set; globalThis.clearTimeout = clear;
		}`))
}

// Whatever nonsense a gateway sends, the runtime goes on and none of it reaches
// the page.
func TestAbsurdFrames(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"absurd"}`)
	require.Equal(t, `[true,"ready",[]]`, script(t, options, loginAndWait+`
		await until(() => tim.getServerTime() > 0);
		const before = seen.length;
		for (const frame of [
			{}, { id: null }, { id: 'x' }, { id: 1e300, result: {} }, { id: -1, result: {} }, { id: 99, error: {} }, { id: 99, error: 'x' },
			{ method: '' , id: 0 }, { method: 5 }, { method: 'evicted.not' }, { method: 'messages', params: null }, { method: 'messages', params: [] },
			{ method: 'messages', params: { messages: 5 } }, { method: 'messages', params: { messages: [null, 5, {}] } }, { method: 'conversations' },
			{ method: 'read', params: {} }, { method: 'drain' }, { method: '__proto__', params: {} }, { method: 'toString', params: { length: 1e9 } },
		]) Loopback.last.receive({ jsonrpc: '2.0', ...frame });
		await new Promise((resolve) => setTimeout(resolve, 20));
		const after = seen.slice(before).filter(([key]) => key === 'ERROR' || key === 'KICKED_OUT' || key.startsWith('SDK'));
		const result = [tim.isReady(), tim.getLoginStatus().status, after];
		await tim.destroy();
		return result;`))
}

// A framework that mounts a component twice (React's StrictMode) creates an
// instance and destroys it before it creates the one that logs in. After a reload
// that one finds its place nevertheless. Its logout leaves nothing stored.
func TestTheStoredInstanceOutlivesAnother(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"strict"}`)
	require.Equal(t, `["abababababababababababababababab",true,false]`, script(t, options, `
		const stored = () => sessionStorage.getItem('tim:1400000000:strict') !== null;
		const instances = [], answer = Loopback.prototype.send;
		Loopback.prototype.send = function (text) {
			const { method, params } = JSON.parse(text);
			if (method === 'login') instances.push(params.instance);
			answer.call(this, text);
		};
		sessionStorage.setItem('tim:1400000000:strict', 'ab'.repeat(16) + '\nalice');
		await TIM.create(options).destroy();
		`+loginAndWait+`
		const kept = stored();
		await tim.logout();
		const left = stored();
		await tim.destroy();
		return [instances[0], kept, left];`))
}

// Go has no type for a BigInt. As an argument it counts as a value of a wrong
// type.
func TestBigIntArguments(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"big"}`)
	require.Equal(t, `[2002,2003,2002,2024,2905,2905,2905,[2024],"told",true]`, script(t, options, `
		const tim = TIM.create(options), errors = [];
		tim.on(TIM.EVENT.ERROR, ({ data }) => errors.push(data.code));
		const code = (e) => e.code;
		const thrown = (f) => { try { f(); } catch (e) { return e.code; } };
		const result = [
			await tim.login({ userID: 1n, userSig: 'x' }).catch(code),
			await tim.login({ userID: 'alice', userSig: 1n }).catch(code),
			await tim.login(1n).catch(code),
			await tim.renewUserSig(1n).catch(code),
			thrown(() => tim.on(1n, () => {})),
			thrown(() => tim.off('x', 1n)),
			thrown(() => tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: { text: 1n } })),
			errors,
		];
		tim.setLogLevel(1n);
		tim.on(TIM.EVENT.SDK_DESTROY, () => 1n);
		tim.on(TIM.EVENT.SDK_DESTROY, () => result.push('told'));
		const error = console.error;
		console.error = () => {};
		const other = TIM.create({ SDKAppID: 1n });
		console.error = error;
		await tim.destroy();
		return [...result, other === null];`))
}

//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// A whole list comes in parts. One that broke off and begins again, because
// this side asked or the gateway went on by itself, doubles nothing.
func TestAListThatBeginsAgain(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"list"}`)
	require.Equal(t, `[["C2Ca","C2Cb"],2,["C2Ca","C2Cb"],2]`, script(t, options, `
		const answer = Loopback.prototype.send;
		const part = (more, ...ids) => ({ jsonrpc: '2.0', method: 'conversations', params: { all: true, more, conversations:
			ids.map((id, n) => ({ conversationID: id, unreadCount: 1, lastMessage: { position: 9 - id.charCodeAt(3) % 9 } })) } });
		let syncs = 0;
		Loopback.prototype.send = function (text) {
			const { id, method } = JSON.parse(text);
			if (method !== 'session.sync') return answer.call(this, text);
			setTimeout(() => {
				this.receive(part(true, 'C2Ca'));
				if (++syncs === 1) return this.receive({ jsonrpc: '2.0', id, error: { code: 70169, message: 'later' } });
				this.receive(part(false, 'C2Cb'));
				this.receive({ jsonrpc: '2.0', id, result: { cursor: '5.1' } });
			}, 0);
		};
		`+loginAndWait+`
		const list = async () => (await tim.getConversationList()).data.conversationList.map((c) => c.conversationID).sort();
		const result = [await list(), tim.getTotalUnreadMessageCount()];
		for (const p of [part(true, 'C2Ca'), part(true, 'C2Ca'), part(false, 'C2Cb')]) Loopback.last.receive(p);
		result.push(await list(), tim.getTotalUnreadMessageCount());
		await tim.destroy();
		return result;`))
}

// A gateway gives up a sync that waited too long to be asked on: it begins
// again where the instance stands, and nothing comes twice.
func TestASyncThatWasGivenUp(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"givenup"}`)
	require.Equal(t, `[["",null,"3.1"],["x","y"]]`, script(t, options, `
		const answer = Loopback.prototype.send, asked = [], got = [];
		const missed = (n, ID) => ({ jsonrpc: '2.0', method: 'messages', params: { missed: true, cursor: n + '.1', messages: [
			{ ID, conversationID: 'C2Ca', flow: 'in', position: n, payload: { text: ID } }] } });
		Loopback.prototype.send = function (text) {
			const { id, method, params } = JSON.parse(text);
			if (!method.startsWith('session.')) return answer.call(this, text);
			asked.push(params.cursor ?? null);
			setTimeout(() => {
				if (method === 'session.more') return this.receive({ jsonrpc: '2.0', id, error: { code: 2905, message: 'given up' } });
				this.receive(missed(3, 'x'));
				if (asked.length === 1) return this.receive({ jsonrpc: '2.0', id, result: { more: true } });
				this.receive(missed(4, 'y'));
				this.receive({ jsonrpc: '2.0', id, result: { cursor: '4.1' } });
			}, 0);
		};
		`+loginAndWait+`
		tim.on(TIM.EVENT.MESSAGE_RECEIVED, ({ data }) => got.push(...data.map((m) => m.ID)));
		await tim.getConversationList();
		await tim.destroy();
		return [asked, got];`))
}

// A listener that logs out has been given the messages: the gateway hears of
// it before it hears of the logout, or they would come again.
func TestAListenerThatLogsOut(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"leaves"}`)
	require.Equal(t, `["7.1",true]`, script(t, options, `
		const answer = Loopback.prototype.send, calls = [];
		Loopback.prototype.send = function (text) {
			const { method, params } = JSON.parse(text);
			calls.push([method, params]);
			return answer.call(this, text);
		};
		`+loginAndWait+`
		await tim.getConversationList();
		const left = new Promise((resolve) => tim.on(TIM.EVENT.MESSAGE_RECEIVED, () => resolve(tim.logout())));
		Loopback.last.receive({ jsonrpc: '2.0', method: 'messages', params: { cursor: '7.1', messages: [
			{ ID: 'x', conversationID: 'C2Ca', flow: 'in', position: 7, payload: { text: 'x' } }] } });
		await left;
		const at = (name) => calls.findIndex(([method]) => method === name);
		const ack = calls[at('message.ack')];
		await tim.destroy();
		return [ack && ack[1].cursor, at('message.ack') < at('logout')];`))
}

// Who logs out right after SDK_READY has done nothing that a console need warn
// of: the first synchronisation ends with the session.
func TestALogoutDuringTheFirstSynchronisation(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"brief"}`)
	require.Equal(t, `[0,[]]`, script(t, options, `
		const answer = Loopback.prototype.send;
		Loopback.prototype.send = function (text) {
			if (JSON.parse(text).method !== 'session.sync') answer.call(this, text);
		};
		const warn = console.warn, warned = [];
		console.warn = (...text) => warned.push(text.join(' '));
		try {
			`+loginAndWait+`
			const { code } = await tim.logout();
			await tim.destroy();
			return [code, warned];
		} finally {
			console.warn = warn;
		}`))
}

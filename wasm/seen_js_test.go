//go:build js && wasm

package main

import (
	_ "embed"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// seen holds notifications as the gateway composes them, which a test of
// package inbox compares, and what a page has seen of each since version 0.1.0.
//
//go:embed testdata/seen.json
var seen []byte

// Whatever the gateway leaves out, a page sees complete Messages and
// Conversations: every field, with its value.
func TestWhatAPageSees(t *testing.T) {
	var cases []struct {
		Name   string
		Method string
		Params json.RawMessage
		Seen   json.RawMessage
	}
	require.NoError(t, json.Unmarshal(seen, &cases))
	require.NotEmpty(t, cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got := inbox1(t, "seen "+c.Name, `
				const method = '`+c.Method+`', params = `+string(c.Params)+`, created = [];
				if (method === 'message.send') {
					answers[method] = () => ({ result: params });
					const m = text();
					created.push({ ...m, ID: '', time: 0, random: 0 }, m);
					await tim.sendMessage(m);
				} else {
					note(method, params);
				}
				const messages = [...of('MESSAGE_RECEIVED'), ...of('MESSAGE_REVOKED')].flat();
				const conversations = (await tim.getConversationList()).data.conversationList;
				const result = JSON.parse(JSON.stringify({ messages, conversations, created }));
				await tim.destroy();
				return result;`)
			require.JSONEq(t, string(c.Seen), got)
		})
	}
}

// What a page changes in one object changes no other object of its kind, wherever
// these come from.
func TestObjectsShareNothing(t *testing.T) {
	require.Equal(t, `[[],{},"",["C2Cbob",""],[],{},""]`, inbox1(t, "shares", `
		note('messages', { messages: [inbound(3), inbound(4)], conversations: [conv(), { ...conv({ lastMessage: {} }), conversationID: 'C2Ceve' }] });
		const [[one, other]] = of('MESSAGE_RECEIVED'), mine = text(), next = text();
		for (const m of [one, mine]) {
			m.atUserList.push('x');
			m.readReceiptInfo.x = 1;
			m.revokerInfo.nick = 'x';
		}
		const list = (await tim.getConversationList()).data.conversationList;
		list[0].lastMessage.nick = 'x';
		const { atUserList, readReceiptInfo, revokerInfo } = other;
		const result = [atUserList, readReceiptInfo, revokerInfo.nick, [list[0].conversationID, list[1].lastMessage.nick]];
		result.push(next.atUserList, next.readReceiptInfo, next.revokerInfo.nick);
		await tim.destroy();
		return result;`))
}

// Fields that an answer leaves out get their usual values, except for fields that
// belong to the page.
func TestAnAnswerSaysWhatItLeavesOut(t *testing.T) {
	require.Equal(t, `["success",true,true,"",false,[1,true],{"text":"x"}]`, inbox1(t, "leaves out", `
		answers['message.send'] = () => ({ error: { code: 70169, message: 'no' } });
		const m = text();
		m.nick = 'old';
		await tim.sendMessage(m, { onlineUserOnly: true }).catch(() => 0);
		answers['message.send'] = (p) => ({ result: { message: { ID: p.id, conversationID: 'C2Cbob', type: p.type, payload: { text: 'y' }, from: 'alice', to: 'bob', flow: 'out',
			time: 1, sequence: 1, position: 1, isRead: true } } });
		const failed = m.status === 'fail' && m.onlineOnlyFlag;
		await tim.resendMessage(m);
		const result = [m.status, failed, m.isRead, m.nick, m.onlineOnlyFlag, [m.clientSequence, m.isResend], m.payload];
		await tim.destroy();
		return result;`))
}

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

// Whatever the gateway leaves out, a page sees whole Messages and
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

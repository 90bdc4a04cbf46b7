package inbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// TestPlainSend: the params of a message, as the SDK sends them, are read in one pass,
// and as encoding/json reads them.
func TestPlainSend(t *testing.T) {
	for _, text := range []string{
		`{"id":"alice-1","type":"TIMTextElem","payload":{"text":"你好"},"cloudCustomData":"x","random":12,"clientTime":1700000000,"onlineUserOnly":true,"resend":true,"to":"bob","needReadReceipt":true,"isSupportExtension":true}`,
		`{"id":"alice-1","type":"TIMCustomElem","payload":{"data":"a","description":"","extension":""},"cloudCustomData":"","random":0,"clientTime":0,"onlineUserOnly":false,"resend":false,"conversationType":"GROUP","groupID":"@TGS#1","atUserList":[],"priority":""}`,
		`{"id":"alice-1","groupID":"@TGS#1","atUserList":["bob","carol"],"priority":"High"}`,
	} {
		var plain, want sendParams
		require.True(t, jsonframe.ReadPlain([]byte(text), plain.ReadPlain), text)
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		require.Equal(t, want, plain)
	}
	for _, text := range []string{
		`{"id":"alice-1","atUserList":[1]}`, `{"id":"alice-1","payload":{"list":[1]}}`, `{"id":1}`, `{"ID":"alice-1"}`,
	} {
		require.False(t, jsonframe.ReadPlain([]byte(text), new(sendParams).ReadPlain), text)
	}
}

// TestPlainAck: the same of an acknowledgement.
func TestPlainAck(t *testing.T) {
	var p ackParams
	require.True(t, jsonframe.ReadPlain([]byte(`{"cursor":"2.0.17"}`), p.ReadPlain))
	require.Equal(t, ackParams{"2.0.17"}, p)
	require.False(t, jsonframe.ReadPlain([]byte(`{"Cursor":"2.0.17"}`), p.ReadPlain))
}

// TestPlainTexts: a payload is stored and shown as the same whether or not it is plain.
func TestPlainTexts(t *testing.T) {
	in := &Inbox{o: Options{MaxBody: 100}}
	for payload, want := range map[string]string{
		`{"text":"a 你好 <b>"}`:      `{"text":"a 你好 <b>"}`,
		`{"text":""}`:              `{"text":""}`,
		`{"text":"a\n\u4f60"}`:     `{"text":"a\n你"}`,
		`{ "text" : "a" }`:         `{"text":"a"}`,
		`{"text":"a","extra":"b"}`: `{"text":"a"}`,
		`{"text":"a","text":"b"}`:  `{"text":"b"}`,
		`{"TEXT":"a"}`:             `{"text":"a"}`,
	} {
		got, err := in.cleanPayload(typeText, json.RawMessage(payload), "")
		require.NoError(t, err, payload)
		require.Equal(t, want, string(got))
		var stored textPayload
		require.NoError(t, json.Unmarshal(got, &stored))
		require.Equal(t, *stored.Text, forShow(typeText, got))
	}
	for _, payload := range []string{`{}`, `{"text":null}`, `{"text":1}`, `{"data":"a"}`, `{"text":"a"`, `null`, ``} {
		_, err := in.cleanPayload(typeText, json.RawMessage(payload), "")
		require.ErrorIs(t, err, fault.New(fault.BodyMalformed), payload)
	}
	_, err := in.cleanPayload(typeText, json.RawMessage(`{"text":"a"}`), string(make([]byte, 100)))
	require.ErrorIs(t, err, fault.New(fault.BodyTooLarge))
}

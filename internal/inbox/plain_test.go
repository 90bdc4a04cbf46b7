package inbox

import (
	"encoding/json"
	"reflect"
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
		`{"id":"alice-1","atUserList":[1]}`, `{"id":"alice-1","payload":{"list":[[1]]}}`, `{"id":1}`, `{"ID":"alice-1"}`,
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

// TestPlainRecords: a stored message is read without encoding/json, and whatever stands in
// a record, it is read as encoding/json reads it.
func TestPlainRecords(t *testing.T) {
	r := usual()[0].(*record)
	r.Read, r.Message.At = [2]mark{{1, 1, 7}, {}}, []string{"carol"}
	data, err := jsonframe.Marshal(r)
	require.NoError(t, err)
	require.True(t, readsPlain(t, data), string(data))
	plain, rare := 0, 0
	vary(reflect.ValueOf(r).Elem(), func(field string) {
		data, err := jsonframe.Marshal(r)
		require.NoError(t, err)
		if readsPlain(t, data) {
			plain++
		} else {
			rare++
		}
	}, "")
	require.Greater(t, plain, 120)
	require.Greater(t, rare, 20)
	for _, text := range []string{
		`{"k":"m","m":{"id":"a"},"m":{"ty":"b"}}`, `{"r":[{"s":1},{}],"r":[{"n":1},{}]}`, `{"n":[1]}`, `{"n":[1,2,3]}`, `{"r":[{}]}`,
		`{"n":[-1,0]}`, `{"l":[1,"2"]}`, `{"l":[[1]]}`, `{"m":{"p":[1]}}`, `{"m":{"p":null}}`, `{"M":{"id":"a"}}`, `{"s":1.5}`, `{"b":9223372036854775808}`,
	} {
		require.False(t, readsPlain(t, []byte(text)), text)
	}
}

// readsPlain reports whether a record is read without encoding/json. Either way it is what
// encoding/json reads.
func readsPlain(t *testing.T, data []byte) bool {
	var one, got, want record
	plain := jsonframe.ReadPlain(data, one.readPlain)
	err := json.Unmarshal(data, &want)
	require.Equal(t, err == nil, decodeRecord(data, &got) == nil, string(data))
	if err == nil {
		require.Equal(t, want, got, string(data))
	}
	if plain {
		require.NoError(t, err, string(data))
		require.Equal(t, want, one, string(data))
	}
	return plain
}

// FuzzRecord: whatever is stored is read as encoding/json reads it.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"k":"m","b":1,"a":5,"e":3,"s":2,"n":[1,1],"r":[{"s":1,"n":1,"t":7},{}],"l":[4,6],"m":{"id":"x-1","ty":"TIMTextElem","p":{"text":"<b> 日本"},"rn":7}}`))
	f.Add([]byte(`{"k":"r","b":0,"a":5,"e":3,"s":2,"n":[1,1],"r":[{"s":1},{"t":2}],"v":9}`))
	f.Fuzz(func(t *testing.T, data []byte) { readsPlain(t, data) })
}

// BenchmarkDecode is what reading a stored message costs, and what encoding/json alone
// would take for it.
func BenchmarkDecode(b *testing.B) {
	r := usual()[0].(*record)
	r.Last = []uint64{1101, 1102, 1103, 1104, 1105, 1106, 1107, 1108, 1109, 1110, 1111, 1112, 1113, 1114, 1115}
	data := encode(r)
	for name, read := range map[string]func(r *record) error{
		"plain": func(r *record) error { return decodeRecord(data, r) },
		"json":  func(r *record) error { return json.Unmarshal(data, r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(&record{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

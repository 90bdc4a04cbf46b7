package rest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func TestParseObject(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, ` {"a":1} `: true, "{\"a\":{}}\n": true,
		``: false, `null`: false, `[]`: false, `"{}"`: false, `{}{}`: false, `{"a":1} x`: false, `{"a":}`: false, "\xff{}": false,
		`{"a":1,}`: false, `{"a":1`: false, `{"a" 1}`: false, `{,}`: false, `{1:1}`: false, `{"a":1,"a":1}`: false, `{"a":1,"A":1}`: true,
	} {
		_, err := parseObject([]byte(text))
		require.Equal(t, ok, err == nil, "%q", text)
	}
}

func TestFields(t *testing.T) {
	o, err := parseObject([]byte(`{"S":"text","Empty":"","N":7,"Float":1.5,"Exp":1e2,"Null":null,"L":[1,2],"U":[{"UserID":"a"}],"UserID":"a b","Long":"xxxxx"}`))
	require.NoError(t, err)
	s, err := o.text("S", 10)
	require.NoError(t, err)
	require.Equal(t, "text", *s)
	for _, absent := range []string{"s", "Null", "Nothing"} {
		s, err = o.text(absent, 10)
		require.NoError(t, err)
		require.Nil(t, s, absent)
	}
	s, err = o.text("Empty", 10)
	require.NoError(t, err)
	require.NotNil(t, s, "an empty text is not an absent one")
	bad := func(err error) { t.Helper(); require.ErrorIs(t, err, fault.New(fault.BadParameters)) }
	_, err = o.text("Long", 4)
	bad(err)
	_, err = o.text("N", 10)
	bad(err)
	n, err := o.number("N", 0, 10, 3)
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	n, err = o.number("Nothing", 0, 10, 3)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	for _, wrong := range []string{"Float", "Exp", "S"} {
		_, err = o.number(wrong, 0, 1000, 0)
		bad(err)
	}
	_, err = o.number("N", 8, 10, 0)
	bad(err)
	id, err := o.userID("UserID")
	require.NoError(t, err)
	require.Equal(t, "a b", id)
	_, err = o.userID("Empty")
	bad(err)
	_, err = o.list("L", 1)
	bad(err)
	l, err := o.list("L", 2)
	require.NoError(t, err)
	require.Len(t, l, 2)
	_, err = o.users("L", 2)
	bad(err)
	u, err := o.users("U", 2)
	require.NoError(t, err)
	require.Len(t, u, 1)
}

// Whatever a body holds, readMessage returns either a fault or a message with valid
// users and a JSON payload.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(`{"To_Account":"bob","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`))
	f.Add([]byte(`{"To_Account":"bob","MsgRandom":1,"MsgBody":[{"MsgType":"TIMCustomElem","MsgContent":{"Data":null}}]}`))
	f.Add([]byte(`{"To_Account":1,"MsgBody":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseObject(text)
		if err != nil {
			return
		}
		m, err := readMessage(&call{app: 1, admin: "administrator", body: o})
		if err != nil {
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			return
		}
		require.True(t, frame.ValidUserID(m.To) && frame.ValidUserID(m.From))
		require.True(t, json.Valid(m.Payload))
	})
}

// A payload is not escaped for HTML, which could make it six times as long: a message
// of the server API may be as large as one of a page.
func TestPayloadsAreNotEscapedForHTML(t *testing.T) {
	typ, payload, err := readElement(json.RawMessage(`[{"MsgType":"TIMTextElem","MsgContent":{"Text":"<&>"}}]`))
	require.NoError(t, err)
	require.Equal(t, "TIMTextElem", typ)
	require.Equal(t, `{"text":"<&>"}`, string(payload))
}

package jsonframe

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestDecodeRequest(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Request
		code       fault.Code
		fatal      bool
	}{
		{"call", `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1}}`,
			Request{ID: 7, Call: true, Method: "ping", Params: json.RawMessage(`{"a":1}`)}, 0, false},
		{"id 0 is a call", `{"jsonrpc":"2.0","id":0,"method":"ping"}`, Request{Call: true, Method: "ping"}, 0, false},
		{"notification", ` {"jsonrpc":"2.0","method":"ping","params":null}`, Request{Method: "ping"}, 0, false},
		{"brackets in strings do not nest", `{"jsonrpc":"2.0","method":"a","params":{"s":"` + strings.Repeat(`[\"{`, 50) + `"}}`,
			Request{Method: "a", Params: json.RawMessage(`{"s":"` + strings.Repeat(`[\"{`, 50) + `"}`)}, 0, false},
		{"names and spaces as they are", "\t{ \"jsonrpc\" : \"2.0\" ,\n\"i\\u0064\":7\r, \"x\":[{\"id\":8}],\"METHOD\":\"logout\",\"method\":\"pi\\u006eg\" , \"params\" : { } , \"n\":1.5e3}",
			Request{ID: 7, Call: true, Method: "ping", Params: json.RawMessage(`{ }`)}, 0, false},
		{"version in capitals", `{"JSONRPC":"2.0","id":7,"method":"ping"}`, Request{ID: 7, Call: true}, frame.CodeInvalid, false},
		{"method in capitals", `{"jsonrpc":"2.0","id":7,"Method":"ping"}`, Request{ID: 7, Call: true}, frame.CodeInvalid, false},
		{"two methods", `{"jsonrpc":"2.0","id":7,"method":"ping","method":"logout"}`, Request{}, frame.CodeInvalid, false},
		{"two ids, one escaped", `{"jsonrpc":"2.0","id":7,"method":"ping","\u0069d":8}`, Request{}, frame.CodeInvalid, false},
		{"two params", `{"jsonrpc":"2.0","id":7,"method":"ping","params":{},"params":{}}`, Request{}, frame.CodeInvalid, false},
		{"not JSON", `hello`, Request{}, frame.CodeParse, false},
		{"empty", ``, Request{}, frame.CodeParse, false},
		{"cut off", `{"jsonrpc":"2.0","id":7,"met`, Request{}, frame.CodeParse, false},
		{"two objects", `{"jsonrpc":"2.0","method":"a"}{}`, Request{}, frame.CodeParse, false},
		{"batch", `[{"jsonrpc":"2.0","id":7,"method":"ping"}]`, Request{}, frame.CodeParse, false},
		{"string", `"ping"`, Request{}, frame.CodeParse, false},
		{"too deep", `{"a":` + nested(frame.MaxDepth) + `}`, Request{}, frame.CodeParse, true},
		{"too large", `{"a":"` + strings.Repeat("x", frame.MaxFrame) + `"}`, Request{}, frame.CodeParse, true},
		{"version", `{"id":7,"method":"ping"}`, Request{ID: 7, Call: true}, frame.CodeInvalid, false},
		{"method missing", `{"jsonrpc":"2.0","id":7}`, Request{ID: 7, Call: true}, frame.CodeInvalid, false},
		{"method a number", `{"jsonrpc":"2.0","id":7,"method":1}`, Request{}, frame.CodeInvalid, false},
		{"method endless", `{"jsonrpc":"2.0","id":7,"method":"` + strings.Repeat("x", 65) + `"}`, Request{ID: 7, Call: true}, frame.CodeInvalid, false},
		{"id a string", `{"jsonrpc":"2.0","id":"7","method":"ping"}`, Request{}, frame.CodeInvalid, false},
		{"id a fraction", `{"jsonrpc":"2.0","id":7.5,"method":"ping"}`, Request{}, frame.CodeInvalid, false},
		{"id too large", `{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`, Request{}, frame.CodeInvalid, false},
		{"params by position", `{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}`,
			Request{ID: 7, Call: true, Method: "ping", Params: json.RawMessage(`[1]`)}, frame.CodeBadParams, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, refused, err := DecodeRequest([]byte(c.text))
			require.Equal(t, c.fatal, Fatal(err))
			if c.code == 0 {
				require.NoError(t, err)
				require.Nil(t, refused)
				require.Equal(t, c.want, r)
				return
			}
			require.Error(t, err)
			require.Equal(t, c.code, refused.Code)
			require.Equal(t, c.want.ID, r.ID)
			require.Equal(t, c.want.Call, r.Call)
			m, err := Decode(Failure(r, refused))
			require.NoError(t, err, "the answer must be a frame itself")
			require.Equal(t, refused, m.Err)
		})
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       frame.Message
		err        string
	}{
		{"result", `{"jsonrpc":"2.0","id":7,"result":{}}`, frame.Message{ID: 7, Body: &Object{Raw: json.RawMessage(`{}`)}}, ""},
		{"null result", `{"jsonrpc":"2.0","id":7,"result":null}`, frame.Message{ID: 7}, ""},
		{"notification", `{"jsonrpc":"2.0","method":"evicted","params":{"type":"x"}}`,
			frame.Message{Method: "evicted", Body: &Object{Raw: json.RawMessage(`{"type":"x"}`)}}, ""},
		{"error", `{"jsonrpc":"2.0","id":7,"error":{"code":70001,"message":"m"}}`,
			frame.Message{ID: 7, Err: &fault.Error{Code: 70001, Message: "m"}}, ""},
		{"error without id", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}`,
			frame.Message{Err: &fault.Error{Code: -32700, Message: "m"}}, ""},
		{"version", `{"id":7,"result":{}}`, frame.Message{}, "jsonrpc"},
		{"nothing", `{"jsonrpc":"2.0"}`, frame.Message{}, "neither a response"},
		{"array result", `{"jsonrpc":"2.0","id":7,"result":[]}`, frame.Message{}, "objects"},
		{"bad id", `{"jsonrpc":"2.0","id":-1,"result":{}}`, frame.Message{}, "whole number"},
		{"batch", `[]`, frame.Message{}, "batches"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode([]byte(c.text))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, m)
		})
	}
}

func TestEncode(t *testing.T) {
	raw, err := NewObject([]byte(`{"deep":{"x":[1,2]}}`))
	require.NoError(t, err)
	text, err := Encode(frame.Request{ID: 3, Method: "login", Params: frame.Fields{
		{Key: "userID", Value: "al\"ice\n\u00e9"}, {Key: "n", Value: int64(5)}, {Key: "i", Value: 6}, {Key: "b", Value: true},
		{Key: "in", Value: frame.Fields{{Key: "k", Value: "v<&>"}}}, {Key: "raw", Value: raw}, {Key: "none", Value: (*Object)(nil)},
	}})
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":3,"method":"login","params":{"userID":"al\"ice\n`+"\u00e9"+
		`","n":5,"i":6,"b":true,"in":{"k":"v<&>"},"raw":{"deep":{"x":[1,2]}},"none":null}}`, string(text))

	text, err = Encode(frame.Request{Method: "ping"})
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","method":"ping"}`, string(text))

	_, err = Encode(frame.Request{ID: 1, Method: "x", Params: frame.Fields{{Key: "f", Value: 1.5}}})
	require.ErrorContains(t, err, "float64")
	_, err = Encode(frame.Request{ID: 1, Method: "x", Params: frame.Fields{{Key: "f", Value: strings.Repeat("x", frame.MaxFrame)}}})
	require.ErrorIs(t, err, ErrTooLarge)
}

func TestObject(t *testing.T) {
	o, err := NewObject([]byte(`{"s":"a\u00e9","n":12,"f":12.9,"e":1e3,"neg":-3.5,"big":1e300,"bool":true,"null":null,"ns":"12","o":{"x":1}}`))
	require.NoError(t, err)
	require.Equal(t, "a\u00e9", o.Text("s"))
	for key, want := range map[string]int64{"n": 12, "f": 12, "e": 1000, "neg": -3, "big": 0, "bool": 0, "null": 0, "ns": 0, "o": 0, "absent": 0} {
		require.Equal(t, want, o.Number(key), key)
	}
	for _, key := range []string{"n", "null", "o", "absent"} {
		require.Empty(t, o.Text(key), key)
	}
	require.JSONEq(t, `{"x":1}`, string(o.Member("o")))
	for _, bad := range []string{"", "[]", "1", `{"a"`, `{} x`} {
		_, err := NewObject([]byte(bad))
		require.Error(t, err, bad)
	}
	var none *Object
	require.Empty(t, none.Text("x"))
}

func TestObjectsInObjects(t *testing.T) {
	o, err := NewObject([]byte(`{"yes":true,"no":false,"one":1,"null":null,"o":{"x":"y"},"list":[{"n":1},null,5,[],{"n":2}],"texts":["a",1,null,"b",{}],"numbers":[1,"2",null,3.5,[],1e99],"s":"x"}`))
	require.NoError(t, err)
	for key, want := range map[string]bool{"yes": true, "no": false, "one": false, "null": false, "absent": false} {
		require.Equal(t, want, o.Bool(key), key)
		require.Equal(t, key != "absent", o.Has(key), key)
	}
	require.Equal(t, "y", o.Object("o").Text("x"))
	require.NotNil(t, o.Object("list"))
	for _, key := range []string{"one", "null", "s", "absent"} {
		require.Nil(t, o.Object(key), key)
		require.Empty(t, o.List(key), key)
		require.Empty(t, o.Texts(key), key)
		require.Empty(t, o.Numbers(key), key)
	}
	list := o.List("list")
	require.Len(t, list, 2)
	require.EqualValues(t, 2, list[1].Number("n"))
	require.Equal(t, []string{"a", "b"}, o.Texts("texts"))
	require.Equal(t, []int64{1, 3}, o.Numbers("numbers"))

	f := frame.Fields{{Key: "yes", Value: true}, {Key: "list", Value: []frame.Body{frame.Fields{{Key: "n", Value: 1}}, o}},
		{Key: "texts", Value: []string{"a"}}, {Key: "numbers", Value: []int64{1, 2}}, {Key: "o", Value: o}}
	require.True(t, f.Bool("yes") && f.Has("o") && !f.Has("none") && !f.Bool("o"))
	require.EqualValues(t, 1, f.List("list")[0].Number("n"))
	require.Equal(t, []string{"a"}, f.Texts("texts"))
	require.Equal(t, []int64{1, 2}, f.Numbers("numbers"))
	require.Equal(t, "y", f.Object("o").Object("o").Text("x"))
	require.Nil(t, f.Object("yes"))
	text, err := Encode(frame.Request{Method: "x", Params: f[1:4]})
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","method":"x","params":{"list":[{"n":1},`+string(o.Raw)+`],"texts":["a"],"numbers":[1,2]}}`, string(text))
}

func TestServerFrames(t *testing.T) {
	text, err := Result(5, struct {
		A string `json:"a"`
	}{"<b>"})
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":5,"result":{"a":"<b>"}}`, string(text))
	text, err = Result(5, nil)
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":5,"result":{}}`, string(text))
	_, err = Result(5, func() {})
	require.Error(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","method":"drain","params":{}}`, string(Notification("drain", nil)))
	require.Equal(t, `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"a \"b\""}}`,
		string(Failure(Request{}, &fault.Error{Code: 1, Message: `a "b"`})))
}

// BenchmarkDecodeRequest reads a login, the largest frame of most clients.
func BenchmarkDecodeRequest(b *testing.B) {
	text := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"login","params":{"userID":"alice","userSig":"%s","platform":"Web","instance":"%032x","doc":"ab","intent":"new"}}`, strings.Repeat("x", 200), 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, refused, _ := DecodeRequest(text); refused != nil {
			b.Fatal(refused)
		}
	}
}

// What a client encodes, the gateway decodes.
func FuzzRequest(f *testing.F) {
	f.Add(int64(1), "ping", "key", "value")
	f.Add(int64(0), "x", "", "\xff\u2028\"\\")
	f.Fuzz(func(t *testing.T, id int64, method, key, value string) {
		text, err := Encode(frame.Request{ID: id, Method: method, Params: frame.Fields{{Key: key, Value: value}}})
		if err != nil {
			return
		}
		require.True(t, json.Valid(text), string(text))
		r, refused, err := DecodeRequest(text)
		if method == "" || len(method) > maxMethod || id < 0 || id >= frame.MaxID {
			require.True(t, err != nil || len(method) > maxMethod)
			return
		}
		if err != nil {
			// Invalid UTF-8 grows when it is replaced and may pass the limit.
			require.NotEmpty(t, refused.Message)
			return
		}
		require.Equal(t, id, r.ID)
		require.Equal(t, id != 0, r.Call)
		o, err := NewObject(r.Params)
		require.NoError(t, err)
		require.Equal(t, strings.ToValidUTF8(value, "\uFFFD"), firstOr(o, key, value))
	})
}

// firstOr handles invalid keys and runs of invalid bytes, which JSON replaces
// one by one and ToValidUTF8 as a whole.
func firstOr(o *Object, key, value string) string {
	if strings.ToValidUTF8(key, "") != key || strings.ToValidUTF8(value, "") != value {
		return strings.ToValidUTF8(value, "\uFFFD")
	}
	return o.Text(key)
}

// No text makes a decoder panic, and every refusal is explained.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"login","params":{"userID":"a"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"a":1.5}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}`))
	f.Add([]byte(`{"a":"\`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, refused, err := DecodeRequest(text)
		require.Equal(t, err == nil, refused == nil)
		if err == nil {
			require.NotEmpty(t, r.Method)
			if r.Params != nil {
				_, err := NewObject(r.Params)
				require.NoError(t, err)
			}
		} else {
			require.True(t, json.Valid(Failure(r, refused)))
		}
		var object map[string]json.RawMessage
		if check(text) == nil && json.Unmarshal(text, &object) == nil {
			seen := map[string]json.RawMessage{}
			eachMember(text, func(name, value []byte) { seen[plainName(name)] = value })
			require.Equal(t, object, seen)
		}
		m, err := Decode(text)
		if err == nil && m.Body != nil {
			_ = m.Body.Text("a")
			_ = m.Body.Number("a")
		}
		_ = fmt.Sprint(m)
	})
}

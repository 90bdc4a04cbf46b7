package jsonframe

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// plainParams are parameters of each kind that plain text has.
type plainParams struct {
	Text    string          `json:"text"`
	Number  int64           `json:"number"`
	Yes     bool            `json:"yes"`
	List    []string        `json:"list"`
	Numbers []uint64        `json:"numbers"`
	Body    json.RawMessage `json:"body"`
}

func (p *plainParams) ReadPlain(name []byte, v Plain) bool {
	switch string(name) {
	case "text":
		return v.Text(&p.Text)
	case "number":
		return v.Int(&p.Number)
	case "yes":
		return v.Bool(&p.Yes)
	case "list":
		return v.Texts(&p.List)
	case "numbers":
		return v.Uints(&p.Numbers)
	case "body":
		return v.Object(&p.Body)
	}
	return false
}

// plainFrames are frames that are read in one pass.
var plainFrames = []string{
	`{"jsonrpc":"2.0","id":7,"method":"message.send","params":{"id":"a-1","to":"bob","type":"TIMTextElem","payload":{"text":"你好, <b> &"},"random":-12,"resend":false,"needReadReceipt":true}}`,
	`{"jsonrpc":"2.0","id":0,"method":"ping"}`,
	`{"method":"ping","params":{},"jsonrpc":"2.0"}`,
	`{"jsonrpc":"2.0","id":9007199254740991,"method":"message.ack","params":{"cursor":"2.0.17"}}`,
}

// TestPlainFrames: they are read in one pass, and as encoding/json reads them.
func TestPlainFrames(t *testing.T) {
	for _, text := range plainFrames {
		got, ok := decodePlain([]byte(text))
		require.True(t, ok, text)
		want, refused, err := decodeAny([]byte(text))
		require.NoError(t, err)
		require.Nil(t, refused)
		require.Equal(t, want, got)
	}
}

// TestNotPlainFrames: what is to be refused, or needs another look, is left to the long
// way.
func TestNotPlainFrames(t *testing.T) {
	for _, text := range []string{
		`{"jsonrpc":"","jsonrpc":"2.0","id":7,"method":"ping"}`,
		`{"jsonrpc":"2.0","jsonrpc":"2.0","id":7,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":7,"method":"","method":"ping"}`,
		`{"jsonrpc":"2.0","id":7,"id":7,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":7,"method":"ping","params":{},"params":{}}`,
		`{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}`,
		`{"jsonrpc":"2.0","id":-1,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`,
		`{"jsonrpc":"2.1","id":7,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":7}`,
		`{"jsonrpc":"2.0","id":7,"method":"ping","more":1}`,
		`{"jsonrpc":"2.0","id":7,"method":"` + strings.Repeat("x", maxMethod+1) + `"}`,
		`{"jsonrpc":"2.0","id":7,"method":"x","params":{"text":"` + strings.Repeat("x", frame.MaxFrame) + `"}}`,
	} {
		_, ok := decodePlain([]byte(text))
		require.False(t, ok, text[:min(len(text), 100)])
	}
}

// plainObjects are objects that are read in one pass, others that are not.
var plainObjects = map[string]bool{
	`{}`:            true,
	`{"text":"ab"}`: true,
	`{"text":"a","number":-12,"yes":true,"body":{"a":{},"b":"x","c":0}}`: true,
	`{"text":"a","text":"b","yes":false,"number":0}`:                     true,
	`{"number":9223372036854775807}`:                                     true,
	`{"number":9223372036854775808}`:                                     false,
	`{"number":01}`:                                                      false,
	`{"number":-}`:                                                       false,
	`{"number":1.5}`:                                                     false,
	`{"number":1e3}`:                                                     false,
	`{"number":"1"}`:                                                     false,
	`{"number":true}`:                                                    false,
	`{"text":1}`:                                                         false,
	`{"text":null}`:                                                      false,
	`{"TEXT":"a"}`:                                                       false,
	`{"other":"a"}`:                                                      false,
	`{"text":"a\n"}`:                                                     false,
	"{\"text\":\"a\n\"}":                                                 false,
	"{\"text\":\"\xff\"}":                                                false,
	`{"text":"a",}`:                                                      false,
	`{"text":"a"`:                                                        false,
	`{"text":"a`:                                                         false,
	`{"text":`:                                                           false,
	`{"text"`:                                                            false,
	`{`:                                                                  false,
	``:                                                                   false,
	`[]`:                                                                 false,
	`{"text":"a"} `:                                                      false,
	`{"text": "a"}`:                                                      false,
	`{"text":"a"}}`:                                                      false,
	`{"yes":truth}`:                                                      false,
	`{"yes":fals`:                                                        false,
	`{"yes":1}`:                                                          false,
	`{"body":{"a":{"b":{}}}}`:                                            true,
	`{"body":{"a":{"b":{"c":{}}}}}`:                                      false, // too deep
	`{"body":{"a":[{"b":[{}]}]}}`:                                        true,
	`{"body":{"a":[{"b":[{"c":{}}]}]}}`:                                  false, // too deep
	`{"body":{"a":[1,true,{"b":"x"},"c"]}}`:                              true,
	`{"body":{"a":[[1]]}}`:                                               false,
	`{"body":{"a":[1,]}}`:                                                false,
	`{"body":{"a":[,1]}}`:                                                false,
	`{"body":{"a":[1`:                                                    false,
	`{"body":{"a":[`:                                                     false,
	`{"numbers":[]}`:                                                     true,
	`{"numbers":[0,18446744073709551615]}`:                               true,
	`{"numbers":[18446744073709551616]}`:                                 false,
	`{"numbers":[-1]}`:                                                   false,
	`{"numbers":[1,"2"]}`:                                                false,
	`{"numbers":7}`:                                                      false,
	`{"list":[]}`:                                                        true,
	`{"list":["a","","你"],"body":{"a":["b"]}}`: true,
	`{"list":["a",]}`:   false,
	`{"list":["a"`:      false,
	`{"list":["a" ]}`:   false,
	`{"list":[,"a"]}`:   false,
	`{"list":[`:         false,
	`{"list":["a",1]}`:  false,
	`{"list":[["a"]]}`:  false,
	`{"list":"a"}`:      false,
	`{"text":["a"]}`:    false,
	`{"body":{"a" :1}}`: false,
	`{"body":"a"}`:      false,
	`{"body":{"a":1}`:   false,
}

// TestPlainParams: parameters are the same whichever way they are read.
func TestPlainParams(t *testing.T) {
	for text, plain := range plainObjects {
		require.Equal(t, plain, ReadPlain([]byte(text), new(plainParams).ReadPlain), text)
		samePlain(t, []byte(text))
	}
	_, f := ParamsOf[plainParams](json.RawMessage(`{"text":"a","yes":true,"number":1.5}`))
	require.NotNil(t, f)
	require.Contains(t, f.Message, "number must be a whole number")
	p, f := ParamsOf[plainParams](json.RawMessage(`{"yes":true,"text":"a\n"}`))
	require.Nil(t, f)
	require.Equal(t, plainParams{Text: "a\n", Yes: true}, p)
	p, f = ParamsOf[plainParams](json.RawMessage(`{"text":"a","text":null,"TEXT":"b"}`))
	require.Nil(t, f)
	require.Equal(t, plainParams{Text: "b"}, p)
}

// samePlain compares both ways to read a text.
func samePlain(t *testing.T, text []byte) {
	if got, ok := decodePlain(text); ok {
		want, refused, err := decodeAny(text)
		require.NoError(t, err)
		require.Nil(t, refused)
		require.Equal(t, want, got)
	}
	var got, want plainParams
	if ReadPlain(text, got.ReadPlain) {
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, got)
	}
}

// What is read in one pass, encoding/json reads as well, and as the same.
func FuzzPlain(f *testing.F) {
	for _, text := range plainFrames {
		f.Add([]byte(text))
	}
	for text := range plainObjects {
		f.Add([]byte(text))
	}
	f.Fuzz(samePlain)
}

// BenchmarkDecodeMessage reads the frame of a text message, in both ways.
func BenchmarkDecodeMessage(b *testing.B) {
	text := []byte(plainFrames[0])
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := decodePlain(text); !ok {
				b.Fatal("it is not plain")
			}
		}
	})
	b.Run("any", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, refused, _ := decodeAny(text); refused != nil {
				b.Fatal(refused)
			}
		}
	})
}

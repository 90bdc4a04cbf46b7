package inbox

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// usual are values as most messages have them, each with what of it is written.
func usual() []plainWriter {
	payload := json.RawMessage(`{"text":"<b> é 日本"}`)
	c := &content{ID: "x-1", Instance: "i", Type: typeText, Payload: payload, Random: 7, ClientTime: 8}
	r := &record{Kind: kindMessage, By: 1, At: 5, Message: c, pair: pairOf(app, "alice", "bob"), pos: 9}
	r.Epoch, r.Seq, r.Sent, r.Last = 3, 2, [2]uint64{1, 1}, []uint64{4, 6}
	m := message(r, r, flags{}, 0)
	conv := conversationOf(r, r, flags{}, peer{}, 0)
	return []plainWriter{
		r, m, conv, conv.LastMessage, messageResult{m},
		messagesNote{Messages: []Message{m}, Conversations: []Conversation{conv}, Cursor: "2.0.9"},
		conversationsNote{Conversations: []Conversation{conv}, Cursor: "2.0.9"},
	}
}

// TestWhatIsUsualIsWrittenPlain: otherwise all that follows would prove nothing.
func TestWhatIsUsualIsWrittenPlain(t *testing.T) {
	for _, v := range usual() {
		want, err := jsonframe.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, string(want), string(writePlain(v)), "%T", v)
	}
}

// TestWhatIsWrittenPlainIsWhatMarshalWrites sets each field of what each message costs,
// and each field in those, to other values, one after the other. So a field that is
// added and forgotten in writePlain fails.
func TestWhatIsWrittenPlainIsWhatMarshalWrites(t *testing.T) {
	plain, tried := 0, map[string]bool{}
	for n := range usual() {
		v := usual()[n]
		box := reflect.New(reflect.TypeOf(v))
		box.Elem().Set(reflect.ValueOf(v))
		top := box.Elem()
		if top.Kind() == reflect.Pointer {
			top = top.Elem() // nobody writes nil
		}
		vary(top, func(field string) {
			v := box.Elem().Interface().(plainWriter)
			tried[field] = true
			got := writePlain(v)
			if got == nil {
				return
			}
			plain++
			want, err := jsonframe.Marshal(v)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "%T with another %s", v, field)
		}, "")
	}
	require.Greater(t, plain, 500)
	for _, field := range []string{".Kind", ".state.Read[].Sent", ".Message.Payload", ".Messages[0].Nick", ".Conversations[0].LastMessage.Payload", ".Removed"} {
		require.Contains(t, tried, field)
	}
}

// vary sets v, and all that is in it, to other values, and calls check with each.
func vary(v reflect.Value, check func(field string), field string) {
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			vary(v.Field(i), check, field+"."+v.Type().Field(i).Name)
		}
	}
	if !v.CanSet() {
		return
	}
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	try := func(other any) {
		v.Set(reflect.ValueOf(other).Convert(v.Type()))
		check(field)
		v.Set(before)
	}
	v.SetZero()
	check(field)
	v.Set(before)
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		for _, raw := range []string{`{}`, `{"a":"b","c":[1,{"d":null}]}`, `{"a": "b"}`, ` {}`, `{"a":"\u00e9\n"}`, `null`} {
			try(json.RawMessage(raw))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		for _, s := range []string{"x", `"`, "\\", "\n", "é", "\u2028", "\xff", "<&>"} {
			try(s)
		}
	case reflect.Bool:
		try(!v.Bool())
	case reflect.Int, reflect.Int64:
		try(-1)
		try(int64(1) << 40)
	case reflect.Uint64:
		try(uint64(math.MaxUint64))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		check(field)
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		check(field)
		v.Set(before)
		if v.Len() > 0 {
			vary(v.Index(0), check, field+"[0]")
		}
	case reflect.Array:
		for i := range v.Len() {
			vary(v.Index(i), check, field+"[]")
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			check(field)
			v.Set(before)
			return
		}
		vary(v.Elem(), check, field)
	}
}

// BenchmarkEncode is what a message between two users costs of JSON on its way out,
// and what encoding/json alone would take for it.
func BenchmarkEncode(b *testing.B) {
	all := usual()
	for name, write := range map[string]func(v any) json.RawMessage{
		"plain": encode,
		"json":  func(v any) json.RawMessage { data, _ := jsonframe.Marshal(v); return data },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, v := range all {
					write(v)
				}
			}
		})
	}
}

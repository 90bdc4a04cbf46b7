package jsonframe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// TestWriter compares each method with what Marshal writes.
func TestWriter(t *testing.T) {
	texts := []string{"", "a b", "<&>", `"`, `\`, "\n", "\x7f", "é 日本 😀", "\u2028", "\u2029", "\xff", "a\xe6\x97", "\ufffd"}
	type object struct {
		Text    string   `json:"text"`
		TextIf  string   `json:"textIf,omitempty"`
		Int     int64    `json:"int"`
		IntIf   int64    `json:"intIf,omitempty"`
		Uint    uint64   `json:"uint"`
		UintIf  uint64   `json:"uintIf,omitempty"`
		Uints   []uint64 `json:"uints"`
		UintsIf []uint64 `json:"uintsIf,omitempty"`
		Bool    bool     `json:"bool"`
		BoolIf  bool     `json:"boolIf,omitempty"`
	}
	all := []object{{Uints: []uint64{}}, {"x", "y", -1, 1 << 62, 0, 1<<64 - 1, []uint64{1, 2}, []uint64{0, 3}, true, true}}
	for _, s := range texts {
		all = append(all, object{Text: s, TextIf: s, Uints: []uint64{}})
	}
	var w jsonframe.Writer
	w.Object()
	w.Name("list")
	w.List()
	for _, o := range all {
		w.Object()
		w.Text("text", o.Text)
		w.TextIf("textIf", o.TextIf)
		w.Int("int", o.Int)
		w.IntIf("intIf", o.IntIf)
		w.Uint("uint", o.Uint)
		w.UintIf("uintIf", o.UintIf)
		w.Uints("uints", o.Uints)
		w.UintsIf("uintsIf", o.UintsIf)
		w.Bool("bool", o.Bool)
		w.BoolIf("boolIf", o.BoolIf)
		w.End()
	}
	w.EndList()
	w.Name("raw")
	w.Raw([]byte(`{"a":[]}`))
	w.End()
	want, err := jsonframe.Marshal(map[string]any{"list": all, "raw": map[string]any{"a": []int{}}})
	require.NoError(t, err)
	require.Equal(t, string(want), string(w))
}

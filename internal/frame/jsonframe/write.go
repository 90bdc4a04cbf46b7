package jsonframe

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Writer writes JSON as Marshal does, value after value, without the reflection that
// takes Marshal several times as long. A method whose name ends in If leaves its value
// out if it is zero, as omitempty does. Names are written as they are.
type Writer []byte

// next separates a value from the one before it.
func (w *Writer) next() {
	if b := *w; len(b) > 0 {
		switch b[len(b)-1] {
		case '{', '[', ':':
		default:
			*w = append(b, ',')
		}
	}
}

// Name begins a member of an object; its value is written next.
func (w *Writer) Name(name string) {
	w.next()
	*w = append(append(append(*w, '"'), name...), '"', ':')
}

// Object begins an object.
func (w *Writer) Object() { w.begin('{') }

// End ends an object.
func (w *Writer) End() { *w = append(*w, '}') }

// List begins a list.
func (w *Writer) List() { w.begin('[') }

// EndList ends a list.
func (w *Writer) EndList() { *w = append(*w, ']') }

func (w *Writer) begin(c byte) {
	w.next()
	*w = append(*w, c)
}

// Raw writes a value that is JSON already, with no white space around or in it.
func (w *Writer) Raw(value []byte) {
	w.next()
	*w = append(*w, value...)
}

// Text writes a member.
func (w *Writer) Text(name, s string) {
	w.Name(name)
	*w = appendText(*w, s)
}

// TextIf writes a member that is not empty.
func (w *Writer) TextIf(name, s string) {
	if s != "" {
		w.Text(name, s)
	}
}

// Int writes a member.
func (w *Writer) Int(name string, n int64) {
	w.Name(name)
	*w = strconv.AppendInt(*w, n, 10)
}

// IntIf writes a member that is not 0.
func (w *Writer) IntIf(name string, n int64) {
	if n != 0 {
		w.Int(name, n)
	}
}

// Uint writes a member.
func (w *Writer) Uint(name string, n uint64) {
	w.Name(name)
	*w = strconv.AppendUint(*w, n, 10)
}

// UintIf writes a member that is not 0.
func (w *Writer) UintIf(name string, n uint64) {
	if n != 0 {
		w.Uint(name, n)
	}
}

// Uints writes a member.
func (w *Writer) Uints(name string, list []uint64) {
	w.Name(name)
	w.List()
	for _, n := range list {
		w.next()
		*w = strconv.AppendUint(*w, n, 10)
	}
	w.EndList()
}

// UintsIf writes a member that is not empty.
func (w *Writer) UintsIf(name string, list []uint64) {
	if len(list) > 0 {
		w.Uints(name, list)
	}
}

// Bool writes a member.
func (w *Writer) Bool(name string, v bool) {
	w.Name(name)
	*w = strconv.AppendBool(*w, v)
}

// BoolIf writes a member that is true.
func (w *Writer) BoolIf(name string, v bool) {
	if v {
		w.Bool(name, v)
	}
}

// appendText writes a JSON string as Marshal does.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(s[i:])
		}
		if c < ' ' || c == '"' || c == '\\' || c == '\u2028' || c == '\u2029' || c == utf8.RuneError && size == 1 {
			raw, _ := Marshal(strings.Clone(s)) // a string always marshals; otherwise whoever holds s would be allocated
			return append(b, raw...)
		}
		i += size
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

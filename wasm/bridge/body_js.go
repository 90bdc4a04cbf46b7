//go:build js && wasm

package bridge

import (
	"syscall/js"

	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
)

// Object is a JS object as the core sees it: a body whose fields it reads one
// by one and passes on unread otherwise.
type Object struct {
	Value safejs.Value

	parsed bool // it comes out of JSON.parse and has no getters
}

var _ frame.Body = Object{}

// Text implements frame.Body.
func (o Object) Text(key string) string {
	s, _ := Text(o.get(key))
	return s
}

func (o Object) get(key string) safejs.Value {
	if o.parsed {
		return Field(o.Value, key)
	}
	return Get(o.Value, key)
}

// Number implements frame.Body.
func (o Object) Number(key string) int64 {
	n, _ := whole(o.get(key))
	return n
}

// whole returns a number cut to a whole one.
func whole(v safejs.Value) (n int64, ok bool) {
	f, ok := Number(v)
	// Beyond this a conversion to int64 is not defined.
	if !ok || f >= 1<<63 || f < -1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Bool implements frame.Body.
func (o Object) Bool(key string) bool { return o.get(key).Equal(Bool(true)) }

// Has implements frame.Body.
func (o Object) Has(key string) bool { return !o.get(key).IsUndefined() }

// Object implements frame.Body.
func (o Object) Object(key string) frame.Body {
	v := o.get(key)
	if !IsObject(v) {
		return nil
	}
	return Object{Value: v, parsed: o.parsed}
}

// List implements frame.Body.
func (o Object) List(key string) []frame.Body {
	var list []frame.Body
	o.each(key, func(v safejs.Value) {
		if IsObject(v) {
			list = append(list, Object{Value: v, parsed: o.parsed})
		}
	})
	return list
}

// Texts implements frame.Body.
func (o Object) Texts(key string) []string {
	var list []string
	o.each(key, func(v safejs.Value) {
		if s, ok := Text(v); ok {
			list = append(list, s)
		}
	})
	return list
}

// Numbers implements frame.Body.
func (o Object) Numbers(key string) []int64 {
	var list []int64
	o.each(key, func(v safejs.Value) {
		if n, ok := whole(v); ok {
			list = append(list, n)
		}
	})
	return list
}

func (o Object) each(key string, f func(v safejs.Value)) { Each(o.get(key), f) }

// BodyOf wraps a JS value as a body; nil if it is not an object.
func BodyOf(v safejs.Value) frame.Body {
	if !IsObject(v) {
		return nil
	}
	return Object{Value: v}
}

// Parsed wraps an object that JSON.parse has just made and that the page does not
// have yet. It has no getters, so reading a field costs a quarter.
func Parsed(v safejs.Value) Object { return Object{Value: v, parsed: true} }

// ParsedBody is BodyOf for what JSON.parse has just made.
func ParsedBody(v safejs.Value) frame.Body {
	if !IsObject(v) {
		return nil
	}
	return Parsed(v)
}

// ValueOf returns a body as JavaScript has it: the object itself, or a new one
// with its fields; undefined for nil.
func ValueOf(b frame.Body) safejs.Value {
	switch b := b.(type) {
	case Object:
		return b.Value
	case frame.Fields:
		// One call makes all of it, and one object that Go has to watch.
		if text, plain := appendFields(make([]byte, 0, 256), b); plain {
			return Parse(string(text))
		}
		o := NewObject()
		for _, f := range b {
			_ = o.Set(f.Key, memberOf(f.Value))
		}
		return o
	default:
		return safejs.Undefined()
	}
}

// appendFields appends fields as JSON; plain is false if they hold JavaScript values or
// lists.
func appendFields(text []byte, fields frame.Fields) (_ []byte, plain bool) {
	text = append(text, '{')
	for n, f := range fields {
		if n > 0 {
			text = append(text, ',')
		}
		text = append(appendString(text, f.Key), ':')
		switch v := f.Value.(type) {
		case string:
			text = appendString(text, v)
		case int64:
			text = appendWhole(text, v)
		case bool:
			if v {
				text = append(text, "true"...)
			} else {
				text = append(text, "false"...)
			}
		case frame.Fields:
			if text, plain = appendFields(text, v); !plain {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return append(text, '}'), true
}

// appendWhole is strconv.AppendInt, which would be all of strconv that the module has.
func appendWhole(text []byte, n int64) []byte {
	if n < 0 {
		text = append(text, '-')
	} else {
		n = -n // so that the lowest number is one like others
	}
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' - n%10)
		if n /= 10; n == 0 {
			return append(text, digits[i:]...)
		}
	}
}

func appendString(text []byte, s string) []byte {
	const hex = "0123456789abcdef"
	text = append(text, '"')
	for n := range len(s) {
		switch c := s[n]; {
		case c == '"' || c == '\\':
			text = append(text, '\\', c)
		case c < ' ':
			text = append(text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			text = append(text, c)
		}
	}
	return append(text, '"')
}

func memberOf(v any) any {
	switch v := v.(type) {
	case int64: // syscall/js has no conversion for some integer types
		return float64(v)
	case frame.Body:
		return ValueOf(v)
	case []string:
		return arrayOf(len(v), func(i int) any { return v[i] })
	case []int64:
		return arrayOf(len(v), func(i int) any { return v[i] })
	case []frame.Body:
		return arrayOf(len(v), func(i int) any { return v[i] })
	default:
		return v
	}
}

// Of returns a value that a frame.Field may hold as a JS value.
func Of(v any) safejs.Value {
	switch v := memberOf(v).(type) {
	case safejs.Value:
		return v
	case nil:
		return safejs.Undefined()
	default:
		return safejs.Safe(js.ValueOf(v))
	}
}

func arrayOf(n int, at func(i int) any) safejs.Value {
	all := make([]any, n)
	for i := range n {
		all[i] = memberOf(at(i))
	}
	array, _ := Global("Array").Call("of", all...)
	return array
}

//go:build js && wasm

package bridge

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
)

// Object is a JS object as the core sees it: a body whose fields it reads one
// by one and passes on unread otherwise.
type Object struct{ Value safejs.Value }

var _ frame.Body = Object{}

// Text implements frame.Body.
func (o Object) Text(key string) string {
	s, _ := Text(Get(o.Value, key))
	return s
}

// Number implements frame.Body.
func (o Object) Number(key string) int64 {
	n, ok := Number(Get(o.Value, key))
	// Beyond this a conversion to int64 is not defined.
	if !ok || n >= 1<<63 || n < -1<<63 {
		return 0
	}
	return int64(n)
}

// BodyOf wraps a JS value as a body, nil when it is not an object.
func BodyOf(v safejs.Value) frame.Body {
	if !IsObject(v) {
		return nil
	}
	return Object{v}
}

// ValueOf gives what a body is in JavaScript: the object itself, or a new one
// of its fields; undefined for nil.
func ValueOf(b frame.Body) safejs.Value {
	switch b := b.(type) {
	case Object:
		return b.Value
	case frame.Fields:
		o := NewObject()
		for _, f := range b {
			_ = o.Set(f.Key, memberOf(f.Value))
		}
		return o
	default:
		return safejs.Undefined()
	}
}

func memberOf(v any) any {
	switch v := v.(type) {
	case int64: // syscall/js has no conversion for some integer types
		return float64(v)
	case frame.Body:
		return ValueOf(v)
	default:
		return v
	}
}

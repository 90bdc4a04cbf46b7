package jsonframe

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/tim-wasm/tim/internal/frame"
)

// Object is a frame.Body over raw JSON. It is parsed at its first use, one
// level deep; before that it is not safe for concurrent use.
type Object struct {
	Raw json.RawMessage // one valid JSON object

	members map[string]json.RawMessage
}

// NewObject checks that raw is one JSON object and wraps it.
func NewObject(raw []byte) (*Object, error) {
	if err := check(raw); err != nil {
		return nil, err
	}
	o := &Object{Raw: raw}
	if err := json.Unmarshal(raw, &o.members); err != nil {
		return nil, ErrSyntax
	}
	return o, nil
}

// Member returns a field's raw JSON, nil when it is absent.
func (o *Object) Member(key string) json.RawMessage {
	if o == nil {
		return nil
	}
	if o.members == nil {
		// Raw was parsed as part of its frame, so this cannot fail.
		_ = json.Unmarshal(o.Raw, &o.members)
	}
	return o.members[key]
}

// Text implements frame.Body.
func (o *Object) Text(key string) string {
	raw := o.Member(key)
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// Number implements frame.Body. A number that does not fit an int64 counts as
// absent.
func (o *Object) Number(key string) int64 {
	n, _ := number(o.Member(key))
	return n
}

func number(raw json.RawMessage) (n int64, ok bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	if len(raw) == 0 || raw[0] == '"' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Bool implements frame.Body.
func (o *Object) Bool(key string) bool { return string(o.Member(key)) == "true" }

// Has implements frame.Body.
func (o *Object) Has(key string) bool { return o.Member(key) != nil }

// Object implements frame.Body. A list becomes an Object that has no fields.
func (o *Object) Object(key string) frame.Body {
	raw := o.Member(key)
	if len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return nil
	}
	return &Object{Raw: raw}
}

// List implements frame.Body.
func (o *Object) List(key string) []frame.Body {
	var list []frame.Body
	for _, raw := range o.elements(key) {
		if object(raw) {
			list = append(list, &Object{Raw: raw})
		}
	}
	return list
}

// Texts implements frame.Body.
func (o *Object) Texts(key string) []string {
	var list []string
	for _, raw := range o.elements(key) {
		var s *string
		if json.Unmarshal(raw, &s) == nil && s != nil {
			list = append(list, *s)
		}
	}
	return list
}

// Numbers implements frame.Body.
func (o *Object) Numbers(key string) []int64 {
	var list []int64
	for _, raw := range o.elements(key) {
		if n, ok := number(raw); ok {
			list = append(list, n)
		}
	}
	return list
}

func (o *Object) elements(key string) []json.RawMessage {
	var list []json.RawMessage
	_ = json.Unmarshal(o.Member(key), &list) // anything that is not a list has none
	return list
}

// MarshalJSON allows an Object in a struct that is marshalled.
func (o *Object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	return o.Raw, nil
}

package jsonframe

import (
	"encoding/json"
	"math"
	"strconv"
)

// Object is a frame.Body over raw JSON. It is parsed at the first look into
// it, one level deep; it is not safe for concurrent use before that.
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

// Member gives a field's raw JSON, nil when it is absent.
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

// Number implements frame.Body. What does not fit an int64 counts as no number.
func (o *Object) Number(key string) int64 {
	raw := o.Member(key)
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	if len(raw) == 0 || raw[0] == '"' {
		return 0
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(f) >= 1<<63 {
		return 0
	}
	return int64(f)
}

// MarshalJSON lets an Object stand in a struct that is marshalled.
func (o *Object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	return o.Raw, nil
}

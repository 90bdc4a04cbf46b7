package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// object is a JSON object. encoding/json's structs would take "userid" for
// "UserID"; the keys of a map are exact.
type object map[string]json.RawMessage

// parseObject reads a request body: one JSON object and nothing after it. A
// body in which a name appears twice is refused, because readers would differ
// in which value counts.
func parseObject(data []byte) (object, error) {
	wrong := fault.New(fault.RESTJSON)
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, wrong
	}
	o := object{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, wrong
		}
		if _, twice := o[name]; twice {
			return nil, fault.With(fault.RESTJSON, fmt.Sprintf("%.32q appears twice", name))
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, wrong
		}
		o[name] = value
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, wrong
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong
	}
	return o, nil
}

// bad is the error of a field that is missing or has an impossible value.
func bad(format string, args ...any) error {
	return fault.With(fault.BadParameters, fmt.Sprintf(format, args...))
}

func (o object) has(name string) bool {
	raw, ok := o[name]
	return ok && string(raw) != "null"
}

// text reads a string of at most most bytes; nil when the field is absent.
func (o object) text(name string, most int) (*string, error) {
	if !o.has(name) {
		return nil, nil
	}
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return nil, bad("%s is not a string", name)
	}
	if len(s) > most || !utf8.ValidString(s) {
		return nil, bad("%s is longer than %d bytes", name, most)
	}
	return &s, nil
}

// texts copies strings of at most most bytes: from names a field of the body, and its
// value the field in into. Those that are absent are left alone.
func (o object) texts(from map[string]string, most int, into fields) error {
	for theirs, ours := range from {
		text, err := o.text(theirs, most)
		if err != nil {
			return err
		}
		if text != nil {
			into[ours] = *text
		}
	}
	return nil
}

// userID reads a UserID.
func (o object) userID(name string) (string, error) {
	var s string
	if !o.has(name) {
		return "", bad("%s is missing", name)
	}
	if json.Unmarshal(o[name], &s) != nil || !frame.ValidUserID(s) {
		return "", bad("%s is not 1 to 32 bytes of printable ASCII", name)
	}
	return s, nil
}

// twoUserIDs reads two required UserIDs.
func (o object) twoUserIDs(first, second string) (a, b string, err error) {
	if a, err = o.userID(first); err == nil {
		b, err = o.userID(second)
	}
	return a, b, err
}

// number reads a whole number from least to most; def when the field is
// absent.
func (o object) number(name string, least, most, def int64) (int64, error) {
	if !o.has(name) {
		return def, nil
	}
	n, err := strconv.ParseInt(string(o[name]), 10, 64)
	if err != nil || n < least || n > most {
		return 0, bad("%s is not a whole number from %d to %d", name, least, most)
	}
	return n, nil
}

// maxListed is the longest page of a list that has a cursor.
const maxListed = 200

// page reads what part of a list is wanted: Limit, 50 without one, and Next,
// the cursor, which is "" for the first page.
func (o object) page() (limit int, cursor string, err error) {
	n, err := o.number("Limit", 1, maxListed, 50)
	if err != nil {
		return 0, "", err
	}
	next, err := o.text("Next", 32)
	if err == nil && next != nil {
		cursor = *next
	}
	return int(n), cursor, err
}

// truth reads true or false; false when the field is absent.
func (o object) truth(name string) (v bool, err error) {
	if o.has(name) && json.Unmarshal(o[name], &v) != nil {
		err = bad("%s is not true or false", name)
	}
	return v, err
}

// list reads an array of 1 to most elements.
func (o object) list(name string, most int) ([]json.RawMessage, error) {
	if !o.has(name) {
		return nil, bad("%s is missing", name)
	}
	var l []json.RawMessage
	if json.Unmarshal(o[name], &l) != nil {
		return nil, bad("%s is not a list", name)
	}
	if len(l) == 0 || len(l) > most {
		return nil, bad("%s has %d elements and may have 1 to %d", name, len(l), most)
	}
	return l, nil
}

// objects reads a list of objects.
func (o object) objects(name string, most int) ([]object, error) {
	l, err := o.list(name, most)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(l))
	for i, raw := range l {
		if json.Unmarshal(raw, &out[i]) != nil || out[i] == nil {
			return nil, bad("%s[%d] is not an object", name, i)
		}
	}
	return out, nil
}

// users reads a list of objects that each name a user.
func (o object) users(name string, most int) ([]object, error) {
	out, err := o.objects(name, most)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if !out[i].has("UserID") {
			return nil, bad("%s[%d] has no UserID", name, i)
		}
	}
	return out, nil
}

// userIDs reads a list of UserIDs and returns each of them once.
func (o object) userIDs(name string, most int) ([]string, error) {
	l, err := o.list(name, most)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []string
	for i, raw := range l {
		var id string
		if json.Unmarshal(raw, &id) != nil || !frame.ValidUserID(id) {
			return nil, bad("%s[%d] is not 1 to 32 bytes of printable ASCII", name, i)
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// plain returns a JSON value as text for an error list: the content of a
// string, anything else as it was sent, shortened.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw[:min(len(raw), 64)])
}

package jsonframe

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/frame"
)

// Most frames are plain: one object as JSON.stringify writes it, with no white space,
// whose texts have no escapes and whose other values are whole numbers, booleans,
// objects of the same kind, and lists of all these but lists. One pass checks and reads
// such a frame, where encoding/json takes three, through reflection. Whatever is written
// in another way is left to encoding/json: a reader of plain text accepts nothing that
// encoding/json would refuse or understand otherwise.

// plainDepth is how deep plain objects nest: a frame, its params, a payload in them, and
// what that lists.
const plainDepth = 4

// Plain is a value in a plain object, as it is written. Its methods report whether it
// is of their type.
type Plain []byte

// Text reads a string.
func (v Plain) Text(to *string) bool {
	if v[0] != '"' {
		return false
	}
	*to = string(v[1 : len(v)-1])
	return true
}

// Int reads a whole number.
func (v Plain) Int(to *int64) bool {
	if v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return false
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return false
	}
	*to = n
	return true
}

// IntOf is Int for an int.
func (v Plain) IntOf(to *int) bool {
	var n int64
	ok := v.Int(&n) && int64(int(n)) == n
	*to = int(n)
	return ok
}

// Uint reads a whole number that is not negative.
func (v Plain) Uint(to *uint64) bool {
	if v[0] < '0' || v[0] > '9' {
		return false
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return false
	}
	*to = n
	return true
}

// Bool reads true or false.
func (v Plain) Bool(to *bool) bool {
	*to = v[0] == 't'
	return v[0] == 't' || v[0] == 'f'
}

// Texts reads a list of strings.
func (v Plain) Texts(to *[]string) bool { return ListOf(v, []string{}, Plain.Text, to) }

// Uints reads a list of whole numbers that are not negative.
func (v Plain) Uints(to *[]uint64) bool {
	return ListOf(v, make([]uint64, 0, bytes.Count(v, []byte{','})+1), Plain.Uint, to)
}

// ListOf reads a list whose values read reads, and appends them to the empty list in.
func ListOf[T any](v Plain, in []T, read func(v Plain, to *T) bool, to *[]T) bool {
	ok := v.Each(func(v Plain) bool {
		var none T
		in = append(in, none)
		return read(v, &in[len(in)-1])
	})
	*to = in
	return ok
}

// Each calls f for each value of a list. It stops when f returns false, and reports
// whether it came to the end of a list.
func (v Plain) Each(f func(v Plain) bool) bool {
	if v[0] != '[' {
		return false
	}
	end, ok := plainList(v, 0, plainDepth, f)
	return ok && end == len(v)
}

// Object reads an object, as a part of the text that v is from.
func (v Plain) Object(to *json.RawMessage) bool {
	if v[0] != '{' {
		return false
	}
	*to = json.RawMessage(v)
	return true
}

// PlainParams is implemented by parameters that read plain text themselves. ReadPlain
// reads one member and returns false for one that it does not know or that does not
// fit; then encoding/json reads all of them anew.
type PlainParams interface {
	ReadPlain(name []byte, v Plain) bool
}

// ReadPlain calls f for each member of a plain object, and returns false as soon as f
// does or the text turns out to be anything else.
func ReadPlain(text []byte, f func(name []byte, v Plain) bool) bool {
	end, ok := plainObject(text, 0, plainDepth, f)
	return ok && end == len(text)
}

// plainObject reads the object that begins at i and returns the index after it. f may
// be nil.
func plainObject(text []byte, i, depth int, f func(name []byte, v Plain) bool) (end int, ok bool) {
	if i >= len(text) || text[i] != '{' || depth == 0 {
		return i, false
	}
	if i++; i < len(text) && text[i] == '}' {
		return i + 1, true
	}
	for {
		name := i
		if i, ok = plainText(text, i); !ok || i >= len(text) || text[i] != ':' {
			return i, false
		}
		value := i + 1
		if i, ok = plainValue(text, value, depth-1); !ok || i >= len(text) {
			return i, false
		}
		if f != nil && !f(text[name+1:value-2], text[value:i:i]) {
			return i, false
		}
		switch text[i] {
		case ',':
			i++
		case '}':
			return i + 1, true
		default:
			return i, false
		}
	}
}

func plainValue(text []byte, i, depth int) (end int, ok bool) {
	if i >= len(text) {
		return i, false
	}
	switch text[i] {
	case '"':
		return plainText(text, i)
	case '{':
		return plainObject(text, i, depth, nil)
	case '[':
		return plainList(text, i, depth, nil)
	case 't':
		return literal(text, i, "true")
	case 'f':
		return literal(text, i, "false")
	default:
		return plainNumber(text, i)
	}
}

// plainList reads the list that begins at i. f may be nil.
func plainList(text []byte, i, depth int, f func(v Plain) bool) (end int, ok bool) {
	if i++; i < len(text) && text[i] == ']' {
		return i + 1, true
	}
	for {
		value := i
		if i < len(text) && text[i] == '[' {
			return i, false
		}
		if i, ok = plainValue(text, value, depth); !ok || i >= len(text) {
			return i, false
		}
		if f != nil && !f(text[value:i:i]) {
			return i, false
		}
		switch text[i] {
		case ',':
			i++
		case ']':
			return i + 1, true
		default:
			return i, false
		}
	}
}

func literal(text []byte, i int, word string) (end int, ok bool) {
	end = i + len(word)
	return end, end <= len(text) && string(text[i:end]) == word
}

// plainNumber reads a whole number, which has no zeros in front.
func plainNumber(text []byte, i int) (end int, ok bool) {
	if text[i] == '-' {
		i++
	}
	first := i
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return i, i > first && (text[first] != '0' || i == first+1)
}

// plainText reads the string that begins at i: valid UTF-8 without escapes.
func plainText(text []byte, i int) (end int, ok bool) {
	if i >= len(text) || text[i] != '"' {
		return i, false
	}
	i++
	first, ascii := i, true
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1, ascii || utf8.Valid(text[first:i])
		case c == '\\' || c < ' ':
			return i, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return i, false
}

// decodePlain is DecodeRequest for a plain frame that has nothing to refuse.
func decodePlain(text []byte) (r Request, ok bool) {
	if len(text) > frame.MaxFrame {
		return r, false
	}
	var versioned bool
	var method string
	var params json.RawMessage
	ok = ReadPlain(text, func(name []byte, v Plain) bool {
		switch string(name) {
		case "jsonrpc":
			twice := versioned
			versioned = true
			return !twice && string(v) == `"2.0"`
		case "id":
			twice := r.Call
			r.Call = true
			return !twice && v.Int(&r.ID) && r.ID >= 0 && r.ID < frame.MaxID
		case "method":
			return method == "" && readMethod(v, &method) && method != "" // nor may an empty one come before it
		case "params":
			return params == nil && v.Object(&params)
		}
		return false
	})
	r.Method, r.Params = method, params
	return r, ok && versioned && method != "" && len(method) <= maxMethod
}

// methods are those that there are, by themselves.
var methods = func() map[string]string {
	all := map[string]string{}
	for _, list := range [][]string{frame.InboxMethods, frame.ContactMethods, frame.TimdMethods, frame.GroupMethods} {
		for _, m := range list {
			all[m] = m
		}
	}
	return all
}()

// readMethod is v.Text, which makes no string of a method that there is.
func readMethod(v Plain, to *string) bool {
	if v[0] == '"' {
		if m, ok := methods[string(v[1:len(v)-1])]; ok {
			*to = m
			return true
		}
	}
	return v.Text(to)
}

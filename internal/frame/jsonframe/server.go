package jsonframe

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Request is a frame that a client sent.
type Request struct {
	ID     int64
	Call   bool // it has an ID and wants an answer; otherwise a notification
	Method string
	Params json.RawMessage // one JSON object, or nil
}

// outgoing is every member that a frame of a client can have, as raw JSON; nil
// when it is absent.
type outgoing struct{ version, id, method, params json.RawMessage }

// members reads them. Names count as they are written, and none may appear
// twice: encoding/json would take "METHOD" for "method" and the last of two,
// where a program in between may take the first.
func members(text []byte) (out outgoing, err error) {
	if !json.Valid(text) {
		return out, ErrSyntax
	}
	eachMember(text, func(name, value []byte) {
		var to *json.RawMessage
		switch plainName(name) {
		case "jsonrpc":
			to = &out.version
		case "id":
			to = &out.id
		case "method":
			to = &out.method
		case "params":
			to = &out.params
		default:
			return // a later version may know it
		}
		if *to != nil {
			err = errTwice
		}
		*to = value
	})
	return out, err
}

// DecodeRequest reads a frame that a client sent. The fault goes back to the
// client: frame.CodeParse when the text is not a frame at all (Fatal reports
// which of these end the connection), frame.CodeInvalid or frame.CodeBadParams
// when it is not a request of this protocol; then the Request holds the ID as
// far as it could be read. Params are a part of text, which must not be
// changed afterwards.
func DecodeRequest(text []byte) (Request, *fault.Error, error) {
	if r, ok := decodePlain(text); ok {
		return r, nil, nil
	}
	return decodeAny(text)
}

// decodeAny is DecodeRequest for any text.
func decodeAny(text []byte) (Request, *fault.Error, error) {
	if err := check(text); err != nil {
		return Request{}, refuse(frame.CodeParse, err.Error()), err
	}
	in, err := members(text)
	var version, method string
	switch {
	case errors.Is(err, ErrSyntax):
		return Request{}, refuse(frame.CodeParse, err.Error()), err
	case err != nil:
		return Request{}, refuse(frame.CodeInvalid, err.Error()), err
	case !isText(in.version, &version) || !isText(in.method, &method):
		return Request{}, refuse(frame.CodeInvalid, "a member has the wrong type"), errNoRequest
	}
	r := Request{Params: in.params}
	if !absent(in.id) {
		id, err := parseID(in.id)
		if err != nil {
			return Request{}, refuse(frame.CodeInvalid, err.Error()), err
		}
		r.ID, r.Call = id, true
	}
	switch {
	case version != "2.0":
		return r, refuse(frame.CodeInvalid, `it lacks "jsonrpc": "2.0"`), errNoRequest
	case method == "" || len(method) > maxMethod:
		return r, refuse(frame.CodeInvalid, "it lacks a method"), errNoRequest
	}
	r.Method = method
	switch {
	case absent(in.params):
		r.Params = nil
	case !object(in.params):
		return r, refuse(frame.CodeBadParams, "params must be an object"), errNoRequest
	}
	return r, nil, nil
}

// Fatal reports whether an error of DecodeRequest shows a peer that does not
// speak this protocol, so that the connection has to end.
func Fatal(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrTooDeep)
}

// Result returns the answer to a call. result is marshalled; raw JSON goes
// through unchanged, and nil becomes an empty object.
func Result(id int64, result any) ([]byte, error) {
	raw, err := marshal(result)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(raw)+48)
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"result":`...)
	b = append(b, raw...)
	return append(b, '}'), nil
}

// Failure returns the error that answers r; a frame whose id could not be read
// is answered with a null id.
func Failure(r Request, e *fault.Error) []byte {
	b := make([]byte, 0, len(e.Message)+80)
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	if r.Call {
		b = strconv.AppendInt(b, r.ID, 10)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"error":{"code":`...)
	b = strconv.AppendInt(b, int64(e.Code), 10)
	b = append(b, `,"message":`...)
	b = appendText(b, e.Message)
	return append(b, "}}"...)
}

// Notification returns a frame that gets no answer. params is one JSON object;
// nil becomes an empty one.
func Notification(method string, params json.RawMessage) []byte {
	if len(params) == 0 {
		params = empty
	}
	return AppendNotification(make([]byte, 0, NotificationSize(method, params)), method, params)
}

// AppendNotification appends a Notification with params.
func AppendNotification(b []byte, method string, params json.RawMessage) []byte {
	b = append(append(append(b, notifies...), method...), with...)
	return append(append(b, params...), '}')
}

// NotificationSize returns how long a Notification with params is.
func NotificationSize(method string, params json.RawMessage) int {
	return len(notifies) + len(method) + len(with) + len(params) + 1
}

const (
	notifies = `{"jsonrpc":"2.0","method":"`
	with     = `","params":`
)

// maxMethod limits a method's name, because it may end up in a log or a
// message.
const maxMethod = 64

var (
	empty        = json.RawMessage("{}")
	errNoRequest = errors.New("the frame is not a request")
	errTwice     = errors.New("a member appears twice")
)

// refuse composes an error of JSON-RPC itself.
func refuse(code fault.Code, detail string) *fault.Error {
	var text string
	switch code {
	case frame.CodeParse:
		text = "The frame cannot be read: "
	case frame.CodeBadParams:
		text = "The parameters do not fit the method: "
	default:
		text = "The frame is not a JSON-RPC 2.0 request: "
	}
	return &fault.Error{Code: code, Message: text + detail + "."}
}

func parseID(raw []byte) (int64, error) {
	id, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || id < 0 || id >= frame.MaxID {
		return 0, errors.New("the id must be a whole number below 2^53")
	}
	return id, nil
}

// marshal is Marshal for a result: nil becomes an empty object, and raw JSON
// goes through unchanged.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return empty, nil
	case json.RawMessage:
		if len(v) == 0 {
			return empty, nil
		}
		return v, nil
	}
	return Marshal(v)
}

// Marshal is json.Marshal without the escaping that only HTML needs: a text of
// <, > and & would be six times as long. It is used for everything sent or
// stored.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

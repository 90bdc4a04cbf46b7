package jsonframe

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// incoming is every member that a frame of the gateway can have.
type incoming struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    fault.Code `json:"code"`
		Message string     `json:"message"`
	} `json:"error"`
}

// Decode reads a frame that the gateway sent. Its Body is an *Object over a
// part of text, which must not be changed afterwards.
func Decode(text []byte) (frame.Message, error) {
	if err := check(text); err != nil {
		return frame.Message{}, err
	}
	var in incoming
	if err := json.Unmarshal(text, &in); err != nil {
		return frame.Message{}, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if in.Version != "2.0" {
		return frame.Message{}, errors.New(`the frame lacks "jsonrpc": "2.0"`)
	}
	m := frame.Message{Method: in.Method}
	if !absent(in.ID) {
		id, err := parseID(in.ID)
		if err != nil {
			return frame.Message{}, err
		}
		m.ID = id
	}
	body := in.Result
	switch {
	case in.Method != "":
		body = in.Params
	case in.Error != nil:
		m.Err = &fault.Error{Code: in.Error.Code, Message: in.Error.Message}
		return m, nil
	case m.ID == 0:
		return frame.Message{}, errors.New("the frame is neither a response nor a notification")
	}
	switch {
	case absent(body):
	case object(body):
		m.Body = &Object{Raw: body}
	default:
		return frame.Message{}, errors.New("params and result must be objects")
	}
	return m, nil
}

// Encode writes a frame for the gateway. Params are nil, frame.Fields or an
// *Object.
func Encode(r frame.Request) ([]byte, error) {
	b := make([]byte, 0, 256)
	b = append(b, `{"jsonrpc":"2.0"`...)
	if r.ID != 0 {
		b = append(b, `,"id":`...)
		b = strconv.AppendInt(b, r.ID, 10)
	}
	b = append(b, `,"method":`...)
	b = appendText(b, r.Method)
	if r.Params != nil {
		var err error
		if b, err = appendValue(append(b, `,"params":`...), r.Params); err != nil {
			return nil, err
		}
	}
	b = append(b, '}')
	if len(b) > frame.MaxFrame {
		return nil, ErrTooLarge
	}
	return b, nil
}

// appendValue writes a value that a frame.Field may hold.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendText(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case nil:
		return append(b, "null"...), nil
	case *Object:
		if v == nil {
			return append(b, "null"...), nil
		}
		return append(b, v.Raw...), nil
	case []string:
		return appendList(b, v)
	case []int64:
		return appendList(b, v)
	case []frame.Body:
		return appendList(b, v)
	case frame.Fields:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.Key), ':')
			var err error
			if b, err = appendValue(b, m.Value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	default:
		return nil, fmt.Errorf("a %T cannot be sent in a frame", v)
	}
}

func appendList[T any](b []byte, list []T) ([]byte, error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

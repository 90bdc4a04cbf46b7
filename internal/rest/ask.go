package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/fault"
)

// maxInfo is the most bytes of a refusal's reason that reach the client.
const maxInfo = 512

// Answer is the receiver's reply by field.
type Answer map[string]json.RawMessage

// Ask asks the receiver whether something may happen. The Answer is nil if the
// receiver was not asked or has not answered. A refusal is a *fault.Error: with the
// code refused, or with one of the receiver's own codes (ownCode) and its reason.
// ErrDropped means that it must not happen, but that the client is to believe it has.
// Any other error is that of ctx.
func (h *Hooks) Ask(ctx context.Context, app uint32, command string, refused fault.Code, body map[string]any) (Answer, error) {
	if !h.Wants(command) {
		return nil, nil
	}
	began := time.Now()
	answer, err := h.ask(ctx, app, command, body)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // the caller has hung up
	}
	result := AskedAllowed
	defer func() { h.o.Observe(command, result, time.Since(began)) }()
	if err != nil {
		if result = AskedUnanswered; errors.Is(err, errNotAsked) {
			result = AskedNot
		}
		if h.o.Refuse {
			return nil, fault.With(refused, "the app's own server did not answer; try again later")
		}
		return nil, nil
	}
	switch code := answer.code(); {
	case code == 0:
		return answer, nil
	case code == 2:
		result = AskedRefused
		return nil, ErrDropped
	case ownCode(command, code):
		result = AskedRefused
		info := answer.info()
		if info == "" {
			info = refused.Text()
		}
		return nil, &fault.Error{Code: code, Message: info}
	default:
		result = AskedRefused
		return nil, fault.With(refused, answer.info())
	}
}

func (h *Hooks) ask(ctx context.Context, app uint32, command string, body map[string]any) (Answer, error) {
	keys := h.o.Keys(app)
	if len(keys) == 0 {
		return nil, errNoKey
	}
	n, err := newNotice(ctx, app, command, "", body, h.now())
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, h.o.Timeout)
	defer cancel()
	if err := h.asking.enter(limited, time.Now()); err != nil {
		return nil, err
	}
	answer, err := h.exchange(limited, keys, n)
	switch h.asking.leave(time.Now(), err == nil, ctx.Err() != nil) {
	case wentDown:
		h.o.Log.Warn("the webhook's receiver does not answer; it is not asked for a while", "command", command, "error", err)
	case cameBack:
		h.o.Log.Info("the webhook's receiver answers again")
	}
	return answer, err
}

// exchange sends a question and reads the answer.
func (h *Hooks) exchange(ctx context.Context, keys []string, n notice) (Answer, error) {
	r, err := request(ctx, h.o.URL, keys, n, time.Now())
	if err != nil {
		return nil, err
	}
	data, err := post(h.client, r)
	if err != nil {
		return nil, err
	}
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("the receiver's answer is longer than %d bytes", maxAnswer)
	}
	o, err := parseObject(data)
	if err != nil {
		return nil, errors.New("the receiver's answer is not a JSON object")
	}
	var code int
	if !o.has("ErrorCode") || json.Unmarshal(o["ErrorCode"], &code) != nil {
		return nil, errors.New("the receiver's answer has no ErrorCode")
	}
	return Answer(o), nil
}

func (a Answer) code() (code fault.Code) {
	_ = json.Unmarshal(a["ErrorCode"], &code) // exchange has checked it
	return code
}

// info returns the reason of a refusal, cut to maxInfo bytes.
func (a Answer) info() (info string) {
	_ = json.Unmarshal(a["ErrorInfo"], &info)
	if len(info) > maxInfo {
		info = info[:maxInfo]
		for !utf8.ValidString(info) { // cut in the middle of a character
			info = info[:len(info)-1]
		}
	}
	return strings.TrimSpace(info)
}

// Text returns a field that is a string; ok is false if it is missing or of
// another type.
func (a Answer) Text(name string) (s string, ok bool) {
	if !object(a).has(name) {
		return "", false
	}
	return s, json.Unmarshal(a[name], &s) == nil
}

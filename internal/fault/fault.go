// Package fault holds the error codes of tim and their messages.
//
// The codes are the TIM web SDK's and server API's own, so that a page or a
// back end written for the original understands them. They travel unchanged
// through the wire, Go and JS. codes_gen.go is generated from
// internal/gen/codes.json.
package fault

// Code is a number of the TIM error tables, for example 70001.
type Code int

// Error is a failure that a user of the SDK or of the server API sees.
// Message is one English sentence that says what happened and what to do.
type Error struct {
	Code    Code
	Message string
}

// New returns an Error with the code's standard message.
func New(code Code) *Error {
	return &Error{Code: code, Message: code.Text()}
}

// With returns an Error with the code's standard message, followed by the
// details of this case in brackets.
func With(code Code, detail string) *Error {
	if detail == "" {
		return New(code)
	}
	text := code.Text()
	return &Error{Code: code, Message: text[:len(text)-1] + " (" + detail + ")."}
}

// Error returns the message without the code; callers that log want both.
func (e *Error) Error() string { return e.Message }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

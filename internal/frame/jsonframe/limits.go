package jsonframe

import (
	"errors"
	"fmt"

	"github.com/tim-wasm/tim/internal/frame"
)

// Reasons why a text is not a frame at all.
var (
	ErrTooLarge = fmt.Errorf("the frame is larger than %d bytes", frame.MaxFrame)
	ErrTooDeep  = fmt.Errorf("the frame nests objects and arrays deeper than %d", frame.MaxDepth)
	ErrBatch    = errors.New("batches are not part of this protocol: send one frame for each request")
	ErrSyntax   = errors.New("the frame is not one JSON object")
)

// check refuses what must not reach the parser. It costs one pass over the
// bytes and allocates nothing.
func check(text []byte) error {
	if len(text) > frame.MaxFrame {
		return ErrTooLarge
	}
	depth, inString := 0, false
	first := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '"':
			inString = true
		case '{', '[':
			if depth++; depth > frame.MaxDepth {
				return ErrTooDeep
			}
		case '}', ']':
			depth--
		}
		if first == 0 {
			first = c
		}
	}
	switch first {
	case '{':
		return nil
	case '[':
		return ErrBatch
	default:
		return ErrSyntax
	}
}

// object reports whether a value known to be valid JSON is an object.
func object(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// absent reports whether a member is missing or null.
func absent(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

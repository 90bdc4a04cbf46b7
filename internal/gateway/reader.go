package gateway

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/frame"
)

// opcode is the kind of a WebSocket frame, RFC 6455, section 5.2.
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xa
)

// The bits of a frame's first two bytes.
const (
	finalBit = 0x80
	reserved = 0x70
	maskBit  = 0x80
)

const (
	closeNormal   = 1000
	closeProtocol = 1002 // not what RFC 6455 allows
	closeNoCode   = 1005 // stands for a close frame without a code
	closeNone     = 1006 // stands for an end without a close frame
	closeNotUTF8  = 1007
)

// maxControl is the largest payload of a control frame.
const maxControl = 125

// maxPieces is how many fragments a message may have: many more than the
// largest one needs behind a proxy that cuts it into packets. Without a bound,
// a message of empty fragments would never end.
const maxPieces = 1024

// reader takes a client's bytes apart, however they arrive. It refuses a frame
// by its header, before anything is kept of it, and keeps nothing between two
// messages, because most sockets are idle. Only who holds socket.reading uses
// it.
type reader struct {
	head    [14]byte // of the present frame, its mask at the end
	have    uint8    // bytes of head that have arrived
	size    uint8    // bytes of head in all; 0: not known yet
	within  opcode   // of the message whose pieces arrive; 0: none does
	pieces  uint16   // of that message
	left    uint32   // bytes of the frame's payload that are still to come
	at      uint32   // bytes of it that have arrived
	control []byte   // payload of a control frame
	text    []byte   // payload of a message, all its pieces together
}

// message is a whole message, or a control frame. Its payload is the caller's.
type message struct {
	opcode  opcode
	payload []byte
}

// violation is why a connection has to end.
type violation struct {
	code int
	why  string
}

func protocolError(why string) *violation { return &violation{closeProtocol, why} }
func badFrame(why string) *violation      { return &violation{frame.CloseBadFrame, why} }

// next returns the next message that ends in b, and what follows it. ok is
// false when b has been used up first. limit is for the payload of one message.
func (r *reader) next(b []byte, limit int) (m message, rest []byte, ok bool, bad *violation) {
	for {
		for r.size == 0 || r.have < r.size {
			if len(b) == 0 {
				return m, nil, false, nil
			}
			r.head[r.have] = b[0]
			r.have++
			b = b[1:]
			if r.size == 0 && r.have >= 2 && int(r.have) == r.headLength() {
				if bad := r.begin(limit); bad != nil {
					return m, nil, false, bad
				}
			}
		}
		n := min(int(r.left), len(b))
		r.take(b[:n])
		b = b[n:]
		if r.left > 0 {
			return m, nil, false, nil
		}
		r.have, r.size = 0, 0
		if m, ok, bad = r.end(); ok || bad != nil {
			return m, b, ok, bad
		}
	}
}

// headLength returns how long the header is without its mask.
func (r *reader) headLength() int {
	switch r.head[1] &^ maskBit {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

func (r *reader) opcode() opcode { return opcode(r.head[0] & 0x0f) }
func (r *reader) final() bool    { return r.head[0]&finalBit != 0 }

// begin judges a frame whose length is known.
func (r *reader) begin(limit int) *violation {
	length, least := uint64(r.head[1]&^maskBit), uint64(0)
	switch length {
	case 126:
		length, least = uint64(binary.BigEndian.Uint16(r.head[2:])), 126
	case 127:
		length, least = binary.BigEndian.Uint64(r.head[2:]), 1<<16
	}
	op := r.opcode()
	if length < least {
		return badFrame("a frame's length is not in its shortest form")
	}
	if op < opClose {
		before := 0
		if op == opContinuation {
			before = len(r.text)
		}
		if length > uint64(limit) || before+int(length) > limit {
			return badFrame("the frame is too large")
		}
	}
	switch {
	case r.head[0]&reserved != 0:
		return protocolError("a frame has reserved bits set")
	case r.head[1]&maskBit == 0:
		return protocolError("a client's frame is not masked")
	case op > opBinary && op < opClose || op > opPong:
		return protocolError("a frame has a reserved opcode")
	case op >= opClose && !r.final():
		return protocolError("a control frame in pieces")
	case op >= opClose && length > maxControl:
		return protocolError("a control frame is too large")
	case op == opContinuation && r.within == 0:
		return protocolError("a frame continues nothing")
	case (op == opText || op == opBinary) && r.within != 0:
		return protocolError("a message begins within another")
	}
	if op < opClose {
		if op != opContinuation {
			r.within, r.pieces = op, 0
		}
		if r.pieces++; r.pieces > maxPieces {
			return badFrame("a message in too many pieces")
		}
	}
	r.size = r.have + 4
	r.left, r.at = uint32(length), 0
	return nil
}

// take keeps a part of the frame's payload.
func (r *reader) take(b []byte) {
	if len(b) == 0 {
		return
	}
	to := &r.text
	if r.opcode() >= opClose {
		to = &r.control
	}
	from := len(*to)
	// A message that is there as a whole has what it needs and no more.
	*to = append(*to, b...)
	unmask((*to)[from:], [4]byte(r.head[r.size-4:r.size]), r.at)
	r.at += uint32(len(b))
	r.left -= uint32(len(b))
}

// end returns the message or control frame that the present frame completes.
func (r *reader) end() (m message, ok bool, bad *violation) {
	if op := r.opcode(); op >= opClose {
		m = message{op, r.control}
		r.control = nil
		return m, true, nil
	}
	if !r.final() {
		return m, false, nil
	}
	m = message{r.within, r.text}
	r.text, r.within = nil, 0
	if m.opcode == opText && !utf8.Valid(m.payload) {
		return m, false, &violation{closeNotUTF8, "a text is not UTF-8"}
	}
	return m, true, nil
}

// unmask removes a client's mask from a part of a payload; at is where in the
// payload it begins.
func unmask(b []byte, mask [4]byte, at uint32) {
	if mask == [4]byte{} {
		return
	}
	var key [8]byte
	for i := range key {
		key[i] = mask[(uint32(i)+at)%4]
	}
	for word := binary.NativeEndian.Uint64(key[:]); len(b) >= 8; b = b[8:] {
		binary.NativeEndian.PutUint64(b, binary.NativeEndian.Uint64(b)^word)
	}
	for i := range b {
		b[i] ^= key[i]
	}
}

// closing reads a close frame: the code that it has, and the one to answer it
// with, 0 for none.
func closing(payload []byte) (code, reply int, bad *violation) {
	if len(payload) == 0 {
		return closeNoCode, 0, nil
	}
	if len(payload) == 1 {
		return 0, 0, protocolError("half a close code")
	}
	code = int(binary.BigEndian.Uint16(payload))
	switch {
	case !utf8.Valid(payload[2:]):
		return 0, 0, &violation{closeNotUTF8, "a close reason is not UTF-8"}
	case !mayBeSent(code):
		return 0, 0, protocolError("a close code that nobody may send")
	case code < 3000:
		return code, closeNormal, nil
	}
	return code, code, nil
}

// mayBeSent reports whether a close frame may have this code, RFC 6455, section
// 7.4, and the registry that it refers to.
func mayBeSent(code int) bool {
	switch code {
	case 1004, closeNoCode, closeNone, 1014, 1015:
		return false
	}
	return code >= 1000 && code < 1016 || code >= 3000 && code < 5000
}

// appendHead appends the header of a frame that a server sends, which is whole
// and has no mask.
func appendHead(b []byte, op opcode, length int) []byte {
	b = append(b, finalBit|byte(op))
	switch {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(length))
}

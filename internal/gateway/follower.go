package gateway

import "encoding/binary"

// maxPieces is how many fragments a message may have: many more than the
// largest one needs behind a proxy that cuts it into packets. Without a bound,
// a message of empty fragments would never end.
const maxPieces = 1024

// follower reads along in the bytes of a client, to refuse a frame by its
// header. The library allocates everything a header announces before any of it
// has come, has one limit for all sockets, and accepts lengths in any form, on
// which it has panicked. Only the read loop uses it.
type follower struct {
	head   [10]byte // of a frame, without its mask
	have   int      // bytes of head that have arrived
	left   uint64   // bytes of the frame that are still to come
	size   uint64   // payload of the message so far, all its pieces together
	pieces int
}

// follow reads the next bytes and returns why the connection has to end, or
// "". limit is for the payload of one message.
func (f *follower) follow(b []byte, limit uint64) (refusal string) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(b)))
			f.left -= n
			b = b[n:]
			continue
		}
		f.head[f.have] = b[0]
		f.have++
		b = b[1:]
		if f.have >= 2 && f.have == f.headLength() {
			f.have = 0
			if refusal = f.begin(limit); refusal != "" {
				return refusal
			}
		}
	}
	return ""
}

func (f *follower) headLength() int {
	switch f.head[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// begin judges a frame whose header is complete.
func (f *follower) begin(limit uint64) (refusal string) {
	length, least := uint64(f.head[1]&0x7f), uint64(0)
	switch length {
	case 126:
		length, least = uint64(binary.BigEndian.Uint16(f.head[2:])), 126
	case 127:
		length, least = binary.BigEndian.Uint64(f.head[2:]), 1<<16
	}
	if length < least {
		return "a frame's length is not in its shortest form"
	}
	const final, opcode, control = 0x80, 0x0f, 8
	if op := f.head[0] & opcode; op < control {
		if op != 0 {
			f.size, f.pieces = 0, 0
		}
		if length > limit || f.size+length > limit {
			return "the frame is too large"
		}
		f.size += length
		if f.pieces++; f.pieces > maxPieces {
			return "a message in too many pieces"
		}
		if f.head[0]&final != 0 {
			f.size, f.pieces = 0, 0
		}
	}
	f.left = length
	if masked := f.head[1]&0x80 != 0; masked {
		f.left += 4
	}
	return ""
}

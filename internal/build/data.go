package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The Go linker leaves out every run of 8 zeros in a module's data, which makes
// some 3,400 segments of it beside those of the table in findfunc.go, each with a
// head of its own and none aligned to what came before. Brotli finds little to share
// in that. Written as a few long segments the same data is 32 KB longer.

// maxGap is how many zeros between two segments are written out.
const maxGap = 64

// The parts of a data section that readSegments knows.
const (
	activeData = 0 // a segment that is copied into memory 0 at the start
	opI32Const = 0x41
	opEnd      = 0x0b
)

var errData = errors.New("the module's data is not what Go's linker writes, see internal/build/data.go")

// segment is a part of the memory at the start.
type segment struct {
	at   int
	data []byte
}

// mergeData returns a module that does the same, with data segments merged
// that have few zeros between them: memory holds zeros where none is.
func mergeData(module []byte) ([]byte, error) {
	sections, err := readModule(module)
	if err != nil {
		return nil, err
	}
	for i, s := range sections {
		if s.id != dataID {
			continue
		}
		segments, err := readSegments(s.content)
		if err != nil {
			return nil, err
		}
		sections[i].content = writeSegments(join(segments))
	}
	return writeModule(sections), nil
}

// join merges neighbours.
func join(segments []segment) []segment {
	var out []segment
	for _, s := range segments {
		if len(out) == 0 || s.at-out[len(out)-1].end() > maxGap {
			out = append(out, segment{s.at, append([]byte(nil), s.data...)})
			continue
		}
		last := &out[len(out)-1]
		last.data = append(last.data, make([]byte, s.at-last.end())...)
		last.data = append(last.data, s.data...)
	}
	return out
}

func (s segment) end() int { return s.at + len(s.data) }

// readSegments reads a data section of active segments, and returns them in the
// order of their addresses. Where two overlapped, the order would matter.
func readSegments(content []byte) ([]segment, error) {
	count, n := binary.Uvarint(content)
	if n <= 0 {
		return nil, errData
	}
	content = content[n:]
	var out []segment
	for range count {
		if len(content) < 2 || content[0] != activeData || content[1] != opI32Const {
			return nil, errData
		}
		at, n := signedLEB(content[2:])
		if n == 0 || len(content) < 3+n || content[2+n] != opEnd {
			return nil, errData
		}
		content = content[3+n:]
		size, n := binary.Uvarint(content)
		if n <= 0 || size > uint64(len(content)-n) {
			return nil, errData
		}
		out = append(out, segment{at, content[n : n+int(size)]})
		content = content[n+int(size):]
	}
	if len(content) > 0 {
		return nil, errData
	}
	slices.SortFunc(out, func(a, b segment) int { return a.at - b.at })
	for i := 1; i < len(out); i++ {
		if out[i].at < out[i-1].end() {
			return nil, fmt.Errorf("%w: two segments overlap at %d", errData, out[i].at)
		}
	}
	return out, nil
}

func writeSegments(segments []segment) []byte {
	out := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		out = append(out, activeData, opI32Const)
		out = appendSignedLEB(out, s.at)
		out = append(out, opEnd)
		out = appendVector(out, s.data)
	}
	return out
}

// signedLEB reads a signed LEB128 number; n is its length, 0 when it is none
// that an address can have.
func signedLEB(b []byte) (v, n int) {
	for i, c := range b {
		if i == 5 {
			break
		}
		v |= int(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			if c&0x40 != 0 { // negative
				break
			}
			return v, i + 1
		}
	}
	return 0, 0
}

// appendSignedLEB writes a number that is not negative.
func appendSignedLEB(b []byte, v int) []byte {
	for v > 0x3f {
		b = append(b, byte(v&0x7f)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

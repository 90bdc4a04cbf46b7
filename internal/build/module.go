package main

import (
	"encoding/binary"
	"errors"
)

// The parts of a WebAssembly module that the build has to know.
const (
	wasmHead   = "\x00asm\x01\x00\x00\x00"
	typeID     = 1
	importID   = 2
	functionID = 3
	startID    = 8
	elementID  = 9
	codeID     = 10
	dataID     = 11
)

// section is one of a module, without its head.
type section struct {
	id      byte
	content []byte
}

func readModule(module []byte) ([]section, error) {
	if len(module) < len(wasmHead) || string(module[:len(wasmHead)]) != wasmHead {
		return nil, errors.New("not a WebAssembly module")
	}
	var out []section
	for rest := module[len(wasmHead):]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errors.New("a section of the module is cut off")
		}
		end := 1 + n + int(size)
		out = append(out, section{rest[0], rest[1+n : end]})
		rest = rest[end:]
	}
	return out, nil
}

func writeModule(sections []section) []byte {
	out := []byte(wasmHead)
	for _, s := range sections {
		out = append(out, s.id)
		out = appendVector(out, s.content)
	}
	return out
}

// appendVector appends bytes and their number before them.
func appendVector(out, b []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

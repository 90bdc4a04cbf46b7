package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Go's runtime finds the function of a program counter with runtime.findfunctab,
// which has an entry for each 4096 of them. In WebAssembly every function has
// 65,536 to itself, so that the table counts to the number of functions, 16 times
// each, in 20 bytes a time: a quarter of tim.wasm, which each visit had to unpack
// and to copy. A start function of 40 bytes writes the same in a tenth of a
// millisecond.

// The table, as cmd/link writes it for GOARCH=wasm.
const (
	bucketSize = 20 // the function's number, and 16 zeros
	buckets    = 16 // of a function
)

var errTable = errors.New("the module's findfunctab is not what Go's linker writes, see internal/build/findfunc.go")

// computeTable returns a module that does the same, whose start function writes
// runtime.findfunctab, which its data has no more.
func computeTable(module []byte) ([]byte, error) {
	sections, err := readModule(module)
	if err != nil {
		return nil, err
	}
	found := map[byte]*section{}
	for i := range sections {
		found[sections[i].id] = &sections[i]
	}
	types, imports, functions, code, data := found[typeID], found[importID], found[functionID], found[codeID], found[dataID]
	if types == nil || imports == nil || functions == nil || code == nil || data == nil || found[elementID] == nil || found[startID] != nil {
		return nil, errTable
	}
	segments, err := readSegments(data.content)
	if err != nil {
		return nil, err
	}
	count, _ := binary.Uvarint(functions.content)
	segments, at, entries, err := cutTable(segments, int(count))
	if err != nil {
		return nil, err
	}
	imported, _ := binary.Uvarint(imports.content)
	kind, _ := binary.Uvarint(types.content)
	types.content = appendItem(types.content, []byte{0x60, 0, 0}) // takes nothing, returns nothing
	functions.content = appendItem(functions.content, binary.AppendUvarint(nil, kind))
	code.content = appendItem(code.content, appendVector(nil, writeTable(at, entries)))
	data.content = writeSegments(segments)

	// Go imports nothing but functions, and they have the first numbers.
	start := section{startID, binary.AppendUvarint(nil, imported+count)}
	var out []section
	for _, s := range sections {
		if s.id == elementID {
			out = append(out, start)
		}
		out = append(out, s)
	}
	return writeModule(out), nil
}

// cutTable returns the segments without the table, where it begins and how many
// entries it has. Those of the first function are zeros, as memory is, and not
// counted.
func cutTable(segments []segment, functions int) (rest []segment, at, entries int, err error) {
	if len(segments) == 0 || functions < 3 {
		return nil, 0, 0, errTable
	}
	memory := make([]byte, segments[len(segments)-1].end()+bucketSize) // zeros at the end are in no segment
	for _, s := range segments {
		copy(memory[s.at:], s.data)
	}
	// The last function has as many as its code takes: one or more.
	least := buckets*(functions-2) + 1
	table := make([]byte, 0, buckets*(functions-1)*bucketSize)
	for n := range buckets * (functions - 1) {
		table = binary.LittleEndian.AppendUint32(table, uint32(1+n/buckets))
		table = append(table, make([]byte, bucketSize-4)...)
	}
	if at = bytes.Index(memory, table[:least*bucketSize-(bucketSize-4)]); at < 0 {
		return nil, 0, 0, errTable
	}
	for entries = least; len(table) >= (entries+1)*bucketSize && bytes.HasPrefix(memory[at+entries*bucketSize:], table[entries*bucketSize:(entries+1)*bucketSize]); {
		entries++
	}
	end := at + entries*bucketSize
	for _, s := range segments {
		if s.at < at {
			rest = append(rest, segment{s.at, s.data[:min(len(s.data), at-s.at)]})
		}
		if s.end() > end {
			from := max(s.at, end)
			rest = append(rest, segment{from, s.data[from-s.at:]})
		}
	}
	return rest, at, entries, nil
}

// writeTable is the code of a function that stores 1+n/16 at at+20n, for each n
// below entries.
func writeTable(at, entries int) []byte {
	const (
		i32      = 0x7f
		loop     = 0x03
		nothing  = 0x40
		brIf     = 0x0d
		localGet = 0x20
		localTee = 0x22
		store    = 0x36
		ltU      = 0x49
		add      = 0x6a
		mul      = 0x6c
		shrU     = 0x76
	)
	out := []byte{
		1, 1, i32, // n
		loop, nothing,
		localGet, 0, opI32Const, bucketSize, mul,
		localGet, 0, opI32Const, 4, shrU, opI32Const, 1, add,
		store, 2,
	}
	out = binary.AppendUvarint(out, uint64(at))
	out = append(out, localGet, 0, opI32Const, 1, add, localTee, 0, opI32Const)
	out = appendSignedLEB(out, entries)
	return append(out, ltU, brIf, 0, opEnd, opEnd)
}

// appendItem adds one to the end of a vector of them.
func appendItem(vector, item []byte) []byte {
	count, n := binary.Uvarint(vector)
	out := binary.AppendUvarint(nil, count+1)
	return append(append(out, vector[n:]...), item...)
}

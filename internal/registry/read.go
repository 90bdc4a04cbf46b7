package registry

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// decodeRecord reads a record as it is stored: without encoding/json, see
// jsonframe.PlainParams, unless it holds something rare.
func decodeRecord(data []byte) (Record, error) {
	var r Record
	if len(data) == 0 {
		return r, nil
	}
	if !jsonframe.ReadPlain(data, r.readPlain) {
		r = Record{}
		if err := json.Unmarshal(data, &r); err != nil {
			return r, fmt.Errorf("a record cannot be read: %w", err)
		}
	}
	if r.Version > recordVersion {
		return r, fmt.Errorf("a record has version %d and this timd knows only %d: upgrade this timd", r.Version, recordVersion)
	}
	return r, nil
}

// readPlain reads a member of a stored record. A ban is rare.
func (r *Record) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "v":
		return v.IntOf(&r.Version)
	case "op":
		return v.Text(&r.Op)
	case "s":
		return v.Uint(&r.Settings)
	case "n":
		return v.Uint(&r.Last)
	case "k":
		return v.Int(&r.KickedAt)
	case "f":
		return v.Int(&r.Ahead)
	case "i":
		return readList(v, &r.Instances, (*Instance).readPlain)
	case "e":
		return readList(v, &r.Evicted, (*Evicted).readPlain)
	case "o":
		return readList(v, &r.Out, (*Event).readPlain)
	}
	return false
}

func (in *Instance) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "h":
		return v.Text(&in.Hash)
	case "p":
		return v.Text((*string)(&in.Platform))
	case "g":
		return v.Text(&in.Gateway)
	case "a":
		return v.Uint(&in.Attach)
	case "l":
		return v.Uint(&in.Login)
	case "d":
		return v.Text(&in.Doc)
	case "op":
		return v.Text(&in.Op)
	case "t":
		return v.Int(&in.Down)
	case "c":
		return v.Bool(&in.Clean)
	case "x":
		return v.Int(&in.Expires)
	case "r":
		return v.Text(&in.Addr)
	}
	return false
}

func (e *Evicted) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "h":
		return v.Text(&e.Hash)
	case "d":
		return v.Text(&e.Doc)
	case "t":
		return v.Text(&e.Type)
	case "x":
		return v.Int(&e.Expires)
	}
	return false
}

func (e *Event) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "n":
		return v.Uint(&e.N)
	case "time":
		return v.Int(&e.Time)
	case "sdkAppID":
		var n uint64
		ok := v.Uint(&n) && n <= math.MaxUint32
		e.SDKAppID = uint32(n)
		return ok
	case "userID":
		return v.Text(&e.UserID)
	case "kind":
		return v.Text((*string)(&e.Kind))
	case "reason":
		return v.Text(&e.Reason)
	case "platform":
		return v.Text((*string)(&e.Platform))
	case "instance":
		return v.Text(&e.Instance)
	case "gateway":
		return v.Text(&e.Gateway)
	case "addr":
		return v.Text(&e.Addr)
	case "kicked":
		return readList(v, &e.Kicked, (*Kicked).readPlain)
	}
	return false
}

func (k *Kicked) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "platform":
		return v.Text((*string)(&k.Platform))
	case "instance":
		return v.Text(&k.Instance)
	case "type":
		return v.Text(&k.Type)
	}
	return false
}

// readList reads a list of objects.
func readList[T any](v jsonframe.Plain, to *[]T, read func(to *T, name []byte, v jsonframe.Plain) bool) bool {
	if *to != nil { // encoding/json would read the second list into the first
		return false
	}
	return jsonframe.ListOf(v, []T{}, func(v jsonframe.Plain, one *T) bool {
		return jsonframe.ReadPlain(v, func(name []byte, v jsonframe.Plain) bool { return read(one, name, v) })
	}, to)
}

package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/layout"
)

// The file begins with the line magic and goes on in frames: a kind (1 byte),
// a length (4 bytes, big endian) and that many bytes.
//
//	H  the header, JSON
//	S  a stream begins: its configuration and state, JSON
//	C  a piece of that stream's snapshot
//	E  the stream ends
//	Z  the file ends: SHA-256 of everything before this frame
const (
	magic = "timd backup\n"

	// A file of the store's first layout has version 1, so that the release
	// that kept that layout can restore it; a file of a later layout names its
	// layout.
	versionFirst  = 1
	versionLayout = 2

	maxFrame = 16 << 20
)

const (
	frameHeader = 'H'
	frameStream = 'S'
	frameChunk  = 'C'
	frameEnd    = 'E'
	frameSum    = 'Z'
)

// header describes a file.
type header struct {
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Layout  int       `json:"layout,omitempty"` // of the store, from versionLayout on
}

// headerOf describes a file of a store in this state.
func headerOf(st layout.State, created time.Time) header {
	h := header{Version: versionFirst, Created: created}
	if st.Version > layout.First || st.Upgrade != nil { // an upgrade may have begun
		h.Version, h.Layout = versionLayout, st.Version
	}
	return h
}

// streamHeader describes a stream, beside its snapshot.
type streamHeader struct {
	Config jetstream.StreamConfig `json:"config"`
	// State is as NATS reported it; restoring requires it.
	State json.RawMessage `json:"state"`
	// Began is where the stream ended when the backup began, see complete. Older
	// files do not have it.
	Began *uint64 `json:"began,omitempty"`
}

// ErrFile is wrapped by every error about an unusable file.
var ErrFile = errors.New("not a usable backup")

func fileError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
}

// writer writes frames.
type writer struct {
	out *bufio.Writer
	sum hash.Hash
	err error
}

func newWriter(out io.Writer, h header) *writer {
	w := &writer{out: bufio.NewWriterSize(out, 1<<20), sum: sha256.New()}
	w.write([]byte(magic))
	w.frameJSON(frameHeader, h)
	return w
}

func (w *writer) write(b []byte) {
	if w.err == nil {
		w.sum.Write(b)
		_, w.err = w.out.Write(b)
	}
}

func (w *writer) frame(kind byte, payload []byte) error {
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	w.write(head[:])
	w.write(payload)
	return w.err
}

func (w *writer) frameJSON(kind byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.frame(kind, data)
}

func (w *writer) close() error {
	sum := w.sum.Sum(nil)
	_ = w.frame(frameSum, sum)
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}

// reader reads frames and checks their order and, at the end, the sum.
type reader struct {
	in     *bufio.Reader
	sum    hash.Hash
	header header
	inside bool // within a stream
}

func newReader(in io.Reader) (*reader, error) {
	r := &reader{in: bufio.NewReaderSize(in, 1<<20), sum: sha256.New()}
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(r.in, start); err != nil || string(start) != magic {
		return nil, fileError("it does not begin as one that timd backup wrote")
	}
	r.sum.Write(start)
	kind, payload, err := r.raw()
	if err != nil {
		return nil, err
	}
	if kind != frameHeader || json.Unmarshal(payload, &r.header) != nil {
		return nil, fileError("its header cannot be read")
	}
	if v := r.header.Version; v < versionFirst || v > versionLayout {
		return nil, fileError("it has version %d and this timd knows %d: use the timd that wrote it, or a newer one", v, versionLayout)
	}
	if l := r.header.Layout; l > layout.Version {
		return nil, fileError("it holds a store of layout %d and this timd knows %d: use the timd that wrote it, or a newer one", l, layout.Version)
	}
	return r, nil
}

// raw reads one frame; sum is the checksum of what came before a frameSum.
func (r *reader) raw() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, nil, fileError("it is cut off")
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fileError("it is damaged: a frame of %d bytes", n)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r.in, payload); err != nil {
		return 0, nil, fileError("it is cut off")
	}
	if head[0] != frameSum {
		r.sum.Write(head[:])
		r.sum.Write(payload)
	}
	return head[0], payload, nil
}

// next returns the next frame, and io.EOF after a correct checksum.
func (r *reader) next() (kind byte, payload []byte, err error) {
	kind, payload, err = r.raw()
	if err != nil {
		return 0, nil, err
	}
	switch {
	case kind == frameStream && !r.inside, kind == frameEnd && r.inside:
		r.inside = !r.inside
		return kind, payload, nil
	case kind == frameChunk && r.inside:
		return kind, payload, nil
	case kind == frameSum && !r.inside:
		if string(payload) != string(r.sum.Sum(nil)) {
			return 0, nil, fileError("it is damaged: its checksum does not match")
		}
		if _, err := r.in.ReadByte(); err == nil {
			return 0, nil, fileError("it is damaged: something follows its end")
		}
		return 0, nil, io.EOF
	}
	return 0, nil, fileError("it is damaged: a frame of kind %q where none may be", kind)
}

// verify reads a whole file and returns its streams, so that a damaged file
// changes nothing.
func verify(in io.Reader) (header, []streamHeader, error) {
	r, err := newReader(in)
	if err != nil {
		return header{}, nil, err
	}
	var streams []streamHeader
	for {
		kind, payload, err := r.next()
		switch {
		case err == io.EOF:
			return r.header, streams, nil
		case err != nil:
			return header{}, nil, err
		case kind == frameStream:
			var s streamHeader
			if err := json.Unmarshal(payload, &s); err != nil {
				return header{}, nil, fileError("a stream's configuration cannot be read")
			}
			if !ours(s.Config.Name) {
				return header{}, nil, fileError("it holds %.64q, which is no stream of timd", s.Config.Name)
			}
			streams = append(streams, s)
		}
	}
}

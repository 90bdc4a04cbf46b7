package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// store is files and references on NATS, and the bytes of files.
type store struct {
	bus         Bus
	files, refs bus.Log
	// chunks and objects keep the bytes; each file's entry says which of them. All
	// that is new goes into objects, unless that is nowhere.
	chunks, objects blobs
}

// blobs keeps the bytes of files. Which of them can be read, and when they may be
// freed, their entries in store say.
type blobs interface {
	// write stores what r reads as the bytes of a file that has none yet. size is
	// how many come, or -1 if that is not known. r is read on the caller's
	// goroutine only, and in pieces of chunkSize. If it fails, whatever is left
	// behind goes with the file's entry.
	write(ctx context.Context, i *Info, r io.Reader, size int64) error
	// read reads some of a file's bytes from a position on, which is below the
	// file's size: about n, and at least one unless it fails.
	read(ctx context.Context, i *Info, from, n int64) (io.ReadCloser, error)
	// free removes the bytes of a file and of its smaller sizes.
	free(ctx context.Context, app uint32, name string) error
}

func openStore(ctx context.Context, b Bus, o Options) (store, error) {
	s := store{bus: b, objects: nowhere{}, chunks: &chunks{
		bus: b, writes: make(chan struct{}, maxWrites), reads: make(chan struct{}, maxReads), report: o.Report,
	}}
	if o.Bucket != nil {
		s.objects = &objects{o.Bucket}
	}
	var err error
	if s.files, err = b.OpenLog(ctx, bus.LogConfig{Stream: bus.StreamFiles, Subjects: bus.SubjectFiles + ">", Keep: 1}); err != nil {
		return s, err
	}
	if s.refs, err = b.OpenLog(ctx, bus.LogConfig{Stream: bus.StreamReferences, Subjects: bus.SubjectReferences + ">", Keep: 1, MaxAge: max(o.RefAge, 0)}); err != nil {
		return s, err
	}
	_, err = b.OpenLog(ctx, bus.LogConfig{Stream: bus.StreamMedia, Subjects: bus.SubjectMedia + ">", Keep: 1})
	return s, err
}

// bytes returns what keeps the bytes of a file.
func (s store) bytes(i *Info) blobs {
	if i.Bucket {
		return s.objects
	}
	return s.chunks
}

// errNoFile means that there is no such file, or that it is not whole.
var errNoFile = errors.New("no such file")

// info reads what is known of a file, whole or not, or errNoFile.
func (s store) info(ctx context.Context, app uint32, name string) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	v, err := s.files.Last(ctx, fileSubject(app, name))
	if errors.Is(err, bus.ErrNoValue) {
		return Info{}, errNoFile
	}
	if err != nil {
		return Info{}, err
	}
	return decodeInfo(v)
}

func decodeInfo(v bus.Value) (Info, error) {
	var i Info
	app, name, ok := parseFile(v.Subject)
	if !ok {
		return i, fmt.Errorf("%s is no file's subject", v.Subject)
	}
	if err := json.Unmarshal(v.Data, &i); err != nil {
		return i, fmt.Errorf("%s cannot be read: %w", v.Subject, err)
	}
	i.App, i.Name, i.seq = app, name, v.Seq
	return i, nil
}

// whole reads what is known of a file that can be served, or errNoFile.
func (s store) whole(ctx context.Context, app uint32, name string) (Info, error) {
	i, err := s.info(ctx, app, name)
	if err == nil && i.State != "" {
		err = errNoFile
	}
	return i, err
}

// set enters what is known of a file if the entry has not changed since it was
// read; otherwise it fails with bus.ErrConflict.
func (s store) set(ctx context.Context, i *Info) error {
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	i.seq, _, err = s.files.Append(ctx, fileSubject(i.App, i.Name), data, i.seq, "")
	return err
}

// free removes everything of a file: its bytes and those of its smaller sizes,
// the references to it and, last, its entry, so that the next sweep continues
// one that was broken off.
func (s store) free(ctx context.Context, app uint32, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// A smaller size may have been made after the image, when there was a bucket.
	for _, b := range []blobs{s.chunks, s.objects} {
		if err := b.free(ctx, app, name); err != nil {
			return err
		}
	}
	if err := s.bus.Purge(ctx, bus.StreamReferences, bus.SubjectReferences+fileKey(app, name)+".*"); err != nil {
		return err
	}
	for _, n := range slices.Backward(withSizes(name)) {
		if err := s.bus.Purge(ctx, bus.StreamFiles, fileSubject(app, n)); err != nil {
			return err
		}
	}
	return nil
}

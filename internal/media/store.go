package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// store is files, chunks and references on NATS.
type store struct {
	bus         Bus
	files, refs bus.Log
}

func openStore(ctx context.Context, b Bus, o Options) (store, error) {
	s := store{bus: b}
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

// put stores a chunk that is not there yet.
func (s store) put(ctx context.Context, i *Info, n int, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, err := s.bus.Put(ctx, i.chunkSubject(n), data, 0, 0)
	return err
}

// chunk reads a chunk from any replica, and from the leader if that replica is
// behind.
func (s store) chunk(ctx context.Context, i *Info, n int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	subject := i.chunkSubject(n)
	v, err := s.bus.Last(ctx, bus.StreamMedia, subject)
	if errors.Is(err, bus.ErrNoValue) && s.bus.Replicas() > 1 {
		v, err = s.bus.LastAtLeader(ctx, bus.StreamMedia, subject)
	}
	return v.Data, err
}

// freeChunks removes a file's bytes.
func (s store) freeChunks(ctx context.Context, app uint32, name string) error {
	return s.bus.Purge(ctx, bus.StreamMedia, bus.SubjectMedia+fileKey(app, name)+".*")
}

// free removes everything of a file: its bytes and those of its smaller sizes,
// the references to it and, last, its entry, so that the next sweep continues
// one that was broken off.
func (s store) free(ctx context.Context, app uint32, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	all := []string{name}
	for _, short := range shorts {
		all = append(all, sizeName(name, short))
	}
	for _, n := range all {
		if err := s.freeChunks(ctx, app, n); err != nil {
			return err
		}
	}
	if err := s.bus.Purge(ctx, bus.StreamReferences, bus.SubjectReferences+fileKey(app, name)+".*"); err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := s.bus.Purge(ctx, bus.StreamFiles, fileSubject(app, all[i])); err != nil {
			return err
		}
	}
	return nil
}

package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/tim-wasm/tim/internal/bus"
)

// chunks is the bytes of files on NATS, in chunks of chunkSize.
type chunks struct {
	bus    Bus
	writes chan struct{} // a token for each chunk that is being stored
	reads  chan struct{} // a token for each chunk that NATS was asked for
	report func(error)
}

// buffers are filled and stored.
var buffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// write implements blobs.
func (c *chunks) write(ctx context.Context, i *Info, r io.Reader, _ int64) error {
	err := c.store(ctx, i, r)
	if err != nil {
		// A chunk that has no answer after storeWithin may come after this: the sweep
		// finds it.
		clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
		defer cancel()
		if err := c.free(clearing, i.App, i.Name); err != nil {
			c.report(err)
		}
	}
	return err
}

// store reads the next chunk while others are being stored. A chunk that is not
// full is the last one.
func (c *chunks) store(ctx context.Context, i *Info, r io.Reader) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var running sync.WaitGroup
	slots := make(chan struct{}, chunksAtOnce)
	var err error
	for number, more := 0, true; more; number++ {
		chunk := buffers.Get().(*[chunkSize]byte)
		var size int
		size, err = io.ReadFull(r, chunk[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err, more = nil, false
		}
		if err == nil && size > 0 {
			err = take(ctx, slots, c.writes)
		}
		if err != nil || size == 0 {
			buffers.Put(chunk)
			break
		}
		running.Go(func() {
			defer func() {
				buffers.Put(chunk)
				<-c.writes
				<-slots
			}()
			if err := c.put(ctx, i, number, chunk[:size]); err != nil {
				fail(err)
			}
		})
	}
	running.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// take takes a token of each of two, in this order, as every upload does.
func take(ctx context.Context, own, all chan struct{}) error {
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case all <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-own
		return context.Cause(ctx)
	}
}

// put stores a chunk that is not there yet. It waits for the answer also if whoever
// sent the chunk has gone: what is on its way can be removed only once it is there.
func (c *chunks) put(ctx context.Context, i *Info, n int, data []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	_, err := c.bus.Put(ctx, i.chunkSubject(n), data, 0, 0)
	return err
}

// read implements blobs: it reads what one chunk holds. The chunk comes from any
// replica, and from the leader if that replica is behind. It waits for the answer also
// if nobody wants the chunk any more: NATS sends it nevertheless.
func (c *chunks) read(ctx context.Context, i *Info, from, _ int64) (io.ReadCloser, error) {
	select {
	case c.reads <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.reads }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	subject := i.chunkSubject(int(from / chunkSize))
	v, err := c.bus.Last(ctx, bus.StreamMedia, subject)
	if errors.Is(err, bus.ErrNoValue) && c.bus.Replicas() > 1 {
		v, err = c.bus.LastAtLeader(ctx, bus.StreamMedia, subject)
	}
	if err != nil {
		return nil, err
	}
	if from %= chunkSize; from >= int64(len(v.Data)) {
		return nil, io.ErrUnexpectedEOF // the chunk is shorter than it must be
	}
	return io.NopCloser(bytes.NewReader(v.Data[from:])), nil
}

// free implements blobs.
func (c *chunks) free(ctx context.Context, app uint32, name string) error {
	for _, n := range withSizes(name) {
		if err := c.bus.Purge(ctx, bus.StreamMedia, bus.SubjectMedia+fileKey(app, n)+".*"); err != nil {
			return err
		}
	}
	return nil
}

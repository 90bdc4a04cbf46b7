package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

const (
	// decodeWithin is how long an image may take; after that it is served in
	// place of its smaller sizes. On a slow core one of maxPixels takes a second.
	decodeWithin = 5 * time.Second
	// makeWithin is how long others wait for sizes that a gateway has begun to make.
	// If they are not there by then, the gateway has probably ended.
	makeWithin = 2 * decodeWithin
	// askEvery is how often they look.
	askEvery = 250 * time.Millisecond
)

// makeSizes makes smaller sizes, one image at a time, until ctx ends.
func (m *Media) makeSizes(ctx context.Context) {
	for {
		for j := m.sizes.next(m.o.Now()); j != nil; j = m.sizes.next(m.o.Now()) {
			err := ctx.Err()
			if err == nil {
				err = m.make(ctx, j.fileID)
			}
			if err != nil && !errors.Is(err, errNoFile) && ctx.Err() == nil {
				m.o.Report(fmt.Errorf("media: the sizes of an image: %w", err))
			}
			m.sizes.finish(j, m.o.Now(), err)
		}
		select {
		case <-m.sizes.wake:
		case <-ctx.Done():
			return
		}
	}
}

// make makes the smaller sizes that an image lacks.
func (m *Media) make(ctx context.Context, id fileID) error {
	i, err := m.store.whole(ctx, id.app, id.name)
	if err != nil {
		return err
	}
	var missing []int
	var smalls []*Info
	for _, short := range shorts {
		if i.serves(short) {
			continue
		}
		small, err := m.store.info(ctx, id.app, sizeName(id.name, short))
		switch {
		case err != nil && !errors.Is(err, errNoFile):
			return err
		case err == nil && small.State == "":
			continue
		case err == nil && small.Part != m.start:
			// Another gateway is at it, or a process has ended while it was: decoding
			// the image once more might end this one, too.
			return nil
		}
		missing = append(missing, short)
		smalls = append(smalls, &Info{App: i.App, Name: sizeName(i.Name, short), Owner: i.Owner, Kind: Image, Bucket: m.o.Bucket != nil, seq: small.seq})
	}
	if len(missing) == 0 {
		return nil
	}
	data, err := m.bytes(ctx, i)
	if err != nil {
		return err
	}
	marked, done := 0, false
	defer func() {
		if !done { // not because of the image: they may be made later
			m.unmark(ctx, smalls[:marked])
		}
	}()
	for _, small := range smalls {
		small.State, small.Part, small.At = stateMaking, m.start, m.o.Now().UnixMilli()
		if err := m.store.set(ctx, small); err != nil {
			return quicker(err)
		}
		marked++
	}
	decoding, cancel := context.WithTimeout(ctx, decodeWithin)
	defer cancel()
	made, err := shrink(decoding, i.Type, data, missing)
	if ctx.Err() != nil {
		return ctx.Err() // not because of the image
	}
	if err != nil && !errors.Is(err, errUndecodable) {
		return err
	}
	for n, small := range smalls {
		small.State, small.Same, small.At = "", made == nil, m.o.Now().UnixMilli()
		var body []byte
		if made != nil {
			small.Type, small.Size, small.FileName = made[n].contentType, int64(len(made[n].data)), i.FileName
			body = made[n].data
		}
		if err := m.keep(ctx, small, body); err != nil {
			return err
		}
	}
	done = true
	return nil
}

// unmark removes the entries of smaller sizes that are not made after all.
func (m *Media) unmark(ctx context.Context, smalls []*Info) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	for _, small := range smalls {
		at, err := m.store.info(ctx, small.App, small.Name)
		if err == nil && at.State == stateMaking && at.Part == m.start {
			err = m.store.bus.Purge(ctx, bus.StreamFiles, fileSubject(small.App, small.Name))
		}
		if err != nil && !errors.Is(err, errNoFile) {
			m.o.Report(fmt.Errorf("media: the sizes of an image: %w", err))
		}
	}
}

// serves reports whether an image is served in place of its smaller size:
// because it is that small, or because it is an animation, of which only the
// thumb stands still.
func (i *Info) serves(short int) bool {
	return min(i.Width, i.Height) <= short || i.Type == "image/gif" && short > shorts[0]
}

// bytes reads a whole file, which must be small enough to be held.
func (m *Media) bytes(ctx context.Context, i Info) ([]byte, error) {
	out := make([]byte, i.Size)
	b := &body{ctx: ctx, store: m.store, i: i}
	defer b.close() // the last byte need not come with the end
	if _, err := io.ReadFull(b, out); err != nil {
		return nil, fmt.Errorf("the bytes of a file: %w", err)
	}
	return out, nil
}

// keep stores a smaller size. If another gateway was quicker, its one counts.
func (m *Media) keep(ctx context.Context, i *Info, data []byte) error {
	i.Part = rand.Text()[:8] + "-"
	if len(data) > 0 {
		if err := m.store.bytes(i).write(ctx, i, bytes.NewReader(data), int64(len(data))); err != nil {
			return err
		}
	}
	if err := m.store.set(ctx, i); err != nil && !errors.Is(err, bus.ErrConflict) {
		return err
	}
	return nil
}

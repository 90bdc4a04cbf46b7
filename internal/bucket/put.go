package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// Put stores what r reads under a key, all of it or nothing. size is how many bytes
// come, or -1 if that is not known. r is read on the caller's goroutine, in pieces
// of pieceSize.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	began := time.Now()
	key = b.o.Prefix + key
	var err error
	switch {
	case size < 0:
		err = b.putParts(ctx, key, r)
	case size <= pieceSize:
		data := make([]byte, size)
		if _, err = io.ReadFull(r, data); err != nil {
			return err
		}
		err = b.putWhole(ctx, key, data)
	default:
		err = b.putStream(ctx, key, r, size)
	}
	return b.done(ctx, "put", began, err)
}

// plain are the options of every object: whoever looks into the bucket with a
// browser is to run nothing.
var plain = minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}

// putWhole stores bytes that can be sent again.
func (b *Bucket) putWhole(ctx context.Context, key string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, wholeWithin)
	defer cancel()
	_, err := b.s3.Client.PutObject(ctx, b.o.Bucket, key, bytes.NewReader(data), int64(len(data)), plain)
	return err
}

// putStream stores bytes as they come.
func (b *Bucket) putStream(ctx context.Context, key string, r io.Reader, size int64) error {
	ctx, d := b.deadline(ctx)
	defer d.end()
	from, to := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := b.s3.Client.PutObject(ctx, b.o.Bucket, key, from, size, plain)
		_ = from.Close() // whoever still writes
		done <- err
	}()
	err := pass(to, r, size, d)
	if err != nil { // of reading; S3 must not take what has come for all of it
		d.cancel(err)
	}
	_ = to.CloseWithError(err)
	sent := <-done
	switch cause := context.Cause(ctx); {
	case err != nil:
		return &givenError{err}
	case sent == nil:
		return nil
	case cause != nil:
		return cause
	}
	return sent
}

// pass passes on as many bytes as are to come. It returns an error if reading them
// fails: what becomes of the writing, the request says.
func pass(w io.Writer, r io.Reader, size int64, d *deadline) error {
	buf := make([]byte, pieceSize)
	for size > 0 {
		d.pause() // the reader has a clock of its own
		n, err := io.ReadFull(r, buf[:min(size, pieceSize)])
		if err != nil {
			return err
		}
		d.run()
		if _, err := w.Write(buf[:n]); err != nil {
			return nil
		}
		size -= int64(n)
	}
	return nil
}

// putParts stores bytes whose number is not known.
func (b *Bucket) putParts(ctx context.Context, key string, r io.Reader) (err error) {
	select {
	case b.parted <- struct{}{}:
		defer func() { <-b.parted }()
	default:
		return &givenError{ErrBusy}
	}
	buf := make([]byte, partSize)
	n, err := io.ReadFull(r, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b.putWhole(ctx, key, buf[:n])
	}
	if err != nil {
		return &givenError{err}
	}
	id, err := b.s3.NewMultipartUpload(ctx, b.o.Bucket, key, plain)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
			defer cancel()
			_ = b.s3.AbortMultipartUpload(clearing, b.o.Bucket, key, id)
		}
	}()
	var parts []minio.CompletePart
	for last := false; n > 0; {
		p, err := b.putPart(ctx, key, id, len(parts)+1, buf[:n])
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
		if last {
			break
		}
		n, err = io.ReadFull(r, buf)
		if last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !last {
			return &givenError{err}
		}
	}
	completing, cancel := context.WithTimeout(ctx, wholeWithin)
	defer cancel()
	_, err = b.s3.CompleteMultipartUpload(completing, b.o.Bucket, key, id, parts, plain)
	return err
}

func (b *Bucket) putPart(ctx context.Context, key, id string, number int, data []byte) (minio.ObjectPart, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeWithin)
	defer cancel()
	return b.s3.PutObjectPart(ctx, b.o.Bucket, key, id, number, bytes.NewReader(data), int64(len(data)), minio.PutObjectPartOptions{})
}

package bucket

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// Get reads n bytes from a position on, fewer if there are no more. It fails with
// ErrNoObject if there is nothing under the key.
func (b *Bucket) Get(ctx context.Context, key string, from, n int64) (io.ReadCloser, error) {
	began := time.Now()
	var o minio.GetObjectOptions
	if err := o.SetRange(from, from+n-1); err != nil {
		return nil, err
	}
	parent := ctx
	ctx, d := b.deadline(ctx)
	body, _, _, err := b.s3.GetObject(ctx, b.o.Bucket, b.o.Prefix+key, o)
	d.pause()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err = b.done(parent, "get", began, err); err != nil {
		d.end()
		return nil, err
	}
	return &reader{body, ctx, d}, nil
}

// reader is the body of an answer.
type reader struct {
	body io.ReadCloser
	ctx  context.Context
	d    *deadline
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.d.run()
	n, err := r.body.Read(p)
	r.d.pause()
	if cause := context.Cause(r.ctx); err != nil && !errors.Is(err, io.EOF) && cause != nil {
		err = cause
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.d.end()
	return r.body.Close()
}

// Free removes everything under a prefix, and what uploads that broke off have left
// of it.
func (b *Bucket) Free(ctx context.Context, prefix string) error {
	began := time.Now()
	return b.done(ctx, "free", began, b.free(ctx, b.o.Prefix+prefix))
}

func (b *Bucket) free(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithCancel(ctx) // ends the lists
	defer cancel()
	for o := range b.s3.Client.ListObjects(ctx, b.o.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if err := b.s3.RemoveObject(ctx, b.o.Bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return err
		}
	}
	for u := range b.s3.ListIncompleteUploads(ctx, b.o.Bucket, prefix, true) {
		if minio.ToErrorResponse(u.Err).Code == "NotImplemented" { // then the store ends them itself
			return nil
		}
		if u.Err != nil {
			return u.Err
		}
		err := b.s3.AbortMultipartUpload(ctx, b.o.Bucket, u.Key, u.UploadID)
		if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchUpload {
			return err
		}
	}
	return nil
}

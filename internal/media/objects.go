package media

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bucket"
	"github.com/tim-wasm/tim/internal/fault"
)

// objects is the bytes of files in a bucket, an object each.
type objects struct{ in *bucket.Bucket }

// bucketError says that the bucket has failed.
type bucketError struct{ error }

func (e *bucketError) Unwrap() error { return e.error }

// objectKey returns the beginning of the keys of a file and of its smaller sizes.
func objectKey(app uint32, name string) string {
	return strconv.FormatUint(uint64(app), 10) + "/" + name
}

func (i *Info) objectKey() string {
	key := objectKey(i.App, i.Name)
	if i.Part != "" {
		key += "." + strings.TrimSuffix(i.Part, "-")
	}
	return key
}

// write implements blobs.
func (o *objects) write(ctx context.Context, i *Info, r io.Reader, size int64) error {
	err := o.in.Put(ctx, i.objectKey(), r, size)
	if errors.Is(err, bucket.ErrBusy) {
		return fault.With(fault.TooFrequent, "uploads without a length")
	}
	return failed(err)
}

// read implements blobs.
func (o *objects) read(ctx context.Context, i *Info, from, n int64) (io.ReadCloser, error) {
	r, err := o.in.Get(ctx, i.objectKey(), from, n)
	return r, failed(err)
}

// free implements blobs. All names are of one length, so none is the beginning of
// another.
func (o *objects) free(ctx context.Context, app uint32, name string) error {
	return failed(o.in.Free(ctx, objectKey(app, name)))
}

func failed(err error) error {
	if err == nil {
		return nil
	}
	return &bucketError{err}
}

// nowhere stands in for the bucket of a gateway that has none.
type nowhere struct{}

var errNoBucket = errors.New("the bytes are in a bucket, and this gateway was given none: give it the --media-s3 flags that they were stored with")

func (nowhere) write(context.Context, *Info, io.Reader, int64) error { return errNoBucket }
func (nowhere) read(context.Context, *Info, int64, int64) (io.ReadCloser, error) {
	return nil, errNoBucket
}
func (nowhere) free(context.Context, uint32, string) error { return nil }

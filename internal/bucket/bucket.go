// Package bucket keeps bytes under keys in a bucket of a store that speaks S3. It
// knows nothing of what they are.
//
//	bucket.go  Open, Options, errors
//	put.go     bytes go in: with their length, or in parts without it
//	get.go     a range comes out; everything under a prefix is freed
//	keys.go    what requests are signed with, from a file or from variables
//	check.go   does the bucket do all that is needed of it?
//
// # What is held, and how long it lasts
//
// Nothing is held as a whole. Bytes whose length is known stream through: pieceSize
// is held of each. Bytes whose length is not known go in parts of partSize, which is
// the least that S3 takes, and maxParted of those may be under way. What was given as
// a whole, a part or little bytes, is sent again up to maxTries times; a stream
// cannot be. Connecting is bounded by dialWithin, an answer by answerWithin, and
// bytes that do not move, in or out, by stallWithin.
//
// # Goroutines
//
// Put has a request run on a goroutine of its own for bytes that stream through, and
// returns after it has ended: what it reads from is read by its caller alone.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Styles of a request's URL.
const (
	Auto = "auto" // as the host is known to want it, else Path
	Path = "path" // https://HOST/BUCKET/KEY
	Host = "host" // https://BUCKET.HOST/KEY
)

var lookups = map[string]minio.BucketLookupType{Auto: minio.BucketLookupAuto, Path: minio.BucketLookupPath, Host: minio.BucketLookupDNS}

// Keys are what requests are signed with.
type Keys struct{ ID, Secret, Token string }

// Options of Open.
type Options struct {
	Endpoint string // URL of the store, without the bucket
	Bucket   string
	Region   string
	Prefix   string // of every key
	Style    string // "" is Auto
	Keys     Keys

	// Observe gets how long an operation took and how it ended; nil: nobody. A
	// get is over when its first bytes are there.
	Observe func(op string, took time.Duration, err error)

	stallWithin time.Duration // 0: the constant
}

const (
	pieceSize = 256 << 10
	partSize  = 5 << 20 // S3 takes no smaller part but the last
	maxParted = 32
	maxTries  = 3

	dialWithin   = 5 * time.Second
	answerWithin = 30 * time.Second
	stallWithin  = 30 * time.Second
	// wholeWithin is how long one request may take whose bytes are held.
	wholeWithin = 2 * time.Minute
)

// Errors.
var (
	ErrNoObject = errors.New("the bucket has nothing under this key")
	ErrBusy     = errors.New("too many uploads of unknown length at once")
	errStalled  = errors.New("no bytes were moved for too long")
)

// Bucket is safe for concurrent use.
type Bucket struct {
	o      Options
	s3     *minio.Core
	parted chan struct{} // a token for each Put without a length
}

// Check reports what is wrong with options, as far as they show it.
func (o *Options) Check() error {
	u, err := url.Parse(o.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return errors.New("the endpoint must be https://HOST[:PORT], without the bucket and without keys")
	case o.Bucket == "":
		return errors.New("the name of the bucket is missing")
	case o.Style != "" && lookups[o.Style] == 0 && o.Style != Auto:
		return errors.New("the style must be auto, path or host")
	case strings.HasPrefix(o.Prefix, "/"):
		return errors.New("the prefix must not begin with /")
	}
	return nil
}

// Open makes a Bucket. It sends nothing yet.
func Open(o Options) (*Bucket, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Keys.ID == "" || o.Keys.Secret == "" {
		return nil, errors.New("the keys are missing")
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	if o.stallWithin == 0 {
		o.stallWithin = stallWithin
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialWithin}).DialContext
	transport.TLSHandshakeTimeout = dialWithin
	transport.ResponseHeaderTimeout = answerWithin
	transport.MaxIdleConnsPerHost = 64
	transport.DisableCompression = true // what is stored comes back as it is
	c, err := minio.NewCore(u.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(o.Keys.ID, o.Keys.Secret, o.Keys.Token),
		Secure:       u.Scheme == "https",
		Transport:    transport,
		Region:       o.Region, // given, so that nobody is asked for it
		BucketLookup: lookups[o.Style],
		MaxRetries:   maxTries,
	})
	if err != nil {
		return nil, err
	}
	return &Bucket{o: o, s3: c, parted: make(chan struct{}, maxParted)}, nil
}

// done puts an operation's error in words, and says how the operation ended unless
// its caller has ended it.
func (b *Bucket) done(ctx context.Context, op string, began time.Time, err error) error {
	given := &givenError{}
	if errors.As(err, &given) {
		return given.error
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	err = b.explain(err)
	seen := err
	if errors.Is(err, ErrNoObject) { // an answer like any other
		seen = nil
	}
	b.o.Observe(op, time.Since(began), seen)
	return err
}

// givenError is an error of reading what is to be stored, which is not the bucket's.
type givenError struct{ error }

// advice is what to do about what S3 says.
var advice = map[string]string{
	minio.NoSuchBucket:      "make the bucket, or correct its name",
	minio.AccessDenied:      "the keys may not do this: permit GetObject, PutObject, DeleteObject, AbortMultipartUpload, ListBucket and ListBucketMultipartUploads",
	"InvalidAccessKeyId":    "correct the keys",
	"SignatureDoesNotMatch": "correct the keys, or the region",
	"RequestTimeTooSkewed":  "set the clock of this machine right",
}

func (b *Bucket) explain(err error) error {
	if err == nil {
		return nil
	}
	said := minio.ErrorResponse{}
	switch errors.As(err, &said); {
	case said.Code == minio.NoSuchKey:
		return ErrNoObject
	case advice[said.Code] != "":
		return &Refused{fmt.Errorf("bucket %s at %s: %w: %s", b.o.Bucket, b.o.Endpoint, err, advice[said.Code])}
	}
	return fmt.Errorf("bucket %s at %s: %w", b.o.Bucket, b.o.Endpoint, err)
}

// Refused is an error that will not go away by itself: S3 has answered, and said no.
type Refused struct{ error }

// Unwrap returns the reason.
func (r *Refused) Unwrap() error { return r.error }

// deadline cancels a context when nothing has been moved for stallWithin.
type deadline struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	within time.Duration
}

func (b *Bucket) deadline(ctx context.Context) (context.Context, *deadline) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &deadline{cancel: cancel, within: b.o.stallWithin}
	d.timer = time.AfterFunc(d.within, func() { cancel(errStalled) })
	return ctx, d
}

// run lets the time run, and pause stops it.
func (d *deadline) run()   { d.timer.Reset(d.within) }
func (d *deadline) pause() { d.timer.Stop() }

// end gives back what the context holds.
func (d *deadline) end() {
	d.timer.Stop()
	d.cancel(nil)
}

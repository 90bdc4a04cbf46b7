package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bucket"
)

// bucketOptions are the flags of serve about the bucket that files are kept in. All
// gateways of a cluster are given the same ones.
type bucketOptions struct{ endpoint, name, region, prefix, style, keys string }

func (o *bucketOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.endpoint, "media-s3-endpoint", "", "`URL` of a store that speaks S3, without the bucket: new files are kept there instead of with the messages. Give the same to all gateways")
	f.StringVar(&o.name, "media-s3-bucket", "", "`NAME` of the bucket, which must exist")
	f.StringVar(&o.region, "media-s3-region", "us-east-1", "`REGION` of the bucket")
	f.StringVar(&o.prefix, "media-s3-prefix", "", "`TEXT` that every key in the bucket begins with, for example tim/")
	f.StringVar(&o.style, "media-s3-style", bucket.Auto, "path for URL/BUCKET, host for BUCKET.URL, or auto: host at Amazon, Google and Alibaba, else path")
	f.StringVar(&o.keys, "media-s3-keys", "", "`FILE` with aws_access_key_id and aws_secret_access_key under [default] (default the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)")
}

func (o *bucketOptions) check() error {
	if (o.endpoint == "") != (o.name == "") {
		return errors.New("--media-s3-endpoint and --media-s3-bucket belong together: give both")
	}
	if o.endpoint == "" {
		return nil
	}
	options := o.options()
	if err := options.Check(); err != nil {
		return fmt.Errorf("--media-s3-endpoint and the flags beside it: %w", err)
	}
	return nil
}

func (o *bucketOptions) options() bucket.Options {
	return bucket.Options{Endpoint: o.endpoint, Bucket: o.name, Region: o.region, Prefix: o.prefix, Style: o.style}
}

// open returns the bucket, nil if there is none. It sends nothing yet.
func (o *bucketOptions) open(observe func(op string, took time.Duration, err error), warn func(string)) (*bucket.Bucket, error) {
	if o.endpoint == "" {
		return nil, nil
	}
	options := o.options()
	var err error
	if options.Keys, err = bucket.ReadKeys(o.keys); err != nil {
		return nil, fmt.Errorf("--media-s3-keys: %w", err)
	}
	if info, err := os.Stat(o.keys); err == nil && openToOthers(info) {
		warn(fmt.Sprintf("other users of this machine can read the keys in %s, mode %04o: make them private with chmod 600 %[1]s", o.keys, info.Mode().Perm()))
	}
	options.Observe = observe
	return bucket.Open(options)
}

// plain reports whether files go to another machine unencrypted.
func (o *bucketOptions) plain() bool {
	u, err := url.Parse(o.endpoint)
	return err == nil && strings.EqualFold(u.Scheme, "http") && !isLoopback(u.Hostname())
}

// bucketWithin is how long a start waits for the bucket. A busy machine needs seconds
// for the requests of a check; after that a mistake is only warned of.
const bucketWithin = 15 * time.Second

// openBucket opens and tries the bucket. What the store refuses ends the start; a
// store that is away does not, since only files need it.
func (t *running) openBucket(ctx context.Context) (*bucket.Bucket, error) {
	warn := func(text string) { t.log.Warn(text) }
	b, err := t.options.bucket.open(t.metrics.bucket, warn)
	if b == nil || err != nil {
		return nil, err
	}
	if t.options.bucket.plain() {
		warn("files and the keys' signatures go to the bucket unencrypted: give --media-s3-endpoint an https URL")
	}
	ctx, cancel := context.WithTimeout(ctx, bucketWithin)
	defer cancel()
	refused := &bucket.Refused{}
	switch err := b.Check(ctx); {
	case errors.As(err, &refused):
		return nil, fmt.Errorf("--media-s3-endpoint %s: %w", t.options.bucket.endpoint, err)
	case err != nil:
		t.log.Warn("the bucket cannot be used now: uploads and downloads fail until it can", "error", err)
	}
	return b, nil
}

// bucket says what files can do in their bucket.
func (d *doctor) bucket(ctx context.Context) {
	o := &d.o.bucket
	b, err := o.open(nil, func(text string) { d.say(isWarn, "bucket", "%s", text) })
	if err != nil {
		d.say(isFail, "bucket", "%v", d.o.blame(err))
		return
	}
	if b == nil {
		return
	}
	if o.plain() {
		d.say(isWarn, "bucket", "files and the keys' signatures go to %s unencrypted: give --media-s3-endpoint an https URL", o.endpoint)
	}
	if err := b.Check(ctx); err != nil {
		d.say(isFail, "bucket", "%v", err)
		return
	}
	d.say(isOK, "bucket", "files can be stored in %s at %s, read in ranges and removed", o.name, o.endpoint)
}

package media

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bucket"
	"github.com/tim-wasm/tim/internal/place"
)

// Options of Open. Zero values mean the defaults.
type Options struct {
	Key     []byte        // 32 bytes that all gateways share; tickets are sealed with it
	MaxSize int64         // bytes of one file; 100 MB. An image has MaxImage at most
	MaxAge  time.Duration // files older than this go; 0: as long as a message names them
	RefAge  time.Duration // how long messages are kept; 0: for ever

	// Bucket keeps the bytes of new files; nil: they are kept on NATS.
	Bucket *bucket.Bucket
	// Full reports whether nothing more may be stored; nil: never.
	Full func() bool
	// Charge charges a user for a file's bytes, or says with a *fault.Error why
	// they cannot store it; nil: files cost nothing.
	Charge func(ctx context.Context, u place.User, bytes int64) error
	// Refund gives back to a user what they were charged for and has not come
	// in, of an upload that broke off, and when; nil: nothing is given back.
	Refund func(u place.User, bytes int64, charged time.Time)
	// ClientAddr returns the address that a request counts for; nil: that of
	// the peer.
	ClientAddr func(r *http.Request) string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Report gets what went wrong in the background; nil: it is dropped.
	Report func(err error)

	stall time.Duration // chunkWithin
	look  time.Duration // lookEvery; below 0, in tests, no sweep begins by itself
}

// Bounds. rates.go has what a client may ask for in a time.
const (
	MaxImage  = 20 << 20   // bytes of an image
	maxPixels = 50_000_000 // of an image, by its header
	maxDecode = 256 << 20  // bytes that decoding and scaling an image may take, by its header
	maxScans  = 100        // of a JPEG: each goes through all pixels; usual ones have 10

	chunkSize    = 256 << 10
	chunksAtOnce = 4   // being stored of one upload
	maxWrites    = 64  // chunks being stored of all uploads
	maxReads     = 64  // chunks on their way from NATS, whose client holds 64 MB of answers
	maxUploads   = 200 // at once
	userUploads  = 3   // of one user
	maxDownloads = 400 // at once; each holds a chunk

	networkDownloads = 64 // of one network

	// maxStored is what files may take up in NATS.
	maxStored = 50 << 30

	// chunkWithin is how long a chunk may take to come in or to go out. A slow
	// line makes it, a line that stands still does not.
	chunkWithin = 30 * time.Second
	// uploadWithin is how long a whole upload may take.
	uploadWithin = time.Hour
	// sizeWithin is how long a request waits for a smaller size.
	sizeWithin = 45 * time.Second
	// storeWithin bounds one operation on the store.
	storeWithin = 8 * time.Second
)

// Media are the files of all apps, as one gateway serves them. Its methods may
// be called from any goroutine.
type Media struct {
	o         Options
	start     string // distinguishes this one from those of other gateways, and of before
	store     store
	aead      cipher.AEAD
	rates     *rates
	downloads *downloads
	sizes     sizes

	uploads atomic.Int64
	stored  atomic.Int64 // bytes that the stream held a moment ago

	work sync.WaitGroup
	stop context.CancelFunc
}

// Open makes the streams where they are missing and begins to make sizes and
// to sweep. b should be a Bus of its own (bus.Beside); it stays the caller's.
func Open(ctx context.Context, b Bus, o Options) (*Media, error) {
	if len(o.Key) != 32 {
		return nil, errors.New("media: the key must be 32 bytes")
	}
	if o.MaxSize == 0 {
		o.MaxSize = 100 << 20
	}
	if o.stall == 0 {
		o.stall = chunkWithin
	}
	if o.look == 0 {
		o.look = lookEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.Full == nil {
		o.Full = func() bool { return false }
	}
	if o.ClientAddr == nil {
		o.ClientAddr = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	if o.Charge == nil {
		o.Charge = func(context.Context, place.User, int64) error { return nil }
	}
	if o.Refund == nil {
		o.Refund = func(place.User, int64, time.Time) {}
	}
	m := &Media{o: o, start: rand.Text()[:8], rates: newRates(), downloads: newDownloads()}
	var err error
	if m.aead, err = newAEAD(o.Key); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	if m.store, err = openStore(ctx, b, o); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	m.sizes.init()
	ctx, m.stop = context.WithCancel(context.Background())
	m.work.Go(func() { m.makeSizes(ctx) })
	if o.look > 0 {
		m.work.Go(func() { m.keepSweeping(ctx) })
	}
	return m, nil
}

// Close ends what Open began. Requests that are under way are their callers'.
func (m *Media) Close() {
	m.stop()
	m.work.Wait()
}

// Stats says what is going on.
type Stats struct {
	Uploads, Downloads int64 // requests under way
	Sizes              int   // images that wait for their smaller sizes
	Stored             int64 // bytes in NATS
}

// Stats returns what is going on.
func (m *Media) Stats() Stats {
	return Stats{m.uploads.Load(), int64(m.downloads.len()), m.sizes.waiting(), m.stored.Load()}
}

// full reports whether nothing more may be stored. What a bucket may hold, its
// operator bounds.
func (m *Media) full() bool {
	return m.o.Full() || m.o.Bucket == nil && m.stored.Load() >= maxStored
}

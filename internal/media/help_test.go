package media

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"

	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bucket"
	"github.com/tim-wasm/tim/internal/bucket/bucketmodel"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// within is how long tests wait for an event. It is long because the machine may be
// busy.
const within = time.Minute

var alice = place.User{SDKAppID: 1400000000, UserID: "alice"}

// clock stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gateway is a Media behind HTTP.
type gateway struct {
	*Media
	t     *testing.T
	bus   Bus
	model *bucketmodel.Store // nil: files are on NATS, or in a bucket of a real server
	url   string
	clock *clock
}

func open(t *testing.T, b Bus, change func(*Options)) *gateway {
	t.Helper()
	g := &gateway{t: t, bus: b, clock: &clock{at: time.Now()}}
	o := Options{
		Key: bytes.Repeat([]byte{7}, 32), Now: g.clock.now,
		Report: func(err error) { t.Error(err) },
		look:   -1, // nothing sweeps by itself: tests call sweepAfter
	}
	if change != nil {
		change(&o)
	}
	var err error
	g.Media, err = Open(t.Context(), b, o)
	require.NoError(t, err)
	t.Cleanup(g.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /media", g.Receive)
	mux.HandleFunc("/media/{app}/{name}", g.Serve)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	g.url = srv.URL
	return g
}

func newGateway(t *testing.T) *gateway { return open(t, busmodel.New(busmodel.Options{}), nil) }

// inBucket returns a change of Options that has files kept in a bucket.
func inBucket(t *testing.T, url string) func(*Options) {
	t.Helper()
	b, err := bucket.Open(bucket.Options{
		Endpoint: url, Bucket: bucketmodel.Bucket, Region: "us-east-1", Prefix: "tim/", Style: bucket.Path,
		Keys: bucket.Keys{ID: bucketmodel.ID, Secret: bucketmodel.Secret},
	})
	require.NoError(t, err)
	return func(o *Options) { o.Bucket = b }
}

// newBucketGateway returns a gateway that keeps files in a bucket of the model.
func newBucketGateway(t *testing.T) *gateway {
	t.Helper()
	model := bucketmodel.New(t)
	g := open(t, busmodel.New(busmodel.Options{}), inBucket(t, model.URL))
	g.model = model
	return g
}

// each runs a test with files on NATS, with files in a bucket, and with files in a
// bucket of a real server if there is one.
func each(t *testing.T, f func(t *testing.T, g *gateway)) {
	t.Run("nats", func(t *testing.T) { f(t, newGateway(t)) })
	t.Run("bucket", func(t *testing.T) { f(t, newBucketGateway(t)) })
	t.Run("server", func(t *testing.T) {
		f(t, open(t, busmodel.New(busmodel.Options{}), inBucket(t, bucketmodel.Server(t))))
	})
}

// blobs returns how many chunks and objects are stored.
func (g *gateway) blobs() int {
	g.t.Helper()
	n := chunksIn(g.t, g.bus)
	if g.model != nil {
		n += len(g.model.Keys()) + g.model.Unfinished()
	}
	return n
}

func (g *gateway) ticket(p TicketParams) Ticket {
	g.t.Helper()
	k, err := g.Ticket(g.t.Context(), alice, p)
	require.NoError(g.t, err)
	return k
}

// post uploads a body and returns the status and the answer.
func (g *gateway) post(ticket string, body io.Reader, header ...string) (int, uploadAnswer) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url+"/media", body)
	require.NoError(g.t, err)
	req.Header.Set("Authorization", "Bearer "+ticket)
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(g.t, err)
	defer res.Body.Close()
	var a uploadAnswer
	require.NoError(g.t, json.NewDecoder(res.Body).Decode(&a))
	return res.StatusCode, a
}

type uploadAnswer struct {
	Uploaded
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
}

// upload uploads a file, which must succeed.
func (g *gateway) upload(kind string, data []byte, fileName string) Uploaded {
	g.t.Helper()
	k := g.ticket(TicketParams{Kind: kind, Size: int64(len(data)), FileName: fileName})
	code, a := g.post(k.Ticket, bytes.NewReader(data))
	require.Equal(g.t, http.StatusOK, code, a.Message)
	require.Equal(g.t, k.Name, a.Name)
	return a.Uploaded
}

func (g *gateway) get(name string, header ...string) (*http.Response, []byte) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.url+"/media/1400000000/"+name, nil)
	require.NoError(g.t, err)
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(g.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(g.t, err)
	return res, data
}

// refer makes a message name a file.
func (g *gateway) refer(message, name string) error {
	_, err := g.Refer(g.t.Context(), alice.SDKAppID, message, []string{name})
	return err
}

func (g *gateway) code(err error) fault.Code {
	g.t.Helper()
	var f *fault.Error
	require.ErrorAs(g.t, err, &f)
	return f.Code
}

// sweepAfter moves the clock on and sweeps.
func (g *gateway) sweepAfter(d time.Duration) {
	g.t.Helper()
	g.clock.move(d)
	require.NoError(g.t, g.sweep(context.WithoutCancel(g.t.Context())))
}

// stripes returns an image whose left half is red and whose right half is blue.
func stripes(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 0, 0, 255}
			if x >= w/2 {
				c = color.RGBA{0, 0, 200, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func asPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, img))
	return out.Bytes()
}

func asJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, img, &jpeg.Options{Quality: 95}))
	return out.Bytes()
}

// pattern returns n bytes that differ from chunk to chunk.
func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i>>8) ^ byte(i*31) ^ byte(i>>16)
	}
	return out
}

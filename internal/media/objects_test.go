package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bucket/bucketmodel"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

// reports collects what Options.Report is told.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// take returns what was reported since the last call.
func (r *reports) take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := errors.Join(r.errs...)
	r.errs = nil
	return err
}

// While the bucket is down, uploads and downloads fail with an error that says to try
// again, and nothing else does. What the sweep could not free it frees the next time.
func TestABucketThatIsDown(t *testing.T) {
	model, said := bucketmodel.New(t), &reports{}
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) { inBucket(t, model.URL)(o); o.Report = said.add })
	up := g.upload(File, pattern(3*chunkSize), "")
	require.Len(t, model.Keys(), 1)
	require.Zero(t, chunksIn(t, g.bus))

	model.Fault(bucketmodel.Down)
	for _, size := range []int{10, 2 * chunkSize} {
		k := g.ticket(TicketParams{Kind: File, Size: int64(size)})
		code, a := g.post(k.Ticket, bytes.NewReader(pattern(size)))
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, fault.ServerTimeout, a.Code)
		require.Contains(t, a.Message, "the store of files")
		require.Error(t, said.take(), "a stream may meet the connection's end before it is told why")
	}
	res, _ := g.get(up.Name)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.ErrorContains(t, said.take(), "The store is down")
	require.NoError(t, g.refer("m", up.Name), "a message may name a file")
	require.NoError(t, g.Release(t.Context(), alice.SDKAppID, "m", []string{up.Name}))
	require.NoError(t, g.Forget(t.Context(), alice))
	g.clock.move(25 * time.Hour)
	require.ErrorContains(t, g.sweep(t.Context()), "The store is down")

	model.Fault(nil)
	require.NoError(t, g.sweep(t.Context()))
	require.Empty(t, model.Keys())
	again := g.upload(File, pattern(chunkSize+1), "")
	require.True(t, g.there(again.Name))
	require.NoError(t, said.take())
}

// An upload that breaks off leaves nothing in the bucket, and a download that the
// store breaks off goes on where it stopped.
func TestWhatBreaksOff(t *testing.T) {
	g := newBucketGateway(t)
	size := 20 * chunkSize
	k := g.ticket(TicketParams{Kind: File, Size: int64(size)})
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", k.Ticket, size)
	require.NoError(t, err)
	_, err = conn.Write(pattern(5 * chunkSize))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return g.model.Asked(http.MethodPut) > 0 }, within, time.Millisecond)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return g.Stats().Uploads == 0 }, within, time.Millisecond)
	require.Zero(t, g.blobs())

	data := pattern(size)
	up := g.upload(File, data, "")
	var mu sync.Mutex
	cuts := 0
	g.model.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if cuts++; cuts%2 == 0 || cuts > 2*maxAgain {
			return false
		}
		g.model.Cut(w, r, chunkSize/2)
		return true
	})
	_, got := g.get(up.Name)
	require.True(t, bytes.Equal(data, got))
}

// clockedWriter counts how often the clock of a connection begins anew.
type clockedWriter struct {
	http.ResponseWriter
	set *int
}

// SetReadDeadline is what http.ResponseController looks for.
func (w clockedWriter) SetReadDeadline(time.Time) error { *w.set++; return nil }

// littleReader returns 1000 bytes at most, as forms come.
type littleReader struct{ io.Reader }

// Read implements io.Reader.
func (r littleReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1000)]) }

// Once a part has been read and stored, an upload has the whole time for its next
// chunk, however long storing has taken.
func TestStoringAPartIsNotCounted(t *testing.T) {
	const part, set = 20 * chunkSize, 20
	clocks := 0
	in := &incoming{
		in: http.NewResponseController(clockedWriter{nil, &clocks}), from: littleReader{bytes.NewReader(pattern(part + 1))}, stall: within, most: part + 1,
	}
	_, err := io.ReadFull(in, make([]byte, part))
	require.NoError(t, err)
	require.Equal(t, set, clocks)
	_, err = io.ReadFull(in, make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, set+1, clocks)
}

// lateEnd returns the last bytes without the end, and counts how often it is closed.
type lateEnd struct {
	io.Reader
	closed int
}

func (l *lateEnd) Close() error { l.closed++; return nil }

func (l *lateEnd) write(context.Context, *Info, io.Reader, int64) error { return nil }
func (l *lateEnd) read(context.Context, *Info, int64, int64) (io.ReadCloser, error) {
	return l, nil
}
func (l *lateEnd) free(context.Context, uint32, string) error { return nil }

// What was asked of the store for an image is closed after its last byte, which a
// store may send before it says that it was the last.
func TestAnImageThatWasReadIsClosed(t *testing.T) {
	from := &lateEnd{Reader: strings.NewReader("0123456789")}
	m := &Media{store: store{objects: from}}
	data, err := m.bytes(t.Context(), Info{Size: 10, Bucket: true})
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(data))
	require.Equal(t, 1, from.closed)
}

// A gateway that is given a bucket serves and frees the files of before, too. One that
// has none says of a file in a bucket what is missing, and does not forget it.
func TestFilesOfBeforeTheBucket(t *testing.T) {
	model, said, b := bucketmodel.New(t), &reports{}, busmodel.New(busmodel.Options{})
	without := open(t, b, func(o *Options) { o.Report = said.add })
	with := open(t, b, inBucket(t, model.URL))
	old := without.upload(File, pattern(chunkSize+5), "")
	young := with.upload(File, pattern(chunkSize+7), "")
	require.Equal(t, []string{"tim/1400000000/" + young.Name}, model.Keys())
	_, got := with.get(old.Name)
	require.True(t, bytes.Equal(pattern(chunkSize+5), got))
	require.NoError(t, said.take())
	require.False(t, without.there(young.Name))
	require.ErrorIs(t, said.take(), errNoBucket)

	without.sweepAfter(25 * time.Hour)
	require.ErrorIs(t, said.take(), errNoBucket)
	require.False(t, with.there(old.Name))
	require.True(t, with.there(young.Name))
	with.sweepAfter(25 * time.Hour)
	require.Empty(t, model.Keys())
	require.False(t, with.there(young.Name))
}

// An object that somebody else has removed is a file that is not there.
func TestAnObjectThatIsMissing(t *testing.T) {
	model, said := bucketmodel.New(t), &reports{}
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) { inBucket(t, model.URL)(o); o.Report = said.add })
	up := g.upload(File, pattern(10), "")
	model.Drop(model.Keys()[0])
	res, _ := g.get(up.Name)
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Error(t, said.take())
}

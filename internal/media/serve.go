package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bucket"
	"github.com/tim-wasm/tim/internal/fault"
)

// Serve answers GET /media/{app}/{name}. Whoever knows a name may fetch the
// file: there is no other check, so that an <img> on any page shows it.
func (m *Media) Serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Content-Disposition")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	app, err := strconv.ParseUint(r.PathValue("app"), 10, 32)
	name, short, ok := parseName(r.PathValue("name"))
	if err != nil || !ok {
		absent(w)
		return
	}
	ctx, done, ok := m.downloads.begin(r.Context(), m.o.ClientAddr(r))
	if !ok {
		busy(w)
		return
	}
	defer done()
	r = r.WithContext(ctx)
	i, err := m.find(ctx, fileID{uint32(app), name}, short)
	switch {
	case errors.Is(err, errNoFile):
		absent(w)
	case err != nil:
		m.fault(ctx, err)
		busy(w)
	default:
		m.send(w, r, i)
	}
}

func absent(w http.ResponseWriter) {
	http.Error(w, "There is no such file here: it may have been deleted, or the address is incomplete.", http.StatusNotFound)
}

func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "2")
	http.Error(w, "The file cannot be served at this moment: try again in a moment.", http.StatusServiceUnavailable)
}

// errBusy means that too many requests wait for smaller sizes.
var errBusy = fault.With(fault.ServerTimeout, "too many images wait for their smaller sizes")

// find returns the file that is to be served, and waits until a smaller size
// has been made.
func (m *Media) find(ctx context.Context, id fileID, short int) (Info, error) {
	if short == 0 {
		return m.store.whole(ctx, id.app, id.name)
	}
	small, err := m.store.whole(ctx, id.app, sizeName(id.name, short))
	if err == nil && !small.Same {
		return small, nil
	}
	if err != nil && !errors.Is(err, errNoFile) {
		return Info{}, err
	}
	i, whole := m.store.whole(ctx, id.app, id.name)
	switch {
	case whole != nil:
		return Info{}, whole
	case i.Kind != Image:
		return Info{}, errNoFile
	case err == nil || i.serves(short):
		return i, nil
	}
	j := m.sizes.want(id, i.Owner, true)
	if j == nil {
		return Info{}, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, sizeWithin)
	defer cancel()
	select {
	case <-j.done:
	case <-ctx.Done():
		return Info{}, ctx.Err()
	}
	if j.err != nil {
		return Info{}, j.err
	}
	for {
		small, err = m.store.info(ctx, id.app, sizeName(id.name, short))
		switch {
		case errors.Is(err, errNoFile): // another gateway has given up
			return Info{}, errBusy
		case err != nil:
			return Info{}, err
		case small.State == "" && !small.Same:
			return small, nil
		case small.State == "" || m.o.Now().Sub(time.UnixMilli(small.At)) > makeWithin:
			return i, nil
		}
		select { // another gateway makes it
		case <-time.After(askEvery):
		case <-ctx.Done():
			return Info{}, ctx.Err()
		}
	}
}

// send serves a file, or a range of it.
func (m *Media) send(w http.ResponseWriter, r *http.Request, i Info) {
	h := w.Header()
	h.Set("Content-Type", i.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", `"`+i.Name+`"`)
	h.Set("Content-Disposition", disposition(i))
	if strings.Contains(r.Header.Get("Range"), ",") {
		// A request for many ranges would read as many chunks for a few bytes.
		r.Header.Del("Range")
	}
	b := &body{ctx: r.Context(), store: m.store, i: i, out: http.NewResponseController(w), stall: m.o.stall}
	defer b.close()
	defer b.endsWithItsContext()()
	late := &lateHeader{ResponseWriter: w}
	http.ServeContent(late, r, "", time.Time{}, b)
	if b.failed == nil {
		late.send()
		return
	}
	if r.Context().Err() == nil {
		m.o.Report(fmt.Errorf("media: the bytes of a file: %w", b.failed))
	}
	if !late.sent {
		for _, name := range []string{"Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges", "ETag"} {
			h.Del(name)
		}
		h.Set("Cache-Control", "no-store")
		if errors.Is(b.failed, bucket.ErrNoObject) { // removed by somebody else
			absent(w)
			return
		}
		busy(w)
	}
}

// disposition returns how a file is shown. Anything but an image, sound or
// video is always saved and never opened.
func disposition(i Info) string {
	how := "inline"
	if i.Type == unknownType {
		how = "attachment"
	}
	if i.FileName == "" {
		return how
	}
	if text := mime.FormatMediaType(how, map[string]string{"filename": i.FileName}); text != "" {
		return text
	}
	return how + "; filename*=UTF-8''" + url.PathEscape(i.FileName)
}

// lateHeader sends a status with the first byte, so that it can still be another
// one when no byte can be read.
type lateHeader struct {
	http.ResponseWriter
	status int
	sent   bool
}

// WriteHeader implements http.ResponseWriter.
func (l *lateHeader) WriteHeader(status int) { l.status = status }

// Write implements http.ResponseWriter.
func (l *lateHeader) Write(p []byte) (int, error) {
	l.send()
	return l.ResponseWriter.Write(p)
}

func (l *lateHeader) send() {
	if !l.sent && l.status != 0 {
		l.sent = true
		l.ResponseWriter.WriteHeader(l.status)
	}
}

// maxAhead is the most that is asked of the store at once.
const maxAhead = 8 << 20

// body reads a file. What it asks the store for begins with a chunk, since most who
// ask for a range want little, and grows as they read on.
type body struct {
	ctx    context.Context
	store  store
	i      Info
	out    *http.ResponseController // nil: nobody is waiting on a connection
	stall  time.Duration            // chunkWithin
	at     int64
	due    int64         // once at is this, the connection's clock begins anew
	ahead  int64         // how much was asked for last
	some   io.ReadCloser // from at on; nil: nothing
	got    int64         // bytes of some
	again  int           // how many times some ended early
	failed error
}

// maxAgain is how often a request asks the store again that broke off in the middle.
const maxAgain = 3

// Seek implements io.Seeker.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.i.Size
	}
	if offset < 0 {
		return 0, errors.New("media: a position before the beginning")
	}
	if offset != b.at {
		b.close()
		b.at, b.due, b.ahead = offset, offset, 0
	}
	return offset, nil
}

// endsWithItsContext makes a write that waits for its client fail once the context
// ends. What it returns is to be called before the request is over: out is good for
// nothing after that.
func (b *body) endsWithItsContext() (over func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(b.ctx, func() {
		defer close(done)
		_ = b.out.SetWriteDeadline(time.Now())
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

func (b *body) close() {
	if b.some != nil {
		_ = b.some.Close()
		b.some = nil
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	for b.at < b.i.Size {
		if b.some == nil {
			b.ahead = min(max(2*b.ahead, chunkSize), maxAhead)
			if b.some, b.failed = b.store.bytes(&b.i).read(b.ctx, &b.i, b.at, min(b.ahead, b.i.Size-b.at)); b.failed != nil {
				return 0, b.failed
			}
			b.got = 0
		}
		if b.out != nil && b.at >= b.due {
			// A slow reader has this long for each chunk, not for the whole file,
			// and what its chunk waited for at the store is not counted.
			_ = b.out.SetWriteDeadline(time.Now().Add(b.stall))
			b.due = b.at + chunkSize
			// The context may have ended just before that.
			if b.failed = b.ctx.Err(); b.failed != nil {
				return 0, b.failed
			}
		}
		n, err := b.some.Read(p)
		b.at += int64(n)
		b.got += int64(n)
		if err != nil {
			b.close()
			b.failed = b.judge(err)
		}
		if n > 0 || b.failed != nil {
			return n, b.failed
		}
	}
	return 0, io.EOF
}

// judge returns nil if the store may be asked for what comes next after err.
func (b *body) judge(err error) error {
	switch end := errors.Is(err, io.EOF); {
	case end && b.got > 0:
		return nil
	case end:
		return io.ErrUnexpectedEOF
	case b.got > 0 && b.again < maxAgain:
		b.again++
		return nil
	}
	return err
}

package media

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
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
	addr := m.o.ClientAddr(r)
	if m.downloads.Add(1); m.downloads.Load() > maxDownloads || !m.rates.fetch(addr) {
		m.downloads.Add(-1)
		busy(w)
		return
	}
	defer m.downloads.Add(-1)
	defer m.rates.fetched(addr)
	i, err := m.find(r.Context(), fileID{uint32(app), name}, short)
	switch {
	case errors.Is(err, errNoFile):
		absent(w)
	case err != nil:
		if f := bus.Fault(err); f.Code == fault.Internal && r.Context().Err() == nil {
			m.o.Report(err)
		}
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
	j := m.sizes.want(id, true)
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
	small, err = m.store.whole(ctx, id.app, sizeName(id.name, short))
	if err == nil && small.Same {
		return i, nil
	}
	return small, err
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
	http.ServeContent(w, r, "", time.Time{}, &body{
		ctx: r.Context(), m: m, i: i, out: http.NewResponseController(w), held: -1,
	})
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

// body reads a file chunk by chunk and holds one of them.
type body struct {
	ctx  context.Context
	m    *Media
	i    Info
	out  *http.ResponseController
	at   int64
	held int // the number of the chunk that is held; -1: none
	data []byte
}

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
	b.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.at >= b.i.Size {
		return 0, io.EOF
	}
	if n := int(b.at / chunkSize); n != b.held {
		// A slow reader has this long for each chunk, not for the whole file.
		_ = b.out.SetWriteDeadline(time.Now().Add(chunkWithin))
		data, err := b.m.store.chunk(b.ctx, &b.i, n)
		if err != nil {
			return 0, err
		}
		b.held, b.data = n, data
	}
	from := b.at - int64(b.held)*chunkSize
	if from >= int64(len(b.data)) {
		return 0, io.ErrUnexpectedEOF // the chunk is shorter than it must be
	}
	n := copy(p, b.data[from:])
	b.at += int64(n)
	return n, nil
}

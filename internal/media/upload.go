package media

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Uploaded is the answer to an upload.
type Uploaded struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Size     int64  `json:"size"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
	FileName string `json:"fileName,omitempty"`
}

// Receive answers POST /media. The body is the file, or a form as mini programs
// send it, of which the first file counts; the ticket comes as Authorization:
// Bearer. A repetition with the same ticket gets the same answer. Errors are
// {"code", "message"}.
func (m *Media) Receive(w http.ResponseWriter, r *http.Request) {
	up := &upload{m: m, in: http.NewResponseController(w)}
	done, err := up.receive(r)
	// The connection's deadlines were for requests that end soon.
	_ = up.in.SetWriteDeadline(time.Now().Add(chunkWithin))
	if err == nil {
		answer(w, http.StatusOK, done)
		return
	}
	f := bus.Fault(err)
	if f.Code == fault.Internal && r.Context().Err() == nil {
		m.o.Report(err)
	}
	if up.body != nil {
		// A browser whose connection is closed while it sends does not read the
		// answer, which says why. Often little of the body is left.
		_, _ = io.CopyN(io.Discard, up.body, drained)
	}
	answer(w, status(f.Code), f)
}

// drained is how much of a body is read after it was refused.
const drained = 1 << 20

func answer(w http.ResponseWriter, status int, v any) {
	if f, ok := v.(*fault.Error); ok {
		v = struct {
			Code    fault.Code `json:"code"`
			Message string     `json:"message"`
		}{f.Code, f.Message}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func status(c fault.Code) int {
	switch c {
	case fault.UploadTicket:
		return http.StatusForbidden
	case fault.ImageTooLarge, fault.FileTooLarge, fault.AudioTooLarge, fault.VideoTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.ImageType, fault.AudioType, fault.VideoType:
		return http.StatusUnsupportedMediaType
	case fault.TooFrequent, fault.BytesUsedUp:
		return http.StatusTooManyRequests
	case fault.ServerTimeout, fault.Internal:
		return http.StatusServiceUnavailable
	case fault.StoreFull:
		return http.StatusInsufficientStorage
	}
	return http.StatusBadRequest
}

// upload is one request that brings a file.
type upload struct {
	m    *Media
	in   *http.ResponseController
	body io.Reader // nil until it may be read
	size int64     // read up to now
	// announced is how many bytes come at most: by the request or, if it does
	// not say, by the ticket.
	announced int64
}

func badTicket(why string) error { return fault.With(fault.UploadTicket, why) }

func (up *upload) receive(r *http.Request) (*Uploaded, error) {
	m := up.m
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, badTicket("the request has none")
	}
	t, ok := m.unseal(text)
	if !ok {
		return nil, badTicket("it is not valid any more")
	}
	u := place.User{SDKAppID: t.App, UserID: t.User}
	defer m.uploads.Add(-1)
	if m.uploads.Add(1) > maxUploads {
		return nil, fault.With(fault.TooFrequent, "uploads of all users")
	}
	if !m.rates.begin(u, m.o.Now()) {
		return nil, fault.With(fault.TooFrequent, "uploads at once of "+u.UserID)
	}
	defer m.rates.end(u)
	ctx, cancel := context.WithTimeout(r.Context(), uploadWithin)
	defer cancel()
	if err := up.open(r, t); err != nil {
		return nil, err
	}
	i := &Info{App: t.App, Name: t.Name, Owner: t.User, Kind: t.Kind, FileName: t.FileName, State: stateBegun, At: m.o.Now().UnixMilli()}
	first := chunks.Get().(*[chunkSize]byte)
	n, err := up.fill(ctx, first, t)
	if err == nil {
		err = up.begin(ctx, i, u, first[:n], t)
	}
	if err != nil {
		chunks.Put(first)
		return nil, err
	}
	if i.State == "" { // a repetition
		chunks.Put(first)
		return i.uploaded(), nil
	}
	if err := up.store(ctx, i, first, n, t); err != nil {
		// The entry stays: a chunk whose answer was lost may still be stored,
		// and then the sweep finds it.
		if err := m.store.freeChunks(context.WithoutCancel(ctx), i.App, i.Name); err != nil {
			m.o.Report(err)
		}
		return nil, err
	}
	i.State, i.Size = "", up.size
	if err := m.store.set(ctx, i); err != nil {
		return nil, err
	}
	if i.Kind == Image {
		m.sizes.want(fileID{i.App, i.Name}, false)
	}
	return i.uploaded(), nil
}

func (i *Info) uploaded() *Uploaded {
	return &Uploaded{Name: i.Name, Type: i.Type, Size: i.Size, Width: i.Width, Height: i.Height, FileName: i.FileName}
}

// formRoom is what a form may add to a file.
const formRoom = 16 << 10

// open finds the file in a request, which may not be larger than its ticket
// says.
func (up *upload) open(r *http.Request, t ticket) error {
	if r.ContentLength > t.Size+formRoom {
		return tooLarge(t.Kind, t.Size)
	}
	up.announced = t.Size
	if r.ContentLength > 0 {
		up.announced = min(t.Size, r.ContentLength)
	}
	in := &bounded{r.Body, t.Size}
	up.body = in
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil
	}
	_ = up.in.SetReadDeadline(time.Now().Add(chunkWithin))
	in.left = formRoom // until the file begins
	form := multipart.NewReader(in, params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return fault.With(fault.BadParameters, "the form holds no file")
		}
		if part.FileName() != "" {
			up.body, in.left = part, t.Size+formRoom
			return nil
		}
	}
}

// begin enters a file as begun once its first bytes fit what was announced. It
// may find that the file of this ticket exists already.
func (up *upload) begin(ctx context.Context, i *Info, u place.User, head []byte, t ticket) error {
	m := up.m
	if len(head) == 0 {
		return fault.New(fault.FileEmpty)
	}
	if err := examine(i, head); err != nil {
		return err
	}
	err := m.store.set(ctx, i)
	if errors.Is(err, bus.ErrConflict) {
		there, err := m.store.whole(ctx, i.App, i.Name)
		if errors.Is(err, errNoFile) {
			return badTicket("it was used already")
		}
		*i = there
		return err
	}
	switch {
	case err != nil:
		return err
	case m.full():
		return fault.New(fault.StoreFull)
	case !m.rates.pixels(u, i.Width*i.Height, m.o.Now()):
		return fault.With(fault.TooFrequent, "pixels uploaded by "+u.UserID)
	}
	return m.o.Charge(ctx, u, up.announced)
}

// chunks are buffers that are filled and stored.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// fill reads the next chunk. A chunk that is not full is the last one.
func (up *upload) fill(ctx context.Context, to *[chunkSize]byte, t ticket) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// The clock of the connection, not that of Options.
	_ = up.in.SetReadDeadline(time.Now().Add(chunkWithin))
	for n := 0; ; {
		k, err := up.body.Read(to[n:])
		n += k
		if up.size += int64(k); up.size > t.Size || errors.Is(err, errTooLong) {
			return 0, tooLarge(t.Kind, t.Size)
		}
		switch {
		case errors.Is(err, io.EOF) || err == nil && n == len(to):
			return n, nil
		case err != nil:
			return 0, fault.With(fault.ServerTimeout, "the upload stopped")
		}
	}
}

// store reads the rest and stores it, reading the next chunk while others are
// being stored.
func (up *upload) store(ctx context.Context, i *Info, first *[chunkSize]byte, n int, t ticket) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var running sync.WaitGroup
	slots := make(chan struct{}, chunksAtOnce)
	buf, err := first, error(nil)
	for number := 0; n > 0 && err == nil; number++ {
		if err = take(ctx, slots, up.m.writes); err != nil {
			break
		}
		chunk, size := buf, n
		running.Go(func() {
			defer func() {
				chunks.Put(chunk)
				<-up.m.writes
				<-slots
			}()
			if err := up.m.store.put(ctx, i, number, chunk[:size]); err != nil {
				fail(err)
			}
		})
		buf, n = chunks.Get().(*[chunkSize]byte), 0
		if size == chunkSize { // a shorter one was the last
			n, err = up.fill(ctx, buf, t)
		}
	}
	chunks.Put(buf)
	running.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// take takes a token of each of two, in this order, as every upload does.
func take(ctx context.Context, own, all chan struct{}) error {
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case all <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-own
		return context.Cause(ctx)
	}
}

// errTooLong is how bounded fails.
var errTooLong = errors.New("media: the body is too long")

// bounded is a Reader of so many bytes at most.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)]) // one more shows that it is too long
	b.left -= int64(n)
	return n, err
}

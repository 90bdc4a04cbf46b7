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
	f := m.fault(r.Context(), err)
	if up.body != nil {
		// A browser whose connection is closed while it sends does not read the
		// answer, which says why. Often little of the body is left.
		_, _ = io.CopyN(io.Discard, up.body.from, drained)
	}
	answer(w, status(f.Code), f)
}

// fault returns what a client is told of an error, and reports it if it is ours and
// the client has not gone.
func (m *Media) fault(ctx context.Context, err error) *fault.Error {
	f := bus.Fault(err)
	away := &bucketError{}
	if errors.As(err, &away) {
		f = fault.With(fault.ServerTimeout, "the store of files")
	} else if f.Code != fault.Internal {
		return f
	}
	if ctx.Err() == nil {
		m.o.Report(err)
	}
	return f
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

// upload is one request that brings a file. Read reads the file, from its first
// byte on.
type upload struct {
	m    *Media
	in   *http.ResponseController
	body *incoming // nil until it may be read
	// announced is how many bytes come at most: by the request or, if it does
	// not say, by the ticket.
	announced int64
	exact     bool  // as many come as were announced
	charged   int64 // of announced; 0 before
	chargedAt time.Time

	head  []byte           // of the file; what Read has not returned yet
	holds *[chunkSize]byte // what head is in; nil once it has been read
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
	i := &Info{App: t.App, Name: t.Name, Owner: t.User, Kind: t.Kind, FileName: t.FileName, State: stateBegun, At: m.o.Now().UnixMilli(), Bucket: m.o.Bucket != nil}
	defer up.release()
	defer up.refund(u)
	if err := up.begin(ctx, i, u); err != nil {
		return nil, err
	}
	if i.State == "" { // a repetition
		return i.uploaded(), nil
	}
	size := int64(-1)
	if n := int64(len(up.head)); n < chunkSize {
		size = n
	} else if up.exact {
		size = up.announced
	}
	if err := m.store.bytes(i).write(ctx, i, up, size); up.body.failed != nil {
		return nil, up.body.failed // however the store has put it
	} else if err != nil {
		return nil, err
	}
	i.State, i.Size = "", up.body.size
	if err := m.store.set(ctx, i); err != nil {
		return nil, err
	}
	if i.Kind == Image {
		m.sizes.want(fileID{i.App, i.Name}, i.Owner, false)
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
	up.body = &incoming{in: up.in, from: in, stall: up.m.o.stall, kind: t.Kind, most: t.Size}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		up.exact = up.announced == r.ContentLength
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
			up.body.from, in.left = part, t.Size+formRoom
			return nil
		}
	}
}

// begin enters a file as begun once its first bytes fit what was announced. It
// may find that the file of this ticket exists already.
func (up *upload) begin(ctx context.Context, i *Info, u place.User) error {
	m := up.m
	up.holds = buffers.Get().(*[chunkSize]byte)
	n, _ := io.ReadFull(up.body, up.holds[:]) // what has failed is in up.body
	switch {
	case up.body.failed != nil:
		return up.body.failed
	case n == 0:
		return fault.New(fault.FileEmpty)
	}
	up.head = up.holds[:n]
	if err := examine(i, up.head); err != nil {
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
	up.chargedAt = m.o.Now()
	if err := m.o.Charge(ctx, u, up.announced); err != nil {
		return err
	}
	up.charged = up.announced
	return nil
}

// refund gives back what was charged and has not come in. What has come in was
// written to the store, even if it did not stay there.
func (up *upload) refund(u place.User) {
	if left := up.charged - up.body.size; left > 0 {
		up.m.o.Refund(u, left, up.chargedAt)
	}
}

// Read implements io.Reader.
func (up *upload) Read(p []byte) (int, error) {
	if up.holds == nil {
		return up.body.Read(p)
	}
	n := copy(p, up.head)
	if up.head = up.head[n:]; len(up.head) == 0 {
		up.release()
	}
	return n, nil
}

// release gives back what the head is in.
func (up *upload) release() {
	if up.holds != nil {
		buffers.Put(up.holds)
		up.holds, up.head = nil, nil
	}
}

// incoming is the body of an upload. Once it has failed, it stays so.
type incoming struct {
	in     *http.ResponseController
	from   io.Reader
	stall  time.Duration // how long a chunk may take
	kind   string        // of the ticket, and how many bytes it permits
	most   int64
	size   int64 // read up to now
	due    int64 // once size is this, the connection's clock begins anew
	failed error // a *fault.Error
}

// Read implements io.Reader. A chunk has so long to come in however it is read.
func (b *incoming) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	if b.size >= b.due {
		// The clock of the connection, not that of Options.
		_ = b.in.SetReadDeadline(time.Now().Add(b.stall))
		b.due = b.size + chunkSize
	}
	// Not beyond the chunk: the clock begins anew after several that are stored together.
	n, err := b.from.Read(p[:min(int64(len(p)), b.due-b.size)])
	switch b.size += int64(n); {
	case b.size > b.most || errors.Is(err, errTooLong):
		b.failed = tooLarge(b.kind, b.most)
	case err != nil && !errors.Is(err, io.EOF):
		b.failed = fault.With(fault.ServerTimeout, "the upload stopped")
	default:
		return n, err
	}
	return 0, b.failed
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

package media

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

func TestFilesComeBackAsTheyWere(t *testing.T) { each(t, filesComeBackAsTheyWere) }

func filesComeBackAsTheyWere(t *testing.T, g *gateway) {
	for _, n := range []int{1, chunkSize - 1, chunkSize, chunkSize + 1, 9*chunkSize + 17} {
		data := pattern(n)
		up := g.upload(File, data, "data.bin")
		require.EqualValues(t, n, up.Size)
		res, got := g.get(up.Name)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, int64(n), res.ContentLength)
		require.True(t, bytes.Equal(data, got), "%d bytes", n)
	}
	require.Eventually(t, func() bool { return g.Stats().Uploads+g.Stats().Downloads == 0 }, within, time.Millisecond)
}

func TestAFormIsTaken(t *testing.T) { each(t, aFormIsTaken) }

func aFormIsTaken(t *testing.T, g *gateway) {
	data := pattern(chunkSize + 100)
	k := g.ticket(TicketParams{Kind: File, Size: int64(len(data)), FileName: "a.bin"})
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	require.NoError(t, w.WriteField("user", "someone"))
	part, err := w.CreateFormFile("file", "wxfile-1")
	require.NoError(t, err)
	_, _ = part.Write(data)
	require.NoError(t, w.Close())
	code, a := g.post(k.Ticket, &form, "Content-Type", w.FormDataContentType())
	require.Equal(t, http.StatusOK, code, a.Message)
	require.EqualValues(t, len(data), a.Size)
	require.Equal(t, "a.bin", a.FileName)
	_, got := g.get(k.Name)
	require.True(t, bytes.Equal(data, got))

	for _, body := range []string{"", "no form at all", "--x\r\n\r\n" + strings.Repeat("y", 2*formRoom)} {
		k := g.ticket(TicketParams{Kind: File, Size: 1 << 20})
		code, a := g.post(k.Ticket, strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x")
		require.Equal(t, http.StatusBadRequest, code)
		require.Equal(t, fault.BadParameters, a.Code)
	}
}

func TestTicketsAreBounded(t *testing.T) {
	full := false
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) {
		o.MaxSize = 50 << 20
		o.Full = func() bool { return full }
	})
	ask := func(kind string, size int64) error {
		_, err := g.Ticket(t.Context(), alice, TicketParams{Kind: kind, Size: size})
		return err
	}
	for _, c := range []struct {
		kind string
		size int64
		code fault.Code
	}{
		{"script", 10, fault.BadParameters},
		{"", 10, fault.BadParameters},
		{File, 0, fault.FileEmpty},
		{File, -1, fault.FileEmpty},
		{Image, MaxImage + 1, fault.ImageTooLarge},
		{File, 50<<20 + 1, fault.FileTooLarge},
		{Audio, math.MaxInt64, fault.AudioTooLarge},
		{Video, 50<<20 + 1, fault.VideoTooLarge},
	} {
		require.Equal(t, c.code, g.code(ask(c.kind, c.size)), "%s of %d", c.kind, c.size)
	}
	full = true
	require.Equal(t, fault.StoreFull, g.code(ask(File, 1)))
	full = false
	for range uploadsAMinute - 1 { // a refused one counts, too
		require.NoError(t, ask(File, 1))
	}
	require.Equal(t, fault.TooFrequent, g.code(ask(File, 1)))
	_, err := g.Ticket(t.Context(), place.User{SDKAppID: alice.SDKAppID, UserID: "bob"}, TicketParams{Kind: File, Size: 1})
	require.NoError(t, err, "another user has their own allowance")
	g.clock.move(2 * time.Second)
	require.NoError(t, ask(File, 1))
}

// A ticket that was made up, changed or issued with another key is refused, and so is
// one that has expired.
func TestForgedAndExpiredTicketsAreRefused(t *testing.T) {
	g := newGateway(t)
	good := g.ticket(TicketParams{Kind: File, Size: 10})
	other := open(t, busmodel.New(busmodel.Options{}), func(o *Options) { o.Key = bytes.Repeat([]byte{8}, 32) })
	changed := []byte(good.Ticket)
	changed[len(changed)/2] ^= 1
	for what, text := range map[string]string{
		"none":           "",
		"of another key": other.ticket(TicketParams{Kind: File, Size: 10}).Ticket,
		"changed":        string(changed),
		"cut":            good.Ticket[:len(good.Ticket)-4],
		"no base64":      "../../etc/passwd",
		"too long":       strings.Repeat("A", 3*maxTicket),
	} {
		code, a := g.post(text, strings.NewReader("0123456789"))
		require.Equal(t, http.StatusForbidden, code, what)
		require.Equal(t, fault.UploadTicket, a.Code, what)
	}
	code, _ := g.post(good.Ticket, strings.NewReader("0123456789"))
	require.Equal(t, http.StatusOK, code)
	late := g.ticket(TicketParams{Kind: File, Size: 10})
	g.clock.move(ticketFor)
	code, a := g.post(late.Ticket, strings.NewReader("0123456789"))
	require.Equal(t, http.StatusForbidden, code)
	require.Equal(t, fault.UploadTicket, a.Code)
}

// A client that missed the answer repeats its upload on any gateway and gets the
// same answer. The ticket takes no second file.
func TestAnUploadIsRepeatedWithItsTicket(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	charged := int64(0)
	g := open(t, b, func(o *Options) {
		o.Charge = func(_ context.Context, u place.User, n int64) error {
			require.Equal(t, alice, u)
			charged += n
			return nil
		}
	})
	other := open(t, b, nil)
	k := g.ticket(TicketParams{Kind: File, Size: 10})
	code, first := g.post(k.Ticket, strings.NewReader("0123456789"))
	require.Equal(t, http.StatusOK, code)
	code, again := other.post(k.Ticket, strings.NewReader("something!"))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, first, again)
	_, got := other.get(k.Name)
	require.Equal(t, "0123456789", string(got))
	require.EqualValues(t, 10, charged, "charged once")
}

func TestUploadsLargerThanTheirTicketAreRefused(t *testing.T) {
	each(t, uploadsLargerThanTheirTicketAreRefused)
}

func uploadsLargerThanTheirTicketAreRefused(t *testing.T, g *gateway) {
	for _, body := range []io.Reader{
		bytes.NewReader(pattern(chunkSize + 1)),                   // with a length
		io.MultiReader(bytes.NewReader(pattern(chunkSize + 1))),   // without
		io.MultiReader(bytes.NewReader(pattern(6 * chunkSize))),   // far more
		io.MultiReader(bytes.NewReader(pattern(11)), &endless{t}), // without end
	} {
		k := g.ticket(TicketParams{Kind: File, Size: chunkSize})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/media", body)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+k.Ticket)
		res, err := http.DefaultClient.Do(req)
		if err == nil { // else it was cut off while it sent
			_ = res.Body.Close()
			require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
		}
		got, _ := g.get(k.Name)
		require.Equal(t, http.StatusNotFound, got.StatusCode)
	}
	require.Eventually(t, func() bool { return g.Stats().Uploads == 0 }, within, time.Millisecond)
	require.Zero(t, g.blobs(), "what a refused upload has left is removed at once")
}

// endless is a body without an end; it fails once its test has ended.
type endless struct{ t *testing.T }

func (e *endless) Read(p []byte) (int, error) {
	if err := e.t.Context().Err(); err != nil {
		return 0, err
	}
	return len(p), nil
}

func chunksIn(t *testing.T, b Bus) int { return storedIn(t, b, bus.StreamMedia) }

// storedIn returns how many records a stream holds.
func storedIn(t *testing.T, b Bus, stream string) int {
	t.Helper()
	values, err := b.Batch(t.Context(), stream, ">", 1, 10_000)
	require.NoError(t, err)
	return len(values)
}

// An upload that breaks off leaves no bytes, and uses up its ticket. It costs its user
// what has come in; the rest of what was announced is given back.
func TestABrokenUploadLeavesNothing(t *testing.T) {
	g := newGateway(t)
	size := int64(20 * chunkSize)
	var cost atomic.Int64
	g.o.Charge = func(_ context.Context, u place.User, n int64) error {
		require.Equal(t, alice, u)
		require.EqualValues(t, size, n)
		cost.Add(n)
		return nil
	}
	g.o.Refund = func(u place.User, n int64, charged time.Time) {
		require.WithinDuration(t, g.o.Now(), charged, time.Hour)
		require.Equal(t, alice, u)
		cost.Add(-n)
	}
	k := g.ticket(TicketParams{Kind: File, Size: size})
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", k.Ticket, size)
	require.NoError(t, err)
	_, err = conn.Write(pattern(5 * chunkSize))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return chunksIn(t, g.bus) >= 4 }, within, time.Millisecond)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return g.Stats().Uploads == 0 }, within, time.Millisecond)
	require.Zero(t, chunksIn(t, g.bus))
	require.EqualValues(t, 5*chunkSize, cost.Load())
	code, a := g.post(k.Ticket, strings.NewReader("again"))
	require.Equal(t, http.StatusForbidden, code)
	require.Equal(t, fault.UploadTicket, a.Code)
	g.sweepAfter(25 * time.Hour)
	_, err = g.store.info(t.Context(), alice.SDKAppID, k.Name)
	require.ErrorIs(t, err, errNoFile, "the sweep removes its entry")
}

// An upload that stands still, before or after its first chunk, is ended. It has cost its
// user a ticket and, once the file was begun, a charge; nothing is stored and
// their place is free again.
func TestAnUploadThatStandsStill(t *testing.T) { each(t, anUploadThatStandsStill) }

func anUploadThatStandsStill(t *testing.T, g *gateway) {
	size := int64(20 * chunkSize)
	charged := make(chan int64, 1)
	g.o.stall = 300 * time.Millisecond // nothing has asked for it yet
	g.o.Charge = func(_ context.Context, u place.User, n int64) error {
		require.Equal(t, alice, u)
		charged <- n
		return nil
	}
	for _, sent := range []int{0, 100, chunkSize + 100} {
		k := g.ticket(TicketParams{Kind: File, Size: size})
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "POST /media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", k.Ticket, size)
		require.NoError(t, err)
		_, _ = conn.Write(pattern(sent))                                           // a busy machine may have ended it by now
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil { // else the connection was closed first
			require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		}
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool { return g.Stats().Uploads == 0 }, within, time.Millisecond)
		require.Zero(t, g.blobs())
		select {
		case n := <-charged:
			require.Equal(t, size, n)
			require.Greater(t, sent, chunkSize, "before the first chunk is there nothing is begun")
		default:
		}
	}
	for range userUploads {
		require.True(t, g.rates.begin(alice, g.clock.now()))
	}
}

// A user may have userUploads uploads under way. One more is refused, and other users
// are not affected.
func TestUploadsAtOnceOfAUser(t *testing.T) {
	g := newGateway(t)
	var writers []*io.PipeWriter
	codes := make(chan int, userUploads)
	for range userUploads {
		k := g.ticket(TicketParams{Kind: File, Size: 100})
		r, w := io.Pipe()
		writers = append(writers, w)
		go func() {
			code, _ := g.post(k.Ticket, r)
			codes <- code
		}()
	}
	require.Eventually(t, func() bool { return g.Stats().Uploads == userUploads }, within, time.Millisecond)
	k := g.ticket(TicketParams{Kind: File, Size: 100})
	code, a := g.post(k.Ticket, strings.NewReader("one too many"))
	require.Equal(t, http.StatusTooManyRequests, code)
	require.Equal(t, fault.TooFrequent, a.Code)
	bob := place.User{SDKAppID: alice.SDKAppID, UserID: "bob"}
	bobs, err := g.Ticket(t.Context(), bob, TicketParams{Kind: File, Size: 100})
	require.NoError(t, err)
	code, _ = g.post(bobs.Ticket, strings.NewReader("bob's own"))
	require.Equal(t, http.StatusOK, code)
	for _, w := range writers {
		_, err := w.Write([]byte("done"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Equal(t, http.StatusOK, <-codes)
	}
	code, _ = g.post(k.Ticket, strings.NewReader("now there is room"))
	require.Equal(t, http.StatusOK, code, "a refusal before the first byte leaves the ticket good")
}

// An upload that Options.Charge refuses is answered with its error and stores nothing.
func TestChargeCanRefuseAnUpload(t *testing.T) {
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) {
		o.Charge = func(context.Context, place.User, int64) error { return fault.New(fault.TooFrequent) }
	})
	k := g.ticket(TicketParams{Kind: File, Size: 10})
	code, a := g.post(k.Ticket, strings.NewReader("0123456789"))
	require.Equal(t, http.StatusTooManyRequests, code)
	require.Equal(t, fault.TooFrequent, a.Code)
	require.Zero(t, chunksIn(t, g.bus))
}

// Others see a file's name and save the file under it: folders, control characters
// and characters that turn the text around are removed.
func TestFileNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"report.pdf":                       "report.pdf",
		"../../etc/passwd":                 "passwd",
		`C:\Windows\system32\a.dll`:        "a.dll",
		"a\r\nSet-Cookie: x=1":             "aSet-Cookie: x=1",
		"..":                               "",
		"/":                                "",
		"":                                 "",
		"übung 1.png":                      "übung 1.png",
		"gpj.\u202eexe.png":                "gpj.exe.png",
		"a\xff\xfeb":                       "ab",
		strings.Repeat("ü", 200) + ".jpeg": strings.Repeat("ü", 125) + ".jpeg",
	} {
		require.Equal(t, want, cleanName(in), "%q", in)
		require.LessOrEqual(t, len(cleanName(in)), maxFileName)
	}
	g := newGateway(t)
	up := g.upload(File, []byte("text"), "\"a\"; übung\\..\\x.html")
	res, _ := g.get(up.Name)
	require.Equal(t, "attachment; filename=x.html", res.Header.Get("Content-Disposition"))
	up = g.upload(File, []byte("text"), "übung.txt")
	res, _ = g.get(up.Name)
	require.Equal(t, "attachment; filename*=utf-8''%C3%BCbung.txt", res.Header.Get("Content-Disposition"))
}

func TestPathsInNamesFindNothing(t *testing.T) { each(t, pathsInNamesFindNothing) }

func pathsInNamesFindNothing(t *testing.T, g *gateway) {
	up := g.upload(File, []byte("text"), "a.txt")
	for _, name := range []string{
		"..", "../" + up.Name, "%2e%2e%2f" + up.Name, up.Name + "/", up.Name + "_", up.Name + "_199", up.Name + "_198_198",
		up.Name + ".0", up.Name + "*", "*", ">", strings.ToLower(up.Name), up.Name[1:], "A" + up.Name, "",
		url.PathEscape(up.Name + "\x00"),
	} {
		res, _ := g.get(name)
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, res.StatusCode, "%q", name)
	}
	for _, app := range []string{"1400000001", "-1", "x", "99999999999"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+"/media/"+app+"/"+up.Name, nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, http.StatusNotFound, res.StatusCode, app)
	}
}

func TestUploadsAtOnce(t *testing.T) { each(t, uploadsAtOnce) }

func uploadsAtOnce(t *testing.T, g *gateway) {
	const users = 8
	type result struct {
		name string
		data []byte
	}
	results := make(chan result, users)
	for n := range users {
		u := place.User{SDKAppID: alice.SDKAppID, UserID: "user" + strconv.Itoa(n)}
		data := append(bytes.Repeat([]byte{byte(n)}, 3*chunkSize), pattern(n*1000)...)
		k, err := g.Ticket(t.Context(), u, TicketParams{Kind: File, Size: int64(len(data))})
		require.NoError(t, err)
		go func() {
			code, _ := g.post(k.Ticket, bytes.NewReader(data))
			if code != http.StatusOK {
				t.Error("status", code)
			}
			results <- result{k.Name, data}
		}()
	}
	for range users {
		r := <-results
		_, got := g.get(r.name)
		require.True(t, bytes.Equal(r.data, got))
	}
}

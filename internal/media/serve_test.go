package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

func TestRanges(t *testing.T) { each(t, ranges) }

func ranges(t *testing.T, g *gateway) {
	data := append([]byte("\x00\x00\x00\x18ftypmp42"), pattern(3*chunkSize)...)
	up := g.upload(Video, data, "")
	size := len(data)
	for _, c := range []struct {
		header     string
		status     int
		from, till int
	}{
		{"bytes=0-0", http.StatusPartialContent, 0, 1},
		{"bytes=10-19", http.StatusPartialContent, 10, 20},
		{fmt.Sprintf("bytes=%d-%d", chunkSize-5, chunkSize+4), http.StatusPartialContent, chunkSize - 5, chunkSize + 5},
		{"bytes=-100", http.StatusPartialContent, size - 100, size},
		{fmt.Sprintf("bytes=%d-", 2*chunkSize), http.StatusPartialContent, 2 * chunkSize, size},
		{fmt.Sprintf("bytes=%d-", size), http.StatusRequestedRangeNotSatisfiable, 0, 0},
		// Several ranges are answered with the whole file: a thousand of one byte
		// would read a thousand chunks.
		{"bytes=0-0,300000-300000,0-0,300000-300000", http.StatusOK, 0, size},
	} {
		res, got := g.get(up.Name, "Range", c.header)
		require.Equal(t, c.status, res.StatusCode, c.header)
		if c.till > 0 {
			require.True(t, bytes.Equal(data[c.from:c.till], got), c.header)
			require.Equal(t, "video/mp4", res.Header.Get("Content-Type"))
		}
	}
	res, _ := g.get(up.Name, "If-None-Match", `"`+up.Name+`"`)
	require.Equal(t, http.StatusNotModified, res.StatusCode)
	head, err := http.Head(g.url + "/media/1400000000/" + up.Name)
	require.NoError(t, err)
	_ = head.Body.Close()
	require.EqualValues(t, size, head.ContentLength)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, g.url+"/media/1400000000/"+up.Name, nil)
	require.NoError(t, err)
	res, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
}

// A file whose bytes cannot be read is answered with 503, which nobody caches. If only
// its end cannot be read, the connection breaks off, so that the receiver sees it.
func TestBytesThatCannotBeRead(t *testing.T) {
	var reported atomic.Int32
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) { o.Report = func(error) { reported.Add(1) } })
	up := g.upload(File, pattern(2*chunkSize), "a.bin")
	lose := func(n int) {
		i := Info{App: alice.SDKAppID, Name: up.Name}
		require.NoError(t, g.bus.Purge(t.Context(), bus.StreamMedia, i.chunkSubject(n)))
	}
	lose(1)
	res, err := http.Get(g.url + "/media/1400000000/" + up.Name)
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	_ = res.Body.Close()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.EqualValues(t, 1, reported.Load())

	lose(0)
	for _, header := range []string{"", "bytes=10-19"} {
		res, text := g.get(up.Name, "Range", header)
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		require.Contains(t, string(text), "try again in a moment")
		require.Equal(t, "2", res.Header.Get("Retry-After"))
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		for _, name := range []string{"ETag", "Content-Range", "Content-Disposition"} {
			require.Empty(t, res.Header.Get(name), name)
		}
	}
	require.EqualValues(t, 3, reported.Load())
}

// No file that is served can run as a page or a script, whatever its name and its
// content are.
func TestScriptsAreNeverRun(t *testing.T) {
	g := newGateway(t)
	script := []byte("<script>alert(document.domain)</script>")
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)
	for _, body := range [][]byte{script, svg, []byte("%PDF-1.7"), []byte("MZ")} {
		for _, kind := range []string{Image, Audio, Video} {
			k := g.ticket(TicketParams{Kind: kind, Size: int64(len(body)), FileName: "cat.png"})
			code, a := g.post(k.Ticket, bytes.NewReader(body), "Content-Type", "image/png")
			require.Equal(t, http.StatusUnsupportedMediaType, code)
			require.Equal(t, typeCodes[kind], a.Code)
		}
		g.clock.move(time.Minute) // so that there are tickets again
		up := g.upload(File, body, "cat.png")
		res, got := g.get(up.Name)
		require.Equal(t, body, got)
		require.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"))
		require.Equal(t, "attachment; filename=cat.png", res.Header.Get("Content-Disposition"))
	}
	for kind, data := range map[string][]byte{Image: asPNG(t, stripes(4, 4)), File: script} {
		up := g.upload(kind, data, "x.html")
		res, _ := g.get(up.Name)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "default-src 'none'; sandbox", res.Header.Get("Content-Security-Policy"))
		require.Equal(t, "public, max-age=31536000, immutable", res.Header.Get("Cache-Control"))
	}
}

// The first bytes of a file decide its type.
func TestTypesByContent(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xd8\xff\xe0":             "image/jpeg",
		"\x89PNG\r\n\x1a\n":            "image/png",
		"GIF89a":                       "image/gif",
		"RIFF\x00\x00\x00\x00WEBPVP8 ": "image/webp",
		"RIFF\x00\x00\x00\x00WAVEfmt ": "audio/wav",
		"BM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x28\x00\x00\x00": "image/bmp",
		"BM is the beginning of a text":                                      unknownType,
		"\x00\x00\x00\x14ftypqt  ":                                           "video/quicktime",
		"\x00\x00\x00\x14ftypM4A ":                                           "audio/mp4",
		"\x00\x00\x00\x14ftypisom":                                           "video/mp4",
		"\x00\x00\x00\x14ftypheic":                                           unknownType,
		"\x1a\x45\xdf\xa3":                                                   "video/webm",
		"ID3\x04":                                                            "audio/mpeg",
		"\xff\xf1\x50":                                                       "audio/aac",
		"OggS":                                                               "audio/ogg",
		"fLaC":                                                               "audio/flac",
		"#!AMR\n":                                                            "audio/amr",
		"<html>":                                                             unknownType,
		"":                                                                   unknownType,
	} {
		require.Equal(t, want, sniff([]byte(text)), "%q", text)
	}
	for text, want := range map[string]string{"\x1a\x45\xdf\xa3": "audio/webm", "\x00\x00\x00\x14ftyp3gp4": "audio/mp4"} {
		i := Info{Kind: Audio}
		require.NoError(t, examine(&i, []byte(text)))
		require.Equal(t, want, i.Type)
	}
}

// An image of a few bytes that would decode to gigabytes is refused, and so is one
// whose header is damaged.
func TestPixelBombsAreRefused(t *testing.T) {
	g := newGateway(t)
	bomb := asPNG(t, stripes(1, 1))
	copy(bomb[16:], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}) // width and height in IHDR
	fixPNG(bomb)
	var anim bytes.Buffer
	require.NoError(t, gif.Encode(&anim, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil))
	big := anim.Bytes()
	copy(big[6:], []byte{0xff, 0xff, 0xff, 0xff})
	for _, data := range [][]byte{bomb, big} {
		k := g.ticket(TicketParams{Kind: Image, Size: int64(len(data))})
		code, a := g.post(k.Ticket, bytes.NewReader(data))
		require.Equal(t, http.StatusRequestEntityTooLarge, code, a.Message)
		require.Equal(t, fault.ImageTooLarge, a.Code)
		require.Contains(t, a.Message, "50 million pixels")
	}
	for _, damaged := range [][]byte{bomb[:20], []byte("\xff\xd8\xff\xe0\xff\xff"), []byte("GIF89a"), []byte("RIFF\x00\x00\x00\x00WEBPVP8X")} {
		k := g.ticket(TicketParams{Kind: Image, Size: int64(len(damaged))})
		code, a := g.post(k.Ticket, bytes.NewReader(damaged))
		require.Equal(t, http.StatusUnsupportedMediaType, code)
		require.Equal(t, fault.ImageType, a.Code)
	}
}

// An image of many pixels takes more of its user's allowance than a small one.
func TestPixelsAreCharged(t *testing.T) {
	r := newRates()
	now := time.Now()
	for n := range 5 {
		require.True(t, r.upload(alice, now), n)
		require.True(t, r.pixels(alice, maxPixels, now), n)
	}
	require.False(t, r.upload(alice, now), "five of the largest are a minute's worth")
	require.True(t, r.upload(alice, now.Add(2*time.Second)))
}

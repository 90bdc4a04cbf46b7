package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"

	"github.com/tim-wasm/tim/internal/bus"
)

// fixPNG corrects the checksum of an IHDR that a test has changed.
func fixPNG(data []byte) {
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
}

func (g *gateway) image(name string) (image.Image, *http.Response) {
	g.t.Helper()
	res, data := g.get(name)
	require.Equal(g.t, http.StatusOK, res.StatusCode, string(data))
	img, _, err := image.Decode(bytes.NewReader(data))
	require.NoError(g.t, err)
	return img, res
}

// reddish reports whether a point lies in the red half of stripes.
func reddish(img image.Image, x, y int) bool {
	r, _, b, _ := img.At(x, y).RGBA()
	return r > b
}

// A request for a smaller size that is not made yet waits for it, and so do further
// ones at the same time.
func TestSmallerSizesAreWaitedFor(t *testing.T) {
	g := newGateway(t)
	up := g.upload(Image, asJPEG(t, stripes(1600, 1000)), "cat.jpg")
	require.Equal(t, 1600, up.Width)
	require.Equal(t, 1000, up.Height)
	var all sync.WaitGroup
	for range 4 {
		for short, want := range map[string]image.Point{"_198": {317, 198}, "_720": {1152, 720}} {
			all.Go(func() {
				img, res := g.image(up.Name + short)
				if img.Bounds().Size() != want || res.Header.Get("Content-Type") != "image/jpeg" {
					t.Error(img.Bounds(), res.Header)
				}
				if !reddish(img, 5, 5) || reddish(img, want.X-5, 5) {
					t.Error("its colours are wrong")
				}
			})
		}
	}
	all.Wait()
	require.Zero(t, g.Stats().Sizes)
	w, h := Fit(1600, 1000, 198)
	require.Equal(t, []int{317, 198}, []int{w, h}, "Fit agrees with the image that is served")
}

// An image that is small already is served in place of its smaller sizes. A file has
// none.
func TestSmallImagesServeThemselves(t *testing.T) {
	g := newGateway(t)
	small := asPNG(t, stripes(300, 190))
	up := g.upload(Image, small, "")
	for _, name := range []string{"", "_198", "_720"} {
		_, got := g.get(up.Name + name)
		require.True(t, bytes.Equal(small, got), name)
	}
	file := g.upload(File, small, "")
	res, _ := g.get(file.Name + "_198")
	require.Equal(t, http.StatusNotFound, res.StatusCode, "a file has no sizes")
}

// servesItself expects an image in place of its smaller size, also the second time.
func (g *gateway) servesItself(name string, data []byte) {
	g.t.Helper()
	for range 2 {
		res, got := g.get(name + "_198")
		require.Equal(g.t, http.StatusOK, res.StatusCode)
		require.True(g.t, bytes.Equal(data, got))
	}
}

// An image whose header is valid and whose pixels are damaged is served in place of
// its smaller sizes: nobody gets a 404, and it is not decoded again.
func TestDamagedImagesServeThemselves(t *testing.T) {
	g := newGateway(t)
	whole := asPNG(t, stripes(800, 800))
	damaged := whole[:len(whole)/2]
	up := g.upload(Image, damaged, "")
	g.servesItself(up.Name, damaged)
	i, err := g.store.whole(t.Context(), alice.SDKAppID, up.Name+"_198")
	require.NoError(t, err)
	require.True(t, i.Same)
}

// A camera that was turned stores the picture unturned, with its orientation: smaller
// sizes are turned accordingly.
func TestOrientationIsKept(t *testing.T) {
	g := newGateway(t)
	lying := asJPEG(t, stripes(800, 400))
	for orientation, want := range map[byte]struct {
		w, h int
		red  image.Point // where the left of the stored picture is shown
	}{
		1: {396, 198, image.Pt(5, 99)},
		3: {396, 198, image.Pt(390, 99)},
		6: {198, 396, image.Pt(99, 5)},
		8: {198, 396, image.Pt(99, 390)},
		5: {198, 396, image.Pt(99, 5)},
		7: {198, 396, image.Pt(99, 390)},
		2: {396, 198, image.Pt(390, 99)},
		4: {396, 198, image.Pt(5, 99)},
	} {
		up := g.upload(Image, withExif(lying, orientation), "")
		if want.h > want.w {
			require.Equal(t, []int{400, 800}, []int{up.Width, up.Height})
		}
		img, _ := g.image(up.Name + "_198")
		require.Equal(t, image.Pt(want.w, want.h), img.Bounds().Size(), orientation)
		require.True(t, reddish(img, want.red.X, want.red.Y), orientation)
		require.False(t, reddish(img, want.w-1-want.red.X, want.h-1-want.red.Y), orientation)
	}
}

// withExif puts an orientation into a JPEG, as cameras do.
func withExif(data []byte, orientation byte) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00")
	out := append([]byte{}, data[:2]...)
	out = append(out, 0xff, markAPP1)
	out = binary.BigEndian.AppendUint16(out, uint16(2+len(exif)))
	return append(append(out, exif...), data[2:]...)
}

// A smaller size keeps the image's colour profile: without it the colours would be
// shown wrongly.
func TestProfilesAreKept(t *testing.T) {
	profile := append(make([]byte, 16), "RGB XYZ "...)
	profile = append(profile, bytes.Repeat([]byte("wide gamut "), 12_000)...) // more than one segment holds
	transparent := stripes(400, 400)
	transparent.SetRGBA(0, 0, color.RGBA{})
	for what, data := range map[string][]byte{
		"a JPEG":            withProfile(asJPEG(t, stripes(400, 400)), profile),
		"an opaque PNG":     withPNGProfile(asPNG(t, stripes(400, 400)), profile),
		"a transparent PNG": withPNGProfile(asPNG(t, transparent), profile),
	} {
		made, err := shrink(t.Context(), sniff(data), data, []int{198})
		require.NoError(t, err, what)
		require.Equal(t, sniff(made[0].data), made[0].contentType, what)
		require.True(t, bytes.Equal(profile, profileOf(made[0].contentType, made[0].data, readJPEG(made[0].data))), what)
		_, _, err = image.Decode(bytes.NewReader(made[0].data))
		require.NoError(t, err, what)
	}
	cmyk := bytes.Replace(profile, []byte("RGB "), []byte("CMYK"), 1)
	other := withProfile(asJPEG(t, stripes(8, 8)), cmyk)
	require.Nil(t, profileOf("image/jpeg", other, readJPEG(other)), "smaller sizes are RGB, so a CMYK profile does not fit them")
}

// Transparent pixels stay transparent, and their invisible colour does not show at
// the edge of what is visible.
func TestTransparencyIsKept(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 600, 600))
	for y := range 600 {
		for x := range 600 {
			img.SetNRGBA(x, y, color.NRGBA{0, 255, 0, 0}) // green that nobody sees
			if x >= 299 {
				img.SetNRGBA(x, y, color.NRGBA{255, 0, 0, 255})
			}
		}
	}
	data := asPNG(t, img)
	made, err := shrink(t.Context(), "image/png", data, []int{198})
	require.NoError(t, err)
	got, err := png.Decode(bytes.NewReader(made[0].data))
	require.NoError(t, err)
	for x := range 198 {
		c := color.NRGBAModel.Convert(got.At(x, 99)).(color.NRGBA)
		require.Zero(t, c.G, "at %d: %v", x, c)
	}
	_, _, _, a := got.At(3, 3).RGBA()
	require.Zero(t, a)
}

// An image that would take too much memory is not decoded, and decoding stops when
// its context ends.
func TestDecodingIsBounded(t *testing.T) {
	deep := asPNG(t, image.NewNRGBA64(image.Rect(0, 0, 1, 1)))
	copy(deep[16:], []byte{0, 0, 0x1f, 0x40, 0, 0, 0x17, 0x70}) // 8000 x 6000 at 16 bits
	fixPNG(deep)
	_, err := shrink(t.Context(), "image/png", deep, shorts)
	require.ErrorIs(t, err, errUndecodable)

	ctx, cancel := canceledContext(t)
	defer cancel()
	_, err = shrink(ctx, "image/jpeg", asJPEG(t, stripes(800, 800)), shorts)
	require.ErrorIs(t, err, errUndecodable)
}

func TestOtherFormats(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, bmp.Encode(&out, stripes(400, 300)))
	made, err := shrink(t.Context(), "image/bmp", out.Bytes(), []int{198})
	require.NoError(t, err)
	img, err := jpeg.Decode(bytes.NewReader(made[0].data))
	require.NoError(t, err)
	require.Equal(t, image.Pt(264, 198), img.Bounds().Size())
	require.True(t, reddish(img, 5, 5))
}

// begun enters a file's smaller sizes as being made by another process.
func (g *gateway) begun(name string) []*Info {
	g.t.Helper()
	var all []*Info
	for _, short := range shorts {
		i := &Info{App: alice.SDKAppID, Name: sizeName(name, short), State: stateMaking, Part: "another", Kind: Image, At: g.clock.now().UnixMilli()}
		require.NoError(g.t, g.store.set(g.t.Context(), i))
		all = append(all, i)
	}
	return all
}

// An image at which a process has ended is not decoded by the next one, which it might
// end as well: the image is served in place of its smaller sizes.
func TestAnImageEndsOneProcessOnly(t *testing.T) {
	g := newGateway(t)
	data := asJPEG(t, stripes(800, 800))
	k := g.ticket(TicketParams{Kind: Image, Size: int64(len(data))})
	g.begun(k.Name)
	g.clock.move(makeWithin + time.Second)
	code, _ := g.post(k.Ticket, bytes.NewReader(data))
	require.Equal(t, http.StatusOK, code)
	g.servesItself(k.Name, data)
	i, err := g.store.info(t.Context(), alice.SDKAppID, k.Name+"_198")
	require.NoError(t, err)
	require.Equal(t, stateMaking, i.State)
}

// While another gateway makes a smaller size, a request waits for that one.
func TestSizesOfAnotherGatewayAreWaitedFor(t *testing.T) {
	g := newGateway(t)
	data := asJPEG(t, stripes(800, 800))
	k := g.ticket(TicketParams{Kind: Image, Size: int64(len(data))})
	others := g.begun(k.Name)
	code, _ := g.post(k.Ticket, bytes.NewReader(data))
	require.Equal(t, http.StatusOK, code)
	var asked sync.WaitGroup
	asked.Go(func() {
		res, got := g.get(k.Name + "_198")
		if res.StatusCode != http.StatusOK || string(got) != "small" {
			t.Error(res.StatusCode, len(got))
		}
	})
	made := others[0]
	made.State, made.Type, made.Size = "", "image/jpeg", 5
	require.NoError(t, g.keep(t.Context(), made, []byte("small")))
	asked.Wait()
}

// A gateway that closes while it makes sizes leaves none that seem to be in the making.
func TestClosingLeavesNoSizesBehind(t *testing.T) {
	g := newGateway(t)
	data := asJPEG(t, stripes(800, 800))
	k := g.ticket(TicketParams{Kind: Image, Size: int64(len(data))})
	others := g.begun(k.Name)
	code, _ := g.post(k.Ticket, bytes.NewReader(data))
	require.Equal(t, http.StatusOK, code)
	g.Close()
	for _, i := range others {
		require.NoError(t, g.store.bus.Purge(t.Context(), bus.StreamFiles, fileSubject(i.App, i.Name)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	g.o.Now = func() time.Time { // is read when the sizes are entered, before decoding
		cancel()
		return g.clock.now()
	}
	require.Error(t, g.make(ctx, fileID{alice.SDKAppID, k.Name}))
	for _, short := range shorts {
		_, err := g.store.info(t.Context(), alice.SDKAppID, sizeName(k.Name, short))
		require.ErrorIs(t, err, errNoFile)
	}
	g.o.Now = g.clock.now
	require.NoError(t, g.make(t.Context(), fileID{alice.SDKAppID, k.Name}))
}

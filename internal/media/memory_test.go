package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// What decoding is counted to take is what it takes at least, and not much more.
func TestDecodingTakesWhatIsCounted(t *testing.T) {
	const w, h = 1000, 700
	var bitmap bytes.Buffer
	require.NoError(t, bmp.Encode(&bitmap, image.NewNRGBA(image.Rect(0, 0, w, h))))
	gray := bytes.Repeat([]byte{0}, 2)
	rgb := bytes.Repeat([]byte{0}, 6)
	for what, data := range map[string][]byte{
		"baseline gray":        madeJPEG{w: w, h: h, components: 1, sof: markSOF0}.bytes(),
		"baseline":             madeJPEG{w: w, h: h, components: 3, sof: markSOF0}.bytes(),
		"baseline RGB":         madeJPEG{w: w, h: h, components: 3, sof: markSOF0, before: adobe(0)}.bytes(),
		"baseline RGB by name": madeJPEG{w: w, h: h, components: 3, sof: markSOF0, ids: "RGB"}.bytes(),
		"baseline CMYK":        madeJPEG{w: w, h: h, components: 4, sof: markSOF0, before: adobe(0)}.bytes(),
		"baseline YCCK":        madeJPEG{w: w, h: h, components: 4, sof: markSOF0, before: adobe(2)}.bytes(),
		"extended":             madeJPEG{w: w, h: h, components: 3, sof: markSOF1}.bytes(),
		"progressive gray":     madeJPEG{w: w, h: h, components: 1, sof: markSOF2}.bytes(),
		"progressive":          madeJPEG{w: w, h: h, components: 3, sof: markSOF2}.bytes(),
		"progressive RGB":      madeJPEG{w: w, h: h, components: 3, sof: markSOF2, before: adobe(0)}.bytes(),
		"progressive CMYK":     madeJPEG{w: w, h: h, components: 4, sof: markSOF2, before: adobe(0)}.bytes(),
		"progressive YCCK":     madeJPEG{w: w, h: h, components: 4, sof: markSOF2, before: adobe(2)}.bytes(),
		"after a stray byte":   madeJPEG{w: w, h: h, components: 3, sof: markSOF2, before: []byte("\xff\xfe\x00\x02\x00")}.bytes(),
		"after a stray 0xff00": madeJPEG{w: w, h: h, components: 3, sof: markSOF2, before: []byte{0xff, 0}}.bytes(),
		"after fill bytes":     madeJPEG{w: w, h: h, components: 3, sof: markSOF2, before: []byte{0xff, 0xff}}.bytes(),
		"after a restart":      madeJPEG{w: w, h: h, components: 3, sof: markSOF2, before: []byte{0xff, 0xd0}}.bytes(),
		"RGB that DecodeConfig does not see": madeJPEG{
			w: w, h: h, components: 3, sof: markSOF0, before: jfif, after: append([]byte{0xff, 0xe0, 0, 7, 0, 0, 0, 0, 0}, adobe(0)...),
		}.bytes(),
		"PNG gray 1":              madePNG(t, w, h, 1, 0, 0, nil, nil),
		"PNG gray 8 with tRNS":    madePNG(t, w, h, 8, 0, 0, gray, nil),
		"PNG gray 16":             madePNG(t, w, h, 16, 0, 0, nil, nil),
		"PNG gray 16 with tRNS":   madePNG(t, w, h, 16, 0, 0, gray, nil),
		"PNG RGB 8":               madePNG(t, w, h, 8, 2, 0, nil, nil),
		"PNG RGB 8 with tRNS":     madePNG(t, w, h, 8, 2, 0, rgb, nil),
		"PNG RGB 16 with tRNS":    madePNG(t, w, h, 16, 2, 0, rgb, nil),
		"PNG palette":             madePNG(t, w, h, 8, 3, 0, nil, nil),
		"PNG palette with tRNS":   madePNG(t, w, h, 4, 3, 0, []byte{0}, nil),
		"PNG gray and alpha 8":    madePNG(t, w, h, 8, 4, 0, nil, nil),
		"PNG gray and alpha 16":   madePNG(t, w, h, 16, 4, 0, nil, nil),
		"PNG RGBA 8":              madePNG(t, w, h, 8, 6, 0, nil, nil),
		"PNG RGBA 16":             madePNG(t, w, h, 16, 6, 0, nil, nil),
		"PNG interlaced gray 16":  madePNG(t, w, h, 16, 0, 1, gray, nil),
		"PNG interlaced palette":  madePNG(t, w, h, 8, 3, 1, nil, nil),
		"PNG interlaced RGBA 8":   madePNG(t, w, h, 8, 6, 1, nil, nil),
		"PNG after another chunk": madePNG(t, w, h, 16, 6, 1, nil, pngChunk(nil, "abCd", make([]byte, 30))),
		"GIF":                     madeGIF(t, w, h),
		"WebP":                    lossyWebP(w, h, false),
		"WebP with alpha":         lossyWebP(w, h, true),
		"WebP without loss":       losslessWebP(w, h),
		"BMP":                     bitmap.Bytes(),
	} {
		t.Run(what, func(t *testing.T) {
			kind := sniff(data)
			c, err := header(kind, data)
			require.NoError(t, err)
			require.Equal(t, image.Pt(w, h), image.Pt(c.Width, c.Height))
			counted := decodeBytes(kind, data, c, readJPEG(data))
			took := allocated(func() { _, err = codecs[kind].decode(bytes.NewReader(data)) })
			require.NoError(t, err)
			t.Logf("%.2f bytes a pixel, counted are %.2f", float64(took)/(w*h), float64(counted)/(w*h))
			const around = 128 << 10 // what a decoder takes besides its pixels
			require.LessOrEqual(t, took, counted+len(data)+around)
			if kind != "image/webp" { // where much is counted for codes that this one has not
				require.Less(t, counted, 5*took)
			}
		})
	}
}

// Scaling, turning and encoding are counted as well: a long image has smaller sizes
// that are almost as large as it is.
func TestMakingSizesTakesWhatIsCounted(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 721, 3000))
	for i := range img.Pix { // noise, which takes the most bytes
		img.Pix[i] = byte(rand.Uint32()) | byte(i%4/3*255)
	}
	lying := withExif(asJPEG(t, img), 6)
	c, err := header("image/jpeg", lying)
	require.NoError(t, err)
	took := allocated(func() { _, err = shrink(t.Context(), "image/jpeg", lying, shorts) })
	require.NoError(t, err)
	require.LessOrEqual(t, took, decodeBytes("image/jpeg", lying, c, readJPEG(lying))+scaleBytes(c, shorts))
}

// enlarged has the header of a PNG say that it has 50 million pixels.
func enlarged(data []byte) []byte {
	binary.BigEndian.PutUint32(data[16:], 8000)
	binary.BigEndian.PutUint32(data[20:], 6250)
	fixPNG(data)
	return data
}

// Files of a few bytes whose pixels would take more than maxDecode are not decoded.
func TestBombsAreNotDecoded(t *testing.T) {
	for what, data := range map[string][]byte{
		"hidden progressive": madeJPEG{w: 8000, h: 6250, components: 3, sof: markSOF2, before: []byte("\xff\xfe\x00\x02\x00")}.bytes(),
		"behind a restart":   madeJPEG{w: 8000, h: 6250, components: 3, sof: markSOF2, before: []byte{0xff, 0xd0}}.bytes(),
		"progressive CMYK":   madeJPEG{w: 4000, h: 4000, components: 4, sof: markSOF2, before: adobe(0)}.bytes(),
		"baseline CMYK":      madeJPEG{w: 8000, h: 6250, components: 4, sof: markSOF0, before: adobe(0)}.bytes(),
		"hidden RGB":         madeJPEG{w: 8000, h: 6250, components: 3, sof: markSOF0, before: jfif, after: append([]byte{0xff, 0xe0, 0, 7, 0, 0, 0, 0, 0}, adobe(0)...)}.bytes(),
		"gray of 16 bits":    enlarged(madePNG(t, 8, 8, 16, 0, 0, []byte{0, 1}, nil)),
		"interlaced":         enlarged(madePNG(t, 8, 8, 8, 6, 1, nil, nil)),
		"scaled to as much":  madeJPEG{w: 721, h: 65000, components: 3, sof: markSOF0}.bytes(),
		"WebP without loss":  losslessWebP(8000, 6250),
	} {
		t.Run(what, func(t *testing.T) {
			var err error
			took := allocated(func() { _, err = shrink(t.Context(), sniff(data), data, shorts) })
			require.ErrorIs(t, err, errUndecodable)
			require.Less(t, took, 1<<20)
		})
	}
}

// What a JPEG holds between its scans neither hides a scan nor pretends to be one.
func TestScansAreCounted(t *testing.T) {
	many := madeJPEG{w: 400, h: 400, components: 3, sof: markSOF2, scans: maxScans}
	_, err := shrink(t.Context(), "image/jpeg", many.bytes(), shorts)
	require.ErrorIs(t, err, errUndecodable)
	many.scans--
	_, err = shrink(t.Context(), "image/jpeg", many.bytes(), shorts)
	require.NoError(t, err)

	thumb := append([]byte{0xff, 0xe1, 1, 2}, bytes.Repeat([]byte{0xff, markSOS}, 128)...)
	film := bytes.Repeat([]byte{0xff, markSOS, 0, 2}, 200) // phones append it
	around := madeJPEG{w: 400, h: 400, components: 3, sof: markSOF2, before: thumb}
	require.Equal(t, 1, readJPEG(append(around.bytes(), film...)).scans)
}

package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file of few bytes may hold an image of many: these build such files, of pixels
// that are all zero.

// madeJPEG is a JPEG that bytes builds.
type madeJPEG struct {
	w, h, components int
	sof              byte   // its marker
	before, after    []byte // what stands before and after the segment of sof
	ids              string // of its components
	scans            int    // beyond the first one; progressive only
}

func (m madeJPEG) bytes() []byte {
	n := m.components
	ids := m.ids
	if ids == "" {
		ids = "\x01\x02\x03\x04"
	}
	out := append([]byte{0xff, markSOI}, m.before...)
	out = append(out, 0xff, m.sof, 0, byte(8+3*n), 8, byte(m.h>>8), byte(m.h), byte(m.w>>8), byte(m.w), byte(n))
	for i := range n {
		out = append(out, ids[i], 0x11, 0)
	}
	out = append(out, m.after...)
	out = append(out, 0xff, 0xdb, 0, 67, 0) // quantization
	out = append(out, bytes.Repeat([]byte{1}, 64)...)
	for _, class := range []byte{0, 0x10} { // the one code of each is the bit 0: nothing changes, or a block ends
		out = append(out, 0xff, 0xc4, 0, 20, class, 1)
		out = append(out, make([]byte, 16)...)
	}
	out = append(out, 0xff, markSOS, 0, byte(6+2*n), byte(n))
	for i := range n {
		out = append(out, ids[i], 0)
	}
	blocks := ((m.w + 7) / 8) * ((m.h + 7) / 8)
	if m.sof == markSOF2 {
		out = append(out, 0, 0, 0)
		out = append(out, make([]byte, blocks*n/8+1)...)
	} else {
		out = append(out, 0, 63, 0)
		out = append(out, make([]byte, blocks*n/4+1)...)
	}
	for range m.scans {
		out = append(out, 0xff, markSOS, 0, 8, 1, ids[0], 0, 1, 63, 0)
		out = append(out, make([]byte, blocks/8+1)...)
	}
	return append(out, 0xff, markEOI)
}

// adobe is the segment that says how the components are colours.
func adobe(transform byte) []byte {
	return []byte{0xff, markAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform}
}

// jfif is the first segment of most JPEGs.
var jfif = []byte("\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")

func pngChunk(out []byte, kind string, body []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	body = append([]byte(kind), body...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
}

// madePNG builds a PNG; before stands before its header, which Go allows.
func madePNG(t *testing.T, w, h int, depth, colours, interlace byte, trns, before []byte) []byte {
	t.Helper()
	out := append([]byte("\x89PNG\r\n\x1a\n"), before...)
	head := binary.BigEndian.AppendUint32(nil, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	out = pngChunk(out, "IHDR", append(head, depth, colours, 0, 0, interlace))
	if colours == 3 {
		out = pngChunk(out, "PLTE", make([]byte, 6))
	}
	if trns != nil {
		out = pngChunk(out, "tRNS", trns)
	}
	bits := int(depth) * map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	passes := [][4]int{{1, 1, 0, 0}} // each how many columns and rows, from which on
	if interlace == 1 {
		passes = [][4]int{{8, 8, 0, 0}, {8, 8, 4, 0}, {4, 8, 0, 4}, {4, 4, 2, 0}, {2, 4, 0, 2}, {2, 2, 1, 0}, {1, 2, 0, 1}}
	}
	for _, p := range passes {
		row := make([]byte, 1+(bits*((w-p[2]+p[0]-1)/p[0])+7)/8)
		for range (h - p[3] + p[1] - 1) / p[1] {
			_, err := z.Write(row)
			require.NoError(t, err)
		}
	}
	require.NoError(t, z.Close())
	return pngChunk(pngChunk(out, "IDAT", packed.Bytes()), "IEND", nil)
}

// madeGIF builds a GIF whose rows are interlaced.
func madeGIF(t *testing.T, w, h int) []byte {
	t.Helper()
	var out bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})
	require.NoError(t, gif.Encode(&out, img, nil))
	data := out.Bytes()
	at := 13 + 6 // after the header and two colours
	require.Equal(t, byte(0x2c), data[at], "the descriptor of the image")
	data[at+9] |= 0x40
	return data
}

// bitsOut writes bits, the lowest first.
type bitsOut struct {
	out []byte
	n   int
}

func (b *bitsOut) put(v uint32, n int) {
	for range n {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[b.n/8] |= byte(v&1) << (b.n % 8)
		v >>= 1
		b.n++
	}
}

// losslessBits builds the pixels of a WebP without loss, after its header: 16
// colours, two pixels in a byte, all of them predicted.
func losslessBits(b *bitsOut) {
	codes := func() { // five codes of one symbol each, which take no bits
		for range 5 {
			b.put(1, 4)
		}
	}
	b.put(1, 1) // a transform: prediction in tiles of 4 by 4
	b.put(0, 2)
	b.put(0, 3)
	b.put(0, 1)
	codes()
	b.put(1, 1) // a transform: colours
	b.put(3, 2)
	b.put(15, 8)
	b.put(0, 1)
	codes()
	b.put(0, 1) // no more transforms
	b.put(0, 2) // no cache of colours, no more codes
	codes()
	b.put(0, 64)
}

func webpChunk(out []byte, kind string, body []byte) []byte {
	out = append(out, kind...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	out = append(out, body...)
	return append(out, make([]byte, len(body)%2)...)
}

// webpOf puts chunks into a WebP.
func webpOf(chunks []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(chunks)))
	return append(append(out, "WEBP"...), chunks...)
}

func losslessWebP(w, h int) []byte {
	b := &bitsOut{}
	b.put(0x2f, 8)
	b.put(uint32(w-1), 14)
	b.put(uint32(h-1), 14)
	b.put(0, 4)
	losslessBits(b)
	return webpOf(webpChunk(nil, "VP8L", b.out))
}

// lossyWebP builds a WebP with loss, and with an alpha that has none.
func lossyWebP(w, h int, alpha bool) []byte {
	var chunks []byte
	if alpha {
		head := []byte{1 << 4, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), 0, byte(h - 1), byte((h - 1) >> 8), 0}
		b := &bitsOut{}
		b.put(1, 8) // as in VP8L
		losslessBits(b)
		chunks = webpChunk(webpChunk(nil, "VP8X", head), "ALPH", b.out)
	}
	first := w * h / 64
	frame := []byte{byte(first<<5) | 1<<4, byte(first >> 3), byte(first >> 11), 0x9d, 1, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}
	return webpOf(webpChunk(chunks, "VP8 ", append(frame, make([]byte, 2*first)...)))
}

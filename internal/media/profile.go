package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// maxProfile bounds the ICC profile that a smaller size takes over; usual ones
// have 500 bytes to 10 KB.
const maxProfile = 256 << 10

// profileOf returns the ICC profile of an image if it is one of red, green and
// blue: no other kind fits the smaller sizes. info is what a JPEG says.
func profileOf(contentType string, data []byte, info jpegInfo) []byte {
	var p []byte
	switch contentType {
	case "image/jpeg":
		p = info.profile
	case "image/png":
		p = pngProfile(data)
	case "image/webp":
		p = webpProfile(data)
	}
	if len(p) < 128 || len(p) > maxProfile || string(p[16:20]) != "RGB " {
		return nil
	}
	return p
}

// pngHead precedes the chunks of a PNG; iccpName is the name that a profile has
// in one.
const (
	pngHead  = 8
	iccpName = "ICC\x00\x00" // and deflate
)

func pngProfile(data []byte) []byte {
	for rest := data[min(pngHead, len(data)):]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n+12 > int64(len(rest)) || string(rest[4:8]) == "IDAT" {
			return nil
		}
		if string(rest[4:8]) == "iCCP" {
			_, packed, ok := bytes.Cut(rest[8:8+n], []byte{0}) // its name
			if !ok || len(packed) < 1 {
				return nil
			}
			r, err := zlib.NewReader(bytes.NewReader(packed[1:]))
			if err != nil {
				return nil
			}
			p, err := io.ReadAll(io.LimitReader(r, maxProfile+1))
			if err != nil {
				return nil
			}
			return p
		}
		rest = rest[n+12:]
	}
	return nil
}

func webpProfile(data []byte) []byte {
	for rest := data[min(12, len(data)):]; len(rest) >= 8; {
		n := int64(binary.LittleEndian.Uint32(rest[4:]))
		if n+8 > int64(len(rest)) {
			return nil
		}
		if string(rest[:4]) == "ICCP" {
			return rest[8 : 8+n]
		}
		rest = rest[min(8+n+n%2, int64(len(rest))):]
	}
	return nil
}

// withPNGProfile puts an ICC profile into a PNG that has none.
func withPNGProfile(png, profile []byte) []byte {
	const head = pngHead + 25 // and IHDR
	if len(profile) == 0 || len(png) < head {
		return png
	}
	var body bytes.Buffer
	body.WriteString("iCCP" + iccpName)
	w := zlib.NewWriter(&body)
	_, _ = w.Write(profile) // a bytes.Buffer does not fail
	_ = w.Close()
	out := append(make([]byte, 0, len(png)+body.Len()+8), png[:head]...)
	out = binary.BigEndian.AppendUint32(out, uint32(body.Len()-4))
	out = append(out, body.Bytes()...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body.Bytes()))
	return append(out, png[head:]...)
}

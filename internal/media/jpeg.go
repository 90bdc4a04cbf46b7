package media

import (
	"bytes"
	"encoding/binary"
)

// jpegInfo is what a JPEG says besides its pixels.
type jpegInfo struct {
	orientation int    // as in EXIF: 1 to 8
	profile     []byte // its ICC profile
	progressive bool
	components  int  // 1, 3 or 4
	rgb         bool // its components may be red, green and blue
	scans       int
}

// Markers of a JPEG.
const (
	markSOF0  = 0xc0
	markSOF1  = 0xc1
	markSOF2  = 0xc2
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markAPP1  = 0xe1
	markAPP2  = 0xe2
	markAPP14 = 0xee
)

// iccHead precedes a piece of a profile in an APP2: then come the piece's
// number and how many there are.
const iccHead = "ICC_PROFILE\x00"

// readJPEG reads the segments of a JPEG. Where it cannot tell what an image is,
// it says what takes the most memory.
func readJPEG(data []byte) jpegInfo {
	info := jpegInfo{orientation: 1}
	mark, body, rest := nextSegment(data[min(2, len(data)):])
	for ; mark != 0; mark, body, rest = nextSegment(rest) {
		switch {
		case mark == markSOS:
			info.scans++
		case mark >= markSOF0 && mark <= markSOF2 && info.components == 0:
			info.frame(mark, body)
		case mark == markAPP14 && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")):
			info.rgb = info.rgb || body[11] == 0
		case info.scans > 0: // the rest is in front of the pixels
		case mark == markAPP1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			if o := exifOrientation(body[6:]); o != 0 {
				info.orientation = o
			}
		case mark == markAPP2 && bytes.HasPrefix(body, []byte(iccHead)) && len(body) > len(iccHead)+2:
			if len(info.profile) <= maxProfile {
				info.profile = append(info.profile, body[len(iccHead)+2:]...)
			}
		}
	}
	if info.components == 0 {
		info.progressive, info.components = true, 4
	}
	return info
}

// frame reads the segment that says how the pixels are stored. Like image/jpeg it
// goes by its length.
func (j *jpegInfo) frame(mark byte, body []byte) {
	j.progressive = mark == markSOF2
	switch len(body) {
	case 6 + 3:
		j.components = 1
	case 6 + 3*3:
		j.components = 3
		j.rgb = j.rgb || body[6] == 'R' && body[9] == 'G' && body[12] == 'B'
	case 6 + 3*4:
		j.components = 4
	}
}

// pixelBytes returns how many bytes image/jpeg takes for a pixel at most: each
// component has a plane, which is not subsampled.
func (j *jpegInfo) pixelBytes() int {
	each := j.components
	if j.progressive { // all coefficients are held until the end
		each += 4 * j.components
	}
	if j.components == 4 || j.components == 3 && j.rgb { // the planes are put together
		each += 4
	}
	return each
}

// nextSegment returns the next marker that a length follows, what it holds, and
// what comes then; the marker is 0 at the end. It skips the pixels, and between
// segments the same as image/jpeg: what it took for the end of a file, or for a
// segment, where image/jpeg goes on, would hide what decoding takes.
func nextSegment(data []byte) (mark byte, body, rest []byte) {
	for {
		at := bytes.IndexByte(data, 0xff)
		if at < 0 {
			return 0, nil, nil
		}
		for data = data[at:]; len(data) > 0 && data[0] == 0xff; data = data[1:] {
		}
		if len(data) < 3 || data[0] == markEOI {
			return 0, nil, nil
		}
		if data[0] == 0 || data[0] >= markRST0 && data[0] <= markRST7 { // they have no length
			data = data[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(data[1:]))
		if n < 2 || len(data) < 1+n {
			return 0, nil, nil
		}
		return data[0], data[3 : 1+n], data[1+n:]
	}
}

// exifOrientation reads the orientation from a TIFF header and its first
// directory; 0 when there is none.
func exifOrientation(tiff []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 0
	}
	if len(tiff) < 8 {
		return 0
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const orientation, short = 0x0112, 3
		if order.Uint16(entries) == orientation && order.Uint16(entries[2:]) == short {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// withProfile puts an ICC profile into a JPEG that has none.
func withProfile(jpeg, profile []byte) []byte {
	const most = 0xffff - 2 - len(iccHead) - 2
	pieces := (len(profile) + most - 1) / most
	if pieces == 0 || pieces > 255 {
		return jpeg
	}
	out := append(make([]byte, 0, len(jpeg)+len(profile)+pieces*18), jpeg[:2]...)
	for i := range pieces {
		piece := profile[i*most : min((i+1)*most, len(profile))]
		out = append(out, 0xff, markAPP2)
		out = binary.BigEndian.AppendUint16(out, uint16(2+len(iccHead)+2+len(piece)))
		out = append(out, iccHead...)
		out = append(out, byte(i+1), byte(pieces))
		out = append(out, piece...)
	}
	return append(out, jpeg[2:]...)
}

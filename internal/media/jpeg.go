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
}

// Markers of a JPEG.
const (
	markSOF0 = 0xc0
	markSOF2 = 0xc2
	markSOS  = 0xda
	markAPP1 = 0xe1
	markAPP2 = 0xe2
)

// iccHead precedes a piece of a profile in an APP2: then come the piece's
// number and how many there are.
const iccHead = "ICC_PROFILE\x00"

// readJPEG reads the segments before the first scan. It skips what is damaged.
func readJPEG(data []byte) jpegInfo {
	info := jpegInfo{orientation: 1}
	for rest := data[min(2, len(data)):]; len(rest) >= 4 && rest[0] == 0xff; {
		mark, n := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if mark == 0xff { // a fill byte
			rest = rest[1:]
			continue
		}
		if mark == markSOS || n < 2 || len(rest) < 2+n {
			break
		}
		body := rest[4 : 2+n]
		switch {
		case mark == markSOF2:
			info.progressive = true
		case mark == markAPP1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			if o := exifOrientation(body[6:]); o != 0 {
				info.orientation = o
			}
		case mark == markAPP2 && bytes.HasPrefix(body, []byte(iccHead)) && len(body) > len(iccHead)+2:
			info.profile = append(info.profile, body[len(iccHead)+2:]...)
		}
		rest = rest[2+n:]
	}
	return info
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

package media

import (
	"bytes"
	"image"
)

const (
	// webpCodes is what the codes of a WebP without loss may take, however few its
	// pixels: 2600 groups of them, with 3136 symbols each.
	webpCodes = 140 << 20
	// madeBytes is what a pixel of a smaller size takes at most: one that is scaled
	// takes 4, and so does one that is turned or encoded; a buffer that has just
	// grown holds what is encoded three times.
	madeBytes = 16
)

// decodeBytes returns how many bytes decoding an image takes at most. It goes by
// what the decoders allocate, and counts what they drop on the way: a collection
// of garbage need not come between. info is what a JPEG says.
func decodeBytes(contentType string, data []byte, c image.Config, info jpegInfo) int {
	w, h, each := c.Width, c.Height, 4
	switch contentType {
	case "image/jpeg": // in blocks, of which up to 4 by 2 belong together
		w, h, each = roundUp(w, 32), roundUp(h, 16), info.pixelBytes()
	case "image/png":
		each = pngPixelBytes(data)
		h += 3 // rows that are held besides
	case "image/gif": // once more if its rows are interlaced
		each = 2
	case "image/webp":
		w, h, each = roundUp(w, 16), roundUp(h, 16), 2
		if bytes.Contains(data, []byte("VP8L")) || bytes.Contains(data, []byte("ALPH")) {
			// Packed colours 2, unpacked ones 4, transforms and tiles 1, alpha 1,
			// and the image itself.
			return 10*w*h + webpCodes
		}
	}
	return w * h * each
}

// pngPixelBytes returns how many bytes image/png takes for a pixel at most. What
// it does with transparent colours (tRNS) is counted whether there are any or not.
func pngPixelBytes(data []byte) int {
	const depth, colours, interlace = 24, 25, 28
	if len(data) < 33 || string(data[12:16]) != "IHDR" { // image/png allows that others come first
		return 2 * 8
	}
	each := 4
	switch {
	case data[colours] == 3: // a palette
		each = 1
	case data[depth] == 16:
		each = 8
	}
	if data[interlace] != 0 { // each of the passes is an image, too
		each *= 2
	}
	return each
}

// scaleBytes returns how many bytes it takes to scale, turn and encode an image.
func scaleBytes(c image.Config, shorts []int) int {
	all := 0
	for _, short := range shorts {
		w, h := Fit(c.Width, c.Height, short)
		all += madeBytes*w*h + 4*stripRows*max(c.Width, c.Height)
	}
	return all
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

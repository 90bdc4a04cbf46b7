package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
)

// quality of the JPEGs that are made.
const quality = 82

// smaller is one smaller size of an image.
type smaller struct {
	data        []byte
	contentType string
}

// errUndecodable means that an image will never have smaller sizes.
var errUndecodable = errors.New("the image cannot be decoded here")

// shrink makes an image's smaller sizes. It gives up when ctx ends: a file of
// some megabytes can keep a decoder busy for hours.
func shrink(ctx context.Context, contentType string, data []byte, shorts []int) (out []smaller, err error) {
	defer func() {
		if p := recover(); p != nil { // decoders of foreign formats do
			err = fmt.Errorf("%w: %v", errUndecodable, p)
		}
	}()
	info := jpegInfo{orientation: 1}
	if contentType == "image/jpeg" {
		info = readJPEG(data)
	}
	c, err := header(contentType, data)
	if err != nil || info.scans > maxScans || decodeBytes(contentType, data, c, info)+scaleBytes(c, shorts) > maxDecode {
		return nil, errUndecodable
	}
	img, err := codecs[contentType].decode(untilDone{ctx, bytes.NewReader(data)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	profile := profileOf(contentType, data, info)
	for _, short := range shorts {
		w, h := Fit(img.Bounds().Dx(), img.Bounds().Dy(), short)
		one, err := encode(turn(scale(img, w, h), info.orientation), profile)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// untilDone is a Reader that ends with its context, which is how a decoder is
// stopped.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// stripRows is how many rows of an image are converted at once.
const stripRows = 16

// scale makes an image smaller: each new pixel is the mean of those that it
// covers. It takes little memory besides the images. Pixels are weighted by
// their opacity, so transparent ones do not tint their neighbours.
func scale(src image.Image, w, h int) *image.RGBA {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), stripRows))
	sums, count := make([]uint64, 4*w), make([]uint64, w)
	at := 0 // the row of dst that is being summed up
	flush := func() {
		row := dst.Pix[at*dst.Stride:]
		for x, n := range count {
			for c := range 4 {
				row[4*x+c] = uint8((sums[4*x+c] + n/2) / max(n, 1))
			}
		}
		clear(sums)
		clear(count)
	}
	for top := 0; top < b.Dy(); top += stripRows {
		rows := min(stripRows, b.Dy()-top)
		draw.Draw(strip, image.Rect(0, 0, b.Dx(), rows), src, b.Min.Add(image.Pt(0, top)), draw.Src)
		for y := range rows {
			if to := (top + y) * h / b.Dy(); to != at {
				flush()
				at = to
			}
			row := strip.Pix[y*strip.Stride:]
			for x := range b.Dx() {
				to := x * w / b.Dx()
				for c := range 4 {
					sums[4*to+c] += uint64(row[4*x+c])
				}
				count[to]++
			}
		}
	}
	flush()
	return dst
}

// turn returns an image turned as its EXIF orientation says.
func turn(src *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return src
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation > 4 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			dst.SetRGBA(tx, ty, src.RGBAAt(x, y))
		}
	}
	return dst
}

// encode makes a JPEG, or a PNG if some of the image is transparent.
func encode(img *image.RGBA, profile []byte) (smaller, error) {
	var out bytes.Buffer
	if !img.Opaque() {
		if err := png.Encode(&out, img); err != nil {
			return smaller{}, err
		}
		return smaller{withPNGProfile(out.Bytes(), profile), "image/png"}, nil
	}
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return smaller{}, err
	}
	return smaller{withProfile(out.Bytes(), profile), "image/jpeg"}, nil
}

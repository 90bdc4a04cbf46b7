package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/tim-wasm/tim/internal/fault"
)

// unknownType is what every file is served as that might be a page, a script or
// anything else that a browser runs.
const unknownType = "application/octet-stream"

// sniff returns the content type of a file by its first bytes, whatever its
// name and its uploader say. Only images, sounds and videos have a type of
// their own, because a browser shows them and does not run anything in them.
func sniff(head []byte) string {
	has := func(at int, texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool {
			return len(head) >= at+len(t) && string(head[at:at+len(t)]) == t
		})
	}
	switch {
	case has(0, "\xff\xd8\xff"):
		return "image/jpeg"
	case has(0, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case has(0, "GIF87a", "GIF89a"):
		return "image/gif"
	case has(0, "RIFF") && has(8, "WEBP"):
		return "image/webp"
	case has(0, "BM") && len(head) >= 18 && slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(head[14:])):
		return "image/bmp"
	case has(4, "ftyp"):
		switch {
		case has(8, "qt  "):
			return "video/quicktime"
		case has(8, "M4A ", "M4B "):
			return "audio/mp4"
		case has(8, "iso", "mp4", "avc1", "M4V", "3gp", "3g2", "dash", "MSNV", "f4v"):
			return "video/mp4"
		}
	case has(4, "moov", "mdat", "wide", "pnot"):
		return "video/quicktime"
	case has(0, "\x1a\x45\xdf\xa3"):
		return "video/webm"
	case has(0, "ID3", "\xff\xfb", "\xff\xf3", "\xff\xf2", "\xff\xfa"):
		return "audio/mpeg"
	case has(0, "\xff\xf1", "\xff\xf9"):
		return "audio/aac"
	case has(0, "OggS"):
		return "audio/ogg"
	case has(0, "RIFF") && has(8, "WAVE"):
		return "audio/wav"
	case has(0, "fLaC"):
		return "audio/flac"
	case has(0, "#!AMR"):
		return "audio/amr"
	}
	return unknownType
}

// examine fills in what a file is by its first bytes, or says why it cannot be
// what it was announced as.
func examine(i *Info, head []byte) error {
	i.Type = sniff(head)
	if i.Kind == Audio { // recorders put sounds into the same containers
		if rest, ok := strings.CutPrefix(i.Type, "video/"); ok && rest != "quicktime" {
			i.Type = "audio/" + rest
		}
	}
	if i.Kind != File && !strings.HasPrefix(i.Type, i.Kind+"/") {
		return fault.With(typeCodes[i.Kind], "its content is not "+i.Kind)
	}
	if i.Kind != Image {
		return nil
	}
	c, err := header(i.Type, head)
	switch {
	case err != nil || c.Width <= 0 || c.Height <= 0:
		return fault.With(fault.ImageType, "its header cannot be read")
	case c.Width > maxPixels/c.Height:
		return fault.With(fault.ImageTooLarge, "the limit is "+pixelText(maxPixels))
	}
	i.Width, i.Height = c.Width, c.Height
	if i.Type == "image/jpeg" && readJPEG(head).orientation > 4 { // it lies on its side
		i.Width, i.Height = i.Height, i.Width
	}
	return nil
}

// codec reads the images of one type.
type codec struct {
	header func(io.Reader) (image.Config, error) // size and colours
	decode func(io.Reader) (image.Image, error)
}

// codecs holds those of the images that sniff knows.
var codecs = map[string]codec{
	"image/jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"image/png":  {png.DecodeConfig, png.Decode},
	"image/gif":  {gif.DecodeConfig, gif.Decode},
	"image/webp": {webp.DecodeConfig, webp.Decode},
	"image/bmp":  {bmp.DecodeConfig, bmp.Decode},
}

// header reads an image's size and colours.
func header(contentType string, head []byte) (image.Config, error) {
	c, ok := codecs[contentType]
	if !ok {
		return image.Config{}, image.ErrFormat
	}
	return c.header(bytes.NewReader(head))
}

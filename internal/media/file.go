package media

import (
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// Kinds of file, named after the element of the message.
const (
	Image = "image"
	File  = "file"
	Audio = "audio"
	Video = "video"
)

// Info is what is known of a file: the value of tim.file.
type Info struct {
	State    string `json:"s,omitempty"` // empty: whole
	App      uint32 `json:"-"`
	Name     string `json:"-"`
	Owner    string `json:"o,omitempty"` // who uploaded it
	At       int64  `json:"a"`           // when it was begun, Unix ms
	Kind     string `json:"k,omitempty"`
	Type     string `json:"t,omitempty"` // content type, by its content
	FileName string `json:"f,omitempty"` // as its uploader called it
	Size     int64  `json:"n"`
	// Of an image: as it is shown, after it has been turned.
	Width  int `json:"w,omitempty"`
	Height int `json:"h,omitempty"`
	// Same says, of a smaller size, that the image itself is served in its
	// place.
	Same bool `json:"e,omitempty"`
	// Part distinguishes the bytes of a smaller size that two gateways make at
	// once.
	Part string `json:"p,omitempty"`
	// Bucket says that the bytes are in the bucket, else they are on NATS.
	Bucket bool `json:"b,omitempty"`

	seq uint64 // its revision
}

// States of a file that is not whole.
const (
	stateBegun = "begun"
	// stateMaking is that of a smaller size that is being made; Part says since
	// which start of a gateway.
	stateMaking = "making"
	stateGone   = "gone"  // to be freed, unless a message names it after all
	stateFreed  = "freed" // its bytes are being removed
)

// shorts lists the lengths of the short side of an image's smaller sizes, in
// the order in which the originals' receivers have them: thumb, large.
var shorts = []int{198, 720}

// Fit returns an image's width and height at a smaller size.
func Fit(width, height, short int) (int, int) {
	least := min(width, height)
	if least <= short || least == 0 {
		return width, height
	}
	scale := func(n int) int { return max(1, (n*short+least/2)/least) }
	return scale(width), scale(height)
}

func sizeName(name string, short int) string { return name + "_" + strconv.Itoa(short) }

// withSizes returns the names of a file and of its smaller sizes, if it is an image.
func withSizes(name string) []string {
	all := []string{name}
	for _, short := range shorts {
		all = append(all, sizeName(name, short))
	}
	return all
}

// nameLength is that of crypto/rand.Text.
const nameLength = 26

// parseName reads the name in a URL: that of a file, or of a smaller size.
func parseName(text string) (name string, short int, ok bool) {
	name, size, sized := strings.Cut(text, "_")
	if !ValidName(name) {
		return "", 0, false
	}
	if !sized {
		return name, 0, true
	}
	for _, s := range shorts {
		if size == strconv.Itoa(s) {
			return name, s, true
		}
	}
	return "", 0, false
}

// ValidName reports whether a text could be the name of a file that somebody
// uploaded: it becomes part of subjects and URLs.
func ValidName(name string) bool {
	return len(name) == nameLength && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func fileKey(app uint32, name string) string {
	return strconv.FormatUint(uint64(app), 10) + "." + name
}

func fileSubject(app uint32, name string) string { return bus.SubjectFiles + fileKey(app, name) }

func (i *Info) chunkSubject(n int) string {
	return bus.SubjectMedia + fileKey(i.App, i.Name) + "." + i.Part + strconv.Itoa(n)
}

// parseFile reads a subject of tim.file.
func parseFile(subject string) (app uint32, name string, ok bool) {
	first, name, _ := strings.Cut(strings.TrimPrefix(subject, bus.SubjectFiles), ".")
	n, err := strconv.ParseUint(first, 10, 32)
	return uint32(n), name, err == nil && name != "" && !strings.Contains(name, ".")
}

package media

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// ticketFor is how long an upload may be begun with a ticket.
const ticketFor = 10 * time.Minute

// maxTicket bounds a ticket's text before it is opened.
const maxTicket = 2 << 10

// ticketPurpose distinguishes tickets from other tokens that are sealed with
// the same key.
var ticketPurpose = []byte("tim media ticket 1")

// ticket is the permission to upload one file.
type ticket struct {
	App      uint32 `json:"a"`
	User     string `json:"u"`
	Name     string `json:"n"`
	Kind     string `json:"k"`
	Size     int64  `json:"s"`
	FileName string `json:"f,omitempty"`
	Until    int64  `json:"e"` // Unix ms
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (m *Media) seal(t ticket) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(m.aead.Seal(nil, nil, plain, ticketPurpose)), nil
}

// unseal opens a ticket that this or another gateway has issued.
func (m *Media) unseal(text string) (t ticket, ok bool) {
	if len(text) > maxTicket {
		return t, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return t, false
	}
	plain, err := m.aead.Open(nil, nil, sealed, ticketPurpose)
	if err != nil || json.Unmarshal(plain, &t) != nil {
		return t, false
	}
	return t, m.o.Now().UnixMilli() < t.Until
}

// TicketParams are those of media.ticket.
type TicketParams struct {
	Kind     string `json:"kind"`
	Size     int64  `json:"size"`
	FileName string `json:"fileName"`
}

// Ticket is the answer of media.ticket: the ticket, and the name that the file
// will have.
type Ticket struct {
	Ticket string `json:"ticket"`
	Name   string `json:"name"`
}

// Ticket lets a user upload one file. Its errors are *fault.Error.
func (m *Media) Ticket(_ context.Context, u place.User, p TicketParams) (Ticket, error) {
	limit, ok := m.limit(p.Kind)
	switch {
	case !ok:
		return Ticket{}, fault.With(fault.BadParameters, "kind must be image, file, audio or video")
	case p.Size <= 0:
		return Ticket{}, fault.New(fault.FileEmpty)
	case p.Size > limit:
		return Ticket{}, tooLarge(p.Kind, limit)
	case !m.rates.upload(u, m.o.Now()):
		return Ticket{}, fault.With(fault.TooFrequent, "uploads of "+u.UserID)
	case m.full():
		return Ticket{}, fault.New(fault.StoreFull)
	}
	t := ticket{
		App: u.SDKAppID, User: u.UserID, Name: rand.Text(), Kind: p.Kind, Size: p.Size,
		FileName: cleanName(p.FileName), Until: m.o.Now().Add(ticketFor).UnixMilli(),
	}
	text, err := m.seal(t)
	return Ticket{text, t.Name}, err
}

// limit returns how large a file of a kind may be.
func (m *Media) limit(kind string) (int64, bool) {
	switch kind {
	case Image:
		return min(MaxImage, m.o.MaxSize), true
	case File, Audio, Video:
		return m.o.MaxSize, true
	default:
		return 0, false
	}
}

// The originals have codes of their own for each kind.
var (
	sizeCodes = map[string]fault.Code{Image: fault.ImageTooLarge, File: fault.FileTooLarge, Audio: fault.AudioTooLarge, Video: fault.VideoTooLarge}
	typeCodes = map[string]fault.Code{Image: fault.ImageType, Audio: fault.AudioType, Video: fault.VideoType}
)

func tooLarge(kind string, limit int64) error {
	return fault.With(sizeCodes[kind], "the limit is "+bus.Size(limit).String())
}

// maxFileName is the longest name that file systems take.
const maxFileName = 255

// cleanName makes a file's name safe to be shown and saved: it takes out
// folders, control characters and marks that turn the direction of writing, and
// shortens it to maxFileName.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if strings.Trim(name, "./ ") == "" {
		return ""
	}
	if len(name) > maxFileName {
		end := path.Ext(name)
		if len(end) > 16 {
			end = ""
		}
		stem := name[:maxFileName-len(end)]
		for !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = stem + end
	}
	return name
}

func pixelText(n int) string { return strconv.Itoa(n/1_000_000) + " million pixels" }

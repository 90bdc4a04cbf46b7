package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// Types of message that can be sent. The last five name files.
const (
	typeText     = "TIMTextElem"
	typeCustom   = "TIMCustomElem"
	typeFace     = "TIMFaceElem"
	typeLocation = "TIMLocationElem"
	typeMerger   = "TIMRelayElem"
	typeImage    = "TIMImageElem"
	typeFile     = "TIMFileElem"
	typeSound    = "TIMSoundElem"
	typeVideo    = "TIMVideoFileElem"

	// These are the server's.
	typeGroupTip    = "TIMGroupTipElem"
	typeGroupNotice = "TIMGroupSystemNoticeElem"
)

// Media keeps the files that messages name.
type Media interface {
	// Refer records that a message which is about to be stored names files, and
	// returns what is known about them. message identifies the message: a
	// repetition has the same one, and no other message has it. Errors are
	// *fault.Error, 2403 when a file is not there.
	Refer(ctx context.Context, app uint32, message string, names []string) ([]MediaFile, error)
	// Release removes that record once nobody can read the message any more.
	Release(ctx context.Context, app uint32, message string, names []string) error
}

// MediaFile is what is known about a file.
type MediaFile struct {
	Kind     string // image, file, audio or video
	Type     string // its content type
	FileName string
	Size     int64
	// Of an image.
	Width, Height int
}

type textPayload struct {
	Text *string `json:"text"`
}

type customPayload struct {
	Data        string `json:"data"`
	Description string `json:"description"`
	Extension   string `json:"extension"`
}

type facePayload struct {
	Index *float64 `json:"index"`
	Data  string   `json:"data"`
}

type locationPayload struct {
	Description string   `json:"description"`
	Longitude   *float64 `json:"longitude"`
	Latitude    *float64 `json:"latitude"`
}

// The payloads of messages that name files. The gateway fills them in from what
// it knows about the files and ignores what the sender claims. The SDK
// (wasm/payload_js.go) adds URLs and whatever else follows from these fields.
type imagePayload struct {
	UUID   string `json:"uuid"`
	Format int    `json:"imageFormat"`
	Size   int64  `json:"size"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type filePayload struct {
	UUID     string `json:"uuid"`
	FileName string `json:"fileName"`
	FileSize int64  `json:"fileSize"`
}

type soundPayload struct {
	UUID   string `json:"uuid"`
	Second int    `json:"second"`
	Size   int64  `json:"size"`
}

type videoPayload struct {
	UUID        string `json:"videoUUID"`
	Format      string `json:"videoFormat"`
	Second      int    `json:"videoSecond"`
	Size        int64  `json:"videoSize"`
	ThumbUUID   string `json:"thumbUUID"`
	ThumbFormat string `json:"thumbFormat"`
	ThumbWidth  int    `json:"thumbWidth"`
	ThumbHeight int    `json:"thumbHeight"`
	ThumbSize   int64  `json:"thumbSize"`
}

// maxSecond is longer than any sound or video.
const maxSecond = 7 * 24 * 60 * 60

// payloadOf returns what a payload of a type is read into; nil for a type that
// cannot be sent.
func payloadOf(typ string) any {
	switch typ {
	case typeText:
		return new(textPayload)
	case typeCustom:
		return new(customPayload)
	case typeFace:
		return new(facePayload)
	case typeLocation:
		return new(locationPayload)
	case typeMerger:
		return new(mergerPayload)
	case typeImage:
		return new(imagePayload)
	case typeFile:
		return new(filePayload)
	case typeSound:
		return new(soundPayload)
	case typeVideo:
		return new(videoPayload)
	default:
		return nil
	}
}

// cleanPayload checks a message's body and gives it without what the type
// does not have.
func (in *Inbox) cleanPayload(typ string, payload json.RawMessage, cloud string) (json.RawMessage, error) {
	if len(payload)+len(cloud) > in.o.MaxBody {
		return nil, fault.With(fault.BodyTooLarge, strconv.Itoa(len(payload)+len(cloud))+" bytes")
	}
	if typ == typeText {
		if _, plain := plainTextOf(payload); plain && fits(payload, cloud) {
			return payload, nil
		}
	}
	v := payloadOf(typ)
	if v == nil {
		return nil, fault.With(fault.BodyMalformed, "messages of type "+strconv.Quote(typ)+" cannot be sent here")
	}
	if err := json.Unmarshal(payload, v); err != nil || bytes.Equal(bytes.TrimSpace(payload), []byte("null")) {
		return nil, fault.With(fault.BodyMalformed, "the payload does not fit "+typ)
	}
	switch v := v.(type) {
	case *textPayload:
		if v.Text == nil {
			return nil, fault.With(fault.BodyMalformed, "payload.text is missing")
		}
	case *facePayload:
		if v.Index == nil {
			return nil, fault.With(fault.BodyMalformed, "payload.index is missing")
		}
	case *locationPayload:
		if v.Longitude == nil || v.Latitude == nil {
			return nil, fault.With(fault.BodyMalformed, "payload.longitude or payload.latitude is missing")
		}
	case *mergerPayload:
		if err := v.clean(); err != nil {
			return nil, err
		}
	case *soundPayload:
		v.Second = min(max(v.Second, 0), maxSecond)
	case *videoPayload:
		v.Second = min(max(v.Second, 0), maxSecond)
	}
	data, err := jsonframe.Marshal(v)
	if err == nil && !fits(data, cloud) {
		err = fault.With(fault.BodyTooLarge, "some of its characters take six bytes each")
	}
	return data, err
}

// maxStored is what a body takes at most in its JSON form, in which one byte may have
// become six. A frame carries it up to three times, and its sender's nick and avatar.
const maxStored = 16<<10 + 256

func fits(payload json.RawMessage, cloud string) bool {
	size := len(payload) + len(`""`)
	if cloud != "" {
		size = len(payload) + len(encode(cloud))
	}
	return size <= maxStored
}

// filesOf lists the files that a payload names, the message's own one first.
func filesOf(typ string, payload json.RawMessage) []string {
	switch typ {
	case typeMerger:
		var p mergerPayload
		if json.Unmarshal(payload, &p) != nil {
			return nil
		}
		return p.fileNames()
	case typeImage, typeFile, typeSound, typeVideo:
	default:
		return nil
	}
	var p struct {
		UUID, VideoUUID, ThumbUUID string
	}
	if json.Unmarshal(payload, &p) != nil {
		return nil
	}
	names := []string{nameOf(p.UUID + p.VideoUUID)} // a type has one of the two
	if p.ThumbUUID != "" {
		names = append(names, nameOf(p.ThumbUUID))
	}
	return names
}

// A uuid is a file's app and name, as its URL has them.
func uuidOf(app uint32, name string) string { return strconv.FormatUint(uint64(app), 10) + "-" + name }

// nameOf returns the name in a uuid. A client that has just uploaded a file
// sends its name alone; the app is the session's.
func nameOf(uuid string) string {
	if _, name, ok := strings.Cut(uuid, "-"); ok {
		return name
	}
	return uuid
}

// attachFiles records that a message names files, and returns its payload with
// what is known about them.
func (in *Inbox) attachFiles(ctx context.Context, u place.User, message, typ string, payload json.RawMessage) (json.RawMessage, error) {
	names := filesOf(typ, payload)
	if names == nil {
		return payload, nil
	}
	v := payloadOf(typ)
	if err := json.Unmarshal(payload, v); err != nil {
		return nil, err
	}
	if merger, ok := v.(*mergerPayload); ok {
		if err := merger.attach(ctx, in, u, message); err != nil {
			return nil, err
		}
		return jsonframe.Marshal(merger)
	}
	files, err := in.refer(ctx, u, message, names)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		want := kinds[typ]
		if i > 0 {
			want = kinds[typeImage]
		}
		if f.Kind != want {
			return nil, fault.With(fault.BodyMalformed, "a file of the kind "+f.Kind+" was uploaded where "+typ+" needs "+want)
		}
	}
	f, uuid := files[0], uuidOf(u.SDKAppID, names[0])
	switch v := v.(type) {
	case *imagePayload:
		v.UUID = uuid
		v.Format, v.Size, v.Width, v.Height = imageFormat(f.Type), f.Size, f.Width, f.Height
	case *filePayload:
		v.UUID = uuid
		v.FileName, v.FileSize = f.FileName, f.Size
	case *soundPayload:
		v.UUID, v.Size = uuid, f.Size
	case *videoPayload:
		v.UUID = uuid
		v.Format, v.Size = videoFormat(f.Type), f.Size
		v.ThumbFormat, v.ThumbWidth, v.ThumbHeight, v.ThumbSize = "", 0, 0, 0
		if len(files) > 1 {
			t := files[1]
			v.ThumbUUID = uuidOf(u.SDKAppID, names[1])
			v.ThumbFormat, v.ThumbWidth, v.ThumbHeight, v.ThumbSize = thumbFormat(t.Type), t.Width, t.Height, t.Size
		}
	}
	return jsonframe.Marshal(v)
}

// refer enters that a message names files, and returns what is known of them.
func (in *Inbox) refer(ctx context.Context, u place.User, message string, names []string) ([]MediaFile, error) {
	if in.o.Media == nil {
		return nil, fault.With(fault.BodyMalformed, "messages that name files cannot be sent here")
	}
	for range names { // each is looked up, entered and looked up
		spend(ctx, 2*costBytes)
	}
	return in.o.Media.Refer(ctx, u.SDKAppID, message, names)
}

// kinds has, for each type of message, the kind of the files that it names.
var kinds = map[string]string{typeImage: "image", typeFile: "file", typeSound: "audio", typeVideo: "video"}

// imageFormat returns the original SDK's number for an image format.
func imageFormat(contentType string) int {
	switch contentType {
	case "image/jpeg":
		return 1
	case "image/gif":
		return 2
	case "image/png":
		return 3
	case "image/bmp":
		return 4
	default:
		return 255
	}
}

func videoFormat(contentType string) string {
	switch contentType {
	case "video/quicktime":
		return "mov"
	case "video/webm":
		return "webm"
	default:
		return "mp4"
	}
}

func thumbFormat(contentType string) string {
	if contentType == "image/png" {
		return "png"
	}
	return "jpg"
}

// release frees the files of a message that nobody can read any more. If that
// fails they stay until messages of that age expire.
func (in *Inbox) release(ctx context.Context, r *record) {
	if in.o.Media == nil || r.Message == nil {
		return
	}
	names := filesOf(r.Message.Type, r.Message.Payload)
	if names == nil {
		return
	}
	spend(ctx, costBytes)
	from := r.sender()
	message := clientDedup(from, r.pair.users[r.pair.other(r.By)], r.Message.ID)
	if err := in.o.Media.Release(ctx, from.SDKAppID, message, names); err != nil {
		in.report(err)
	}
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// mediaURL returns where files are uploaded, which is beside the gateway's
// WebSocket.
func (i *instance) mediaURL() string {
	url, slash := i.host.URL(), 0
	for n := 0; n < len(url) && url[n] != '?'; n++ {
		if url[n] == '/' {
			slash = n
		}
	}
	return "http" + url[min(len("ws"), slash):slash] + "/media"
}

// fileURL returns where a file is served that a payload names as <app>-<name>,
// ” for what is no such name: of a merger's messages the gateway has checked none.
func (i *instance) fileURL(uuid string) string {
	dash := 0
	for n := range len(uuid) {
		switch c := uuid[n]; {
		case c == '-' && dash == 0:
			dash = n
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		default:
			return ""
		}
	}
	if dash == 0 {
		return ""
	}
	return i.mediaURL() + "/" + uuid[:dash] + "/" + uuid[dash+1:]
}

// wirePayload returns what the gateway needs of a payload that names a file; the
// rest it knows itself.
func wirePayload(kind string, payload bridge.Object, o *outgoing) frame.Body {
	named := func(key string, o *outgoing) frame.Field {
		if o != nil {
			return frame.Field{Key: key, Value: o.uploaded}
		}
		return frame.Field{Key: key, Value: payload.Text(key)}
	}
	switch kind {
	case msgMerger:
		return mergedPayload(payload, o)
	case msgImage, msgFile:
		return frame.Fields{named("uuid", o)}
	case msgSound:
		return frame.Fields{named("uuid", o), {Key: "second", Value: payload.Number("second")}}
	case msgVideo:
		var cover *outgoing
		if o != nil {
			cover = o.cover
		}
		return frame.Fields{named("videoUUID", o), {Key: "videoSecond", Value: payload.Number("videoSecond")}, named("thumbUUID", cover)}
	}
	return payload
}

// shorts are the short sides of an image's sizes: the original, which is not
// scaled, thumb and large.
var shorts = [...]int64{0, 198, 720}

func imageInfo(kind, size, width, height int, url, remote safejs.Value) safejs.Value {
	return bridge.ValueOf(frame.Fields{
		{Key: "type", Value: kind}, {Key: "size", Value: size}, {Key: "width", Value: width}, {Key: "height", Value: height},
		{Key: "url", Value: text(url)}, {Key: "imageUrl", Value: text(remote)},
	})
}

// completePayload adds to the payload of a message that names a file whatever
// follows from its fields: URLs, and the smaller sizes of an image.
func (i *instance) completePayload(kind string, payload safejs.Value) {
	if mediaKind(kind) == "" || !bridge.IsObject(payload) {
		return
	}
	p := bridge.Object{Value: payload}
	put := func(key string, v any) { bridge.Put(payload, key, bridge.Of(v)) }
	uuid := i.fileURL(p.Text("uuid"))
	switch kind {
	case msgMerger:
		i.completeMerged(payload, 0)
	case msgImage:
		infos := bridge.NewArray()
		for n, short := range shorts {
			w, h := p.Number("width"), p.Number("height")
			size, at := int(p.Number("size")), uuid
			if n > 0 {
				w, h = fit(w, h, short)
				size, at = 0, uuid+"_"+digits(uint32(short))
			}
			bridge.Call(infos, "push", imageInfo(n, size, int(w), int(h), bridge.String(at), bridge.String(at)))
		}
		put("imageInfoArray", frame.Body(bridge.Object{Value: infos}))
	case msgFile:
		put("fileUrl", uuid)
		put("downloadFlag", 2)
	case msgSound:
		put("url", uuid)
		put("remoteAudioUrl", uuid)
		put("downloadFlag", 2)
	case msgVideo:
		film, cover := i.fileURL(p.Text("videoUUID")), i.fileURL(p.Text("thumbUUID"))
		for _, f := range []struct {
			key   string
			value any
		}{
			{"videoUrl", film}, {"remoteVideoUrl", film}, {"videoDownloadFlag", 2}, {"thumbDownloadFlag", 2},
			{"thumbUrl", cover}, {"snapshotUrl", cover},
			{"snapshotWidth", p.Number("thumbWidth")}, {"snapshotHeight", p.Number("thumbHeight")}, {"snapshotSize", p.Number("thumbSize")},
		} {
			put(f.key, f.value)
		}
	}
}

// fit returns an image's width and height at a smaller size, as the gateway
// makes it.
func fit(w, h, short int64) (int64, int64) {
	least := min(w, h)
	if least <= short || least == 0 {
		return w, h
	}
	return max(1, (w*short+least/2)/least), max(1, (h*short+least/2)/least)
}

// localFields are the fields of a payload that keep their values once it was
// sent, because the sender's page goes on showing the file on its device.
var localFields = [...]string{"url", "videoUrl"}

// sentPayload updates the payload of a Message that was sent with the stored one.
func (i *instance) sentPayload(kind string, payload, stored safejs.Value) {
	if mediaKind(kind) == "" || !bridge.IsObject(payload) || !bridge.IsObject(stored) {
		return
	}
	if kind == msgMerger { // its sender keeps the messages, wherever they are stored
		bridge.Put(stored, "messageList", bridge.Get(payload, "messageList"))
	}
	i.completePayload(kind, stored)
	for _, key := range localFields {
		if local := text(bridge.Get(payload, key)); local != "" {
			bridge.Put(stored, key, bridge.String(local))
		}
	}
	bridge.Call(bridge.Global("Object"), "assign", payload, stored)
}

package rest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// elements maps, for each type of message, the fields of MsgContent to those of a
// payload as clients have it.
var elements = map[string][]struct{ theirs, ours string }{
	"TIMTextElem":      {{"Text", "text"}},
	"TIMCustomElem":    {{"Data", "data"}, {"Desc", "description"}, {"Ext", "extension"}},
	"TIMFaceElem":      {{"Index", "index"}, {"Data", "data"}},
	"TIMLocationElem":  {{"Desc", "description"}, {"Latitude", "latitude"}, {"Longitude", "longitude"}},
	"TIMImageElem":     {{"UUID", "uuid"}, {"ImageFormat", "imageFormat"}},
	"TIMFileElem":      {{"UUID", "uuid"}, {"FileName", "fileName"}, {"FileSize", "fileSize"}},
	"TIMSoundElem":     {{"UUID", "uuid"}, {"Second", "second"}, {"Size", "size"}},
	"TIMVideoFileElem": {{"VideoUUID", "videoUUID"}, {"VideoFormat", "videoFormat"}, {"VideoSecond", "videoSecond"}, {"VideoSize", "videoSize"}, {"ThumbUUID", "thumbUUID"}, {"ThumbFormat", "thumbFormat"}, {"ThumbWidth", "thumbWidth"}, {"ThumbHeight", "thumbHeight"}, {"ThumbSize", "thumbSize"}},
	"TIMRelayElem":     {{"Title", "title"}, {"AbstractList", "abstractList"}, {"CompatibleText", "compatibleText"}, {"MsgList", "messageList"}},
}

// MsgBodyOf returns the MsgBody of a message with a payload. The URL of a file of the
// app is a path on the gateway.
func MsgBodyOf(app uint32, typ string, payload json.RawMessage) []map[string]any {
	content := map[string]any{}
	var p object
	if json.Unmarshal(payload, &p) == nil {
		for _, f := range elements[typ] {
			if v, ok := p[f.ours]; ok {
				content[f.theirs] = v
			}
		}
		addURLs(app, typ, p, content)
	}
	return []map[string]any{{"MsgType": typ, "MsgContent": content}}
}

// addURLs adds the URLs at which a message's files are served.
func addURLs(app uint32, typ string, p object, content map[string]any) {
	add := func(uuid, uuidField, urlField string) {
		var name string
		if json.Unmarshal(p[uuid], &name) != nil || name == "" {
			return
		}
		if _, after, ok := strings.Cut(name, "-"); ok {
			name = after
		}
		of := strconv.FormatUint(uint64(app), 10)
		content[uuidField], content[urlField] = of+"-"+name, "/media/"+of+"/"+name
	}
	switch typ {
	case "TIMImageElem":
		add("uuid", "UUID", "URL")
		if url := content["URL"]; url != nil {
			delete(content, "URL")
			content["ImageInfoArray"] = []map[string]any{{"Type": 1, "URL": url, "Size": number(p["size"]), "Width": number(p["width"]), "Height": number(p["height"])}}
		}
	case "TIMFileElem", "TIMSoundElem":
		add("uuid", "UUID", "Url")
	case "TIMVideoFileElem":
		add("videoUUID", "VideoUUID", "VideoUrl")
		add("thumbUUID", "ThumbUUID", "ThumbUrl")
	}
}

// number returns a whole number, or 0 if it is not one.
func number(raw json.RawMessage) (n int64) {
	_ = json.Unmarshal(raw, &n)
	return n
}

// readElement reads a MsgBody, which has one element, into a message's type and
// payload; its errors are 90001. The sending of the message checks the payload's
// content.
func readElement(raw json.RawMessage) (typ string, payload json.RawMessage, err error) {
	malformed := func(detail string) error { return fault.With(fault.BodyMalformed, detail) }
	var list []object
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return "", nil, malformed("MsgBody is not a list with an element")
	}
	if len(list) > 1 {
		return "", nil, malformed("MsgBody may have one element here")
	}
	e := list[0]
	var content object
	if json.Unmarshal(e["MsgType"], &typ) != nil {
		return "", nil, malformed("MsgType is missing")
	}
	if json.Unmarshal(e["MsgContent"], &content) != nil || content == nil {
		return "", nil, malformed("MsgContent is not an object")
	}
	fields, ok := elements[typ]
	if !ok {
		return "", nil, malformed("there is no MsgType " + strconv.Quote(typ[:min(len(typ), 64)]))
	}
	if typ == "TIMTextElem" && !content.has("Text") {
		return "", nil, malformed("MsgContent has no Text")
	}
	out := object{}
	for _, f := range fields {
		if content.has(f.theirs) {
			out[f.ours] = content[f.theirs]
		}
	}
	if payload, err = jsonframe.Marshal(out); err != nil {
		return "", nil, malformed("MsgContent cannot be read")
	}
	return typ, payload, nil
}

// MsgBody returns the message that the receiver wants to be sent in place of the one
// that it was asked about; ok is false if there is none.
func (a Answer) MsgBody() (typ string, payload json.RawMessage, ok bool, err error) {
	if !object(a).has("MsgBody") {
		return "", nil, false, nil
	}
	typ, payload, err = readElement(a["MsgBody"])
	return typ, payload, err == nil, err
}

package inbox

import (
	"encoding/json"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// What each message costs is read without encoding/json, see jsonframe.PlainParams.

// ReadPlain implements jsonframe.PlainParams.
func (p *sendParams) ReadPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "id":
		return v.Text(&p.ID)
	case "to":
		return v.Text(&p.To)
	case "groupID":
		return v.Text(&p.GroupID)
	case "type":
		if string(v) == `"`+typeText+`"` {
			p.Type = typeText // which most are, and which costs no string then
			return true
		}
		return v.Text(&p.Type)
	case "payload":
		return v.Object(&p.Payload)
	case "cloudCustomData":
		return v.Text(&p.CloudCustomData)
	case "random":
		return v.Int(&p.Random)
	case "clientTime":
		return v.Int(&p.ClientTime)
	case "onlineUserOnly":
		return v.Bool(&p.OnlineUserOnly)
	case "resend":
		return v.Bool(&p.Resend)
	case "needReadReceipt":
		return v.Bool(&p.NeedReadReceipt)
	case "isSupportExtension":
		return v.Bool(&p.Extends)
	case "atUserList":
		return v.Texts(&p.AtUserList)
	case "priority":
		return v.Text(&p.Priority)
	case "conversationType": // groupID says the same
		return true
	}
	return false
}

// ReadPlain implements jsonframe.PlainParams.
func (p *ackParams) ReadPlain(name []byte, v jsonframe.Plain) bool {
	return string(name) == "cursor" && v.Text(&p.Cursor)
}

// plainText returns the text of a payload that has nothing else and can be stored as
// it is, as those of most messages; ok is false for any other.
func plainText(payload json.RawMessage) (text string, ok bool) {
	v, ok := plainTextOf(payload)
	if ok {
		v.Text(&text)
	}
	return text, ok
}

// plainTextOf is plainText, as it is written.
func plainTextOf(payload json.RawMessage) (text jsonframe.Plain, ok bool) {
	members := 0
	ok = jsonframe.ReadPlain(payload, func(name []byte, v jsonframe.Plain) bool {
		members++
		text = v
		return string(name) == "text" && v[0] == '"'
	})
	return text, ok && members == 1
}

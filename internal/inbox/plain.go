package inbox

import (
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// What each message costs, and each one that is read again, is read without
// encoding/json, see jsonframe.PlainParams.

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
		return readUsual(v, typeText, &p.Type)
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

// decodeRecord reads a record as it is stored: a message without encoding/json, which
// reads what is rare.
func decodeRecord(data []byte, r *record) error {
	if jsonframe.ReadPlain(data, r.readPlain) {
		return nil
	}
	*r = record{}
	return json.Unmarshal(data, r)
}

// readPlain reads a member of a stored record.
func (r *record) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "k":
		return readUsual(v, kindMessage, &r.Kind)
	case "b":
		return v.IntOf(&r.By)
	case "a":
		return v.Int(&r.At)
	case "f":
		return v.Text(&r.From)
	case "h":
		return v.Bool(&r.Names)
	case "m":
		if r.Message != nil { // encoding/json would read the second into the first
			return false
		}
		r.Message = &content{}
		return jsonframe.ReadPlain(v, r.Message.readPlain)
	}
	return r.state.readPlain(name, v)
}

func (s *state) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "e":
		return v.Int(&s.Epoch)
	case "s":
		return v.Uint(&s.Seq)
	case "n":
		return readArray(v, s.Sent[:], jsonframe.Plain.Uint)
	case "r":
		if s.Read != ([2]mark{}) { // it would here, too
			return false
		}
		return readArray(v, s.Read[:], func(v jsonframe.Plain, m *mark) bool { return jsonframe.ReadPlain(v, m.readPlain) })
	case "l":
		return v.Uints(&s.Last)
	case "v":
		return v.Uint(&s.Changed)
	case "o":
		return v.Int(&s.Born)
	case "g":
		return v.Bool(&s.Gone)
	case "i":
		return v.Uint(&s.Named)
	case "x":
		return v.Uints(&s.Taken)
	case "p":
		return v.Uints(&s.Pins)
	}
	return false
}

func (m *mark) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "s":
		return v.Uint(&m.Seq)
	case "n":
		return v.Uint(&m.Sent)
	case "t":
		return v.Int(&m.Time)
	}
	return false
}

func (c *content) readPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "id":
		return v.Text(&c.ID)
	case "i":
		return v.Text(&c.Instance)
	case "ty":
		return readUsual(v, typeText, &c.Type)
	case "p":
		if v[0] != '{' {
			return false
		}
		c.Payload = json.RawMessage(slices.Clone(v)) // a part of it would keep all of the record's text in memory
		return true
	case "c":
		return v.Text(&c.Cloud)
	case "ni":
		return v.Text(&c.Nick)
	case "av":
		return v.Text(&c.Avatar)
	case "rn":
		return v.Int(&c.Random)
	case "ct":
		return v.Int(&c.ClientTime)
	case "v":
		return v.IntOf(&c.Version)
	case "ns":
		return v.Bool(&c.NoSync)
	case "rr":
		return v.Bool(&c.Receipt)
	case "xs":
		return v.Bool(&c.Extends)
	case "q":
		return v.Bool(&c.Quiet)
	case "nc":
		return v.Text(&c.Card)
	case "at":
		return v.Texts(&c.At)
	case "uc":
		return v.Bool(&c.Uncounted)
	case "rs":
		return v.IntOf(&c.Readers)
	case "g":
		return v.Text(&c.Group)
	}
	return false
}

// readUsual is v.Text, which makes no string of the text that most messages have there.
func readUsual(v jsonframe.Plain, usual string, to *string) bool {
	if v[0] == '"' && string(v[1:len(v)-1]) == usual {
		*to = usual
		return true
	}
	return v.Text(to)
}

// readArray reads a list that is as long as the array in to.
func readArray[T any](v jsonframe.Plain, to []T, read func(v jsonframe.Plain, to *T) bool) bool {
	n := 0
	return v.Each(func(v jsonframe.Plain) bool {
		n++
		return n <= len(to) && read(v, &to[n-1])
	}) && n == len(to)
}

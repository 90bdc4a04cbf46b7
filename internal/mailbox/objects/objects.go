// Package objects carries out a mailbox's effects on Go values, as wasm does on
// the objects of a web page. The native client, the tests of package inbox and
// those of the mailbox itself use it.
//
// An object is a map as JSON would make it. There is one for each message and
// each conversation, updated in place. Nothing here is safe for concurrent use.
package objects

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// Object is a Message, a Conversation, or an object in one.
type Object = map[string]any

// Objects holds the objects of one page.
type Objects struct {
	// OnEvent is called for each event: Data is a number, an Object or a list of
	// Objects or strings.
	OnEvent func(name string, data any)

	conversations map[string]Object
	order         []string
	groups        map[string]Object
	topics        map[string]Object   // their profiles
	messages      map[string][]Object // by conversation, in the order in which they came
	named         map[name][]Object   // the same by name; several with one name have positions
	piles         map[mailbox.Pile][]Object
}

// name is the key by which a message is found.
type name struct{ conversation, from, id string }

// New returns a page without objects.
func New(onEvent func(name string, data any)) *Objects {
	o := &Objects{OnEvent: onEvent}
	o.forget()
	return o
}

func (o *Objects) forget() {
	o.conversations, o.order, o.groups, o.topics = map[string]Object{}, nil, map[string]Object{}, map[string]Object{}
	o.messages, o.named, o.piles = map[string][]Object{}, map[name][]Object{}, map[mailbox.Pile][]Object{}
}

// Conversation returns the object of a conversation; nil if there is none.
func (o *Objects) Conversation(id string) Object { return o.conversations[id] }

// Conversations returns the list, as it was arranged last.
func (o *Objects) Conversations() []Object { return o.conversationsOf(o.order) }

func (o *Objects) conversationsOf(ids []string) []Object {
	list := make([]Object, 0, len(ids))
	for _, id := range ids {
		if c := o.conversations[id]; c != nil {
			list = append(list, c)
		}
	}
	return list
}

// Groups returns the groups of keys that the page has.
func (o *Objects) Groups(keys []string) []Object {
	list := make([]Object, 0, len(keys))
	for _, id := range keys {
		if g := o.groups[id]; g != nil {
			list = append(list, g)
		}
	}
	return list
}

// GroupCount returns how many groups the page has.
func (o *Objects) GroupCount() int { return len(o.groups) }

// Messages returns the messages of a conversation that the page has got.
func (o *Objects) Messages(conversation string) []Object { return o.messages[conversation] }

// Take empties a pile and returns what was in it.
func (o *Objects) Take(p mailbox.Pile) []Object {
	list := o.piles[p]
	delete(o.piles, p)
	return list
}

// Carry carries out an effect on objects, or an event. Effects on the gateway and
// on callers belong to the loop.
func (o *Objects) Carry(d mailbox.Deed) {
	switch d := d.(type) {
	case mailbox.Ask, mailbox.Settle, mailbox.Wake, mailbox.Log:
	case mailbox.Emit:
		o.emit(d)
	case mailbox.Create:
		o.conversations[d.Conversation] = Object{"conversationID": d.Conversation}
		o.link(d.Conversation)
	case mailbox.Update:
		o.update(d)
	case mailbox.Set:
		o.set(d)
	case mailbox.Drop:
		delete(o.conversations, d.Conversation)
	case mailbox.Arrange:
		o.order = d.Order
	case mailbox.EmitCounters:
		o.emitCounters(d)
	case mailbox.UpdateTopic:
		o.topics[d.Topic] = ObjectOf(d.Body)
	case mailbox.DropTopic:
		delete(o.topics, d.Topic)
	case mailbox.EmitTopic:
		if o.OnEvent != nil {
			o.OnEvent(frame.EventTopicUpdated, Object{"groupID": d.Group, "topic": o.Topic(d.Topic)})
		}
	case mailbox.EmitPins:
		o.emitPins(d)
	case mailbox.UpdateGroup:
		o.updateGroup(d)
	case mailbox.DropGroup:
		delete(o.groups, d.Group)
	case mailbox.Keep:
		o.keep(d)
	case mailbox.Patch:
		o.patch(d)
	case mailbox.Confirm:
		o.confirm(d)
	case mailbox.Forget:
		o.forget()
	}
}

func (o *Objects) emit(e mailbox.Emit) {
	var data any
	pile := o.Take(e.Pile)
	switch d := e.Data.(type) {
	case int64:
		data = d
	case []string:
		data = valueOf(d)
	case frame.Body:
		data = valueOf(d)
	case []frame.Body:
		data = valueOf(d)
	}
	switch {
	case e.Pile != mailbox.PileNone && len(pile) == 0:
		return
	case e.In != nil:
		data = Object{"groupName": e.Data, "conversationList": o.conversationsOf(e.In)}
	case e.List:
		data = o.Conversations()
	case e.Groups != nil:
		data = o.Groups(e.Groups)
	case e.Pile == mailbox.PileNotices:
		o.emitNotices(e.Name, pile)
		return
	case e.Pile != mailbox.PileNone:
		data = pile
	}
	if o.OnEvent != nil {
		o.OnEvent(e.Name, data)
	}
}

func (o *Objects) emitNotices(event string, notices []Object) {
	for _, m := range notices {
		payload, _ := m["payload"].(Object)
		if o.OnEvent != nil {
			o.OnEvent(event, Object{"type": payload["operationType"], "message": m})
		}
	}
}

func (o *Objects) emitCounters(e mailbox.EmitCounters) {
	counters := ObjectOf(e.Counters)
	for _, key := range slices.Sorted(maps.Keys(counters)) {
		if o.OnEvent != nil {
			o.OnEvent(frame.EventGroupCounterUpdated, Object{"groupID": e.Group, "key": key, "value": counters[key]})
		}
	}
}

// Topic returns what the page sees of a topic: its profile, and what its conversation
// says.
func (o *Objects) Topic(id string) Object {
	t := maps.Clone(o.topics[id])
	if c := o.conversations["GROUP"+id]; c != nil {
		t["unreadCount"], t["lastMessage"], t["groupAtInfoList"] = c["unreadCount"], c["lastMessage"], c["groupAtInfoList"]
	}
	return t
}

// Topics returns the IDs of the topics that the page knows, in no order.
func (o *Objects) Topics() []string { return slices.Collect(maps.Keys(o.topics)) }

func (o *Objects) emitPins(d mailbox.EmitPins) {
	for i, m := range o.Take(mailbox.PilePinned) {
		data := ObjectOf(d.Pins[i])
		if data["message"] = m; o.OnEvent != nil {
			o.OnEvent(frame.EventPinnedGroupMessageUpdated, data)
		}
	}
}

func (o *Objects) updateGroup(d mailbox.UpdateGroup) {
	g := o.groups[d.Group]
	if g == nil {
		g = Object{}
		o.groups[d.Group] = g
	}
	if d.Whole {
		for k := range g {
			if k != "selfInfo" && k != "lastMessage" {
				delete(g, k)
			}
		}
	}
	maps.Copy(g, ObjectOf(d.Body))
	o.link("GROUP" + d.Group)
}

// link makes a group the profile of its conversation.
func (o *Objects) link(conversation string) {
	c, g := o.conversations[conversation], o.groups[strings.TrimPrefix(conversation, "GROUP")]
	if c == nil || g == nil || !strings.HasPrefix(conversation, "GROUP") {
		return
	}
	c["groupProfile"] = g
	if last, ok := c["lastMessage"]; ok {
		g["lastMessage"] = last
	}
}

func (o *Objects) update(d mailbox.Update) {
	c := o.conversations[d.Conversation]
	for k, v := range ObjectOf(d.Body) {
		c[k] = v
	}
	for _, f := range d.Kept {
		if c[f.Key] = valueOf(f.Value); f.Value == nil {
			delete(c, f.Key)
		}
	}
	o.link(d.Conversation)
}

func (o *Objects) set(d mailbox.Set) {
	c := o.conversations[d.Conversation]
	if c == nil {
		return // the conversation was deleted meanwhile
	}
	into := c
	if d.In != "" {
		if into, _ = c[d.In].(Object); into == nil {
			return
		}
	}
	changed := false
	for _, f := range d.Fields {
		v := valueOf(f.Value)
		changed = changed || !reflect.DeepEqual(into[f.Key], v)
		into[f.Key] = v
	}
	if d.Pile != mailbox.PileNone && changed {
		o.piles[d.Pile] = append(o.piles[d.Pile], c)
	}
}

// keep adds the one object of each message to a pile.
func (o *Objects) keep(d mailbox.Keep) {
	var batch []Object
	for _, b := range d.Messages {
		m := ObjectOf(b)
		if d.Reader != "" {
			personal(m, d.Reader, d.ReadUpTo)
		}
		batch = append(batch, o.Hold(m))
	}
	if d.Notices {
		o.piles[mailbox.PileNotices] = append(o.piles[mailbox.PileNotices], batch...)
	}
	if d.Front {
		batch = append(batch, o.piles[d.Pile]...)
	} else {
		batch = append(o.piles[d.Pile], batch...)
	}
	o.piles[d.Pile] = batch
}

// personal says of a message of a group what it is to this user.
func personal(m Object, reader string, readUpTo int64) {
	m["flow"] = "in"
	if m["from"] == reader {
		m["flow"] = "out"
	}
	m["isRead"] = m["from"] == reader || number(m["sequence"]) <= readUpTo
}

// Hold keeps a message, or updates the object that the page has of it, and returns
// the object. A message is identified by its sender, its ID and, once it is
// stored, its position. One without a status is stored, because the gateway
// leaves that status out.
func (o *Objects) Hold(m Object) Object {
	if m["status"] == nil {
		m["status"] = "success"
	}
	n := name{text(m["conversationID"]), text(m["from"]), text(m["ID"])}
	for _, held := range o.named[n] {
		if at := number(held["position"]); at == 0 || at == number(m["position"]) {
			old := number(m["version"]) < number(held["version"])
			for k, v := range m {
				if (!old || !edited[k]) && (k != receiptInfo || !confirmsLess(v, held[k])) {
					held[k] = v
				}
			}
			return held
		}
	}
	o.named[n] = append(o.named[n], m)
	o.messages[n.conversation] = append(o.messages[n.conversation], m)
	return m
}

// edited are the fields that an edit changes. One that came late changes nothing.
var edited = map[string]bool{"payload": true, "cloudCustomData": true, "version": true, "isModified": true}

func (o *Objects) patch(d mailbox.Patch) {
	for _, m := range o.messages[d.Conversation] {
		if m["flow"] != d.Flow || m[d.Field] == true || number(m["sequence"]) > d.UpTo ||
			d.Flow == "out" && (m["status"] != "success" || number(m["position"]) == 0) {
			continue
		}
		m[d.Field] = true
		if d.Pile != mailbox.PileNone {
			o.piles[d.Pile] = append(o.piles[d.Pile], m)
		}
	}
}

func (o *Objects) confirm(d mailbox.Confirm) {
	for _, m := range o.messages[d.Conversation] {
		if at := number(m["position"]); m["ID"] == d.ID && m["flow"] == "out" && (at == 0 || at == d.Position) {
			if now := valueOf(d.Info); !confirmsLess(now, m[receiptInfo]) {
				m[receiptInfo] = now
			}
		}
	}
}

const receiptInfo = "readReceiptInfo"

// confirmsLess reports whether what was known of a message's receipts says more than
// what has come now: receipts are never taken back, and come in any order.
func confirmsLess(now, known any) bool {
	n, _ := now.(Object)
	k, _ := known.(Object)
	return number(n["readCount"]) < number(k["readCount"]) || k["isPeerRead"] == true && n["isPeerRead"] != true
}

func number(v any) int64 { n, _ := v.(float64); return int64(n) }

func text(v any) string { s, _ := v.(string); return s }

// ObjectOf returns a body as an object of its own.
func ObjectOf(b frame.Body) Object {
	o, _ := valueOf(b).(Object)
	return o
}

// valueOf returns a frame.Field's value as JSON would have it.
func valueOf(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case frame.Fields:
		o := Object{}
		for _, f := range v {
			o[f.Key] = valueOf(f.Value)
		}
		return o
	case []frame.Body:
		return list(v)
	case []string:
		return list(v)
	case []int64:
		return list(v)
	case *jsonframe.Object:
		var parsed any
		_ = json.Unmarshal(v.Raw, &parsed) // it was parsed as a part of its frame
		return parsed
	default:
		return v
	}
}

func list[T any](of []T) []any {
	all := make([]any, len(of))
	for i, v := range of {
		all[i] = valueOf(v)
	}
	return all
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// Values of TIM.TYPES that messages are made of.
const (
	convC2C   = "C2C"
	convGroup = "GROUP"
	msgText   = "TIMTextElem"
	msgCustom = "TIMCustomElem"
)

// maxBody is how many bytes of JSON of a message fit a frame. The gateway's own
// limit is lower, 12 KB by default.
const maxBody = 48 << 10

// createTextMessage makes a message that sendMessage can send. It works as
// soon as the wasm runs; bad options throw an IMError.
//
//	createTextMessage(options: {to: string, conversationType: 'C2C', payload: {text: string}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createTextMessage(args []safejs.Value) (any, *fault.Error) {
	o := bridge.Arg(args, 0)
	text := bridge.Get(bridge.Get(o, "payload"), "text")
	if t, ok := bridge.Text(text); !ok || t == "" {
		return nil, badArgument("createTextMessage", "payload.text must be a string that is not empty")
	}
	payload := bridge.NewObject()
	_ = payload.Set("text", text)
	return i.newMessage("createTextMessage", msgText, o, payload)
}

// createTextAtMessage makes a message to a group that mentions some of its members,
// or with TIM.TYPES.MSG_AT_ALL all of them.
//
//	createTextAtMessage(options: {to: string, conversationType: 'GROUP', payload: {text: string, atUserList: string[]}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createTextAtMessage(args []safejs.Value) (any, *fault.Error) {
	o := bridge.Arg(args, 0)
	users := bridge.Get(bridge.Get(o, "payload"), "atUserList")
	if of, _ := bridge.Text(bridge.Get(o, "conversationType")); of != convGroup && of != convTopic || !isArray(users) {
		return nil, badArgument("createTextAtMessage", "conversationType must be TIM.TYPES.CONV_GROUP, and payload.atUserList an array of userIDs")
	}
	m, f := i.createTextMessage(args)
	if f == nil {
		m = bridge.Call(bridge.Global("Object"), "assign", m.(safejs.Value), bridge.Wrap("atUserList", bridge.Call(users, "slice")))
	}
	return m, f
}

// createCustomMessage makes a message whose meaning is the app's own.
//
//	createCustomMessage(options: {to: string, conversationType: 'C2C', payload: {data?: string, description?: string, extension?: string}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createCustomMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newPlainMessage("createCustomMessage", msgCustom, args, nil, []string{"data", "description", "extension"})
}

// askKeys are what a message asks of the gateway: receipts, and that others may add
// extensions.
var askKeys = [...]string{"needReadReceipt", "isSupportExtension"}

// quoteKey is where a Message names the one that it quotes.
const quoteKey = "quoteInfo"

// newMessage makes a Message with all fields that the original's has. Its ID
// stays the same after it was sent; a Message that is created before a login
// gets its ID at the login.
func (i *instance) newMessage(method, kind string, o, payload safejs.Value) (any, *fault.Error) {
	to, _ := bridge.Text(bridge.Get(o, "to"))
	if to == "" {
		return nil, badArgument(method, "to must be the receiver's userID, or a groupID")
	}
	of, _ := bridge.Text(bridge.Get(o, "conversationType"))
	if of == convTopic {
		of = convGroup
	}
	if of != convC2C && of != convGroup {
		return nil, badArgument(method, "conversationType must be TIM.TYPES.CONV_C2C or TIM.TYPES.CONV_GROUP")
	}
	priority, _ := bridge.Text(bridge.Get(o, "priority"))
	switch priority {
	case "High", "Normal", "Low", "Lowest":
	default:
		priority = "Normal"
	}
	custom, _ := bridge.Text(bridge.Get(o, "cloudCustomData"))
	var dice [4]byte
	i.host.Rand(dice[:])
	i.sequence++
	m := createdShape.object()
	for _, f := range []struct{ key, value string }{
		{"ID", i.newID()}, {"type", kind}, {"conversationID", of + to}, {"conversationType", of}, {"to", to},
		{"from", i.client.User()}, {"flow", "out"}, {"priority", priority}, {"status", "unSend"}, {"cloudCustomData", custom},
	} {
		_ = m.Set(f.key, f.value)
	}
	_ = m.Set("isRead", true)
	for _, key := range askKeys {
		_ = m.Set(key, isTrue(bridge.Get(o, key)))
	}
	_ = m.Set("time", i.now()/1000)
	_ = m.Set("sequence", i.sequence)
	_ = m.Set("clientSequence", i.sequence)
	_ = m.Set("random", int(dice[0])<<24|int(dice[1])<<16|int(dice[2])<<8|int(dice[3]))
	_ = m.Set("payload", payload)
	nick, avatar := i.client.Mail().Name()
	_ = m.Set("nick", nick)
	_ = m.Set("avatar", avatar)
	if i.client.User() == "" {
		i.nameless(m)
	}
	return m, nil
}

// newID returns the ID of a message that is created now, "" before a login.
func (i *instance) newID() string {
	user := i.client.User()
	if user == "" {
		return ""
	}
	var random [frame.MessageIDRandom]byte
	i.host.Rand(random[:])
	return frame.NewMessageID(user, int64(i.now()), random)
}

// nameless remembers a Message that has no ID yet.
func (i *instance) nameless(m safejs.Value) {
	if i.early == nil {
		i.early = newObjects()
	}
	i.early.put(frame.Base36(uint64(i.sequence)), 0, m)
	if i.sequence%cleanFrom == 0 {
		i.early.clean()
	}
}

// nameEarly gives IDs to the messages that were created before the login. A
// frozen one gets its ID when it is sent, since only then the page is given the
// copy.
func (i *instance) nameEarly() {
	i.early.each(func(m safejs.Value) {
		if !frozen(m) {
			i.name(m)
		}
	})
	i.early = nil
}

// name sets a Message's sender, and its ID if it has none. It returns the Message.
func (i *instance) name(m safejs.Value) safejs.Value {
	if (bridge.Object{Value: m}).Text("ID") == "" {
		m = i.page.mark(m, "ID", bridge.String(i.newID()))
	}
	return i.page.mark(m, "from", bridge.String(i.client.User()))
}

// now returns the gateway's clock in ms, or the host's before the first login.
func (i *instance) now() int {
	if t := i.client.ServerTime(); t != 0 {
		return int(t)
	}
	n, _ := bridge.Number(bridge.Call(bridge.Global("Date"), "now"))
	return int(n)
}

// sendMessage sends a message of create…Message. It resolves with that object
// when the gateway has stored it. A failure sets its status to 'fail' and
// comes with it as data.message.
//
//	sendMessage(message: Message, options?: {onlineUserOnly?: boolean}): Promise<{code: 0, data: {message: Message}}>
func (i *instance) sendMessage(args []safejs.Value, a *answer) {
	m := bridge.Object{Value: bridge.Arg(args, 0)}
	a.gated = !i.client.Ready()
	if f := i.checkOwn(m); f != nil {
		if a.gated {
			i.refuse(a)
			return
		}
		a.reject(f)
		return
	}
	s := i.sendingOf(m, a.gated, a.sent)
	// By whatever method it is sent again, it stays the same message: it is stored
	// once, and an online-only message stays one.
	s.again = isTrue(bridge.Get(m.Value, "isResend")) || m.Text("status") != "unSend"
	s.online = isTrue(bridge.Get(bridge.Arg(args, 1), "onlineUserOnly")) || s.again && isTrue(bridge.Get(m.Value, "onlineOnlyFlag"))
	if s.online {
		s.m.Value = i.page.mark(m.Value, "onlineOnlyFlag", bridge.Bool(true))
	}
	s.start()
}

// sendingOf prepares to send a Message. end is told once how that ended, with
// the Message as it is then.
func (i *instance) sendingOf(m bridge.Object, gated bool, end func(m safejs.Value, f *fault.Error)) *sending {
	return &sending{i: i, gated: gated, end: end, m: m, kind: m.Text("type"), payload: bridge.Get(m.Value, "payload"), file: i.outgoingOf(m)}
}

// start checks the message, uploads its file and sends it.
func (s *sending) start() {
	if s.gated {
		s.post() // the session refuses it, with the reason
		return
	}
	if f := s.checkBody(); f != nil {
		s.fail(f)
		return
	}
	s.m.Value = s.i.name(s.m.Value)
	s.i.page.hold(s.m.Value)
	if s.file == nil {
		s.post()
		return
	}
	s.i.uploadAll(s.kind, s.file, func(f *fault.Error) {
		if f != nil {
			s.fail(f)
			return
		}
		s.post()
	})
}

// sending is a Message on its way.
type sending struct {
	i       *instance
	gated   bool // there was no session
	end     func(m safejs.Value, f *fault.Error)
	m       bridge.Object
	kind    string
	payload safejs.Value
	file    *outgoing // the file that it names, unless that was sent before; nil for none
	online  bool      // only for those who are online
	again   bool      // it was sent before
}

// inGroup reports whether the message is for a group. The gateway gets that one's
// ID as groupID: an earlier gateway would take to for a user's.
func (s *sending) inGroup() bool { return s.m.Text("conversationType") == convGroup }

// fail sets the message's status to fail and says so.
func (s *sending) fail(f *fault.Error) {
	s.m.Value = s.i.page.mark(s.m.Value, "status", bridge.String("fail"))
	s.end(s.m.Value, f)
}

// post hands the message to the mailbox.
func (s *sending) post() {
	m := s.m
	params := frame.Fields{
		{Key: "id", Value: m.Text("ID")},
		{Key: "type", Value: s.kind},
		{Key: "payload", Value: wirePayload(s.kind, bridge.Object{Value: s.payload}, s.file)},
		{Key: "cloudCustomData", Value: m.Text("cloudCustomData")},
		{Key: "random", Value: m.Number("random")},
		{Key: "clientTime", Value: m.Number("time")},
		{Key: "onlineUserOnly", Value: s.online},
		{Key: "resend", Value: s.again},
	}
	if s.inGroup() {
		params = append(params, frame.Field{Key: "conversationType", Value: convGroup}, frame.Field{Key: "groupID", Value: m.Text("to")},
			frame.Field{Key: "atUserList", Value: textsOf(bridge.Get(m.Value, "atUserList"))}, frame.Field{Key: "priority", Value: m.Text("priority")})
	} else {
		params = append(params, frame.Field{Key: "to", Value: m.Text("to")})
	}
	for _, key := range askKeys {
		if isTrue(bridge.Get(m.Value, key)) {
			params = append(params, frame.Field{Key: key, Value: true})
		}
	}
	if q := bridge.Get(m.Value, quoteKey); bridge.IsObject(q) {
		params = append(params, frame.Field{Key: quoteKey, Value: frame.Body(bridge.Object{Value: q})})
	}
	call := s.i.client.Mail().Call(s.settle)
	s.i.post(mailbox.Send{Call: call, Conversation: m.Text("conversationID"), Params: params})
}

func (s *sending) settle(end mailbox.Settle) {
	if f := end.Err; f != nil {
		if f.Code == frame.CodeNoMethod || f.Code == fault.UnknownAccount && s.inGroup() { // the answer of an earlier gateway
			f = s.i.sdk.notBuilt("sendMessage")
		}
		s.fail(f)
		if s.gated {
			s.i.emitError(f)
		}
		return
	}
	stored := bridge.Get(bridge.ValueOf(end.Result), "message")
	if s.file != nil {
		delete(s.i.outgoing, int(s.m.Number("clientSequence")))
	}
	s.i.sentPayload(s.kind, s.payload, bridge.Get(stored, "payload"))
	s.m.Value = s.i.page.assign(s.m.Value, stored)
	s.end(s.m.Value, nil)
}

// resendMessage sends a failed message again. Its ID stays the same, so it is
// stored once even if the first attempt has arrived after all.
//
//	resendMessage(message: Message): Promise<{code: 0, data: {message: Message}}>
func (i *instance) resendMessage(args []safejs.Value, a *answer) {
	if m := bridge.Arg(args, 0); i.checkOwn(bridge.Object{Value: m}) == nil {
		m = i.page.mark(m, "isResend", bridge.Bool(true))
		args = []safejs.Value{i.page.mark(m, "status", bridge.String("unSend")), bridge.Arg(args, 1)}
	}
	i.sendMessage(args, a)
}

// checkOwn checks that a Message is one that this user may send.
func (i *instance) checkOwn(m bridge.Object) *fault.Error {
	if _, named := bridge.Text(bridge.Get(m.Value, "ID")); !named || m.Text("type") == "" || m.Text("to") == "" || !bridge.IsObject(bridge.Get(m.Value, "payload")) {
		return fault.New(fault.NotAMessage)
	}
	if from, user := m.Text("from"), i.client.User(); from != "" && user != "" && from != user {
		return fault.With(fault.NotAMessage, "this message was written by "+from)
	}
	return nil
}

// checkBody checks that a message fits a frame, and what it holds its file.
func (s *sending) checkBody() *fault.Error {
	if s.kind == msgMerger && s.file != nil && s.file.size > maxMerged {
		return fault.New(fault.MergerTooLarge)
	}
	parts := bridge.NewArray(bridge.ValueOf(wirePayload(s.kind, bridge.Object{Value: s.payload}, s.file)), bridge.Get(s.m.Value, quoteKey))
	cloud := bridge.Get(s.m.Value, "cloudCustomData")
	text, err := bridge.Global("JSON").Call("stringify", parts)
	if err != nil {
		return fault.With(fault.BodyMalformed, err.Error())
	}
	size := bridge.Size(text)
	if _, ok := bridge.Text(cloud); ok {
		size += bridge.Size(cloud)
	}
	if size > maxBody {
		return fault.New(fault.BodyTooLarge)
	}
	return nil
}

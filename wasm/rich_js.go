//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// Types of message that are neither words nor files.
const (
	msgFace     = "TIMFaceElem"
	msgLocation = "TIMLocationElem"
)

// createFaceMessage makes a message that shows a sticker: which one the index
// and the data say to the kits of both sides.
//
//	createFaceMessage(options: {to: string, conversationType: 'C2C', payload: {index: number, data?: string}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createFaceMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newPlainMessage("createFaceMessage", msgFace, args, []string{"index"}, []string{"data"})
}

// createLocationMessage makes a message that names a place.
//
//	createLocationMessage(options: {to: string, conversationType: 'C2C', payload: {description?: string, longitude: number, latitude: number}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createLocationMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newPlainMessage("createLocationMessage", msgLocation, args, []string{"longitude", "latitude"}, []string{"description"})
}

// createForwardMessage makes a message that says what another one says. A file
// is not uploaded again.
//
//	createForwardMessage(options: {to: string, conversationType: 'C2C', payload: Message, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createForwardMessage(args []safejs.Value) (any, *fault.Error) {
	o := bridge.Arg(args, 0)
	m := bridge.Get(o, "payload")
	kind, payload := bridge.Object{Value: m}.Text("type"), bridge.Get(m, "payload")
	if kind == "" || !bridge.IsObject(payload) {
		return nil, badArgument("createForwardMessage", "payload must be the message that is forwarded")
	}
	return i.newMessage("createForwardMessage", kind, o, copyOf(payload))
}

// createQuoteMessage makes a message of create…Message quote another one: its
// receivers see by quoteInfo which.
//
//	createQuoteMessage(message: Message, quoted: Message): Message
func (i *instance) createQuoteMessage(args []safejs.Value) (any, *fault.Error) {
	m, quoted := bridge.Arg(args, 0), bridge.Object{Value: bridge.Arg(args, 1)}
	if i.checkOwn(bridge.Object{Value: m}) != nil || quoted.Text("ID") == "" {
		return nil, badArgument("createQuoteMessage", "the arguments must be a message of create…Message and the one that it quotes")
	}
	info := bridge.NewObject()
	_ = info.Set("msgID", quoted.Text("ID"))
	_ = info.Set("messageTime", quoted.Number("time"))
	_ = info.Set("messageSequence", quoted.Number("sequence"))
	return i.page.mark(m, quoteKey, info), nil
}

// newPlainMessage makes a message whose payload is numbers, which must be there,
// and texts, which are ” where they are missing.
func (i *instance) newPlainMessage(method, kind string, args []safejs.Value, numbers, texts []string) (any, *fault.Error) {
	o := bridge.Arg(args, 0)
	given := bridge.Get(o, "payload")
	if !bridge.IsObject(given) {
		return nil, badArgument(method, "payload must be an object")
	}
	payload := bridge.NewObject()
	for _, key := range numbers {
		v := bridge.Get(given, key)
		if n, ok := bridge.Number(v); !ok || n-n != 0 { // as only of infinite ones
			return nil, badArgument(method, "payload."+key+" must be a finite number")
		}
		bridge.Put(payload, key, v)
	}
	for _, key := range texts {
		v := bridge.Get(given, key)
		if v.IsUndefined() || v.IsNull() {
			v = bridge.String("")
		}
		if _, ok := bridge.Text(v); !ok {
			return nil, badArgument(method, "payload."+key+" must be a string")
		}
		bridge.Put(payload, key, v)
	}
	return i.newMessage(method, kind, o, payload)
}

// copyOf returns a new object with what is in another.
func copyOf(o safejs.Value) safejs.Value {
	return bridge.Call(bridge.Global("Object"), "assign", bridge.NewObject(), o)
}

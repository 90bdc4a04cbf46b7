//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// modifyMessage stores what the page has changed in a message. It resolves with
// its newest form, and so rejects when somebody else was faster.
//
//	modifyMessage(message: Message): Promise<{code: 0, data: {message: Message}}>
func (i *instance) modifyMessage(args []safejs.Value, a *answer) {
	m := bridge.Object{Value: bridge.Arg(args, 0)}
	i.modify(m, m.Object("payload"), a.sent)
}

// modify stores what a message is to say. end is told how that ended, and after
// a conflict, too, the message's newest form.
func (i *instance) modify(m bridge.Object, payload frame.Body, end func(m safejs.Value, f *fault.Error)) {
	position := i.page.positionOf(m)
	if position == 0 {
		end(safejs.Undefined(), fault.New(fault.NotAMessage))
		return
	}
	params := frame.Fields{
		{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position},
		{Key: "version", Value: m.Number("version")}, {Key: "cloudCustomData", Value: m.Text("cloudCustomData")},
	}
	switch m.Text("type") {
	case msgText, msgCustom, msgFace, msgLocation:
		params = append(params, frame.Field{Key: "payload", Value: payload})
	}
	i.client.Send(frame.MessageModify, params, 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			end(safejs.Undefined(), f)
			return
		}
		v := bridge.ValueOf(result)
		now := i.page.assign(m.Value, bridge.Get(v, "message"))
		if isTrue(bridge.Get(v, "conflict")) {
			f = fault.New(fault.EditConflict)
		}
		end(now, f)
	})
}

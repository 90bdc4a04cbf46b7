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
	position := i.page.positionOf(m)
	if position == 0 {
		a.reject(fault.New(fault.NotAMessage))
		return
	}
	params := frame.Fields{
		{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position},
		{Key: "version", Value: m.Number("version")}, {Key: "cloudCustomData", Value: m.Text("cloudCustomData")},
	}
	switch m.Text("type") {
	case msgText, msgCustom, msgFace, msgLocation:
		params = append(params, frame.Field{Key: "payload", Value: m.Object("payload")})
	}
	i.client.Send(frame.MessageModify, params, 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			a.done(nil, f)
			return
		}
		v := bridge.ValueOf(result)
		now := bridge.Wrap("message", i.page.assign(m.Value, bridge.Get(v, "message")))
		if isTrue(bridge.Get(v, "conflict")) {
			a.promise.Reject(bridge.NewError(fault.New(fault.EditConflict), now))
			return
		}
		a.resolve(now)
	})
}

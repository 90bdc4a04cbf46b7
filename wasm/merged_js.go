//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

const msgMerger = "TIMRelayElem"

const (
	// maxInline is how long a merger's messages may be, in bytes of JSON, for it
	// to hold them itself, as with the originals. Longer ones go into a file.
	maxInline = 11_264
	// maxMerged is how long that file may be: the gateway's limit.
	maxMerged = 512 << 10
	// maxNested is how deep mergers in mergers are looked into.
	maxNested = 8
)

// createMergerMessage makes a message that holds other ones.
//
//	createMergerMessage(options: {to: string, conversationType: 'C2C', payload: {messageList: Message[], title: string, abstractList: string[], compatibleText: string}, priority?: string, cloudCustomData?: string}): Message
func (i *instance) createMergerMessage(args []safejs.Value) (any, *fault.Error) {
	const method = "createMergerMessage"
	o := bridge.Arg(args, 0)
	given := bridge.Get(o, "payload")
	list, abstracts := bridge.Get(given, "messageList"), bridge.Get(given, "abstractList")
	if !isArray(list) || bridge.Length(list) == 0 {
		return nil, badArgument(method, "payload.messageList must be an array of messages that is not empty")
	}
	if !isArray(abstracts) {
		abstracts = bridge.NewArray()
	}
	var f *fault.Error
	items, files := bridge.NewArray(), bridge.NewArray()
	each(list, func(m safejs.Value) {
		if (bridge.Object{Value: m}).Text("type") == "" && !isArray(bridge.Get(m, "messageBody")) {
			f = badArgument(method, "payload.messageList holds what is no message")
			return
		}
		item := i.mergedItem(m)
		filesIn(item, files)
		bridge.Call(items, "push", item)
	})
	if f != nil {
		return nil, f
	}
	p := bridge.Object{Value: given}
	payload := bridge.ValueOf(frame.Fields{
		{Key: "title", Value: p.Text("title")}, {Key: "compatibleText", Value: p.Text("compatibleText")},
		{Key: "version", Value: 0}, {Key: "downloadKey", Value: ""}, {Key: "pbDownloadKey", Value: ""}, {Key: "layersOverLimit", Value: false},
	})
	bridge.Put(payload, "abstractList", bridge.Call(abstracts, "slice"))
	bridge.Put(payload, "messageList", items)
	if bridge.Length(files) > 0 {
		bridge.Put(payload, "files", files)
	}
	return i.newMessage(method, msgMerger, o, payload)
}

// mergedItem returns what a merger holds of a message. One that is an item of
// another merger stays what it is.
func (i *instance) mergedItem(m safejs.Value) safejs.Value {
	if isArray(bridge.Get(m, "messageBody")) {
		return copyOf(m)
	}
	b := bridge.Object{Value: m}
	item := bridge.NewObject()
	for _, key := range [...]string{"ID", "from", "time", "nick", "avatar", "cloudCustomData"} {
		bridge.Put(item, key, bridge.Get(m, key))
	}
	receiver := "receiverUserID"
	if b.Text("conversationType") == convGroup {
		receiver = "receiverGroupID"
	}
	bridge.Put(item, receiver, bridge.Get(m, "to"))
	body := bridge.Wrap("type", bridge.Get(m, "type"))
	payload := copyOf(bridge.Get(m, "payload"))
	i.completePayload(b.Text("type"), payload) // what is on this device only others cannot see
	bridge.Put(body, "payload", payload)
	bridge.Put(item, "messageBody", bridge.NewArray(body))
	return item
}

// filesIn adds to a list the files that an item of a merger names.
func filesIn(item, files safejs.Value) {
	each(bridge.Get(item, "messageBody"), func(e safejs.Value) {
		payload := bridge.Get(e, "payload")
		for _, key := range [...]string{"uuid", "videoUUID", "thumbUUID", "downloadKey"} {
			if name := bridge.Get(payload, key); text(name) != "" {
				bridge.Call(files, "push", name)
			}
		}
		each(bridge.Get(payload, "files"), func(name safejs.Value) { bridge.Call(files, "push", name) })
	})
}

// mergedFile returns the file that a merger's messages go into, nil when the
// message itself holds them. A merger in a merger would make frames too deep.
func mergedFile(payload safejs.Value) *outgoing {
	list := bridge.Get(payload, "messageList")
	if text(bridge.Get(payload, "downloadKey")) != "" || bridge.Length(list) == 0 {
		return nil
	}
	nested := false
	each(list, func(m safejs.Value) {
		each(bridge.Get(m, "messageBody"), func(e safejs.Value) { nested = nested || text(bridge.Get(e, "type")) == msgMerger })
	})
	json := bridge.Call(bridge.Global("JSON"), "stringify", list)
	size := bridge.Size(json)
	if size <= maxInline && !nested {
		return nil
	}
	o := &outgoing{size: size, file: bridge.Wrap("json", json)} // as a mini program takes it
	if blob, err := bridge.Global("Blob").New(bridge.NewArray(json)); err == nil {
		o.file = blob
	}
	return o
}

// mergedPayload is what the gateway is sent of a merger.
func mergedPayload(payload bridge.Object, o *outgoing) frame.Body {
	key := payload.Text("downloadKey")
	if o != nil {
		key = o.uploaded
	}
	list := bridge.Get(payload.Value, "messageList")
	if key != "" {
		list = bridge.NewArray()
	}
	p := copyOf(payload.Value)
	bridge.Put(p, "downloadKey", bridge.String(key))
	bridge.Put(p, "messageList", list)
	return bridge.Object{Value: p}
}

// completeMerged completes the payloads of the messages that a merger holds: the
// URLs of files are always those of this page's gateway.
func (i *instance) completeMerged(payload safejs.Value, depth int) {
	if depth > maxNested {
		return
	}
	each(bridge.Get(payload, "messageList"), func(m safejs.Value) {
		each(bridge.Get(m, "messageBody"), func(e safejs.Value) {
			kind, inner := text(bridge.Get(e, "type")), bridge.Get(e, "payload")
			if kind == msgMerger {
				i.completeMerged(inner, depth+1)
				return
			}
			i.completePayload(kind, inner)
		})
	})
}

// downloadMergerMessage loads what a merger holds, if that came without it, and
// resolves with the message, as the originals do.
//
//	downloadMergerMessage(message: Message): Promise<Message>
func (i *instance) downloadMergerMessage(args []safejs.Value, a *answer) {
	m := bridge.Arg(args, 0)
	payload := bridge.Get(m, "payload")
	key := text(bridge.Get(payload, "downloadKey"))
	switch {
	case !bridge.IsObject(payload) || !isArray(bridge.Get(payload, "messageList")):
		a.reject(fault.New(fault.MergerKey))
		return
	case bridge.Length(bridge.Get(payload, "messageList")) > 0:
		a.promise.Resolve(m)
		return
	}
	url := i.fileURL(key)
	if url == "" {
		a.reject(fault.New(fault.MergerKey))
		return
	}
	i.host.Download(url, func(status int, text string) {
		list := bridge.Parse(text)
		if status != 200 || !isArray(list) {
			a.reject(fault.New(fault.MergerDownload))
			return
		}
		items := bridge.NewArray() // of what a peer has written, and nobody has checked
		each(list, func(m safejs.Value) {
			if isArray(bridge.Get(m, "messageBody")) {
				bridge.Call(items, "push", m)
			}
		})
		now := copyOf(payload)
		bridge.Put(now, "messageList", items)
		i.completeMerged(now, 0)
		a.promise.Resolve(i.page.mark(m, "payload", now))
	})
}

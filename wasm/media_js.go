//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
	"github.com/tim-wasm/tim/wasm/host"
)

// Types of message that name files.
const (
	msgImage = "TIMImageElem"
	msgFile  = "TIMFileElem"
	msgSound = "TIMSoundElem"
	msgVideo = "TIMVideoFileElem"
)

// mediaKind returns what the gateway calls the kind of file that a type of
// message names; "" if messages of that type name no file.
func mediaKind(kind string) string {
	switch kind {
	case msgImage:
		return "image"
	case msgFile, msgMerger:
		return "file"
	case msgSound:
		return "audio"
	case msgVideo:
		return "video"
	default:
		return ""
	}
}

// outgoing is a file that was chosen for a message that is not sent yet.
type outgoing struct {
	file     safejs.Value // File or Blob, or what a mini program's chooser gave
	name     string
	size     int
	second   int
	progress safejs.Value // onProgress
	uploaded string       // the name under which the gateway has it
	cover    *outgoing    // of a video
}

// chosen reads what a page passes as payload.file: a File or Blob, an input
// element, or the result of a mini program's chooser.
func chosen(v safejs.Value) *outgoing {
	for _, list := range []string{"files", "tempFiles"} {
		if files := bridge.Get(v, list); bridge.Length(files) > 0 {
			v = bridge.Index(files, 0)
			break
		}
	}
	if !bridge.IsObject(v) {
		return nil
	}
	o := &outgoing{file: v}
	o.name, _ = bridge.Text(bridge.Get(v, "name"))
	for _, key := range []string{"size", "fileSize"} {
		if n, ok := bridge.Number(bridge.Get(v, key)); ok {
			o.size = int(n)
			break
		}
	}
	if n, ok := bridge.Number(bridge.Get(v, "duration")); ok {
		o.second = int(n)
	}
	return o
}

// local returns what a page can show of a file before it was uploaded.
func (o *outgoing) local() safejs.Value {
	for _, key := range []string{"tempFilePath", "path"} {
		if path := bridge.Get(o.file, key); path.Type() == safejs.TypeString {
			return path
		}
	}
	url, err := bridge.Global("URL").Call("createObjectURL", o.file)
	if err != nil {
		return bridge.String("")
	}
	return url
}

// createImageMessage makes a message that sends an image. Nothing is uploaded
// before it is sent.
//
//	createImageMessage(options: {to: string, conversationType: 'C2C', payload: {file: File | Blob | HTMLInputElement | object}, onProgress?: (part: number) => void}): Message
func (i *instance) createImageMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newFileMessage("createImageMessage", msgImage, args, func(o *outgoing) frame.Fields {
		infos := bridge.NewArray()
		local := o.local()
		for n := range 3 {
			bridge.Call(infos, "push", imageInfo(n, o.size, 0, 0, local, bridge.String("")))
		}
		return frame.Fields{{Key: "uuid", Value: ""}, {Key: "imageFormat", Value: 255}, {Key: "imageInfoArray", Value: frame.Body(bridge.Object{Value: infos})}}
	})
}

// createFileMessage makes a message that sends a file of any kind.
//
//	createFileMessage(options: {to: string, conversationType: 'C2C', payload: {file: File | Blob | HTMLInputElement | object}, onProgress?: (part: number) => void}): Message
func (i *instance) createFileMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newFileMessage("createFileMessage", msgFile, args, func(o *outgoing) frame.Fields {
		return frame.Fields{
			{Key: "uuid", Value: ""}, {Key: "fileName", Value: o.name}, {Key: "fileSize", Value: o.size},
			{Key: "fileUrl", Value: ""}, {Key: "downloadFlag", Value: 2},
		}
	})
}

// createAudioMessage makes a message that sends a sound; the file's duration is
// in ms, as recorders say it.
//
//	createAudioMessage(options: {to: string, conversationType: 'C2C', payload: {file: File | Blob | object}, onProgress?: (part: number) => void}): Message
func (i *instance) createAudioMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newFileMessage("createAudioMessage", msgSound, args, func(o *outgoing) frame.Fields {
		o.second /= 1000
		return frame.Fields{
			{Key: "uuid", Value: ""}, {Key: "url", Value: text(o.local())}, {Key: "remoteAudioUrl", Value: ""},
			{Key: "second", Value: o.second}, {Key: "size", Value: o.size}, {Key: "downloadFlag", Value: 2},
		}
	})
}

// createVideoMessage makes a message that sends a video, with a cover if the
// chooser returned one (thumbTempFilePath).
//
//	createVideoMessage(options: {to: string, conversationType: 'C2C', payload: {file: File | Blob | HTMLInputElement | object}, onProgress?: (part: number) => void}): Message
func (i *instance) createVideoMessage(args []safejs.Value) (any, *fault.Error) {
	return i.newFileMessage("createVideoMessage", msgVideo, args, func(o *outgoing) frame.Fields {
		cover := text(bridge.Get(o.file, "thumbTempFilePath"))
		if cover != "" {
			o.cover = &outgoing{file: bridge.Wrap("tempFilePath", bridge.String(cover)), size: maxCover}
		}
		return frame.Fields{
			{Key: "videoUUID", Value: ""}, {Key: "videoUrl", Value: text(o.local())}, {Key: "remoteVideoUrl", Value: ""},
			{Key: "videoFormat", Value: "mp4"}, {Key: "videoSecond", Value: o.second}, {Key: "videoSize", Value: o.size},
			{Key: "videoDownloadFlag", Value: 2}, {Key: "thumbUUID", Value: ""}, {Key: "thumbFormat", Value: "jpg"},
			{Key: "thumbWidth", Value: 200}, {Key: "thumbHeight", Value: 200}, {Key: "thumbSize", Value: 0},
			{Key: "thumbUrl", Value: cover}, {Key: "thumbDownloadFlag", Value: 2},
			{Key: "snapshotWidth", Value: 200}, {Key: "snapshotHeight", Value: 200}, {Key: "snapshotSize", Value: 0}, {Key: "snapshotUrl", Value: cover},
		}
	})
}

// maxCover is the most that a cover may have, whose size no chooser tells.
const maxCover = 2 << 20

func text(v safejs.Value) string {
	s, _ := bridge.Text(v)
	return s
}

func (i *instance) newFileMessage(method, kind string, args []safejs.Value, payload func(o *outgoing) frame.Fields) (any, *fault.Error) {
	options := bridge.Arg(args, 0)
	o := chosen(bridge.Get(bridge.Get(options, "payload"), "file"))
	if o == nil {
		return nil, badArgument(method, "payload.file must be a File, a Blob, an input element or what a chooser gave")
	}
	o.progress = bridge.Get(options, "onProgress")
	made, f := i.newMessage(method, kind, options, bridge.ValueOf(payload(o)))
	if f == nil {
		i.keepOutgoing(i.sequence, o)
	}
	return made, f
}

// keepOutgoing keeps a file until its message, which is known by its sequence,
// is sent.
func (i *instance) keepOutgoing(sequence int, o *outgoing) {
	if i.outgoing == nil {
		i.outgoing = map[int]*outgoing{}
	}
	if len(i.outgoing) >= maxOutgoing {
		for n := range i.outgoing {
			if n <= i.sequence-maxOutgoing {
				delete(i.outgoing, n)
			}
		}
	}
	i.outgoing[sequence] = o
}

// maxOutgoing is how many messages may be created behind one whose file is
// still to be sent. What is held is a handle and not the bytes.
const maxOutgoing = 1000

// outgoingOf returns the file that a Message is to send, nil when it has none or
// it was sent.
func (i *instance) outgoingOf(m bridge.Object) *outgoing {
	kind, sequence := m.Text("type"), int(m.Number("clientSequence"))
	if mediaKind(kind) == "" {
		return nil
	}
	if kind == msgMerger && i.outgoing[sequence] == nil {
		if o := mergedFile(bridge.Get(m.Value, "payload")); o != nil {
			i.keepOutgoing(sequence, o)
		}
	}
	return i.outgoing[sequence]
}

// uploadAll brings a message's file to the gateway, with the cover of a video,
// and then calls done. What is there already is not sent again.
func (i *instance) uploadAll(kind string, o *outgoing, done func(f *fault.Error)) {
	i.upload(mediaKind(kind), o, func(f *fault.Error) {
		if f != nil || o.cover == nil {
			done(f)
			return
		}
		i.upload(mediaKind(msgImage), o.cover, done)
	})
}

// upload brings one file to the gateway, unless it is there already.
func (i *instance) upload(kind string, o *outgoing, done func(f *fault.Error)) {
	if o.uploaded != "" {
		done(nil)
		return
	}
	user := i.client.User()
	i.client.Send(frame.MediaTicket, frame.Fields{
		{Key: "kind", Value: kind}, {Key: "size", Value: o.size}, {Key: "fileName", Value: o.name},
	}, 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			if f.Code == frame.CodeNoMethod {
				f = fault.With(fault.NotBuiltYet, "files: the gateway is older than this SDK")
			}
			done(f)
			return
		}
		name := result.Text("name")
		i.host.Upload(&host.Upload{
			URL: i.mediaURL(), Ticket: result.Text("ticket"), File: o.file,
			Progress: o.report,
			Done: func(status int, answer string) {
				f := uploadFault(status, answer)
				if f == nil {
					o.report(1)
					o.uploaded = name
				}
				if i.client.User() != user { // no upload outlives its session
					f = i.client.Refusal()
				}
				done(f)
			},
		})
	})
}

// report tells the page how much has been uploaded.
func (o *outgoing) report(part float64) {
	if !bridge.IsFunction(o.progress) {
		return
	}
	if _, err := o.progress.Invoke(part); err != nil {
		bridge.Report(bridge.Thrown(err))
	}
}

// uploadFault returns the error that an answer to an upload means; nil for
// success.
func uploadFault(status int, answer string) *fault.Error {
	if status == 200 {
		return nil
	}
	e := bridge.Object{Value: bridge.Parse(answer)}
	if code := e.Number("code"); code != 0 {
		return &fault.Error{Code: fault.Code(code), Message: e.Text("message")}
	}
	return fault.With(fault.NetworkError, "the file was not uploaded")
}

//go:build js && wasm

package host

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// Upload is a file on its way to the gateway. Its bytes go from the host's File
// to the network and never into this module's memory.
type Upload struct {
	URL, Ticket string
	File        safejs.Value // what the scope's XMLHttpRequest sends
	// Progress is called with the fraction that has been sent, 0 to 1.
	Progress func(part float64)
	// Done is called once, with the status and text of the answer, or 0 if there
	// was no answer.
	Done func(status int, text string)

	host  *Host
	xhr   safejs.Value
	scope bridge.Scope
	quiet *bridge.Func // of timer, which runs while there is no sign of life
	timer safejs.Value
}

// quietFor is how long an upload may go without progress or an answer, in ms: behind a
// proxy that passes nothing on, browsers wait for ever. A limit for the whole would be
// one for slow lines. A download tells no progress, so this is all the time it has, as
// mini programs have it.
const quietFor = 60_000

// Upload starts an upload. Done is called later, never before it returns.
func (h *Host) Upload(u *Upload) {
	h.start(u, [][]any{{"open", "POST", u.URL}, {"setRequestHeader", "Authorization", "Bearer " + u.Ticket}, {"send", u.File}})
}

// Download fetches a text. done is called as that of an Upload is.
func (h *Host) Download(url string, done func(status int, text string)) {
	h.start(&Upload{Done: done}, [][]any{{"open", "GET", url}, {"send"}})
}

// AbortUploads ends the uploads of a session that is over.
func (h *Host) AbortUploads() {
	for u := range h.uploads {
		if u.Progress != nil {
			u.abort()
		}
	}
}

func (h *Host) start(u *Upload, calls [][]any) {
	u.host = h
	u.scope.OnPanic = h.config.OnPanic
	u.quiet = u.scope.Func(func([]safejs.Value) any {
		u.abort()
		return nil
	})
	h.uploads[u] = struct{}{}
	u.wait(quietFor)
	xhr, err := bridge.Global("XMLHttpRequest").New()
	if err == nil {
		u.xhr = xhr
		bridge.Set(xhr, "onloadend", u.scope.Func(u.onEnd).Value())
		if u.Progress != nil {
			bridge.Set(bridge.Get(xhr, "upload"), "onprogress", u.scope.Func(u.onProgress).Value())
		}
		for _, call := range calls {
			if _, err = xhr.Call(call[0].(string), call[1:]...); err != nil {
				break
			}
		}
	}
	if err != nil { // no XMLHttpRequest, or one that does not take such a file
		u.wait(0)
	}
}

// wait gives an upload so many ms until the next sign of life.
func (u *Upload) wait(ms int) {
	u.stop()
	u.timer = bridge.Call(safejs.Global(), "setTimeout", u.quiet.Value(), bridge.Int(ms))
}

func (u *Upload) stop() { bridge.Call(safejs.Global(), "clearTimeout", u.timer) }

func (u *Upload) onProgress(args []safejs.Value) any {
	u.wait(quietFor)
	event := bridge.Arg(args, 0)
	loaded, _ := bridge.Number(bridge.Get(event, "loaded"))
	if total, _ := bridge.Number(bridge.Get(event, "total")); total > 0 {
		u.Progress(min(loaded/total, 1))
	}
	return nil
}

// onEnd is called after an answer, a failure and an abort alike.
func (u *Upload) onEnd([]safejs.Value) any {
	status, _ := bridge.Number(bridge.Get(u.xhr, "status"))
	text, _ := bridge.Text(bridge.Get(u.xhr, "responseText"))
	u.end(int(status), text)
	return nil
}

func (u *Upload) end(status int, text string) {
	if _, running := u.host.uploads[u]; !running {
		return
	}
	delete(u.host.uploads, u)
	u.stop()
	if bridge.IsObject(u.xhr) { // its callbacks are about to be released
		bridge.Set(u.xhr, "onloadend", safejs.Null())
		bridge.Set(bridge.Get(u.xhr, "upload"), "onprogress", safejs.Null())
	}
	u.scope.Release()
	u.Done(status, text)
}

// abort ends an upload for which nobody waits any more.
func (u *Upload) abort() {
	xhr := u.xhr
	u.end(0, "")
	if bridge.IsObject(xhr) {
		_, _ = xhr.Call("abort")
	}
}

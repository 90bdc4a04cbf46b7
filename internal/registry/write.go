package registry

import "github.com/tim-wasm/tim/internal/frame/jsonframe"

// What each login costs is written without encoding/json: the record and the event.
// The bytes are those of jsonframe.Marshal.

func (r *Record) json() []byte {
	w := make(jsonframe.Writer, 0, 512)
	w.Object()
	w.Int("v", int64(r.Version))
	w.TextIf("op", r.Op)
	w.UintIf("s", r.Settings)
	w.UintIf("n", r.Last)
	w.IntIf("k", r.KickedAt)
	w.IntIf("f", r.Ahead)
	each(&w, "i", r.Instances, (*Instance).write)
	each(&w, "e", r.Evicted, (*Evicted).write)
	each(&w, "o", r.Out, (*Event).write)
	if b := r.Ban; b != nil {
		w.Name("b")
		w.Object()
		w.Int("t", b.At)
		w.IntIf("u", b.Until)
		w.TextIf("b", b.By)
		w.TextIf("r", b.Reason)
		w.End()
	}
	w.End()
	return w
}

// each writes a member that is a list, unless it is empty.
func each[T any](w *jsonframe.Writer, name string, list []T, write func(*T, *jsonframe.Writer)) {
	if len(list) == 0 {
		return
	}
	w.Name(name)
	w.List()
	for i := range list {
		w.Object()
		write(&list[i], w)
		w.End()
	}
	w.EndList()
}

func (in *Instance) write(w *jsonframe.Writer) {
	w.Text("h", in.Hash)
	w.Text("p", string(in.Platform))
	w.Text("g", in.Gateway)
	w.Uint("a", in.Attach)
	w.Uint("l", in.Login)
	w.TextIf("d", in.Doc)
	w.TextIf("op", in.Op)
	w.IntIf("t", in.Down)
	w.BoolIf("c", in.Clean)
	w.Int("x", in.Expires)
	w.TextIf("r", in.Addr)
}

func (e *Evicted) write(w *jsonframe.Writer) {
	w.Text("h", e.Hash)
	w.TextIf("d", e.Doc)
	w.Text("t", e.Type)
	w.Int("x", e.Expires)
}

func (e *Event) json() []byte { return e.append(make(jsonframe.Writer, 0, 320)) }

func (e *Event) append(w jsonframe.Writer) jsonframe.Writer {
	w.Object()
	e.write(&w)
	w.End()
	return w
}

func (e *Event) write(w *jsonframe.Writer) {
	w.Uint("n", e.N)
	w.Int("time", e.Time)
	w.UintIf("sdkAppID", uint64(e.SDKAppID))
	w.TextIf("userID", e.UserID)
	w.Text("kind", string(e.Kind))
	w.TextIf("reason", e.Reason)
	w.Text("platform", string(e.Platform))
	w.Text("instance", e.Instance)
	w.TextIf("gateway", e.Gateway)
	w.TextIf("addr", e.Addr)
	each(w, "kicked", e.Kicked, (*Kicked).write)
}

func (k *Kicked) write(w *jsonframe.Writer) {
	w.Text("platform", string(k.Platform))
	w.Text("instance", k.Instance)
	w.Text("type", k.Type)
}

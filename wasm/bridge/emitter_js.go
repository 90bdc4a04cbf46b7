//go:build js && wasm

package bridge

import "github.com/hack-pad/safejs"

// Emitter keeps the listeners of one instance and calls them, as the TIM web
// SDK does: in order of registration, over a snapshot, the same event object
// {name, data} for all.
type Emitter struct {
	listeners map[string][]*listener
}

type listener struct {
	handler, context safejs.Value
	once, fired      bool
}

// On adds a listener. The same handler may be added more than once and is
// called as often. context, unless undefined, becomes its `this`.
func (e *Emitter) On(name string, handler, context safejs.Value, once bool) {
	if e.listeners == nil {
		e.listeners = map[string][]*listener{}
	}
	e.listeners[name] = append(e.listeners[name], &listener{handler: handler, context: context, once: once})
}

// Off removes every registration of the handler for this event, or with a context
// only those that were made with that context. It is no error if there are none.
func (e *Emitter) Off(name string, handler, context safejs.Value) {
	e.filter(name, func(l *listener) bool {
		return !l.handler.Equal(handler) || !absent(context) && !l.context.Equal(context)
	})
}

// filter keeps the listeners for which keep returns true. It makes a new slice,
// because an emission under way walks over the old one.
func (e *Emitter) filter(name string, keep func(*listener) bool) {
	old := e.listeners[name]
	if len(old) == 0 {
		return
	}
	var kept []*listener
	for _, l := range old {
		if keep(l) {
			kept = append(kept, l)
		}
	}
	if len(kept) == 0 {
		delete(e.listeners, name)
		return
	}
	e.listeners[name] = kept
}

// Clear removes all listeners.
func (e *Emitter) Clear() { e.listeners = nil }

// Len returns how many listeners there are.
func (e *Emitter) Len() int {
	n := 0
	for _, of := range e.listeners {
		n += len(of)
	}
	return n
}

// Emit calls the listeners of an event. If one throws or its promise rejects, that
// is reported on the console, and the others are called nevertheless.
func (e *Emitter) Emit(name string, data safejs.Value) {
	snapshot := e.listeners[name]
	if len(snapshot) == 0 {
		return
	}
	snapshot = snapshot[:len(snapshot):len(snapshot)]
	event := NewObject()
	Put(event, "name", String(name))
	Put(event, "data", data)
	for _, l := range snapshot {
		if l.once {
			if l.fired { // an emission inside this one has called it already
				continue
			}
			l.fired = true
			e.filter(name, func(other *listener) bool { return other != l })
		}
		result, err := l.call(event)
		if err != nil {
			Report(Thrown(err))
			continue
		}
		catchLater(result)
	}
}

func (l *listener) call(event safejs.Value) (safejs.Value, error) {
	if absent(l.context) {
		return l.handler.Invoke(event)
	}
	return Global("Reflect").Call("apply", l.handler, l.context, NewArray(event))
}

// reporter is the rejection handler of promises that async listeners return.
var reporter safejs.Value

func catchLater(result safejs.Value) {
	if !IsObject(result) || !IsFunction(Get(result, "then")) {
		return
	}
	if reporter.IsUndefined() {
		reporter = Static(func(args []safejs.Value) any {
			Report(Arg(args, 0))
			return nil
		}, func(string) any { return nil })
	}
	if _, err := result.Call("then", safejs.Undefined(), reporter); err != nil {
		Report(Thrown(err))
	}
}

func absent(v safejs.Value) bool { return v.IsUndefined() || v.IsNull() }

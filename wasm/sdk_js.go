//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
	"github.com/tim-wasm/tim/wasm/host"
)

// sdk holds everything of one runtime. Its functions are made once: each method
// of an instance is one of two of them, bound to the numbers of the method and
// of the instance. So JavaScript holds no function of an instance's own, methods
// work detached, and they still answer after destroy.
type sdk struct {
	tim       safejs.Value    // TIM, as apps get it
	defaults  safejs.Value    // options that configure has set
	told      map[string]bool // what notBuilt has logged
	guard     bridge.Guard
	call      safejs.Value // the function of methods that return a promise
	callSync  safejs.Value // the function of methods that return a value or throw
	retry     safejs.Value // the function of sdk.later's timers
	provided  safejs.Value // of an instance whose userSigProvider has answered
	late      safejs.Value // of the timers of invitations
	unbuilt   safejs.Value // the function of methods that are not built
	names     methodNames  // once an instance was made
	instances map[int32]*instance
	keys      map[string]*instance
	last      int32
	logLevel  int
}

// instance is what TIM.create returns, seen from inside.
type instance struct {
	sdk     *sdk
	number  int32
	key     string
	object  safejs.Value
	emitter bridge.Emitter
	host    *host.Host
	client  *client.Client

	page     *page
	retry    safejs.Value // handle of later's timer
	signals  signals
	provider safejs.Value // the app's userSigProvider, undefined for none
	asked    question     // to it

	sequence int               // of the last message created
	early    *objects          // messages that were created before a login, by sequence; nil for none
	outgoing map[int]*outgoing // files of messages that are not sent yet, by sequence
}

func newSDK() *sdk {
	s := &sdk{instances: map[int32]*instance{}, keys: map[string]*instance{}, told: map[string]bool{}, defaults: bridge.NewObject()}
	s.call = bridge.Static(s.onCall, s.failedCall)
	s.callSync = s.guard.Guarded(bridge.Static(s.onCallSync, s.failedSync))
	s.retry = bridge.Static(s.onRetry, reported)
	s.provided = bridge.Static(s.onProvided, reported)
	s.late = bridge.Static(s.onLate, reported)
	s.unbuilt = s.guard.Guarded(bridge.Static(s.onUnbuilt, s.failedSync))
	s.tim = bridge.Wrap("create", bridge.Static(s.create, reported))
	return s
}

// complete adds to TIM what a loader has itself.
func (s *sdk) complete() {
	bridge.Call(bridge.Global("Object"), "assign", s.tim, bridge.Parse(constantsJSON))
	bridge.Put(s.tim, "VERSION", bridge.String(version))
	bridge.Put(s.tim, "configure", bridge.Static(s.configure, reported))
}

// reported reports the panic of a function that has no other way to answer it.
func reported(reason string) any {
	bridge.Report(bridge.NewError(bridge.Uncaught(reason), safejs.Undefined()))
	return nil
}

// configure sets options for every later create.
//
//	configure(options: Partial<CreateOptions>): void
func (s *sdk) configure(args []safejs.Value) any {
	bridge.Call(bridge.Global("Object"), "assign", s.defaults, bridge.Arg(args, 0))
	return safejs.Undefined()
}

// create returns the instance for an SDKAppID and name, the same one again until
// destroy, and opens its socket at once. For bad options it returns null and
// writes one console.error.
//
//	create(options: CreateOptions): ChatSDK | null
func (s *sdk) create(args []safejs.Value) any {
	o, f := createOptions(bridge.Arg(args, 0), s.defaults)
	if f != nil {
		bridge.Report(bridge.NewError(f, safejs.Undefined()))
		return nil
	}
	if i := s.keys[o.key()]; i != nil {
		return i.object
	}
	return s.instance(o).object
}

func (s *sdk) instance(o options) *instance {
	s.last++
	i := &instance{sdk: s, number: s.last, key: o.key(), provider: o.provider}
	i.object = s.object(i.number)
	i.page = newPage(i)
	i.host = host.New(host.Config{
		URL:        o.gateway,
		StorageKey: "tim:" + i.key,
		Emit:       i.emit,
		OnPanic:    func(reason string) { i.emitError(bridge.Uncaught(reason)) },
	})
	opt := client.Options{SDKAppID: o.sdkAppID, Platform: "Web", Early: o.sdkAppID != 0, Page: i.page}
	if !i.provider.IsUndefined() {
		opt.Provider = i.provide
	}
	i.client = client.New(opt, i.host)
	i.host.Attach(i.client)
	s.instances[i.number], s.keys[i.key] = i, i // only once it is complete
	return i
}

// later wakes an instance's mailbox after some ms.
func (s *sdk) later(i *instance, ms int) { i.after(&i.retry, s.retry, ms) }

// after calls f with the instance's number after some ms, instead of what the
// handle's timer would have called.
func (i *instance) after(handle *safejs.Value, f safejs.Value, ms int) {
	stopTimer(handle)
	*handle = bridge.Call(safejs.Global(), "setTimeout", bridge.Call(f, "bind", safejs.Undefined(), bridge.Int(int(i.number))), bridge.Int(ms))
}

func stopTimer(handle *safejs.Value) {
	if !handle.IsUndefined() {
		bridge.Call(safejs.Global(), "clearTimeout", *handle)
		*handle = safejs.Undefined()
	}
}

func (s *sdk) onRetry(args []safejs.Value) any {
	if i := s.numbered(args); i != nil {
		i.page.woke()
	}
	return nil
}

// numbered returns the instance whose number is the first argument; nil if it has
// been destroyed.
func (s *sdk) numbered(args []safejs.Value) *instance {
	number, _ := bridge.Number(bridge.Arg(args, 0))
	return s.instances[int32(number)]
}

// object makes the plain object that an app holds.
func (s *sdk) object(number int32) safejs.Value {
	o := bridge.NewObject()
	if s.names.call.IsUndefined() {
		s.names = methodNames{call: namesOf(true), callSync: namesOf(false), unbuilt: bridge.Parse(unbuiltJSON)}
	}
	bridge.Bind(o, s.names.unbuilt, s.unbuilt, int(number))
	bridge.Bind(o, s.names.call, s.call, int(number))
	bridge.Bind(o, s.names.callSync, s.callSync, int(number))
	return o
}

// methodNames are arrays of names for bridge.Bind. In the first two, a method has
// the index that it has in the table, and the other kind an empty name.
type methodNames struct{ call, callSync, unbuilt safejs.Value }

// namesOf returns the names of the methods that return a promise, or of the others.
func namesOf(promise bool) safejs.Value {
	text := append(make([]byte, 0, 4096), '[') // JSON, because one call makes an array of it
	for n := range methodCount() {
		if n > 0 {
			text = append(text, ',')
		}
		m := methodAt(n)
		text = append(text, '"')
		if (m.sync == nil) == promise {
			text = append(text, m.name...)
		}
		text = append(text, '"')
	}
	return bridge.Parse(string(append(text, ']')))
}

// bound splits the arguments of a bound function.
func (s *sdk) bound(args []safejs.Value) (m method, i *instance, rest []safejs.Value) {
	n, _ := bridge.Number(bridge.Arg(args, 0))
	number, _ := bridge.Number(bridge.Arg(args, 1))
	return methodAt(int(n)), s.instances[int32(number)], args[2:]
}

func (s *sdk) onCall(args []safejs.Value) any {
	m, i, rest := s.bound(args)
	a := &answer{instance: i, promise: bridge.NewPromise()}
	if i == nil {
		if m.name == "destroy" {
			a.resolve(bridge.NewObject())
		} else {
			a.reject(fault.New(fault.Destroyed))
		}
		return a.promise.Value()
	}
	s.start(m, i, rest, a)
	return a.promise.Value()
}

// start runs a method. Before anything else, a call that needs a session and has
// none is rejected with the reason, whatever its arguments are. A panic of the
// method rejects its promise and emits one ERROR event.
func (s *sdk) start(m method, i *instance, args []safejs.Value, a *answer) {
	defer func() {
		if p := recover(); p != nil {
			a.panicked(bridge.Reason(p))
		}
	}()
	if !m.open && !i.client.Ready() {
		if a.gated = true; !mayVisit(m.name, bridge.Arg(args, 0)) {
			i.refuse(a)
			return
		}
	}
	if m.relay != nil {
		m.relay.run(i, args, a)
	} else {
		m.promise(i, args, a)
	}
}

// mayVisit reports whether a call may be about a live room that a page without a login
// listens to: then the client carries it out, or refuses it.
func mayVisit(method string, arg safejs.Value) bool {
	switch method {
	case "joinGroup":
		return bridge.Object{Value: arg}.Text("groupID") != ""
	case "quitGroup":
		id, _ := bridge.Text(arg)
		return id != ""
	}
	return false
}

// refuse ends a call for which there is no session. It makes a call that the
// client refuses, because the refusal has the reason.
func (i *instance) refuse(a *answer) {
	a.gated = true
	i.client.Send(frame.Ping, frame.Fields{}, 0, a.done)
}

func (s *sdk) failedCall(reason string) any {
	a := &answer{promise: bridge.NewPromise()}
	a.reject(bridge.Uncaught(reason))
	return a.promise.Value()
}

func (s *sdk) onCallSync(args []safejs.Value) (result any) {
	m, i, rest := s.bound(args)
	if i == nil {
		if m.dead == nil {
			s.throw(fault.New(fault.Destroyed))
			return nil
		}
		return orUndefined(m.dead())
	}
	defer func() {
		if p := recover(); p != nil {
			f := bridge.Uncaught(bridge.Reason(p))
			i.emitError(f)
			s.throw(f)
			result = nil
		}
	}()
	result, f := m.sync(i, rest)
	if f != nil {
		s.throw(f)
		return nil
	}
	return orUndefined(result)
}

// orUndefined returns undefined for nil, which syscall/js would turn into null.
func orUndefined(v any) any {
	if v == nil {
		return safejs.Undefined()
	}
	return v
}

func (s *sdk) failedSync(reason string) any {
	s.throw(bridge.Uncaught(reason))
	return nil
}

func (s *sdk) throw(f *fault.Error) { s.guard.Throw(bridge.NewError(f, safejs.Undefined())) }

// log writes a line to the console unless its level is below the one that
// setLogLevel has set: 0 debugging, 1 what matters in production, 2 a warning,
// 3 an error.
func (s *sdk) log(level int, text string) {
	if level >= s.logLevel {
		bridge.Log([...]string{"debug", "info", "warn", "error"}[level], "tim: "+text)
	}
}

func (i *instance) emit(name string, data frame.Body) {
	switch name {
	case frame.EventSDKReady:
		i.nameEarly()
		i.beginSignals()
	case frame.EventSDKNotReady:
		i.endSignals()
		i.host.AbortUploads()
	}
	i.emitter.Emit(name, bridge.ValueOf(data))
}

func (i *instance) emitError(f *fault.Error) {
	i.emit(frame.EventError, frame.Fields{{Key: "code", Value: int(f.Code)}, {Key: "message", Value: f.Message}})
}

// forget releases everything that the instance holds.
func (i *instance) forget() {
	i.host.Release()
	stopTimer(&i.retry)
	i.endSignals()
	i.emitter.Clear()
	i.page.forget()
	delete(i.sdk.instances, i.number)
	if i.sdk.keys[i.key] == i {
		delete(i.sdk.keys, i.key)
	}
	i.object, i.provider, i.asked = safejs.Undefined(), safejs.Undefined(), question{}
}

// answer is the promise that one call of an app waits for.
type answer struct {
	instance *instance
	promise  *bridge.Promise
	gated    bool // the session was not ready when the call came
}

// resolve settles the promise with {code: 0, data}.
func (a *answer) resolve(data safejs.Value) {
	o := bridge.Wrap("code", bridge.Int(0))
	bridge.Put(o, "data", data)
	a.promise.Resolve(o)
}

// reject settles the promise with an IMError.
func (a *answer) reject(f *fault.Error) { a.promise.Reject(bridge.NewError(f, safejs.Undefined())) }

// sent settles the promise with what has become of a message. An error has the
// message as data.message, if it is known.
func (a *answer) sent(m safejs.Value, f *fault.Error) {
	data := safejs.Undefined()
	if bridge.IsObject(m) {
		data = bridge.Wrap("message", m)
	}
	if f != nil {
		a.promise.Reject(bridge.NewError(f, data))
		return
	}
	a.resolve(data)
}

// done settles the promise with what the client says. If the session was not
// ready when the call came, a failure also emits ERROR.
func (a *answer) done(result frame.Body, f *fault.Error) {
	if f != nil {
		a.failed(f, safejs.Undefined())
		return
	}
	if fields, ours := result.(frame.Fields); ours || result == nil { // one call makes all of it
		a.promise.Resolve(bridge.ValueOf(frame.Fields{{Key: "code", Value: int64(0)}, {Key: "data", Value: fields}}))
		return
	}
	data := bridge.ValueOf(result)
	if !bridge.IsObject(data) {
		data = bridge.NewObject()
	}
	a.resolve(data)
}

// failed is done with an error that has data.
func (a *answer) failed(f *fault.Error, data safejs.Value) {
	a.promise.Reject(bridge.NewError(f, data))
	if a.gated {
		a.instance.emitError(f)
	}
}

func (a *answer) panicked(reason string) {
	f := bridge.Uncaught(reason)
	a.reject(f)
	a.instance.emitError(f)
}

//go:build js && wasm

package bridge

import "github.com/hack-pad/safejs"

// Promise is a JavaScript promise that Go settles, once. It is made when Value is
// called; if it has been settled by then, that takes a single call.
type Promise struct {
	value           safejs.Value
	resolve, reject safejs.Value
	settled         bool
	settledBy       string // resolve or reject, until there is a value
	with            safejs.Value
}

// Without Promise.withResolvers one executor serves all promises: `new
// Promise(executor)` calls it before it returns, and there is only one thread.
// That costs a call into Go, which is more than everything else.
var (
	executor  safejs.Value
	executing *Promise
)

// NewPromise makes a pending promise.
func NewPromise() *Promise { return &Promise{} }

// Value returns the JavaScript promise.
func (p *Promise) Value() safejs.Value {
	switch {
	case !p.value.IsUndefined():
	case p.settled:
		p.value, _ = Global("Promise").Call(p.settledBy, p.with)
		p.with = safejs.Undefined()
	default:
		p.open()
	}
	return p.value
}

// open makes a promise that can be settled later.
func (p *Promise) open() {
	constructor := Global("Promise")
	if made := Call(constructor, "withResolvers"); IsObject(made) {
		p.value, p.resolve, p.reject = Field(made, "promise"), Field(made, "resolve"), Field(made, "reject")
		return
	}
	if executor.IsUndefined() {
		executor = Static(func(args []safejs.Value) any {
			executing.resolve, executing.reject = Arg(args, 0), Arg(args, 1)
			return nil
		}, func(string) any { return nil })
	}
	outer := executing
	executing = p
	p.value, _ = constructor.New(executor)
	executing = outer
}

// Resolve settles the promise with a value; only the first settling counts.
func (p *Promise) Resolve(value safejs.Value) { p.settle("resolve", value) }

// Reject settles the promise with a reason; only the first settling counts.
func (p *Promise) Reject(reason safejs.Value) { p.settle("reject", reason) }

// Settled reports whether the promise has been settled.
func (p *Promise) Settled() bool { return p.settled }

func (p *Promise) settle(by string, with safejs.Value) {
	if p.settled {
		return
	}
	p.settled = true
	if p.value.IsUndefined() {
		p.settledBy, p.with = by, with
		return
	}
	how := p.resolve
	if by == "reject" {
		how = p.reject
	}
	// Once the app has its answer, nothing of the app must be held.
	p.resolve, p.reject = safejs.Undefined(), safejs.Undefined()
	if _, err := how.Invoke(with); err != nil {
		Report(Thrown(err))
	}
}

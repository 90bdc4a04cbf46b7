//go:build js && wasm

package bridge

import "github.com/hack-pad/safejs"

// Promise is a JavaScript promise that Go settles, once.
type Promise struct {
	value           safejs.Value
	resolve, reject safejs.Value
	settled         bool
}

// Where there is no Promise.withResolvers, one executor serves all promises:
// `new Promise(executor)` calls it before it returns, on the one thread there
// is. It costs a call into Go, which is more than the rest.
var (
	executor  safejs.Value
	executing *Promise
)

// NewPromise gives a pending promise.
func NewPromise() *Promise {
	p := &Promise{}
	constructor := Global("Promise")
	if made := Call(constructor, "withResolvers"); IsObject(made) {
		p.value, p.resolve, p.reject = Field(made, "promise"), Field(made, "resolve"), Field(made, "reject")
		return p
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
	return p
}

// Value is the JavaScript promise.
func (p *Promise) Value() safejs.Value { return p.value }

// Resolve settles the promise with a value; only the first settling counts.
func (p *Promise) Resolve(value any) { p.settle(p.resolve, value) }

// Reject settles the promise with a reason; only the first settling counts.
func (p *Promise) Reject(reason any) { p.settle(p.reject, reason) }

// Settled tells whether the promise has been settled.
func (p *Promise) Settled() bool { return p.settled }

func (p *Promise) settle(how safejs.Value, with any) {
	if p.settled {
		return
	}
	p.settled = true
	// Nothing of the app must be held once it has its answer.
	p.resolve, p.reject = safejs.Undefined(), safejs.Undefined()
	if _, err := how.Invoke(with); err != nil {
		Report(Thrown(err))
	}
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// relay is an SDK method that only asks the gateway: a row of wire.json in
// internal/gen, where its fields are explained.
type relay struct {
	name, method string
	args         []argument
	pages        string
	data         []datum
}

type argument struct {
	kind     byte
	from, to string
	most     int
}

// The kinds of arguments.
const (
	argList = 'l'
	argText = 't'
	argAny  = 'a'
	argOnce = 'o'
)

type datum struct {
	name, from string
	of         byte
}

// Of a list, what has no code.
const ofDone = 'd'

// run checks the arguments, asks the gateway and resolves with its result.
func (c *relay) run(i *instance, args []safejs.Value, a *answer) {
	var params frame.Fields
	var list safejs.Value
	options := bridge.Arg(args, 0)
	for _, arg := range c.args {
		switch arg.kind {
		case argList:
			l, ok := listOf(a, c.name, options, arg.from, arg.most)
			if !ok {
				return
			}
			list = l
			params = append(params, frame.Field{Key: arg.to, Value: frame.Body(bridge.Object{Value: l})})
		case argText:
			params = append(params, frame.Field{Key: arg.to, Value: bridge.Object{Value: options}.Text(arg.from)})
		case argAny:
			params = appendGiven(params, arg.to, bridge.Get(options, arg.from))
		case argOnce:
			params = append(params, frame.Field{Key: arg.to, Value: i.newID()})
		}
	}
	if c.pages != "" {
		i.collect(a, c.method, c.pages, list, params[1:], nil, func(all safejs.Value) safejs.Value {
			return c.shape(bridge.Wrap(c.pages, all))
		})
		return
	}
	i.send(a, c.method, params, c.shape)
}

// shape makes the data of the promise from a result.
func (c *relay) shape(result safejs.Value) safejs.Value {
	data := bridge.NewObject()
	for _, d := range c.data {
		v := bridge.NewArray()
		if d.from != "" {
			v = bridge.Get(result, d.from)
		}
		if d.of != 0 {
			var some []safejs.Value
			each(v, func(one safejs.Value) {
				if (bridge.Object{Value: one}.Number("code") == 0) == (d.of == ofDone) {
					some = append(some, one)
				}
			})
			v = bridge.NewArray(some...)
		}
		if d.name == "" {
			return v
		}
		bridge.Put(data, d.name, v)
	}
	return data
}

// listOf reads an array from the options, and rejects the call if there is none.
// If it is too long, only the first most elements count, as with the originals.
func listOf(a *answer, method string, options safejs.Value, key string, most int) (safejs.Value, bool) {
	list := bridge.Get(options, key)
	if bridge.Length(list) == 0 || !isArray(list) {
		a.reject(badArgument(method, key+" must be an array that is not empty"))
		return list, false
	}
	return firstOf(a, method, list, most), true
}

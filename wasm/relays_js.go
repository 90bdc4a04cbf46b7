//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// relay is an SDK method that only asks the gateway: a row of wire.json in
// internal/gen, where its fields are explained.
type relay struct {
	name, method string
	args         []argument
	pages        string
	part         int
	data         []datum
}

type argument struct {
	kind     byte
	from, to string
	most     int
}

// The kinds of arguments, as in internal/gen/wire.go.
const (
	argList     = 'l'
	argOptional = 'o'
	argText     = 't'
	argAny      = 'a'
	argNonce    = 'r'
	argNamed    = 'n'
	argOnly     = 's'
	argOptions  = 'w'
)

type datum struct {
	name, from string
	of         byte
}

// What a datum may hold, as there.
const (
	ofDone    = 'd'
	ofFailed  = 'f'
	ofList    = 'l'
	ofMap     = 'o'
	ofNumber  = 'n'
	ofGroup   = 'g'
	ofMember  = 'm'
	ofMembers = 'M'
)

// run checks the arguments, asks the gateway and resolves with its result.
func (c *relay) run(i *instance, args []safejs.Value, a *answer) {
	options := bridge.Arg(args, 0)
	var params frame.Fields
	var list safejs.Value
	named := ""    // the list, on the wire
	whole := false // the parameters are a copy of the options
	set := func(key string, to any) {
		if whole {
			bridge.Put(options, key, bridge.Of(to))
		} else {
			params = append(params, frame.Field{Key: key, Value: to})
		}
	}
	for _, arg := range c.args {
		switch arg.kind {
		case argOptions:
			copied, f := jsonCopy(c.name, options)
			if f != nil {
				a.reject(f)
				return
			}
			options, whole = copied, true
		case argList:
			l, ok := listOf(a, c.name, options, arg.from, arg.most)
			if !ok {
				return
			}
			list, named = l, arg.to
			if whole {
				bridge.Put(options, arg.from, safejs.Undefined()) // it travels once
			}
			set(arg.to, frame.Body(bridge.Object{Value: l}))
		case argOptional:
			list, named = bridge.Get(options, arg.from), arg.to
			if bridge.Length(list) > arg.most {
				a.reject(badArgument(c.name, arg.from+" must have at most "+digits(uint32(arg.most))+" elements"))
				return
			}
		case argOnly, argNamed, argText:
			text := bridge.Object{Value: options}.Text(arg.from)
			if arg.kind == argOnly {
				text, _ = bridge.Text(options)
			}
			if text == "" && arg.kind != argText {
				a.reject(badArgument(c.name, arg.from+" must be a string that is not empty"))
				return
			}
			set(arg.to, text)
		case argAny:
			v := bridge.Get(options, arg.from)
			if n, ok := bridge.Number(v); ok { // as it is: it is the gateway's to refuse 1.5
				set(arg.to, n)
				continue
			}
			params = appendGiven(params, arg.to, v)
		case argNonce:
			set("nonce", i.nonce())
		}
	}
	shape := func(result safejs.Value) safejs.Value {
		i.roomed(c.method, bridge.Object{Value: result})
		return c.shape(i.page, result)
	}
	switch {
	case c.part != 0 && isArray(list) && bridge.Length(list) > c.part:
		once, _ := bridge.Global("Set").New(list)
		p := parts{relay: c, i: i, a: a, list: bridge.Call(bridge.Global("Array"), "from", once), got: safejs.Undefined()}
		p.ask(func(part safejs.Value) frame.Body {
			if !whole {
				return append(frame.Fields{{Key: named, Value: frame.Body(bridge.Object{Value: part})}}, params[1:]...)
			}
			if c.method == frame.GroupCreate && p.from > 0 {
				nonce := bridge.Get(options, "nonce")
				options = bridge.Wrap("more", bridge.Bool(true))
				bridge.Put(options, "nonce", nonce)
				bridge.Put(options, "groupID", bridge.Get(bridge.Get(p.got, "group"), "groupID"))
			}
			bridge.Put(options, named, part)
			return bridge.Object{Value: options}
		})
	case c.pages != "":
		i.collect(a, c.method, c.pages, list, params[1:], nil, func(all safejs.Value) safejs.Value {
			return shape(bridge.Wrap(c.pages, all))
		})
	case whole:
		i.send(a, c.method, bridge.Object{Value: options}, shape)
	default:
		i.send(a, c.method, params, shape)
	}
}

// roomed tells the mailbox which live room the page has joined or left.
func (i *instance) roomed(method string, result bridge.Object) {
	switch method {
	case frame.GroupJoin:
		if g := (bridge.Object{Value: bridge.Get(result.Value, "group")}); g.Text("type") == "AVChatRoom" {
			i.post(mailbox.InRoom{Group: g.Text("groupID"), In: true})
		}
	case frame.GroupQuit:
		i.post(mailbox.InRoom{Group: result.Text("groupID")})
	}
}

// parts is a call about a long list that asks the gateway in parts, one after the
// other: what one request costs it is bounded.
type parts struct {
	*relay
	i    *instance
	a    *answer
	list safejs.Value
	from int          // so many are done
	got  safejs.Value // the results of these, as one

	refused *fault.Error // the first part's of those whose conversations were all refused
}

// ask asks about the next part. Where it fails behind others, the error says how
// many are done, and has as its data what the promise would have resolved with.
// Where all conversations of one part are refused, the others may still be changed.
func (p *parts) ask(params func(part safejs.Value) frame.Body) {
	some := part(p.list, p.from, p.from+p.part)
	p.i.client.Send(p.method, params(some), 0, func(result frame.Body, f *fault.Error) {
		all := bridge.Length(p.list)
		if f != nil && p.args[0].to == "conversationIDs" && (f.Code == fault.NoConversation || f.Code == fault.ConversationsFull) {
			if p.refused == nil {
				p.refused = f
			}
			result, f = refusalOf(some, f.Code), nil
		}
		if f != nil {
			data := safejs.Undefined()
			if p.from > 0 {
				data = p.shape(p.i.page, p.got)
				f = &fault.Error{Code: f.Code, Message: f.Message + " Before that, " + digits(uint32(p.from)) + " of " + digits(uint32(all)) + " were done: see the error's data."}
			}
			p.a.failed(f, data)
			return
		}
		p.got = joined(p.got, bridge.ValueOf(result))
		if p.from += p.part; p.from < all {
			p.ask(params)
			return
		}
		if p.refused != nil && bridge.Length(bridge.Get(p.got, "done")) == 0 {
			p.a.reject(p.refused)
			return
		}
		p.a.resolve(p.shape(p.i.page, p.got))
	})
}

// refusalOf is what the gateway would say of conversations among others that it does
// not refuse.
func refusalOf(ids safejs.Value, code fault.Code) frame.Body {
	var failures []safejs.Value
	each(ids, func(id safejs.Value) {
		one := bridge.Wrap("conversationID", id)
		bridge.Put(one, "code", bridge.Int(int(code)))
		failures = append(failures, one)
	})
	return bridge.Object{Value: bridge.Wrap("failures", bridge.NewArray(failures...))}
}

// joined adds a result to those before: lists grow, of all else the newest counts.
func joined(got, more safejs.Value) safejs.Value {
	if !bridge.IsObject(got) {
		return more
	}
	each(bridge.Call(bridge.Global("Object"), "keys", more), func(k safejs.Value) {
		key, _ := bridge.Text(k)
		v, had := bridge.Get(more, key), bridge.Get(got, key)
		if isArray(v) && isArray(had) {
			v = bridge.Call(had, "concat", v)
		}
		bridge.Put(got, key, v)
	})
	return got
}

// jsonCopy copies the options of a call as they travel: the page may change its
// own while the call waits for a lost connection.
func jsonCopy(method string, options safejs.Value) (safejs.Value, *fault.Error) {
	text, err := bridge.Global("JSON").Call("stringify", options)
	if err != nil || !bridge.IsObject(options) {
		return options, badArgument(method, "pass an object that JSON can hold")
	}
	return bridge.Call(bridge.Global("JSON"), "parse", text), nil
}

// shape makes the data of the promise from a result.
func (c *relay) shape(pg *page, result safejs.Value) safejs.Value {
	data := bridge.NewObject()
	for _, d := range c.data {
		v := bridge.NewArray()
		if d.from != "" {
			v = bridge.Get(result, d.from)
		}
		v = pg.datum(d.of, v)
		if d.name == "" {
			return v
		}
		bridge.Put(data, d.name, v)
	}
	return data
}

// datum selects or completes what a result holds.
func (pg *page) datum(of byte, v safejs.Value) safejs.Value {
	missing := v.IsUndefined()
	switch {
	case of == ofDone || of == ofFailed:
		var some []safejs.Value
		each(v, func(one safejs.Value) {
			if (bridge.Object{Value: one}.Number("code") == 0) == (of == ofDone) {
				some = append(some, one)
			}
		})
		return bridge.NewArray(some...)
	case of == ofGroup:
		return pg.groups.result(v)
	case of == ofMember:
		return memberShape.complete(v)
	case of == ofMembers:
		return memberShape.completeAll(v)
	case missing && of == ofList:
		return bridge.NewArray()
	case missing && of == ofMap:
		return bridge.NewObject()
	case missing && of == ofNumber:
		return bridge.Int(0)
	}
	return v
}

// nonce is what the gateway recognises the repetition of a call by, after a
// lost connection.
func (i *instance) nonce() string {
	var random [8]byte
	i.host.Rand(random[:])
	var n uint64
	for _, b := range random {
		n = n<<8 | uint64(b)
	}
	return frame.Base36(n)
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

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// options of an instance.
//
//	interface CreateOptions {
//	  SDKAppID: number;      // or a string of digits
//	  proxyServer?: string;  // the gateway, ws(s):// or http(s)://; default: /ws of the page's origin
//	  name?: string;         // for a second account in one page
//	  // asked for a UserSig: by a login without one, before it ends, and when it has
//	  userSigProvider?: (userID: string, reason: 'login' | 'expiring' | 'expired') => Promise<string> | string;
//	}
type options struct {
	sdkAppID uint32 // 0: the gateway takes it from the UserSig
	name     string
	gateway  string
	provider safejs.Value // undefined for none
}

// key identifies an instance: TIM.create returns the same one for the same key.
func (o options) key() string { return digits(o.sdkAppID) + ":" + o.name }

func createOptions(given, defaults safejs.Value) (o options, f *fault.Error) {
	option := func(name string) safejs.Value {
		if v := bridge.Get(given, name); !v.IsUndefined() {
			return v
		}
		return bridge.Get(defaults, name)
	}
	if o.sdkAppID = appID(option("SDKAppID")); o.sdkAppID == 0 {
		return o, fault.New(fault.NoSDKAppID)
	}
	o.name, _ = bridge.Text(option("name"))
	if o.provider = option("userSigProvider"); !bridge.IsFunction(o.provider) {
		if !o.provider.IsUndefined() && !o.provider.IsNull() {
			return o, badArgument("TIM.create", "userSigProvider must be a function (userID, reason) that gives a UserSig or a promise of one")
		}
		o.provider = safejs.Undefined()
	}
	server := option("proxyServer")
	if server.IsUndefined() || server.IsNull() {
		if o.gateway = pageGateway(); o.gateway == "" {
			return o, badGateway("it is required here, because there is no page to take it from")
		}
		return o, nil
	}
	text, ok := bridge.Text(server)
	if !ok {
		return o, badGateway("it is not a string")
	}
	o.gateway, f = gatewayURL(text)
	return o, f
}

// appID accepts a positive whole number or a string of one; 0 is none.
func appID(v safejs.Value) uint32 {
	if _, digits := bridge.Text(v); digits {
		v = bridge.Call(safejs.Global(), "Number", v)
	}
	n, ok := bridge.Number(v)
	if !ok || n < 1 || n > 1<<32-1 || n != float64(uint32(n)) {
		return 0
	}
	return uint32(n)
}

func digits(n uint32) string {
	var b [10]byte
	i := len(b)
	for ; n > 0 || i == len(b); n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	return string(b[i:])
}

// gatewayPattern is for the host's own RegExp, which adds no code. Its groups are
// the s of the scheme, the host, and path and query. A fragment is left out,
// since the URL of a WebSocket has none.
const gatewayPattern = `^\s*(?:ws|http)(s?)://([^/?#\s@\\<>"]+)(?:/|(?=[?#\s]|$))([^#\s]*)(?:#\S*)?\s*$`

// gatewayURL turns what an app calls its gateway into the URL to dial: http
// becomes ws, and an empty path /ws.
func gatewayURL(text string) (string, *fault.Error) {
	pattern, err := bridge.Global("RegExp").New(gatewayPattern, "i")
	if err != nil {
		return "", badGateway(err.Error())
	}
	match := bridge.Call(pattern, "exec", bridge.String(text))
	if !bridge.IsObject(match) {
		return "", badGateway(text + " is not such a URL")
	}
	scheme, host, path := "ws", group(match, "2"), group(match, "3")
	if group(match, "1") != "" {
		scheme = "wss"
	}
	if path == "" || path[0] == '?' {
		path = "ws" + path
	}
	return scheme + "://" + host + "/" + path, nil
}

func group(match safejs.Value, n string) string {
	text, _ := bridge.Text(bridge.Get(match, n))
	return text
}

func badGateway(detail string) *fault.Error {
	return &fault.Error{
		Code:    fault.InvalidOperation,
		Message: "The gateway's URL cannot be used: pass TIM.create({proxyServer: 'wss://im.example.com'}) (" + detail + ").",
	}
}

// pageGateway returns /ws of the page's own origin, or "" if it has none.
func pageGateway() string {
	origin, _ := bridge.Text(bridge.Get(bridge.Global("location"), "origin"))
	gateway, f := gatewayURL(origin) // "null" for files and data URLs
	if f != nil {
		return ""
	}
	return gateway
}

// loginOptions reads the arguments of login. Missing ones and those of another
// type become "", which the session rejects.
//
//	interface LoginOptions { userID: string; userSig?: string } // without one, userSigProvider is asked
func loginOptions(v safejs.Value) (userID, userSig string) {
	userID, _ = bridge.Text(bridge.Get(v, "userID"))
	userSig, _ = bridge.Text(bridge.Get(v, "userSig"))
	return userID, userSig
}

// listenerOptions reads the arguments of on, once and off; bad ones throw.
func listenerOptions(method string, args []safejs.Value) (name string, handler, context safejs.Value, f *fault.Error) {
	name, ok := bridge.Text(bridge.Arg(args, 0))
	handler = bridge.Arg(args, 1)
	switch {
	case !ok || name == "":
		f = badArgument(method, "the event's name must be a string, such as TIM.EVENT.SDK_READY")
	case !bridge.IsFunction(handler):
		f = badArgument(method, "the handler of "+name+" must be a function")
	}
	return name, handler, bridge.Arg(args, 2), f
}

func badArgument(method, detail string) *fault.Error {
	return &fault.Error{Code: fault.InvalidOperation, Message: method + " was called with bad arguments: " + detail + "."}
}

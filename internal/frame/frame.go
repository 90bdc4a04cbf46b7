// Package frame is the wire between tim.wasm and timd, on one page.
//
// WebSocket, text frames, JSON-RPC 2.0, subprotocol "tim.v1", one frame a
// request, response or notification. A frame is at most MaxFrame bytes.
//
//	client                                   gateway
//	  | -- login {…} ----------------------->  |  first frame; or the socket stands by, StandBy at most
//	  | <------------- {sdkAppID, userID, …} -- |  within LoginTimeout
//	  | -- ping, renew, noun.verb ---------->  |
//	  | <--------------------------- results -- |
//	  | <---------------- notifications ------- |
//	  | -- logout --------------------------->  |  {} and then close 4001
//	  | <---------------- evicted {type} ------ |  the last frame, then close 4000
//	  | <---------------- drain --------------- |  planned restart: close 4100 follows, come back elsewhere
//
// Requests of the client:
//
//	login {userID, userSig, platform, instance, doc, intent, sdkAppID?}
//	    -> {sdkAppID, userID, instanceID, serverTime, expiresIn, heartbeat, farewell, resumed}
//	    instance  secret of 128 random bits, hex, made by the client
//	    doc       nonce of the page's memory, hex
//	    intent    "new" (the app called login; may evict) or "resume" (the SDK
//	              reconnects; never evicts)
//	    serverTime, expiresIn, heartbeat  ms: the gateway's clock, what is left
//	              of the UserSig, the longest silence between two frames
//	    farewell  opaque; says logout for this place without the UserSig
//	    resumed   whether the place was there already
//	    The frame is idempotent: the same instance gets the same place.
//	    CodeDuplicate answers an instance that lives in another page: take a
//	    fresh instance and repeat.
//	logout {} -> {}
//	farewell {token} -> {}            before login, too; ends the place the token names
//	renew {userSig} -> {expiresIn}
//	ping {} -> {serverTime}
//	room.visit {sdkAppID, groupID} -> {}   before login, once: what is said in a live room is
//	    pushed as the notification messages, until the socket logs in or closes
//
// Further methods and notifications are named noun.verb and by noun:
// methods_gen.go lists them all with their params and results, grouped by
// family. What those of messages, conversations and people mean stands in
// package inbox, and which fields are left out because their value is the usual
// one; those of contacts in package contacts, those of groups in package group.
//
// Notifications of the gateway: evicted {type}, drain {}.
//
// A client keeps Rate, Burst and Window, and ByteRate and ByteBurst, below which
// the largest messages at the rate of messages are; one that does not is closed
// with 4103.
// Until a socket has logged in it keeps MaxEarlyFrame, EarlyRate and
// EarlyBurst, and only login, farewell, ping and one room.visit are taken, and a
// logout behind a login; all else is answered with NotLoggedIn (2024).
//
// Errors carry the codes of package fault; the negative ones are JSON-RPC's.
// Close codes 4000–4099 are final for the session, 4100–4199 and the standard
// ones mean: come back.
//
//	frame.go      the wire, its limits, close codes and bodies
//	userid.go     the one rule for UserIDs
//	messageid.go  a message's ID: its sender and its time
//	nonce.go      by what the repetition of a call is known
package frame

import "github.com/tim-wasm/tim/internal/fault"

// Subprotocol is offered and chosen in the WebSocket handshake.
const Subprotocol = "tim.v1"

// Limits that both sides hold.
const (
	MaxFrame = 64 << 10 // bytes of one frame
	MaxDepth = 32       // nesting of objects and arrays in one frame
	Rate     = 50       // frames a second that a client may send, sustained
	Burst    = 200      // frames at once
	Window   = 16       // requests ahead of their answers: this many of the largest may wait at a gateway
	MaxID    = 1 << 53  // request ids are whole numbers below this

	ByteRate  = 512 << 10 // bytes a second that a client may send, sustained
	ByteBurst = 4 << 20   // bytes at once

	// Before the login, when there is nobody yet to charge: a frame holds the
	// largest UserSig, and the rate allows a few repetitions of a login.
	MaxEarlyFrame = 8 << 10
	EarlyRate     = 1
	EarlyBurst    = 20
)

// Times of the protocol, in ms.
const (
	StandBy     = 60_000 // how long a socket may wait before its first frame
	Heartbeat   = 20_000 // the client pings after this much silence
	PongWithin  = 8_000  // and gives up the link when no answer comes within this time
	ProbeWithin = 3_000  // the same, right after the page was shown again
)

// Intents of a login frame.
const (
	IntentNew    = "new"
	IntentResume = "resume"
)

// Close codes of the gateway. 4000–4099 are final for the session.
const (
	CloseEvicted   = 4000 // after an evicted frame
	CloseLoggedOut = 4001 // after logout
	CloseRejected  = 4002 // after a login that was refused for good
	CloseRoomOver  = 4003 // of a visitor whose live room was dismissed

	CloseDrain        = 4100 // planned restart
	CloseStandBy      = 4101 // nothing came within StandBy
	CloseLoginTimeout = 4102 // the login did not finish in time
	CloseFlood        = 4103 // over Rate or ByteRate
	CloseSlow         = 4104 // the client does not read
	CloseSuperseded   = 4105 // a newer socket is attached for the same instance
	CloseBadFrame     = 4106 // not a frame: too large, too deep, not JSON-RPC
	CloseRecheck      = 4107 // the gateway can no longer vouch for this session
	CloseTryLater     = 4108 // too many logins, or too many with invalid UserSigs, or too many visitors

	closeBusy   = 4200 // to 4299: more logins at once than can be answered in time
	busyStep    = 250  // ms that each of these is later than the one before
	closeBusies = 100
)

// CloseBusy returns the close code that has a client come back after so many ms, or
// after the longest time that can be said.
func CloseBusy(ms int64) int { return closeBusy + int(min(ms/busyStep, closeBusies-1)) }

// BusyFor returns the ms after which a client may come back; 0 if a close code does
// not say.
func BusyFor(closeCode int) int64 {
	if n := uint(closeCode - closeBusy); n < closeBusies {
		return int64(n * busyStep)
	}
	return 0
}

// FinalClose reports whether a close code ends the session for good.
func FinalClose(code int) bool { return code >= 4000 && code <= 4099 }

// Codes of JSON-RPC and of the protocol itself, beside those of package fault.
const (
	CodeParse     fault.Code = -32700
	CodeInvalid   fault.Code = -32600
	CodeNoMethod  fault.Code = -32601
	CodeBadParams fault.Code = -32602
	// CodeDuplicate means that the instance lives in another page of the same
	// browser.
	CodeDuplicate fault.Code = -32010
)

// Types of an eviction: KICKED_OUT's data.type.
const (
	KickMultipleAccount = "multipleAccount"
	KickMultipleDevice  = "multipleDevice"
	KickUserSigExpired  = "userSigExpired"
	KickRESTAPI         = "REST_API_Kick"
)

// Body is a parsed JSON object. The core reads single fields and otherwise
// passes it on unread: in wasm it is the host's own parsed object, in Go raw
// JSON.
type Body interface {
	// Text returns a string field, "" when it is absent or not a string.
	Text(key string) string
	// Number returns a number field cut to a whole number, 0 when it is absent
	// or not a number.
	Number(key string) int64
	// Bool reports whether a field is true.
	Bool(key string) bool
	// Has reports whether a field is there.
	Has(key string) bool
	// Object returns a field that is an object or a list, nil otherwise.
	Object(key string) Body
	// List returns the objects of a list; other values in it are left out.
	List(key string) []Body
	// Texts returns the strings of a list; other values in it are left out.
	Texts(key string) []string
	// Numbers returns the numbers of a list, cut to whole ones; other values in it
	// are left out.
	Numbers(key string) []int64
}

// Field is one member of an object that is to be sent or emitted. Value is a
// string, int64, int, bool, []string, []int64, []Body, Fields, or a Body.
type Field struct {
	_     [0]func() // no ==, of which tim.wasm would contain one for each length of a literal
	Key   string
	Value any
}

// Fields is a small JSON object, in order. It is a Body itself.
type Fields []Field

// Text implements Body.
func (f Fields) Text(key string) string { s, _ := f.value(key).(string); return s }

// Number implements Body.
func (f Fields) Number(key string) int64 {
	switch n := f.value(key).(type) {
	case int64:
		return n
	case int:
		return int64(n)
	}
	return 0
}

// Bool implements Body.
func (f Fields) Bool(key string) bool { b, _ := f.value(key).(bool); return b }

// Has implements Body.
func (f Fields) Has(key string) bool {
	for _, m := range f {
		if m.Key == key {
			return true
		}
	}
	return false
}

// Object implements Body.
func (f Fields) Object(key string) Body { b, _ := f.value(key).(Body); return b }

// List implements Body.
func (f Fields) List(key string) []Body { l, _ := f.value(key).([]Body); return l }

// Texts implements Body.
func (f Fields) Texts(key string) []string { l, _ := f.value(key).([]string); return l }

// Numbers implements Body.
func (f Fields) Numbers(key string) []int64 { l, _ := f.value(key).([]int64); return l }

func (f Fields) value(key string) any {
	for _, m := range f {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// Message is one frame that has arrived. A response has no Method; a
// notification has no ID.
type Message struct {
	ID     int64
	Method string
	Body   Body         // params or result; nil when there is none
	Err    *fault.Error // of a response
}

// Request is one frame that is to be sent; ID 0 makes it a notification.
type Request struct {
	ID     int64
	Method string
	Params Body
}

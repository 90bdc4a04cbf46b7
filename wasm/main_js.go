//go:build js && wasm

// Command wasm is tim.wasm: the login, session and message SDK of a
// web instant-messaging client, for wasm_exec.js of the Go that built it.
//
// A loader that has put a function __timLoader into the global scope is passed
// {TIM, version}, and nothing is installed; of TIM it gets only create, because it
// has all else before the module is there. Started without one, the module
// installs globalThis.TIM and globalThis.tim, which exist as soon as go.run
// returns control.
//
//	main_js.go          the start
//	sdk_js.go           the runtime: instances, and how a call reaches one
//	client_js.go        the table of methods; login, events and state
//	options_js.go       checks the options that apps pass
//	provider_js.go      UserSigs that the app gives when asked
//	relays_js.go        methods that only ask the gateway
//	unbuilt_js.go       methods that are not built
//	carry_js.go         carries out the mailbox's effects on JavaScript objects
//	objects_js.go       one object for each message; weak references, frozen copies
//	shape_js.go         the fields that every Message and Conversation has
//	message_js.go       create…Message, sendMessage, resendMessage
//	rich_js.go          faces, locations, forwarded messages
//	merged_js.go        messages that hold other ones
//	media_js.go         messages that name files: chosen, uploaded
//	payload_js.go       what of them goes over the wire, and what a page sees
//	history_js.go       getMessageList and …Hopping, findMessage, revoke, delete
//	edits_js.go         modifyMessage
//	signalling_js.go    invitations: their messages, events and timer
//	receipts_js.go      receipts of single messages
//	reactions_js.go     reactions to them
//	pins_js.go          messages of groups that are pinned
//	extensions_js.go    keys and values that readers add to them
//	topics_js.go        topics of communities
//	conversation_js.go  the list of conversations, read marks
//	settings_js.go      pin, draft, custom data, deleting
//	own_js.go           how to hear of a conversation
//	people_js.go        profiles and statuses
//	search_js.go        searches
//	group_js.go         groups: what needs more than a row of the table; one object each
//	groupchat_js.go     conversations of groups: their profiles, whose a message is
package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

func main() {
	s := newSDK()
	if loader := bridge.Global("__timLoader"); bridge.IsFunction(loader) {
		given := bridge.Wrap("TIM", s.tim)
		bridge.Put(given, "version", bridge.String(version))
		if _, err := loader.Invoke(given); err != nil {
			bridge.Report(bridge.Thrown(err))
		}
	} else {
		s.complete()
		scope := safejs.Global()
		bridge.Set(scope, "TIM", s.tim)
		// This instance learns its app from the UserSig, so it dials at its first login.
		bridge.Set(scope, "tim", s.instance(options{gateway: pageGateway()}).object)
	}
	select {} // JavaScript goes on calling the functions that it holds
}

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/signalling"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// method is one export of an instance. It returns a promise, or a value at once.
type method struct {
	name    string
	relay   *relay // a method that is a row of a table, instead of promise
	promise func(i *instance, args []safejs.Value, a *answer)
	open    bool // the promise method checks itself whether there is a session
	sync    func(i *instance, args []safejs.Value) (any, *fault.Error)
	dead    func() any // what a sync method returns after destroy; nil throws 2903
}

// methods of an instance, without the relays. onUnbuilt answers those of the original
// that are missing here.
var methods []method

func init() { methods = built[:] } // the methods refer to it, so it cannot have them in its declaration

// methodAt returns the method with a number: the relays follow the others.
func methodAt(n int) method {
	if n < len(methods) {
		return methods[n]
	}
	r := &relays[n-len(methods)]
	return method{name: r.name, relay: r}
}

func methodCount() int { return len(methods) + len(relays) }

// built is laid out by the compiler. A list that is made and grown at the start takes a
// tenth of the memory that Go has then.
var built = [...]method{
	{name: "login", promise: (*instance).login, open: true},
	{name: "logout", promise: (*instance).logout, open: true},
	{name: "destroy", promise: (*instance).destroy, open: true},
	{name: "renewUserSig", promise: (*instance).renewUserSig},
	{name: "sendMessage", promise: (*instance).sendMessage, open: true},
	{name: "resendMessage", promise: (*instance).resendMessage, open: true},
	{name: "downloadMergerMessage", promise: (*instance).downloadMergerMessage},
	{name: "revokeMessage", promise: (*instance).revokeMessage},
	{name: "modifyMessage", promise: (*instance).modifyMessage},
	{name: "sendMessageReadReceipt", promise: (*instance).sendMessageReadReceipt},
	{name: "getMessageReadReceiptList", promise: (*instance).getMessageReadReceiptList},
	{name: "getGroupMessageReadMemberList", promise: (*instance).getGroupMessageReadMemberList},
	{name: "addMessageReaction", promise: reactTo("addMessageReaction", false)},
	{name: "removeMessageReaction", promise: reactTo("removeMessageReaction", true)},
	{name: "getMessageReactions", promise: (*instance).getMessageReactions},
	{name: "getAllUserListOfMessageReaction", promise: (*instance).getAllUserListOfMessageReaction},
	{name: "setMessageExtensions", promise: (*instance).setMessageExtensions},
	{name: "getMessageExtensions", promise: (*instance).getMessageExtensions},
	{name: "deleteMessageExtensions", promise: (*instance).deleteMessageExtensions},
	{name: "deleteMessage", promise: (*instance).deleteMessage},
	{name: "getMessageList", promise: (*instance).getMessageList},
	{name: "getMessageListHopping", promise: (*instance).getMessageListHopping},
	{name: "setMessageRead", promise: (*instance).setMessageRead},
	{name: "setAllMessageRead", promise: (*instance).setAllMessageRead},
	{name: "getConversationList", promise: (*instance).getConversationList},
	{name: "getConversationProfile", promise: (*instance).getConversationProfile},
	{name: "deleteConversation", promise: (*instance).deleteConversation},
	{name: "pinConversation", promise: (*instance).pinConversation},
	{name: "setConversationDraft", promise: (*instance).setConversationDraft},
	{name: "setConversationCustomData", promise: (*instance).setConversationCustomData},
	{name: "setMessageRemindType", promise: (*instance).setMessageRemindType},
	{name: "setAllReceiveMessageOpt", promise: (*instance).setAllReceiveMessageOpt},
	{name: "clearHistoryMessage", promise: (*instance).clearHistoryMessage},
	{name: "getMyProfile", promise: (*instance).getMyProfile},
	{name: "getUserProfile", promise: (*instance).getUserProfile},
	{name: "updateMyProfile", promise: (*instance).updateMyProfile},
	{name: "searchCloudMessages", promise: (*instance).searchCloudMessages},
	{name: "searchCloudUsers", promise: (*instance).searchCloudUsers},
	{name: "searchCloudGroups", promise: (*instance).searchCloudGroups},
	{name: "getFriendList", promise: contactList(mailbox.Friends)},
	{name: "getFriendApplicationList", promise: contactList(mailbox.FriendApplications)},
	{name: "getFriendGroupList", promise: contactList(mailbox.FriendGroups)},
	{name: "subscribeUserStatus", promise: (*instance).subscribeUserStatus},
	{name: "unsubscribeUserStatus", promise: (*instance).unsubscribeUserStatus},
	{name: "getGroupList", promise: (*instance).getGroupList},
	{name: "getGroupProfile", promise: (*instance).getGroupProfile},
	{name: "getGroupMemberList", promise: (*instance).getGroupMemberList},
	{name: "getGroupApplicationList", promise: (*instance).getGroupApplicationList},
	{name: "handleGroupApplication", promise: (*instance).handleGroupApplication},
	{name: "getJoinedCommunityList", promise: (*instance).getJoinedCommunityList},
	{name: "updateTopicProfile", promise: (*instance).updateTopicProfile},
	{name: "getTopicList", promise: (*instance).getTopicList},
	{name: "pinGroupMessage", promise: (*instance).pinGroupMessage},
	{name: "getPinnedGroupMessageList", promise: (*instance).getPinnedGroupMessageList},
	{name: "increaseGroupCounter", promise: (*instance).increaseGroupCounter},
	{name: "decreaseGroupCounter", promise: (*instance).decreaseGroupCounter},
	{name: "invite", promise: (*instance).invite},
	{name: "inviteInGroup", promise: (*instance).inviteInGroup},
	{name: "accept", promise: answerInvitation(signalling.Accept)},
	{name: "reject", promise: answerInvitation(signalling.Reject)},
	{name: "cancel", promise: answerInvitation(signalling.Cancel)},
	{name: "modifyInvitation", promise: answerInvitation(signalling.Invite)},

	{name: "on", sync: (*instance).on, dead: nothing},
	{name: "once", sync: (*instance).once, dead: nothing},
	{name: "off", sync: (*instance).off, dead: nothing},
	{name: "addSignalingListener", sync: (*instance).on, dead: nothing},
	{name: "removeSignalingListener", sync: (*instance).off, dead: nothing},
	{name: "inviteSync", sync: inviteSync("invite")},
	{name: "inviteInGroupSync", sync: inviteSync(inGroup)},
	{name: "getSignalingInfo", sync: (*instance).getSignalingInfo, dead: func() any { return safejs.Null() }},
	{name: "isReady", sync: (*instance).isReady, dead: func() any { return false }},
	{name: "getLoginUser", sync: (*instance).getLoginUser, dead: func() any { return "" }},
	{name: "getServerTime", sync: (*instance).getServerTime, dead: func() any { return 0 }},
	{name: "getLoginStatus", sync: (*instance).getLoginStatus, dead: func() any { return loginStatus("loggedOut", "destroyed") }},
	{name: "setLogLevel", sync: (*instance).setLogLevel, dead: nothing},
	{name: "registerPlugin", sync: (*instance).registerPlugin, dead: nothing},
	{name: "use", sync: (*instance).use, dead: nothing},
	{name: "createTextMessage", sync: (*instance).createTextMessage},
	{name: "createTextAtMessage", sync: (*instance).createTextAtMessage},
	{name: "createCustomMessage", sync: (*instance).createCustomMessage},
	{name: "createImageMessage", sync: (*instance).createImageMessage},
	{name: "createFileMessage", sync: (*instance).createFileMessage},
	{name: "createAudioMessage", sync: (*instance).createAudioMessage},
	{name: "createVideoMessage", sync: (*instance).createVideoMessage},
	{name: "createFaceMessage", sync: (*instance).createFaceMessage},
	{name: "createLocationMessage", sync: (*instance).createLocationMessage},
	{name: "createForwardMessage", sync: (*instance).createForwardMessage},
	{name: "createQuoteMessage", sync: (*instance).createQuoteMessage},
	{name: "createMergerMessage", sync: (*instance).createMergerMessage},
	{name: "getTotalUnreadMessageCount", sync: (*instance).getTotalUnreadMessageCount, dead: func() any { return 0 }},
	{name: "findMessage", sync: (*instance).findMessage, dead: func() any { return safejs.Null() }},
}

func nothing() any { return nil }

// login logs a user in. Missing or malformed arguments reject with 2002 or
// 2003; a second login while one is pending with 2025.
//
//	login(options: LoginOptions): Promise<{code: 0, data: {actionStatus: 'OK', errorCode: 0, errorInfo: string, repeatLogin?: true}}>
func (i *instance) login(args []safejs.Value, a *answer) {
	userID, userSig := loginOptions(bridge.Arg(args, 0))
	i.client.Login(userID, userSig, a.done)
}

// logout ends the session, with or without a network.
//
//	logout(): Promise<{code: 0, data: {}}>
func (i *instance) logout(_ []safejs.Value, a *answer) { i.client.Logout(a.done) }

// destroy ends the instance and releases everything that it held.
//
//	destroy(): Promise<{code: 0, data: {}}>
func (i *instance) destroy(_ []safejs.Value, a *answer) {
	if i.sdk.keys[i.key] == i {
		delete(i.sdk.keys, i.key) // a listener of SDK_DESTROY may create anew
	}
	i.client.Destroy(func(frame.Body, *fault.Error) {
		i.forget()
		a.resolve(bridge.NewObject())
	})
}

// renewUserSig replaces the UserSig of the running session.
//
//	renewUserSig(userSig: string): Promise<{code: 0, data: {}}>
func (i *instance) renewUserSig(args []safejs.Value, a *answer) {
	userSig, _ := bridge.Text(bridge.Arg(args, 0))
	if userSig == "" {
		a.reject(fault.New(fault.NoUserSig))
		return
	}
	i.client.Renew(userSig, a.done)
}

// on adds a listener; context becomes its `this`.
//
//	on(eventName: string, handler: (event: {name: string, data: any}) => void, context?: any): void
func (i *instance) on(args []safejs.Value) (any, *fault.Error) { return i.listen("on", args, false) }

// once adds a listener for one event.
//
//	once(eventName: string, handler: (event: {name: string, data: any}) => void, context?: any): void
func (i *instance) once(args []safejs.Value) (any, *fault.Error) { return i.listen("once", args, true) }

func (i *instance) listen(method string, args []safejs.Value, once bool) (any, *fault.Error) {
	name, handler, context, f := listenerOptions(method, args)
	if f == nil {
		i.emitter.On(name, handler, context, once)
		if isGroupEvent(name) {
			i.post(mailbox.WantGroups{})
		}
		if signalling.IsEvent(name) {
			i.wantSignals()
		}
	}
	return nil, f
}

// off removes every registration of a handler, or those with that context.
//
//	off(eventName: string, handler: Function, context?: any): void
func (i *instance) off(args []safejs.Value) (any, *fault.Error) {
	name, handler, context, f := listenerOptions("off", args)
	if f == nil {
		i.emitter.Off(name, handler, context)
	}
	return nil, f
}

// isReady is true from SDK_READY to SDK_NOT_READY, also while reconnecting.
//
//	isReady(): boolean
func (i *instance) isReady([]safejs.Value) (any, *fault.Error) { return i.client.Ready(), nil }

// getLoginUser returns the userID that is logged in, or an empty string.
//
//	getLoginUser(): string
func (i *instance) getLoginUser([]safejs.Value) (any, *fault.Error) { return i.client.User(), nil }

// getServerTime returns the gateway's clock in ms, 0 before the first login.
//
//	getServerTime(): number
func (i *instance) getServerTime([]safejs.Value) (any, *fault.Error) {
	return float64(i.client.ServerTime()), nil
}

// getLoginStatus returns the state of the login, for a page to show.
//
//	getLoginStatus(): {status: 'loggedOut' | 'loggingIn' | 'ready' | 'reconnecting' | 'loggingOut', reason: string}
func (i *instance) getLoginStatus([]safejs.Value) (any, *fault.Error) {
	return loginStatus(i.client.Status()), nil
}

func loginStatus(status, reason string) any {
	return bridge.ValueOf(frame.Fields{{Key: "status", Value: status}, {Key: "reason", Value: reason}})
}

// setLogLevel sets what is written to the console: 0 everything, 1 what matters
// in production and anything graver, 2 warnings and errors, 3 errors, 4 nothing.
//
//	setLogLevel(level: 0 | 1 | 2 | 3 | 4): void
func (i *instance) setLogLevel(args []safejs.Value) (any, *fault.Error) {
	level, ok := bridge.Number(bridge.Arg(args, 0))
	if !ok || level < 0 || level > 4 {
		i.sdk.log(2, "setLogLevel takes a number from 0 to 4")
		return nil, nil
	}
	i.sdk.logLevel = int(level)
	return nil, nil
}

// registerPlugin accepts every plugin of the original; none is needed, and
// none is used.
//
//	registerPlugin(options: Record<string, unknown>): void
func (i *instance) registerPlugin(args []safejs.Value) (any, *fault.Error) {
	names := bridge.Call(bridge.Global("Object"), "keys", bridge.Arg(args, 0))
	n, _ := names.Length()
	for k := range n {
		v, _ := names.Index(k)
		name, _ := bridge.Text(v)
		i.sdk.log(1, "the plugin "+name+" is accepted and not used")
	}
	return nil, nil
}

// use accepts the plugins of lite-chat, which needs them for what is built in
// here, and returns the instance.
//
//	use(plugins: object | object[]): ChatSDK
func (i *instance) use([]safejs.Value) (any, *fault.Error) { return i.object, nil }

//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// shape has all fields of one kind of object, with the values that most objects
// have. The gateway sends only fields that differ; package inbox says which.
type shape struct {
	text string
	js   safejs.Value // the text as a JavaScript string, once it was needed
}

// messageFields are the fields of a Message that has just been created, in an
// order that suits a person who reads them.
const messageFields = `{"ID":"","type":"","payload":{},"conversationID":"","conversationType":"C2C","to":"","from":"","flow":"in",` +
	`"time":0,"sequence":0,"clientSequence":0,"random":0,"priority":"Normal","status":"success","nick":"","avatar":"","nameCard":"",` +
	`"atUserList":[],"cloudCustomData":"","isRead":false,"isPeerRead":false,"isRevoked":false,"isDeleted":false,"isModified":false,` +
	`"isResend":false,"isSystemMessage":false,"isBroadcastMessage":false,"isSupportExtension":false,"needReadReceipt":false,` +
	`"readReceiptInfo":{},"hasRiskContent":false,"revoker":"","revokerInfo":{"userID":"","nick":"","avatar":""},"revokeReason":"","protocol":"JSON"`

var (
	// createdShape is a Message that is not sent yet, messageShape one that is.
	createdShape = shape{text: messageFields + `}`}
	messageShape = shape{text: messageFields + `,"clientTime":0,"onlineOnlyFlag":false,"position":0}`}

	conversationShape = shape{text: `{"conversationID":"","type":"C2C","subType":"","unreadCount":0,"lastMessage":null,"groupProfile":null,` +
		`"userProfile":null,"groupAtInfoList":[],"remark":"","isPinned":false,"messageRemindType":"AcceptAndNotify","markList":[],` +
		`"customData":"","conversationGroupList":[],"draftText":"","peerReadTime":0,"peerReadSequence":0}`}

	// lastShape is also the lastMessage of a conversation without messages. As in
	// the originals that is an object, because pages read its fields.
	lastShape = shape{text: `{"lastTime":0,"lastSequence":0,"fromAccount":"","messageForShow":"","payload":null,"type":"","isRevoked":false,` +
		`"cloudCustomData":"","onlineOnlyFlag":false,"nick":"","nameCard":"","version":0,"isPeerRead":false,"revoker":null,"position":0}`}

	// groupShape lacks selfInfo and lastMessage, which the gateway does not
	// send with every Group.
	groupShape = shape{text: `{"groupID":"","name":"","avatar":"","type":"","introduction":"","notification":"","ownerID":"","createTime":0,` +
		`"infoSequence":0,"lastInfoTime":0,"nextMessageSeq":0,"memberCount":0,"maxMemberCount":0,"muteAllMembers":false,"joinOption":"",` +
		`"inviteOption":"","groupCustomField":[],"isSupportTopic":false}`}
	memberShape = shape{text: `{"userID":"","nick":"","avatar":"","role":"","joinTime":0,"nameCard":"","muteUntil":0,"memberCustomField":[]}`}
	selfShape   = shape{text: `{"userID":"","role":"","joinTime":0,"nameCard":"","muteUntil":0,"messageRemindType":"AcceptAndNotify","memberCustomField":[]}`}

	topicShape = shape{text: `{"topicID":"","topicName":"","avatar":"","introduction":"","notification":"","unreadCount":0,"muteAllMembers":false,` +
		`"customData":"","groupAtInfoList":[],"lastMessage":null,"selfInfo":{}}`}

	applicationShape = shape{text: `{"applicant":"","applicantNick":"","groupID":"","groupName":"","applicationType":0,"userID":"","note":"",` +
		`"time":0,"authentication":"","messageKey":""}`}
)

// object returns a new object of a shape, which shares nothing with others: a
// page may change or freeze what is in it.
func (s *shape) object() safejs.Value {
	if s.js.IsUndefined() {
		s.js = bridge.String(s.text)
	}
	return bridge.Call(bridge.Global("JSON"), "parse", s.js)
}

// complete adds the fields of the shape that an object which has just been parsed
// lacks. It returns anything but an object unchanged.
func (s *shape) complete(parsed safejs.Value) safejs.Value {
	if !bridge.IsObject(parsed) {
		return parsed
	}
	return bridge.Call(bridge.Global("Object"), "assign", s.object(), parsed)
}

// completeAll does so for each element of a list, and returns an empty one where
// the list was left out.
func (s *shape) completeAll(list safejs.Value) safejs.Value {
	all := []safejs.Value{}
	each(list, func(v safejs.Value) { all = append(all, s.complete(v)) })
	return bridge.NewArray(all...)
}

func (pg *page) newConversation(id string) safejs.Value {
	c := conversationShape.object()
	bridge.Put(c, "conversationID", bridge.String(id))
	bridge.Put(c, "lastMessage", lastShape.object())
	switch groupID, ofGroup := groupOfConversation(id); {
	case ofGroup:
		bridge.Put(c, "type", bridge.String(convGroup))
		bridge.Put(c, "groupProfile", pg.groups.named(groupID))
	case id == convSystem:
		bridge.Put(c, "type", bridge.String(convSystem))
	default:
		peer := id[len(convC2C):]
		bridge.Put(c, "toAccount", bridge.String(peer)) // the originals' typings lack it, but pages read it
		bridge.Put(c, "userProfile", bridge.ValueOf(frame.Fields{
			{Key: "userID", Value: peer}, {Key: "nick", Value: ""}, {Key: "avatar", Value: ""},
		}))
	}
	return c
}

// groupOfConversation returns the group of a conversation, if it is a group's.
func groupOfConversation(id string) (groupID string, ok bool) {
	if len(id) <= len(convGroup) || id[:len(convGroup)] != convGroup {
		return "", false
	}
	return id[len(convGroup):], true
}

// completeConversation completes the objects in a Conversation that has just been
// parsed, not the Conversation itself: a field that it lacks has not changed.
func completeConversation(parsed safejs.Value) safejs.Value {
	if last := bridge.Field(parsed, "lastMessage"); bridge.IsObject(last) {
		bridge.Put(parsed, "lastMessage", lastShape.complete(last))
	}
	if !bridge.Field(parsed, countKeys[0]).IsUndefined() {
		for _, key := range countKeys {
			_ = parsed.Delete(key)
		}
	}
	return parsed
}

// countKeys are the fields of a group's conversation from which the mailbox has
// counted what is unread. They are none of the page's.
var countKeys = [...]string{"counted", "taken", "read", "readSequence"}

package attack

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// Methods lists every call of the wire.
func Methods() []string {
	return append(slices.Concat(frame.InboxMethods, frame.ContactMethods, frame.GroupMethods, frame.TimdMethods), frame.MediaTicket, frame.Login, frame.Logout, frame.Farewell, frame.RoomVisit, frame.Renew, frame.Ping)
}

// Caller is a page that is about to make calls, and what they are about.
type Caller struct {
	Page
	Rand      *rand.Rand
	Peer      string   // has a conversation with the page's user
	Users     []string // to be watched, blocked, asked about
	Positions []uint64 // of messages in that conversation
	Token     string   // of a farewell
}

// Params makes plausible parameters of a method, different ones at each call. It
// returns false if the suite does not know the method.
func (c *Caller) Params(method string) (any, bool) {
	make, ok := plausible[method]
	if !ok {
		return nil, false
	}
	return make(c), true
}

// conversation is the one with the peer, or now and then that of a topic.
func (c *Caller) conversation() string {
	if c.Rand.IntN(4) == 0 {
		return "GROUP" + c.topicOf(c.community())
	}
	return c.withPeer()
}

// withPeer is the conversation with the peer.
func (c *Caller) withPeer() string { return "C2C" + c.Peer }

// some picks at most n users.
func (c *Caller) some(n int) []string {
	n = min(n, len(c.Users))
	from := c.Rand.IntN(len(c.Users) - n + 1)
	return c.Users[from : from+n]
}

func (c *Caller) position() uint64 {
	if len(c.Positions) == 0 {
		return 1
	}
	return c.Positions[c.Rand.IntN(len(c.Positions))]
}

func (c *Caller) cursor() string {
	switch c.Rand.IntN(3) {
	case 0:
		return ""
	case 1:
		return "0.0"
	default:
		return fmt.Sprintf("%d.0", c.position())
	}
}

// MessageID makes an ID as a page of this user would.
func MessageID(user string, r *rand.Rand) string {
	var b [frame.MessageIDRandom]byte
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return frame.NewMessageID(user, time.Now().UnixMilli(), b)
}

type object = map[string]any

func none(*Caller) any { return object{} }

// inConversation adds parameters to the conversation's ID.
func inConversation(more func(c *Caller) object) func(c *Caller) any {
	return func(c *Caller) any {
		p := more(c)
		p["conversationID"] = c.conversation()
		return p
	}
}

// group is one of a few groups, which anybody may have made.
func (c *Caller) group() string {
	if c.Rand.IntN(4) == 0 {
		return c.community()
	}
	return fmt.Sprint("group", c.Rand.IntN(8))
}

// room is the one live room, which anybody may have made.
const room = "room"

// community is one of two groups that are communities with topics.
func (c *Caller) community() string { return fmt.Sprint("@TGS#_", c.Rand.IntN(2)) }

// topicOf is one of a few topics that a community may have.
func (c *Caller) topicOf(community string) string {
	return fmt.Sprint(community, frame.TopicMark, "_", c.Rand.IntN(3))
}

// inCommunity adds parameters to a community's ID and that of a topic.
func inCommunity(more object) func(c *Caller) any {
	return func(c *Caller) any {
		id := c.community()
		p := object{"groupID": id, "topicID": c.topicOf(id), "topicIDs": []string{c.topicOf(id), c.topicOf(id)}}
		maps.Copy(p, more)
		return p
	}
}

func nothing(*Caller) object { return object{} }

// inGroup adds parameters to a group's ID.
func inGroup(more func(c *Caller) object) func(c *Caller) any {
	return func(c *Caller) any {
		p := more(c)
		p["groupID"] = c.group()
		return p
	}
}

func members(userIDs []string) []object {
	out := make([]object, len(userIDs))
	for i, id := range userIDs {
		out[i] = object{"userID": id}
	}
	return out
}

func users(n int) func(c *Caller) any {
	return func(c *Caller) any { return object{"userIDs": c.some(n)} }
}

var plausible = map[string]func(c *Caller) any{
	frame.Login: func(c *Caller) any {
		return c.Page.Params([]string{frame.IntentNew, frame.IntentResume}[c.Rand.IntN(2)])
	},
	frame.Logout:    none,
	frame.Farewell:  func(c *Caller) any { return object{"token": c.Token} },
	frame.RoomVisit: func(c *Caller) any { return object{"sdkAppID": c.App, "groupID": room} },
	frame.Renew:     func(c *Caller) any { return object{"userSig": c.Sign()} },
	frame.Ping:      none,

	frame.InstanceList: none,
	frame.InstanceKick: func(c *Caller) any { return object{"instanceID": fmt.Sprintf("%064x", c.Rand.IntN(100))} },

	frame.SessionSync: func(c *Caller) any {
		p := object{"cursor": c.cursor()}
		if c.Rand.IntN(2) == 0 {
			p["watch"] = c.some(10)
		}
		return p
	},
	frame.SessionMore: none,

	frame.MessageSend: func(c *Caller) any {
		p := object{
			"id": MessageID(c.User, c.Rand), "to": c.Peer, "type": "TIMTextElem", "payload": object{"text": "hello"},
			"onlineUserOnly": c.Rand.IntN(4) == 0, "resend": c.Rand.IntN(4) == 0, "isSupportExtension": c.Rand.IntN(2) == 0,
		}
		if c.Rand.IntN(4) == 0 {
			p["to"], p["groupID"] = nil, c.topicOf(c.community())
		}
		if c.Rand.IntN(4) == 0 {
			p["quoteInfo"] = object{"msgID": MessageID(c.Peer, c.Rand), "messageTime": c.Rand.IntN(1 << 31), "messageSequence": c.position()}
		}
		return p
	},
	frame.MessageList: inConversation(func(c *Caller) object { return object{"count": 15} }),
	frame.MessageHop: inConversation(func(c *Caller) object {
		return object{"sequence": c.Rand.IntN(100), "time": c.Rand.Float64() * (1 << 34), "newer": c.Rand.IntN(2) == 0}
	}),
	frame.MessageRead:     inConversation(func(c *Caller) object { return object{"cursor": c.cursor()} }),
	frame.MessageReadAll:  func(c *Caller) any { return object{"cursor": c.cursor()} },
	frame.MessageDelete:   inConversation(func(c *Caller) object { return object{"positions": []uint64{c.position()}} }),
	frame.MessageRevoke:   inConversation(func(c *Caller) object { return object{"position": c.position()} }),
	frame.MessageReceipt:  inConversation(func(c *Caller) object { return object{"positions": []uint64{c.position()}} }),
	frame.MessageReceipts: inConversation(func(c *Caller) object { return object{"positions": []uint64{c.position()}} }),
	frame.MessageReaders: func(c *Caller) any {
		return object{"conversationID": "GROUP" + c.group(), "position": c.position(), "unread": c.Rand.IntN(2) == 0}
	},
	frame.MessageReact: inConversation(func(c *Caller) object {
		return object{"position": c.position(), "reactionID": fmt.Sprint(c.Rand.IntN(20)), "remove": c.Rand.IntN(2) == 0}
	}),
	frame.MessageReactions: inConversation(func(c *Caller) object { return object{"positions": []uint64{c.position()}} }),
	frame.MessagePin: func(c *Caller) any {
		return object{"conversationID": "GROUP" + c.group(), "position": c.position(), "isPinned": c.Rand.IntN(2) == 0}
	},
	frame.MessagePinned: func(c *Caller) any { return object{"conversationID": "GROUP" + c.group(), "before": c.position()} },
	frame.MessageReactors: func(c *Caller) any {
		return object{"conversationID": "GROUP" + c.group(), "position": c.position(), "reactionID": fmt.Sprint(c.Rand.IntN(20)), "next": c.Rand.IntN(3)}
	},
	frame.MessageExtend: inConversation(func(c *Caller) object {
		return object{"position": c.position(), "extensions": []object{{"key": fmt.Sprint(c.Rand.IntN(20)), "value": "x", "seq": c.Rand.IntN(3)}}, "remove": c.Rand.IntN(2) == 0}
	}),
	frame.MessageExtensions: inConversation(func(c *Caller) object { return object{"position": c.position()} }),
	frame.MessageSearch: func(c *Caller) any {
		return object{"keywordList": []string{[]string{"hello", "nowhere"}[c.Rand.IntN(2)]}, "count": 1 + c.Rand.IntN(100)}
	},
	frame.MessageModify: inConversation(func(c *Caller) object {
		return object{"position": c.position(), "payload": object{"text": "changed"}, "cloudCustomData": fmt.Sprint(c.Rand.IntN(100))}
	}),
	frame.MessageAck: func(c *Caller) any { return object{"cursor": c.cursor()} },

	frame.ConversationDelete: func(c *Caller) any {
		return object{"conversationIDs": []string{c.conversation()}, "clearHistory": c.Rand.IntN(2) == 0}
	},
	frame.RemindAllGet: none,
	frame.RemindAllSet: func(c *Caller) any {
		return object{"messageRemindType": "Discard", "startTime": c.Rand.IntN(100), "endTime": c.Rand.IntN(200), "isRepeated": c.Rand.IntN(2) == 0}
	},
	frame.ConversationClear: inConversation(func(*Caller) object { return object{} }),
	frame.ConversationPin:   inConversation(func(c *Caller) object { return object{"isPinned": c.Rand.IntN(2) == 0} }),
	frame.ConversationDraft: inConversation(func(c *Caller) object { return object{"draftText": fmt.Sprint(c.Rand.IntN(100))} }),
	frame.ConversationCustom: func(c *Caller) any {
		return object{"conversationIDs": []string{c.conversation()}, "customData": fmt.Sprint(c.Rand.IntN(100))}
	},
	frame.ConversationMark: func(c *Caller) any {
		return object{"conversationIDs": []string{c.conversation()}, "markType": 1 << c.Rand.IntN(63), "enableMark": c.Rand.IntN(2) == 0}
	},
	frame.ConversationRemind: func(c *Caller) any {
		return object{"conversationIDs": []string{c.conversation()}, "messageRemindType": []string{"AcceptAndNotify", "AcceptNotNotify", "Never"}[c.Rand.IntN(3)]}
	},
	frame.ConversationEnter: func(c *Caller) any {
		return object{"conversationIDs": []string{"GROUP" + c.topicOf(c.community())}}
	},
	frame.ConversationGroupList:   none,
	frame.ConversationGroupCreate: sorted,
	frame.ConversationGroupDelete: sorted,
	frame.ConversationGroupRename: sorted,
	frame.ConversationGroupAdd:    sorted,
	frame.ConversationGroupRemove: sorted,

	frame.ProfileGet: users(3),
	frame.ProfileSearch: func(c *Caller) any {
		return object{"keywordList": append(c.some(1), "nobody"), "count": 1 + c.Rand.IntN(100)}
	},
	frame.ProfileSet: func(c *Caller) any { return object{"nick": fmt.Sprint(c.Rand.IntN(100))} },

	frame.BlacklistGet:    none,
	frame.BlacklistAdd:    users(2),
	frame.BlacklistRemove: users(2),

	frame.StatusGet: users(5),
	frame.StatusSet: func(c *Caller) any { return object{"customStatus": fmt.Sprint(c.Rand.IntN(100))} },
	// Two such calls watch as many users as one may, a third one too many.
	frame.StatusWatch: users(100),
	frame.MediaTicket: func(c *Caller) any {
		return object{"kind": "file", "size": 1 + c.Rand.IntN(1<<20), "fileName": "notes.txt"}
	},
	frame.StatusUnwatch: func(c *Caller) any { return object{"userIDs": c.some(100 * c.Rand.IntN(2))} },

	frame.FriendList:         none,
	frame.FriendApplications: none,
	frame.FriendGet:          users(3),
	frame.FriendCheck:        users(3),
	frame.FriendAdd: func(c *Caller) any {
		return object{"userID": c.Peer, "wording": fmt.Sprint(c.Rand.IntN(100)), "groupName": "g"}
	},
	frame.FriendDelete:      func(c *Caller) any { return object{"userIDs": []string{c.Peer}} },
	frame.FriendUpdate:      func(c *Caller) any { return object{"userID": c.Peer, "remark": fmt.Sprint(c.Rand.IntN(100))} },
	frame.FriendAccept:      func(c *Caller) any { return object{"userID": c.Peer} },
	frame.FriendRefuse:      func(c *Caller) any { return object{"userID": c.Peer} },
	frame.FriendWithdraw:    func(c *Caller) any { return object{"userID": c.Peer} },
	frame.FriendRead:        none,
	frame.FriendGroupList:   none,
	frame.FriendGroupCreate: func(c *Caller) any { return object{"name": "g", "userIDs": []string{c.Peer}} },
	frame.FriendGroupAdd:    func(c *Caller) any { return object{"name": "g", "userIDs": []string{c.Peer}} },
	frame.FriendGroupRemove: func(c *Caller) any { return object{"name": "g", "userIDs": []string{c.Peer}} },
	frame.FriendGroupDelete: func(c *Caller) any { return object{"name": "g"} },
	frame.FriendGroupRename: func(c *Caller) any { return object{"name": "g", "newName": "h"} },

	frame.GroupCreate: func(c *Caller) any {
		p := object{"name": "g", "type": []string{"Private", "Public", "ChatRoom"}[c.Rand.IntN(3)], "memberList": members(c.some(3))}
		switch c.Rand.IntN(4) {
		case 0:
			p["groupID"] = fmt.Sprint("group", c.Rand.IntN(8))
		case 1:
			p["groupID"], p["type"], p["isSupportTopic"] = c.community(), "Community", true
		case 2:
			p = object{"name": "g", "type": "AVChatRoom", "groupID": room}
		}
		return p
	},
	frame.GroupList:         none,
	frame.GroupGet:          func(c *Caller) any { return object{"groupIDs": []string{c.group(), c.group()}} },
	frame.GroupSearch:       inGroup(nothing),
	frame.GroupJoin:         inGroup(func(*Caller) object { return object{"applyMessage": "hello"} }),
	frame.GroupQuit:         inGroup(nothing),
	frame.GroupDismiss:      inGroup(nothing),
	frame.GroupUpdate:       inGroup(func(c *Caller) object { return object{"name": fmt.Sprint(c.Rand.IntN(100))} }),
	frame.GroupOwner:        inGroup(func(c *Caller) object { return object{"newOwnerID": c.Peer} }),
	frame.GroupMembers:      inGroup(func(*Caller) object { return object{"count": 100} }),
	frame.GroupMemberGet:    inGroup(func(c *Caller) object { return object{"userIDs": c.some(3)} }),
	frame.GroupInvite:       inGroup(func(c *Caller) object { return object{"userIDs": c.some(5)} }),
	frame.GroupKick:         inGroup(func(c *Caller) object { return object{"userIDs": c.some(5)} }),
	frame.GroupMute:         inGroup(func(c *Caller) object { return object{"userID": c.Peer, "muteTime": 60} }),
	frame.GroupRole:         inGroup(func(c *Caller) object { return object{"userID": c.Peer, "role": "Admin"} }),
	frame.GroupCard:         inGroup(func(c *Caller) object { return object{"nameCard": fmt.Sprint(c.Rand.IntN(100))} }),
	frame.GroupCustom:       inGroup(func(*Caller) object { return object{"memberCustomField": []object{{"key": "k", "value": "v"}}} }),
	frame.GroupApplications: none,
	frame.GroupHandle: inGroup(func(c *Caller) object {
		return object{"userID": c.Peer, "handleAction": "Agree", "authentication": "none"}
	}),
	frame.GroupOnline:           inGroup(nothing),
	frame.GroupAttributesGet:    inGroup(nothing),
	frame.GroupAttributesInit:   inGroup(func(*Caller) object { return object{"groupAttributes": object{"k": "v"}} }),
	frame.GroupAttributesSet:    inGroup(func(*Caller) object { return object{"groupAttributes": object{"k": "w"}} }),
	frame.GroupAttributesDelete: inGroup(func(*Caller) object { return object{"keyList": []string{"k"}} }),
	frame.GroupCountersGet:      inGroup(nothing),
	frame.GroupCountersSet:      inGroup(func(c *Caller) object { return object{"counters": object{"k": c.Rand.IntN(100)}} }),
	frame.GroupCountersAdd:      inGroup(func(*Caller) object { return object{"key": "k", "value": 1} }),

	frame.TopicCreate: inCommunity(object{"topicName": "t"}),
	frame.TopicUpdate: inCommunity(object{"topicName": "u"}),
	frame.TopicDelete: inCommunity(nil),
	frame.TopicList:   inCommunity(nil),
}

// Unknown lists the methods of the wire that the suite has no parameters for.
// Each new method needs a row in the table above.
func Unknown() []string {
	return slices.DeleteFunc(Methods(), func(m string) bool { return plausible[m] != nil })
}

// sorted is about a conversation group.
func sorted(c *Caller) any {
	name := func() string { return fmt.Sprint("group", c.Rand.IntN(30)) }
	return object{"groupName": name(), "newName": name(), "conversationIDs": []string{c.conversation()}}
}

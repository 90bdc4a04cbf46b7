package bus

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Names is the one list of what timd keeps on NATS and which subjects it uses.
// A new stream is added here, together with whether a backup holds it: package
// backup saves the streams of SavedStreams, in that order. In the patterns,
// app is an SDKAppID in digits; user, a and b are base64url of UserIDs.

// Streams and buckets. A bucket NAME is the stream KV_NAME with the subjects
// $KV.NAME.<key>.
const (
	// BucketUsers holds one record a user, who is online where: <app>.<user>.
	BucketUsers = "tim_users"
	// BucketConfig holds settings.<app>, seal, the key of farewell tokens, and
	// layout, the version of the store's layout.
	BucketConfig = "tim_config"
	// BucketLeases holds one lease a running gateway: <node>.<boot>.
	BucketLeases = "tim_leases"
	// BucketAccounts holds imported accounts: <app>.<user>.
	BucketAccounts = "tim_accounts"
	// BucketStats holds <app>.<yyyymmdd>: what happened on a day of UTC. A day ends
	// after 400 days.
	BucketStats = "tim_stats"
	// StreamEvents holds tim.event.<app>.<user>: the events that webhooks
	// report.
	StreamEvents = "tim_events"
	// StreamNotices holds tim.notice.<app>.<key>: what else webhooks are told, until
	// the receiver has accepted it; key is base64url of a UserID, or of @g and a
	// group ID. It is in no backup: what happened is elsewhere.
	StreamNotices = "tim_notices"
	// StreamAudit holds tim.audit.<app>.<kind>: what administrators did.
	StreamAudit = "tim_audit"
	// StreamHistory holds tim.past.<app>.<user>: the newest logins of a user, and how
	// they ended. It is in no backup: addresses are kept no longer than they must.
	StreamHistory = "tim_history"
	// StreamMessages holds tim.msg.<app>.<a>.<b>: one log a conversation, and
	// tim.msg.<app>.g.<group>: one a group. With
	// several partitions further streams hold the rest, see MessagesPartition.
	StreamMessages = "TIM_MSG"
	// StreamDocuments holds tim.doc.<app>.<user>.<kind>: what a user has set, and
	// what they have used of their quota.
	StreamDocuments = "TIM_DOC"
	// StreamConversations holds tim.conv.<app>.<user>.<h>.<conv>: what a user has
	// set for one conversation. h is one of 16 classes, a hexadecimal digit, by a
	// hash of conv; conv is c and base64url of the peer, or g and that of a group.
	StreamConversations = "TIM_CONV"
	// StreamCursors holds tim.cursor.<app>.<user>: up to where a user has
	// acknowledged. Nobody follows it.
	StreamCursors = "TIM_CURSOR"
	// StreamMarks holds tim.mark.<app>.<a>.<b>.<position>: revoked, deleted; of a
	// group tim.mark.<app>.g.<group>.<position>, and ….<position>.<user> for what a
	// user has deleted for themself.
	StreamMarks = "TIM_MARK"
	// StreamContacts holds tim.sns.<app>.<user>.<h>.<kind>.<entry>: one friend,
	// application or friend group of a user. h is one of 4 classes, by a hash of
	// kind and entry.
	StreamContacts = "TIM_SNS"
	// StreamGroups holds what is known of groups: tim.group.<app>.p.<group> the
	// profile, ….m.<group>.<h>.<user> a member, ….u.<user>.<group> that a user is
	// in a group, ….q.<group>.<user> who waits to come in, ….a.<group> attributes,
	// ….c.<group> counters. group is base64url of a group ID; h is one of 256
	// classes, two hexadecimal digits, by a hash of user.
	StreamGroups = "TIM_GROUP"
)

// Subjects of the streams that are not buckets, and of signals, which are
// never stored.
const (
	SubjectMessages      = "tim.msg."
	SubjectDocuments     = "tim.doc."
	SubjectConversations = "tim.conv."
	SubjectCursors       = "tim.cursor."
	SubjectMarks         = "tim.mark."
	SubjectContacts      = "tim.sns."
	SubjectGroups        = "tim.group."
	SubjectEvents        = "tim.event."  // <app>.<user>
	SubjectNotices       = "tim.notice." // <app>.<key>
	SubjectAudit         = "tim.audit."  // <app>.<kind>
	SubjectHistory       = "tim.past."   // <app>.<user>

	SubjectOnline     = "tim.live"      // messages for users who are online now
	SubjectStatus     = "tim.status"    // somebody came, went, or changed their status
	SubjectNoted      = "tim.noted"     // receipts, reactions and extensions, for who is online now
	SubjectRooms      = "tim.room."     // <h>: what is said in live rooms; h is one of 256 classes, by a hash of the room
	SubjectAllRooms   = "tim.rooms"     // what is said in all live rooms of an app
	SubjectRoomed     = "tim.roomed"    // how many are in which live rooms on a gateway
	SubjectRoomNewest = "tim.newest."   // <gateway>: the newest members of a live room, to the gateway that asks for them
	SubjectPresence   = "tim.live."     // <app>: what the console's feed shows
	SubjectGateway    = "tim.gateway."  // <node>.<boot>: kick, probe, drop, supersede
	SubjectSettings   = "tim.settings." // <app>: an app's settings have changed
)

// UserToken returns a UserID as a token of a subject, where not all of its
// characters may stand.
func UserToken(userID string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(userID))
}

// AppendUserToken appends a UserToken.
func AppendUserToken(b []byte, userID string) []byte {
	return base64.RawURLEncoding.AppendEncode(b, []byte(userID))
}

// UserOfToken is UserToken's inverse.
func UserOfToken(token string) (userID string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return string(b), err
}

// PeerToken returns the token of a one-to-one conversation in a subject of
// StreamConversations, conv.
func PeerToken(peer string) string { return "c" + UserToken(peer) }

// ConversationClasses is how many classes StreamConversations divides a user's
// conversations into.
const ConversationClasses = 16

// ConversationClass returns the class of a conversation by its token.
func ConversationClass(token string) uint32 { return Hash32(token) % ConversationClasses }

// ClassToken returns a class as a token of a subject, h.
func ClassToken(class uint32) string { return strconv.FormatUint(uint64(class), 16) }

// GroupToken is PeerToken for the conversation of a group.
func GroupToken(groupID string) string { return "g" + UserToken(groupID) }

// ConversationTail returns the tokens <h>.<conv> of a one-to-one conversation, with
// which a subject of StreamConversations ends.
func ConversationTail(peer string) string { return tail(PeerToken(peer)) }

// GroupTail is ConversationTail for the conversation of a group.
func GroupTail(groupID string) string { return tail(GroupToken(groupID)) }

func tail(conv string) string {
	return ClassToken(ConversationClass(conv)) + "." + conv
}

// Hash32 is FNV-1a. Classes and partitions of what is stored depend on it.
func Hash32(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// MaxPartitions is how many streams the logs of conversations can be divided
// among.
const MaxPartitions = 16

// MessagesPartition returns the stream that holds a partition of the logs,
// TIM_MSG_<n>, and what its subjects begin with in place of SubjectMessages:
// tim.msg-<n>. The first one, number 0, is StreamMessages with SubjectMessages.
func MessagesPartition(n int) (stream, prefix string) {
	if n == 0 {
		return StreamMessages, SubjectMessages
	}
	return StreamMessages + "_" + strconv.Itoa(n), strings.TrimSuffix(SubjectMessages, ".") + "-" + strconv.Itoa(n) + "."
}

// BucketStream returns the stream of a bucket.
func BucketStream(bucket string) string { return "KV_" + bucket }

// BucketSubject returns the subject of a bucket's key.
func BucketSubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// SavedStreams are the streams that a backup holds, in the order in which they
// are saved while gateways may be running: each refers only to what comes
// later, or is complete without it. Marks, cursors and conversations must not
// name messages that the file lacks, nor cursors conversations; a record of a
// user must not be newer than the events that it has handed over.
var SavedStreams = slices.Concat([]string{
	BucketStream(BucketConfig), BucketStream(BucketAccounts), BucketStream(BucketUsers), BucketStream(BucketStats),
	StreamEvents, StreamAudit, StreamMarks, StreamCursors, StreamDocuments, StreamContacts, StreamConversations, StreamGroups,
}, messagesStreams(), []string{StreamReferences, StreamFiles, StreamMedia})

func messagesStreams() []string {
	all := make([]string, MaxPartitions)
	for n := range all {
		all[n], _ = MessagesPartition(n)
	}
	return all
}

// Streams and subjects of media. A backup saves them behind the messages that
// name them: references before files, files before their chunks.
const (
	// StreamReferences holds tim.mref.<app>.<name>.<message>: a message that
	// names a file. It ages like messages.
	StreamReferences = "TIM_MREF"
	// StreamFiles holds tim.file.<app>.<name>: what is known of a file; besides
	// that tim.file.<app>.<user>.left, when an account was deleted, and
	// tim.file.swept, when files were last looked through.
	StreamFiles = "TIM_FILE"
	// StreamMedia holds tim.media.<app>.<name>.<part><n>: the chunks of a file.
	// part is empty but for smaller sizes of images.
	StreamMedia = "TIM_MEDIA"

	SubjectReferences = "tim.mref."
	SubjectFiles      = "tim.file."
	SubjectMedia      = "tim.media."
)

// Package inbox keeps messages, conversations, profiles, blacklists and
// custom statuses on NATS JetStream, and notifies the sessions of this gateway
// of what happens. It knows users and sessions, not sockets: a gateway attaches
// a Session to each place that it admitted, passes the client's calls to
// Session.Call, and provides a Push that queues a notification.
//
// # Files
//
//	inbox.go         Open and Close; passes documents from the bus to their users
//	options.go       Options, and what the inbox needs of others
//	ports.go         what it needs of a bus
//	store.go         the streams; charges each read and write
//	partitions.go    the logs are divided among one or several streams
//	keys.go          subjects, and cursors
//	work.go          owns the goroutines and timers
//
//	record.go        a record of a log, and the conversation's state in it
//	conversation.go  the log: newest record, append
//	history.go       reading the log: pages, newest records, Conversations
//	hopping.go       pages that begin at a sequence or at a time
//	edits.go         edits of messages
//	marks.go         what happens to a message later: read, revoked, deleted
//	receipts.go      receipts of single messages
//	groupreceipts.go receipts in groups, and who has given them
//	reactions.go     reactions to them
//	groupreactions.go the same in groups
//	extensions.go    keys and values that readers add to them
//	identity.go      which IDs a message may have; late repetitions of a send
//	elements.go      the payload of each type of message, and the files that it names
//	merged.go        messages that hold other ones
//	send.go          sending: the checks of a message, and its record
//	importing.go     messages of another system, with their own times
//	groupimport.go   the same for groups
//	quote.go         which message another one quotes
//	plain.go         what each message costs, and what is stored, read without encoding/json
//	write.go         the same, written
//	grouppage.go     messages of groups for the server API
//	hooks.go         the app's back end is asked and told of what is sent
//
//	c2cserver.go     what the server API does between two users
//	roam.go          it reads the messages of a time between them
//	clearing.go      how far a conversation is cleared or deleted
//	contacted.go     it lists a user's conversations, and takes one from the list
//	group.go         groups: membership, and its changes
//	groupsend.go     groups: sending
//	grouplive.go     groups: messages of live rooms, which are stored nowhere
//	groupserver.go   groups: what the server API does
//	bysender.go      groups: it revokes what one member has sent
//	groupunread.go   groups: it sets what is unread
//	serveredits.go   it edits messages
//	moderation.go    reading and revoking any stored message for administrators
//	pins.go          groups: pinned messages
//	topics.go        groups: topics of communities
//	groupmarks.go    groups: what a member has read or deleted; revoked messages
//	mentions.go      groups: which unread messages mention a member
//	groupview.go     groups: what every member is told, and what one
//	notice.go        what the system tells a user
//
//	docs.go          documents: read, cached, changed
//	settings.go      a user's settings of a conversation, one document each
//	room.go          how many of those a user may have, and which give way
//	peers.go         those documents for users who have a session here
//	forget.go        what is removed with a deleted account
//	profile.go       profiles and the blacklist
//	status.go        statuses; online-only messages
//	watch.go         notifies those who watch a user's status
//
//	deliver.go       brings new records to the users here, by receiving user
//	crowd.go         who here is in which group
//	user.go          the users here and their Sessions, and what these are told
//	idle.go          who was here a while ago
//	cursors.go       how far a user has acknowledged
//	sync.go          catching up: where it begins, its limits
//	list.go          catching up: conversations, and which of them have news
//	recent.go        catching up: which conversations cannot have news
//	missed.go        catching up: which messages were missed
//	part.go          catching up: what one call pushes
//	waiting.go       catching up: syncs that wait until the client asks for more
//	changes.go       pushes settings that change to the sessions here
//	compose.go       Message and Conversation as one user sees them
//
//	methods.go       how a call of a client is served
//	messagecalls.go  the calls: sessions and messages
//	listcalls.go     the calls: conversations and their settings
//	owncalls.go      the calls: marks of conversations, how to hear of them
//	convgroups.go    the calls: what a user sorts conversations into
//	remindall.go     the calls: a user's quiet hours
//	peoplecalls.go   the calls: profiles, blacklists, statuses
//	search.go        the calls: searches
//	beside.go        what rooms beside the inbox use of it
//	limits.go        how much a call may name; which calls add to the store
//	rates.go         how much a user may ask for, on this gateway
//	quota.go         how much a user may use, on all gateways together
//	quotadoc.go      the document of a user's quotas; what administrators see of it
//	cost.go          what a call costs
//	tracing.go       traces follow a message
//	stats.go         counters
//
// # Stores
//
// Five streams; a key holds base64url of a UserID, never the UserID.
//
//	TIM_MSG     tim.msg.<app>.<a>.<b>             one log a conversation; a <= b are its two users
//	            tim.msg.<app>.g.<group>           one log a group
//	TIM_CONV    tim.conv.<app>.<user>.<h>.<conv>  the newest of what a user keeps of a conversation
//	TIM_DOC     tim.doc.<app>.<user>.<kind>       the newest of: profile black status quota convgroups remindall
//	TIM_CURSOR  tim.cursor.<app>.<user>           the newest: up to where a user has acknowledged
//	TIM_MARK    tim.mark.<app>.<a>.<b>.<pos>      the newest of: revoked, edited, deleted by a or by b
//	            tim.mark.<app>.g.<group>.<pos>         … of a group, ….<pos>.<user>: deleted by user,
//	                                                   and ….<pos>.r: who has given a receipt
//	                                                   ….<pos>.q: who has reacted to it
//	            ….<pos>.x                              extensions of a message of either
//
// A record of TIM_MSG is a message, a read mark, a revocation or an edit, and carries
// the conversation's whole state after it: sequence, counts, both read marks
// and the positions of the last 15 messages. So the last record of a subject
// is the conversation, one read gives it, and the expected last sequence of
// the subject makes each append a compare-and-set: one order for everybody,
// sequence numbers without gaps. A position is a sequence number of the
// stream; it grows over all conversations, which makes it a cursor. With more
// partitions than one (partitions.go) there are further streams, TIM_MSG_<n> with
// tim.msg-<n>.<app>.<a>.<b>: a cursor has a number for each, and a position its
// partition's number above its lower 48 bits. How many there are stands in the
// key of the store's layout.
//
// A first message has a document made for both its users before it is stored, so
// every conversation that has a record is found through its users, but for
// those that have given way in a full class (room.go): they come back with their
// next message. h is one of 16 classes, by a hash of conv. A document is written
// only when it changes: when its user sets something, and once a day at most
// when they send or read something there.
//
// # Groups
//
// Package group says who is a member; a group's conversation is here. Its messages
// are stored once, whatever its size: a record of its log says who has sent it, and
// counts in Sent[0] what counts as unread. What one member has of it is in their
// document of TIM_CONV: whether and from which position on they are a member, what
// they have read, their settings. A message writes no document but its sender's.
//
//	unread = Sent[0] of the newest record − that of what was read − Taken in between
//
// Who joins or leaves has their document written first, with the position at which
// the log stands, then a record says it (GroupChanged). Both tell crowd.go, who of
// those that are here hears what: a member hears and reads what lies behind the
// position at which they joined, and no more once they have left. A starting session
// reads its documents, which enters it there, then where the follower is, then the
// newest records. A record of a group is one item for each worker of delivery that
// serves members, and one frame for all of them, with nothing in it of one alone.
//
// A log begins anew, with another Born, when a group is made with the ID of one that
// was dismissed.
//
// # Guarantees
//
//   - An acknowledged message is in JetStream: it survives kill -9 of timd and,
//     with --sync always or a cluster, loss of power.
//   - A message repeated with its sender and id is stored once: within
//     Options.Dedup (2 min) the stream recognises it, and one whose id is older
//     is looked for among the newest 1,000 messages of its conversation.
//   - An id is its sender's: package frame has its form, checkID (identity.go)
//     the rule. A foreign one, or one dated over 5 s ahead, is refused with 70402;
//     those of version 0.1.0, which name nobody, are taken for one release.
//   - Each gateway follows each stream without gaps from a position on
//     (bus/follow.go). A session catches up from the stores to a position
//     and gets the follower's records after it, so no lost signal loses a
//     message. What is said of one conversation has one order for everybody.
//     The cursor of an instance lives with the instance, moves with each frame
//     it has got, and is given back at its next sync: nothing twice, nothing
//     lost, whatever gateway it comes to. The cursor of a user is what any of
//     its instances acknowledged; a new login starts there, or after a crash and on
//     another gateway up to ackEvery before.
//   - A closed session is never pushed to: Session.Close (user.go) takes it out
//     under user.mu, and whoever pushes does so under that lock, to those that
//     are not closed.
//
// A revoked or deleted message is marked, not erased: its text stays in the
// stores, and in the backups, for as long as messages are kept
// (Options.MaxAge, Options.MaxCount), and a revoked one comes with its payload
// and isRevoked set. Pages show that it was revoked, not what it said.
//
// # Goroutines and locks
//
// A call runs on its caller's goroutine; Session.calls lets one at a time in.
// Records and documents come on one goroutine a follower, signals on one a
// subscription. The follower of the records queues most of them for the workers of
// delivery, which tell the sessions; a full queue holds it up. What runs besides
// them, timers included, is begun through Inbox.work, which Close waits for and
// which begins nothing after it; what belongs to a session looks at
// Session.closed under its lock before it enters anything anywhere, and
// Session.Close takes out what was entered.
//
// What must not happen twice at once and asks the bus meanwhile is done in turns
// (package turns). Whoever waits for one gives up when their call does. A
// goroutine that has a turn takes only those that follow it here:
//
//	Session.calls            one call of a session after the other
//	user.refreshing          what is told last was read last
//	conversation.appending   one order of a log's records
//	docs.writing             one writer of a document
//	Inbox.marking            one writer of the receipts, or extensions, of a message
//
// Each field names its lock where it is declared; what names none is never
// written after it was made. Locks are taken after turns. No lock is held across
// a call of the bus. A goroutine that holds one takes only those that follow it
// here:
//
//	the lock of a bus.Follower, Inbox.mu, user.mu
//
// and, below all of them and without taking another, conversations.mu,
// conversation.mu, docs.mu, rooms.mu, recent.mu, waiting.mu, idle.mu, unsaved.mu,
// near.mu, rates.mu, followed.mu, crowds.mu, groupFrames.mu, groupRates.mu and work.mu. A worker
// of delivery, or the follower for it, takes user.mu and what follows it; so whoever
// waits for one, as the follower does for room in a queue, holds none from Inbox.mu on.
//
// Options.Hooks are asked and told with Session.calls held at most: they may take
// seconds, and only their own session waits. Of what else a caller gave, Push is
// called with user.mu held, Options.Report and OnQuota with turns at most, and
// Options.Now and AfterFunc with any lock.
//
// # Calls
//
// userIDs and times (Unix seconds) are as in the original SDK; Message and
// Conversation have its fields and are composed for their receiver.
//
// A field that has its usual value is left out, and the SDK puts it back
// (wasm/shape_js.go). Of a Message and a lastMessage that is what is false, 0,
// "", null or empty; conversationType is C2C, status success, priority Normal.
// Of a Conversation only type, C2C, is left out: in an update, what else is absent
// has not changed. What users seldom set is in its field own {markList?,
// messageRemindType?, groups?}, which is left out while nothing of it is set: in an
// update that has isPinned, nothing is then.
//
//	session.sync {cursor?, watch?: [userID]} -> {cursor, resumed, more?}
//	    the answer is last: before it come conversations (all of them, or the
//	    changed ones after a cursor), messages (missed ones, the newest
//	    Options.Missed at most) and revoked. Live notifications follow.
//	session.more {} -> the same: goes on where more was true; 2905 once
//	    Options.SyncIdle has passed: then session.sync comes again
//	message.send {id, to, type, payload, cloudCustomData?, random?, clientTime?,
//	    onlineUserOnly?, resend?, needReadReceipt?, isSupportExtension?, quoteInfo?} -> {message}
//	    to a group with groupID instead of to, and atUserList?: 30 userIDs at most,
//	    or __kImSDK_MesssageAtALL__ for all. In a live room the message is stored
//	    nowhere and has no position; priority? is High, Normal, Low or Lowest.
//	    quoteInfo {msgID, messageTime, messageSequence} names a message that it quotes
//	message.list {conversationID, before?: position, count?} -> {messages, next, isCompleted}
//	    oldest first; fewer than count when they would not fit a frame, or when
//	    many have been deleted: then there may be none, and next goes on
//	message.hop {conversationID, sequence?, time?, newer?, count?, from?} ->
//	    {messages, isCompleted, next?, from?}
//	    a page that ends, or with newer begins, at a sequence of a group or at a time
//	    between two users; next is where the next one does. With from in the answer the
//	    place was not reached yet: the same call with that from goes on
//	message.read {conversationID, cursor?} -> {}
//	message.readAll {cursor?, next?} -> {next?}; goes on with next, where there is one
//	    up to the cursor: what came after it nobody has seen; a cursor behind
//	    which too much has come for it to be looked through marks nothing
//	message.delete {conversationID, positions: at most 30} -> {}
//	message.revoke {conversationID, position} -> {message}
//	message.modify {conversationID, position, version?, payload?, cloudCustomData?} -> {message, conflict?}
//	    version counts the edits that the client has seen; with conflict there are
//	    others, the message is the newest one and nothing was changed
//	message.search {keywordList?, keywordListMatchType?, senderUserIDList?, messageTypeList?,
//	    conversationID?, timePosition?, timePeriod?, count?, cursor?} -> {searchResultList, cursor}
//	    of each conversation {conversationID, messageCount, messageList}; there is
//	    more where the cursor is not empty, even if the list is
//	message.receipt {conversationID, positions: at most 30} -> {}
//	    of others' messages that need a read receipt; their senders are told
//	message.receipts {conversationID, positions: at most 30} -> {receipts: [{position, time}]}
//	    of those that have one, whoever sent them; in a group [{position, readCount,
//	    unreadCount}] of all that ask for receipts
//	message.readers {conversationID, position, unread?, cursor?, count?} ->
//	    {users: [{userID, nick, avatar}], cursor}
//	    to the sender of a message of a group: who has given a receipt for it, or who
//	    has not; 100 at most; the cursor of the last page is empty
//	message.react {conversationID, position, reactionID, remove?} -> {}
//	    both users, or all members, are told; 10 different ones a message
//	message.reactions {conversationID, positions: at most 15} ->
//	    {reactions: [{position, reactionList: [{reactionID, userIDs}]}], users: [{userID, nick, avatar}]}
//	    of those that have some; in a group each also has {totalUserCount, reactedByMyself?},
//	    and names the first 10 users, or fewer where the answer would not fit a frame
//	message.reactors {conversationID, position, reactionID, next?, count?} -> {users, next?}
//	    in a group: who has reacted so, 100 at most; there are more where next is not 0
//	message.pin {conversationID, position, isPinned} -> {}
//	    for all members of a group, who are told; 10 at most (10070)
//	message.pinned {conversationID, before?: position} -> {messages, next?}
//	    those that the member may see, newest first; goes on before next
//	message.extend {conversationID, position, extensions?: [{key, value?, seq}], remove?} ->
//	    {extensions: [{code, key, value}], seqs}
//	    sets 20 at most, or deletes them; with remove and none of them it deletes all. seq
//	    is the number of the last change of the key that the client knows of, 0 for none:
//	    if somebody else has changed it since, code is 23001 and value theirs. seqs has the
//	    number of each one's last change, with a minus sign if the key is gone. For
//	    messages that were sent with isSupportExtension, in groups, too
//	message.extensions {conversationID, position} -> {extensions: [{key, value}], seqs}
//	message.ack {cursor} -> {}; the answer comes a quarter of a second later, and a
//	    client that waits for it acknowledges once what it has shown meanwhile
//	conversation.delete {conversationIDs, clearHistory, cursor?} -> {}; up to the cursor,
//	    as in message.read, and what the user has written themself behind it
//	conversation.pin {conversationID, isPinned} -> {}
//	conversation.draft {conversationID, draftText} -> {}
//	conversation.custom {conversationIDs, customData} -> {done, failures?}
//	    done are conversationIDs, failures {conversationID, code} of those that were
//	    refused; if all were, the call is, with the first one's error
//	conversation.mark {conversationIDs, markType, enableMark} -> {done, failures?}
//	conversation.group.list {} -> {names}
//	conversation.group.create {groupName, conversationIDs?} -> {done, failures?}
//	conversation.group.delete {groupName}; conversation.group.rename {groupName, newName} -> {}
//	conversation.group.add {groupName, conversationIDs}; conversation.group.remove -> {done, failures?}
//	    a repetition changes nothing and is no error; 20 groups a user
//	conversation.remind {conversationIDs, messageRemindType} -> {done, failures?}
//	remindAll.set {messageRemindType, startTime, endTime, isRepeated} -> {}
//	remindAll.get {} -> {option: the same}
//	    quiet hours, in Unix seconds; the client acts on them
//	conversation.clear {conversationID, cursor?} -> {}; the same
//	conversation.enter {conversationIDs} -> {conversations, failures?: [{conversationID, code}]}
//	    of topics, of which the user hears from then on; as many as fit a frame: ask for
//	    the rest
//	profile.get {userIDs?} -> {profiles}; profile.set {…fields} -> {profile}
//	    profiles of the first users, as many as fit a frame, as with status.get
//	profile.search {keywordList?, keywordListMatchType?, userGenderType?, miniBirthday?,
//	    maxBirthday?, count?, cursor?} -> {searchResultList, cursor}; list of profiles
//	blacklist.get {} -> {userIDs}; blacklist.add {userIDs}; blacklist.remove {userIDs} -> {userIDs}
//	status.get {userIDs} -> {statuses}; status.set {customStatus} -> {status}
//	    a status costs its user as much of their rate as a message, and so does
//	    a profile
//	status.watch {userIDs}; status.unwatch {userIDs?} -> {}
//
// A conversationID is C2C and the peer's userID, GROUP and the groupID, or
// @TIM#SYSTEM for notices. In a group message.revoke is for the sender, and for the
// owner and the administrators at any time; message.modify is for the sender, and for
// every member if it changes cloudCustomData only. Who is no member is refused with
// 10007.
//
// A Message of a group has conversationType GROUP, and no flow, isRead or isPeerRead:
// the client knows them from from and from what its user has read. A Conversation of
// a group has the type GROUP and besides {counted, taken?, read, readSequence,
// groupAtInfoList?}; to all members only {conversationID, type, counted, taken?,
// lastMessage?} of it is said.
//
// # Notifications
//
//	conversations {conversations, all?, removed?, more?, cursor?, reset?}
//	    each is a whole Conversation, or only the fields that changed;
//	    reset: positions begin anew, for the stores were set back
//	messages {messages, missed?, more?, conversations?, cursor?}
//	revoked {messages, conversations?, cursor?, position}  position is the revocation's
//	modified: the same of an edit
//	read {conversationID, sequence, time, cursor}  the peer has read up to sequence
//	receipts {conversationID, receipts: [{ID, position, time}]}  the peer has given them;
//	    in a group [{ID, position, readCount, unreadCount}]: a smaller readCount may come
//	    after a larger one. This is a hint for who is online: a history says it, too,
//	    to the sender of each message, as readReceiptInfo
//	reactions {conversationID, position, version, reactionID, data: {messageID, reactionList}}
//	    one has changed: a hint, too; an older version may come after a newer one
//	pinned {messages: [Message], isPinned?, operator: {userID, nick, avatar}, cursor, position}
//	    a message of a group is pinned, or no longer; position is that of this record
//	extensions {conversationID, position, messageID, extensions, seqs}
//	    some were set or deleted: a hint, too, to all who may read the message
//	profile {profile}   blacklist {userIDs}   status {statuses}   remindAll {option}
//
// more means that the next notification of that name continues this one.
//
// A cursor is 2.<settings>.<position>…: up to where the instance knows what its
// user keeps of conversations, and how far it is in each partition. A client
// merges those that come, of each number the larger one counts, as a frame may
// name what it brings and 0 for the rest; after a reset it begins with none. Of
// the form of version 0.1.0, <position>.<settings>, the position counts. A
// message is a repetition if its position is not behind the newest that came of
// its conversation: those of other conversations say nothing about it.
package inbox

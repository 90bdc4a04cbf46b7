// Package group keeps groups on NATS JetStream: their profiles, their members,
// who may do what, applications, attributes and counters. It knows users and
// sessions, not sockets, as package inbox does.
//
// # Files
//
//	rules.go         who may do what, by type, as one table
//	limits.go        size limits of what members set; the rule for group IDs
//	params.go        checks of a call's parameters
//
//	room.go          Open and Close; Options
//	jobs.go          background jobs
//	keys.go          subjects
//	record.go        the documents
//	store.go         reads and changes of documents
//	turn.go          changes of membership, one at a time
//	rates.go         how often a user may change something, on this gateway
//
//	methods.go       serves the calls of clients
//	server.go        serves the calls of the server API
//	importing.go     groups and members of another system
//	hooks.go         what the app's back end is asked and told
//	standing.go      what package inbox needs to know of a member
//	create.go        groups are created and dismissed
//	members.go       members join, quit and are removed
//	groupcounts.go   in how many groups a user is
//	invite.go        members bring others in
//	setmember.go     role, mute, name card and custom fields of a member
//	profile.go       profiles, and who owns a group
//	live.go          live rooms: made, joined, left, and who is banned from them
//	farewell.go      what those hear who are taken out of one
//	visit.go         somebody without a login listens to one
//	present.go       who is in a live room now, as lists show them
//	moves.go         what members and hooks are told of who comes and goes there
//	banned.go        who is banned from a live room, and may come back early
//	held.go          how many bans and mutes a live room may have
//	list.go          a user's groups; a group's members; how many are online
//	directory.go     all groups of an app, for administrators
//	applications.go  applications to join, and how they are handled
//	managers.go      who may handle them
//	attributes.go    attributes and counters
//	topics.go        topics of communities: their documents, how they are made and changed
//	topiclist.go     topics of communities: lists, and how they are deleted
//	forget.go        a deleted account leaves its groups
//	tidy.go          removes the documents that a dismissed group leaves
//
//	tips.go          tips and notices: messages that report changes
//	announce.go      the app's own notices to members
//	listeners.go     the users on this gateway who are notified, and of which groups
//	follow.go        notifies them of changes made on any gateway
//	news.go          notifications about the receiver, at a limited rate
//	shape.go         groups, members and notifications as clients see them
//
// # Stores
//
// One stream, TIM_GROUP, holds documents. Each is changed by compare-and-set.
// group and user are IDs in base64url.
//
//	tim.group.<app>.p.<group>             the profile, the owner, how many members
//	tim.group.<app>.m.<group>.<h>.<user>  a member, or a former one; h is one of 256 classes, by a hash of user
//	tim.group.<app>.u.<user>.<group>      a user's own entry for a group that they are in
//	tim.group.<app>.q.<group>.<user>      an application or invitation that waits
//	tim.group.<app>.a.<group>             attributes
//	tim.group.<app>.c.<group>             counters
//	tim.group.<app>.t.<group>.<topic>     a topic of a community
//	tim.group.<app>.o.<user>.<group>      an entry of the owner's for a live room
//
// Where documents disagree, this decides: the profile says whether the group
// exists, since when (Born) and who owns it. A member's document says whether they
// are in the group, if it names the same Born. The entry by which users find their
// groups is written before the member's document and removed after it, so there may
// be an entry for a group that the user is not in. Such an entry is skipped and
// later removed. Membership changes only in the group's turn (turn.go), which keeps
// the number of members exact; the next change repairs what a gateway that died
// has left. Dismissing a group writes one document. The documents of its members
// then name a group that no longer exists, and are removed in the background
// (tidy.go).
//
// # Goroutines and locks
//
// A call runs on its caller's goroutine. The follower's goroutine delivers changed
// documents. A few more goroutines do background work (jobs.go): those of Room.jobs
// what somebody waits for, those of Room.chores what is only to be removed.
// listeners.mu guards who is notified of what. It is held while Push is called,
// never across a call of the store, and while a session begins in live rooms, which
// takes Rooms.mu of package live. rates.mu, counts.mu, managers.mu, groupCounts.mu and
// tidying.mu are each held alone. A call that waits for a group's turn, or has it, holds
// none of these locks.
//
// # Calls
//
// Every field of the original SDK has the original's name, type and unit
// (times are Unix seconds), so that the SDK passes objects through as they are.
// Types have the names of the original's wire: Private (Work), Public, ChatRoom
// (Meeting), Community, and AVChatRoom. Roles are Owner, Admin and Member.
//
// In an AVChatRoom, a live room, no membership is stored (package live): a session is
// in one such room at most, from its group.join until it joins another one, quits or
// ends, and joins again after a lost link. memberCount is how many are there now, and
// group.members lists the newest 1,000 of those on the same gateway. Users who are
// muted or banned have a member's document.
//
//	Group         {groupID, type, name, avatar, introduction, notification, ownerID,
//	              createTime, infoSequence, lastInfoTime, nextMessageSeq, memberCount,
//	              maxMemberCount, muteAllMembers, joinOption, inviteOption,
//	              groupCustomField: [{key, value}], isSupportTopic, selfInfo?}
//	              without lastMessage, which the SDK adds. selfInfo is there for
//	              members only, and in results only.
//	selfInfo      {userID, role, joinTime, nameCard, muteUntil, messageRemindType,
//	              memberCustomField: [{key, value}]}
//	GroupMember   {userID, nick, avatar, role, joinTime, nameCard, muteUntil,
//	              memberCustomField: [{key, value}]}
//	Application   {applicant, applicantNick, groupID, groupName, applicationType (0 to
//	              join, 2 an invitation that waits for a manager), userID, note, time,
//	              authentication, messageKey}; userID is the user who is to join
//
// A field that has its default value is left out, and the SDK puts it back: false,
// 0, "", an empty list, and AcceptAndNotify for messageRemindType. groupID, type,
// joinOption, inviteOption, userID and role are always present.
//
// After a lost connection a call may come twice. A call whose repetition would have
// another effect takes a nonce: 1 to 32 characters [A-Za-z0-9_-] that the SDK draws
// anew for each call of the page and sends again when it repeats the call. The
// repetition gets the answer of the first call. Every other call can be repeated as
// it is.
//
//	group.create {nonce?, groupID?, type?, name, introduction?, notification?, avatar?,
//	    maxMemberNum?, joinOption?, inviteOption?, groupCustomField?, isSupportTopic?,
//	    memberList?: [{userID, role?, memberCustomField?}]} -> {group, failureUserIDList?}
//	    type is Private when absent; 10 members at most; role is Admin, or absent
//	group.create {more: true, nonce, groupID, memberList} -> as above: further first
//	    members, by the owner who created the group with that nonce, within ten
//	    minutes. The SDK names up to 500 so
//	group.list {next?} -> {groups, next?}
//	    the groups that the user is in, with selfInfo, without live rooms. From now
//	    on the session is notified of its groups; after a reconnect it lists again
//	group.get {groupIDs} -> {groups, failures?: [{groupID, code, message}]}
//	    50 at most, fewer where they would not fit into a frame: ask for the rest.
//	    Only members see the notification and the custom fields; others see nothing
//	    of a Private group (10007)
//	group.search {groupID} -> {group}; 10007 for a Private group
//	group.join {groupID, applyMessage?, nonce?, again?} -> {status, group?}
//	    status is JoinedSuccess, AlreadyInGroup or WaitAdminApproval. again is the SDK's
//	    own: it was in this live room until it lost the link. If that was dismissed or
//	    its user removed since, groupLeft and the notice come before the refusal
//	group.quit {groupID} -> {groupID}
//	group.dismiss {groupID} -> {groupID}
//	group.update {groupID, name?, avatar?, introduction?, notification?, joinOption?,
//	    inviteOption?, muteAllMembers?, groupCustomField?} -> {group}
//	    custom fields are merged by key
//	group.owner {groupID, newOwnerID} -> {group}
//	group.members {groupID, count?, offset?, role?} -> {memberList, offset?}
//	    offset is the text from the previous answer; an answer without one is the
//	    last page. Other pages, too, may be shorter than count, or empty
//	group.member.get {groupID, userIDs} -> {memberList}; 50 at most; only those who
//	    are members, and as many as fit into a frame
//	group.invite {groupID, userIDs, nonce?} -> {successUserIDList, failureUserIDList,
//	    existedUserIDList, overLimitUserIDList, waitingUserIDList, group}; 10 at most.
//	    waitingUserIDList holds those who wait for a manager (inviteOption
//	    NeedPermission); the SDK's own result has no such list
//	group.kick {groupID, userIDs, reason?, duration?} -> {userIDs, group}; 10 at most.
//	    userIDs are all users named in the call: none of them is a member now.
//	    In a live room they cannot come back for duration, in s, which must be given
//	group.mute {groupID, userID, muteTime} -> {group, member}; muteTime in s, 0 unmutes
//	group.role {groupID, userID, role} -> {group, member}; role is Admin or Member
//	group.card {groupID, userID?, nameCard} -> {group, member}
//	group.custom {groupID, userID?, memberCustomField} -> {group, member}; merged by key
//	group.applications {next?} -> {applicationList, next?}
//	    the applications that wait in groups which the user owns or administers
//	group.handle {groupID, userID, handleAction, handleMessage?, authentication} -> {group}
//	    handleAction is Agree or Reject; userID and authentication are those of the
//	    Application; 10024: somebody else has handled it
//	group.online {groupID} -> {memberCount}; up to 60 s old, of a live room 5 s
//	group.attributes.get {groupID, keyList?} -> {groupAttributes}; without keyList: all
//	group.attributes.init {groupID, groupAttributes} -> {groupAttributes}; replaces all
//	group.attributes.set {groupID, groupAttributes} -> {groupAttributes}; merged by key
//	group.attributes.delete {groupID, keyList?} -> {keyList}; without keyList: all
//	    groups of every type have attributes; whoever may change the profile sets them
//	group.counters.get {groupID, keyList?} -> {counters}; without keyList: all
//	group.counters.set {groupID, counters} -> {counters}; returns the counters that were set
//	group.counters.add {groupID, key, value, nonce?} -> {groupID, key, value}
//	    value may be negative; the answer has the new value
//	topic.create {groupID, topicID?, topicName, avatar?, introduction?, notification?,
//	    customData?, muteAllMembers?, nonce?} -> {topicID}
//	    in a community that was made with isSupportTopic; by whoever may change its
//	    profile. topicID is the community's ID, @TOPIC#_ and up to 48 bytes; 100 at most
//	topic.update {groupID, topicID, as above} -> {groupID, topic}
//	topic.delete {groupID, topicIDs?} -> {done: [{topicID}], failures?}; without topicIDs: all
//	topic.list {groupID, topicIDs?, next?} -> {topics: [Topic], failures?: [{topicID, code,
//	    message}], next?}
//	    Topic: {topicID, topicName, avatar, introduction, notification, customData,
//	    muteAllMembers}. Package inbox has its messages and what of them is unread
//
// Package inbox serves the messages of groups: its calls take a conversationID that
// is GROUP and the groupID. This package tells Options.Log who receives them, and
// which changes are reported among them (tips.go). All members get a
// TIMGroupTipElem when members come (operationType 1), quit (2) or are removed (3),
// an administrator is appointed (4) or dismissed (5), the profile or the owner
// changes (6), or a member is muted (7), removed from a live room (10) or may come
// back into it before their time (11). In a live room those who come and go are told
// together, once a second. A single user gets a
// TIMGroupSystemNoticeElem for an application (1, to those who may handle it), for
// the answer to one (2, 3), when they were removed (4), the group was dismissed (5)
// or created (6), they were brought in (7), have quit (8), became an administrator
// (9) or are one no longer (10), for an invitation that waits (12), for the answer to
// one (13, 14), and when the app's back end has something to say (255).
//
// # Notifications
//
// Notifications go to those sessions of online members that have listed their
// groups, whoever has caused the change: a session hears of its own calls, too.
// Every member gets the same frame, except for groupSelf, groupJoined, groupLeft and
// groupHandled, which are about the receiver. group, groupApplication,
// groupAttributes and groupCounters of one group come at most once a second each,
// with the newest state. groupSelf, groupJoined and groupLeft of one group share one
// such pause, and a user hears of at most four groups a second; later changes are
// told when the pause ends, as things stand then. A session may get groupJoined for
// a group that it has just listed.
//
//	group {group}                    the profile changed: a Group without selfInfo,
//	                                 memberCount up to a second old
//	groupSelf {groupID, selfInfo}    the receiver's own role, mute, name card, … changed
//	groupJoined {group, operatorID}  the receiver is a member now; with selfInfo. The
//	                                 operator let or brought them in, or is the receiver
//	groupLeft {groupID, reason, operatorID?}  the receiver is a member no longer;
//	                                 reason is quit, kicked or dismissed
//	groupHandled {groupID, operatorID, handleAction, handleMessage?}   the receiver's
//	                                 application or invitation was handled; whoever
//	                                 is let in gets groupJoined, too
//	groupApplication {groupID}       an application came or was handled; to the owner
//	                                 and the administrators: ask for applications again
//	groupAttributes {groupID, groupAttributes}   all attributes
//	groupCounters {groupID, counters}            the counters that changed
//	    Whoever is in a live room gets groupAttributes, groupCounters and groupLeft,
//	    though the room is in no list; groupAttributes not while they lag far behind,
//	    groupLeft also when this very session has quit or joined another room
//	topic {groupID, topic, created?}              one was made, or has changed
//	topicGone {groupID, topicID}                  one was deleted
//	groupsReset {}                   notifications may have been missed: list again
//
// A group whose infoSequence is not above the known one says nothing new of the
// profile, but its memberCount is newer.
package group

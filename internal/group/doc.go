// Package group keeps groups on NATS JetStream: their profiles, their members,
// who may do what, applications, attributes and counters. It knows users and
// sessions, not sockets, as package inbox does.
//
// # Files
//
//	rules.go         who may do what, by type, as one table
//	limits.go        what may be set, how much, and what group IDs there are
//	params.go        what a call names, checked
//
//	room.go          Open and Close; Options
//	jobs.go          what is done behind the calls
//	keys.go          subjects
//	record.go        the documents
//	store.go         documents: read, changed
//	turn.go          changes of who is a member, one at a time
//	rates.go         what a user may change in a time, on this gateway
//
//	methods.go       how a call of a client is served
//	server.go        how one of the server API is
//	standing.go      what messages of groups need to know of somebody
//	create.go        groups begin and end
//	members.go       members come and go
//	invite.go        members bring others
//	setmember.go     what is set of a member
//	profile.go       profiles, and who owns a group
//	list.go          a user's groups; a group's members; how many are online
//	applications.go  who waits to come in
//	attributes.go    attributes and counters
//	forget.go        a deleted account leaves its groups
//	tidy.go          what a dismissed group leaves is removed
//
//	tips.go          what the members' messages say of changes: tips and notices
//	listeners.go     who is here and is told of which groups
//	follow.go        what has changed on any gateway, told to those
//	news.go          what a user is told of themself, and how often
//	shape.go         what clients see
//
// # Stores
//
// One stream, TIM_GROUP, of documents, of which each is changed by compare-and-set;
// group and user are base64url of IDs.
//
//	tim.group.<app>.p.<group>             the profile, the owner, how many members
//	tim.group.<app>.m.<group>.<h>.<user>  a member, or a former one; h is one of 256 classes by a hash of user
//	tim.group.<app>.u.<user>.<group>      that a user is in a group
//	tim.group.<app>.q.<group>.<user>      who waits to come in
//	tim.group.<app>.a.<group>             attributes
//	tim.group.<app>.c.<group>             counters
//
// What is true where documents differ: the profile says whether there is a group
// and since when (Born); who owns it; each member's own document whether they are
// in it, if it names that Born. The document by which users find their groups is
// written before that of the member and removed after it, so it may be there for a
// group that they are not in, and is then skipped and later removed. Who is a
// member changes in the group's turn only (turn.go), which keeps the number of
// members exact, and what a gateway has left that died is put right by the next
// change. Dismissing writes one document: those of the members name a group then
// that is no more, and are removed behind the call (tidy.go).
//
// # Goroutines and locks
//
// A call runs on its caller's goroutine, documents come on that of the follower,
// and some goroutines do what is left to be done behind the calls (jobs.go): those
// of Room.jobs what somebody waits for, those of Room.chores what is only to be
// removed. listeners.mu guards who is told of what, is held while Push is called,
// and never across a call of the store. rates.mu, counts.mu and tidying.mu are held
// alone. While a call waits for the turn of a group, or has it, it holds none of
// them.
//
// # Calls
//
// Every field of the original SDK has the original's name, type and unit
// (times are Unix seconds), so that the SDK passes objects through as they are.
// Types are those of the originals' wire: Private (Work), Public, ChatRoom
// (Meeting), Community, AVChatRoom, which is refused with 2998. Roles are Owner,
// Admin and Member.
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
//	              authentication, messageKey}; userID is who is to join
//
// A field that has its usual value is left out, and the SDK puts it back: what is
// false, 0, "" or an empty list; messageRemindType is AcceptAndNotify. groupID,
// type, joinOption, inviteOption, userID and role are always there.
//
// A call may come twice, after a lost connection. What is not the same when it is
// repeated takes a nonce, 1 to 32 characters [A-Za-z0-9_-] that the SDK draws
// anew for each call of the page and sends again with its repetition: the second
// one is answered as the first one was. Every other call can be repeated as it is.
//
//	group.create {nonce?, groupID?, type?, name, introduction?, notification?, avatar?,
//	    maxMemberNum?, joinOption?, inviteOption?, groupCustomField?, isSupportTopic?,
//	    memberList?: [{userID, role?, memberCustomField?}]} -> {group, failureUserIDList?}
//	    type is Private when absent; 500 members at most; role is Admin, or absent
//	group.list {next?} -> {groups, next?}
//	    those that the user is in, with selfInfo, without live rooms. From here on
//	    the session is told of its groups; whoever comes back lists again
//	group.get {groupIDs} -> {groups, failures?: [{groupID, code, message}]}
//	    100 at most, fewer when they would not fit a frame: ask for the rest. Who is
//	    no member sees no notification and no custom fields, and of a Private group
//	    nothing (10007)
//	group.search {groupID} -> {group}; 10007 for a Private group
//	group.join {groupID, applyMessage?, nonce?} -> {status, group?}
//	    status is JoinedSuccess, AlreadyInGroup or WaitAdminApproval
//	group.quit {groupID} -> {groupID}
//	group.dismiss {groupID} -> {groupID}
//	group.update {groupID, name?, avatar?, introduction?, notification?, joinOption?,
//	    inviteOption?, muteAllMembers?, groupCustomField?} -> {group}
//	    custom fields are merged by key
//	group.owner {groupID, newOwnerID} -> {group}
//	group.members {groupID, count?, offset?, role?} -> {memberList, offset?}
//	    offset is text of the answer before; no offset in the answer: that was the
//	    last page. A page may be shorter than count, or empty, and not the last
//	group.member.get {groupID, userIDs} -> {memberList}; 50 at most; only those who
//	    are members, and as many as fit a frame
//	group.invite {groupID, userIDs, nonce?} -> {successUserIDList, failureUserIDList,
//	    existedUserIDList, overLimitUserIDList, waitingUserIDList, group}; 500 at most.
//	    The SDK has no waitingUserIDList: those wait for a manager (inviteOption
//	    NeedPermission)
//	group.kick {groupID, userIDs, reason?, duration?} -> {userIDs, group}; 100 at most.
//	    userIDs are all who were named: none of them is a member now. duration counts
//	    in live rooms only
//	group.mute {groupID, userID, muteTime} -> {group, member}; muteTime in s, 0: off
//	group.role {groupID, userID, role} -> {group, member}; role is Admin or Member
//	group.card {groupID, userID?, nameCard} -> {group, member}
//	group.custom {groupID, userID?, memberCustomField} -> {group, member}; merged by key
//	group.applications {next?} -> {applicationList, next?}
//	    those that wait in groups whose owner or administrator the user is
//	group.handle {groupID, userID, handleAction, handleMessage?, authentication} -> {group}
//	    handleAction is Agree or Reject; userID and authentication are those of the
//	    Application; 10024: somebody else has handled it
//	group.online {groupID} -> {memberCount}; up to 60 s old
//	group.attributes.get {groupID, keyList?} -> {groupAttributes}; none: all
//	group.attributes.init {groupID, groupAttributes} -> {groupAttributes}; replaces all
//	group.attributes.set {groupID, groupAttributes} -> {groupAttributes}; merged by key
//	group.attributes.delete {groupID, keyList?} -> {keyList}; none: all
//	    for groups of every type; those set who may change the group's profile
//	group.counters.get {groupID, keyList?} -> {counters}; none: all
//	group.counters.set {groupID, counters} -> {counters}; the values of all that are set
//	group.counters.add {groupID, key, value, nonce?} -> {groupID, key, value}
//	    value may be below 0; the answer has the new one
//
// Messages of groups are calls of package inbox with a conversationID that is
// GROUP and the groupID. Options.Log is told who has them, and what is said of
// changes there (tips.go): a TIMGroupTipElem when members come (operationType 1),
// quit (2) or are removed (3), an administrator is made (4) or unmade (5), the
// profile or the owner changes (6), a member is muted (7); and for single users a
// TIMGroupSystemNoticeElem: an application (1, to who may handle it), the answer
// to one (2, 3), they were removed (4), the group was dismissed (5) or made (6),
// they were brought in (7), have quit (8), are an administrator (9) or no longer
// (10), an invitation that waits (12), and the answer to one (13, 14).
//
// # Notifications
//
// They go to the sessions that have listed their groups, of members who are
// online, whoever has caused them; a session is told of its own calls, too. The
// same frame goes to every member, but for groupSelf, groupJoined, groupLeft and
// groupHandled, which are about the receiver. group, groupApplication,
// groupAttributes and groupCounters of one group come once a second at most, each
// with the newest. So do groupSelf, groupJoined and groupLeft together, of four
// groups a second: what has changed meanwhile is told as it is then. A session may
// be told groupJoined of a group that it has just listed.
//
//	group {group}                    the profile changed: a Group without selfInfo,
//	                                 memberCount up to a second old
//	groupSelf {groupID, selfInfo}    the receiver's own role, mute, name card, …
//	groupJoined {group, operatorID}  the receiver is a member now; with selfInfo. The
//	                                 operator is who let or brought them in, or they
//	groupLeft {groupID, reason, operatorID?}  and is no longer: quit, kicked or dismissed
//	groupHandled {groupID, operatorID, handleAction, handleMessage?}   the receiver's
//	                                 application or invitation was; who is let in is
//	                                 told groupJoined, too
//	groupApplication {groupID}       an application came or was handled; to the owner
//	                                 and the administrators: ask for applications again
//	groupAttributes {groupID, groupAttributes}   all of them
//	groupCounters {groupID, counters}            those that have changed
//	groupsReset {}                   something may have been missed: list again
//
// A group with an infoSequence that is not above the one known says nothing new of
// the profile, but its memberCount counts.
package group

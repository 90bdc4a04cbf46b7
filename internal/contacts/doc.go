// Package contacts keeps who is whose friend: friends, applications to become
// one, and friend groups, on NATS JetStream. It knows users and sessions, not
// sockets.
//
//	contacts.go      Open and Close; who is here and is told of changes
//	entry.go         one entry, and its subject
//	books.go         all entries of a user: read, cached, changed
//	friends.go       friends: added, deleted, changed
//	applications.go  applications: made, accepted, refused
//	groups.go        friend groups
//	list.go          the lists, as the SDK shows them, a page at a time
//	check.go         whether users are friends of each other
//	forget.go        friendships end with an account, and with a block
//	params.go        what a call may say, and how long its lists may be
//	calls.go         the calls of clients
//
// # Store
//
// One stream, TIM_SNS, with tim.sns.<app>.<user>.<h>.<kind>.<entry>, of which the
// newest record of each subject counts. A subject is one entry of a user's book,
// written by compare-and-set, so that a change costs the same however long the
// list is:
//
//	friend.<peer>   a friend of the user's: remark, groups, since when
//	in.<peer>       peer has applied to become a friend
//	out.<peer>      the user has applied to peer
//	group.<name>    a friend group: its ID, its name, which may have changed since
//	read.all        up to when the applications have been read
//
// h is one of 4 classes by a hash of the rest. A friend names the groups that
// they are in by ID, so one write renames or deletes a group; IDs of groups that
// have ended are ignored. An entry that ends becomes a record that says so, which
// every gateway sees. After goneFor, the next reader of the book removes it, unless
// it is the newest entry of the book, whose position is the book's revision.
//
// # Two sides, and a crash between them
//
// What concerns two users is two entries, and no write covers both. So each
// operation writes the other side first, and last the entry by which its caller
// sees that it is done: their own friend, or the application that they answer.
// A user whose call failed, or whose gateway died, still sees what they wanted to
// change. Doing it again finishes it: each step leaves alone what is done already.
// If they do not do it again, a one-sided friendship is left. Both lists and
// checkFriend show it as one-sided, and either side ends it by deleting the
// other.
//
//	add      theirs, then one's own; the applications between the two end before
//	apply    theirs (in), then one's own (out)
//	accept   the applicant's friend, one's own, the applicant's out, one's own in
//	refuse   theirs (out), then one's own (in)
//	delete   theirs, then one's own
//
// A request that a client repeats after a lost link carries the same nonce, which
// the last entry remembers: the repetition is answered like the first one.
//
// # Bounds
//
// MaxFriends, MaxApplications each way, MaxGroups. They are counted in the
// book before a write, so users who write to one user at the same moment may
// exceed them by their own number, which does no harm. Calls cost their user what
// calls of the inbox cost; a call whose effect another user is notified of costs
// one message as well.
//
// # Notifications
//
//	contacts {lists}   friends, applications or groups have changed: the client
//	                   asks for those that its page shows
//
// A user's sessions are notified at once, and then at most once in a time that
// grows with their book (spacing): somebody who makes many changes to a user's list
// must not make that user read it all the time. A client finds out by the list's
// revision what it missed while its link was lost.
//
// # Goroutines and locks
//
// The follower of the stream has one goroutine, which keeps books current and
// marks users who are to be notified; timers of Options.AfterFunc notify them.
// Contacts.mu guards who is here, books.mu the books; neither is held while the
// other is taken or the bus is asked. Push is called with Contacts.mu held.
package contacts

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
//	check.go         what one user is to another
//	forget.go        friendships end with an account, and with a block
//	params.go        what a call may say, and how long a list it may name
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
// they are in by ID, so a group is renamed, or deleted, by one write; what names
// a group that is no more counts for nothing. An entry that ends becomes a record
// that says so, which every gateway sees; goneFor later whoever reads the book
// removes it, unless it is the newest of the book, whose position is the book's
// revision.
//
// # Two sides, and a crash between them
//
// What concerns two users is two entries, and no write covers both. So each
// operation writes the other side first, and last the entry by which its caller
// sees that it is done: their own friend, or the application that they answer.
// Whoever is told of a failure, or whose gateway has died, still sees what they
// wanted to change, and doing it again finishes it: each step leaves alone what
// is done already. Where there was no second time a one-sided friendship is left,
// which both lists and checkFriend show as what it is, and which either side ends
// by deleting the other.
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
// book before a write, so those who write to one user at the same moment may
// exceed them by their own number; nothing is lost by that. Calls cost their user
// what calls of the inbox cost; what somebody else is told of also costs them one
// of their messages.
//
// # Notifications
//
//	contacts {lists}   friends, applications or groups have changed: the client
//	                   asks for those that its page shows
//
// A user's sessions are told at once, and then at most once in a time that grows
// with their book (spacing): whoever makes many changes to somebody's list does
// not make them read it all the time. What was missed while a link was lost the
// client finds out by the list's revision.
//
// # Goroutines and locks
//
// The follower of the stream has one goroutine, on which books are kept current
// and users marked to be told; timers of Options.AfterFunc tell them. Contacts.mu
// guards who is here, books.mu the books; neither is held while the other is
// taken or the bus is asked. Sessions are told with Contacts.mu held.
package contacts

// Package live keeps who is in which live room (groups of type AVChatRoom) on this
// gateway, and brings them what is said there. Nothing is stored: members are in
// memory from their join until they leave or their session ends, and messages go to
// whoever is there at that moment. Package group knows the rooms themselves, their
// rules, mutes and bans; package inbox composes the messages.
//
//	rooms.go    Open and Close; what callers say in a room
//	session.go  a session joins and leaves
//	visitor.go  somebody without a login listens
//	room.go     one room: who is in it, what waits to be sent to them
//	moves.go    who has come and left, as it is told
//	signals.go  what gateways tell each other
//	broadcast.go  what is said in all rooms of an app
//	fanout.go   the frames that members get
//	newest.go   the newest members of a room, on all gateways
//	counts.go   how many members the rooms have on all gateways
//	allow.go    how much a room and a member may say, by priority
//
// # Delivery
//
// What is said goes over the bus as one signal, to the gateways that have members in
// a room of the same class (there are 256, by a hash of the room), whose number does
// not depend on that of the members. A gateway listens to a class from the first
// join on, and until a minute after its last member has left. A join succeeds once
// the bus knows that it listens, so a member gets what is said from then on.
//
// A gateway collects what is said in a room for 250 ms, composes one frame, and
// offers it to each member here. The messages of one sender keep their order. Two
// things thin messages out: a room takes about 40 KB and 40 messages a second, the
// last of which only messages of a higher priority may use (allow.go), and a member
// who reads slowly gets only messages of priority High, or none, until they have
// caught up. Both are counted. So views of a room differ, and no order between
// senders is promised.
//
// A visitor is nobody's session: it hears what members hear, counts as no member and
// is in no list. See visitor.go.
//
// # Locks
//
// Rooms.mu guards all rooms, sessions and classes. It is never held while the bus is
// called or a frame is offered. The turn of a class is held while the gateway begins
// or ends to listen to it; it is taken before Rooms.mu.
package live

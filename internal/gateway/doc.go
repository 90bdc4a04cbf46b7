// Package gateway accepts the sockets of tim clients, checks who they are and
// carries frames between them and the rest of timd.
//
//	gateway.go   the Gateway: options, who is attached here, drain
//	upgrade.go   which request becomes a socket, whether net/http or package front has read it
//	serve.go     a socket from its handshake to its end: who reads it
//	poller_linux.go  one goroutine reads all sockets that are idle
//	poller_other.go  or each socket has a goroutine
//	reader.go    from bytes to frames, and which are refused
//	rawconn.go   the connection below the WebSocket: writes, deadlines, lingering close
//	socket.go    one socket: its stages, its timer, its end
//	outbox.go    what waits to be written to a socket
//	inbound.go   from a frame to a method; the queue of frames
//	hands.go     the goroutines that handle frames
//	login.go     the login frame
//	loginframe.go  what it and its answer hold
//	methods.go   logout, farewell, renew
//	session.go   what other packages see: Session, Notify, Handle
//	sockets.go   what the registry asks: Kick, Alive, Places, Of, Drop, Supersede
//	farewell.go  the sealed token that says logout
//	limiter.go   too many logins, UserSigs that are not valid, frames
//	standby.go   too many sockets that stand by
//	gate.go      too many logins at once
//	room.go      how many sockets may be opened meanwhile
//	visit.go     sockets that listen to a live room without a login
//	stats.go     counters
//	ports.go     what it needs of the registry
//
// Locks: Gateway.mu before socket.mu, and neither is held while anything is
// written or the registry is asked, except that hear answers pings, as far as the
// kernel takes that at once, under socket.mu. The locks of fair.Limit, limiter, gate and
// room are held alone. socket.reading is taken before them all, and held by the goroutine
// that serves a socket until its end; the poller only tries it, and takes poller.mu last.
// Each struct says which lock guards what of it. Whoever removes a session from the
// Gateway's map (take) is the one that tells the registry what became of it.
package gateway
